/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values that a pickle builds. They are never walked recursively, so
 * nesting cannot overflow the stack. */
#pragma once

#include "../nn/tensor.h"

G_BEGIN_DECLS

/* Limits: values on the stack; values built or stored; values in all tuples,
 * lists and dicts together. ResNet-50's state_dict needs a few hundred, ten
 * thousand, and twenty thousand. */
#define CCS_PICKLE_MAX_STACK (1u << 16)
#define CCS_PICKLE_MAX_NODES (1u << 18)
#define CCS_PICKLE_MAX_ITEMS (1u << 20)

typedef enum
{
  CCS_PICKLE_UNSET, /* a memo slot that was skipped */
  CCS_PICKLE_NONE,
  CCS_PICKLE_BOOL,
  CCS_PICKLE_INT,
  CCS_PICKLE_BIG_INT, /* beyond 64 bits, little-endian in text */
  CCS_PICKLE_FLOAT,   /* the value is not stored */
  CCS_PICKLE_OBJECT,  /* bytes, a set or a device: the value is not stored */
  CCS_PICKLE_TEXT,
  CCS_PICKLE_GLOBAL,
  CCS_PICKLE_TUPLE,
  CCS_PICKLE_LIST,
  CCS_PICKLE_DICT,
  CCS_PICKLE_STORAGE,
  CCS_PICKLE_TENSOR,
} CcsPickleType;

typedef struct _CcsPickleNode CcsPickleNode;

typedef struct
{
  CcsPickleType type;
  guint32 length; /* of text, bytes */
  union
  {
    gint64 integer;      /* INT, BOOL */
    const char *text;    /* TEXT, BIG_INT: inside the pickle */
    guint global;        /* index of a known global */
    CcsPickleNode *node; /* TUPLE and below */
  };
} CcsPickleValue;

/* A storage: bytes that tensors refer to by key. */
typedef struct
{
  char key[32];          /* printable ASCII without a slash */
  const char *type_name; /* "FloatStorage" */
  gboolean supported;    /* dtype is set */
  CcsDType dtype;
  gint64 elements;
  /* The old format's view of the storage; otherwise 0 and elements. */
  gint64 view_offset, view_elements;
} CcsPickleStorage;

typedef struct
{
  const CcsPickleStorage *storage;
  gint64 offset; /* elements */
  guint rank;    /* shape and strides hold the first four */
  gint64 dim[CCS_MAX_RANK], stride[CCS_MAX_RANK];
} CcsPickleTensor;

struct _CcsPickleNode
{
  CcsPickleType type;
  union
  {
    /* TUPLE, LIST: items; DICT: key, value, key, value .. */
    struct
    {
      CcsPickleValue *item;
      guint n, allocated;
    } items;
    CcsPickleStorage *storage;
    CcsPickleTensor *tensor;
  };
};

/* Owns all values that its runs build. The pickled bytes must outlive it. */
typedef struct _CcsPickle CcsPickle;

CcsPickle *ccs_pickle_new (void);
void ccs_pickle_free (CcsPickle *self);
/* Returns all storages found so far. (element-type CcsPickleStorage) */
GPtrArray *ccs_pickle_storages (CcsPickle *self);
/* Builds a node. Fails with CCS_ERROR_FORMAT beyond CCS_PICKLE_MAX_NODES. */
gboolean ccs_pickle_build (CcsPickle *self, CcsPickleType type,
                           CcsPickleValue *result, GError **error);
/* Adds copies of @items to @container. Fails with CCS_ERROR_FORMAT beyond
 * CCS_PICKLE_MAX_ITEMS. */
gboolean ccs_pickle_append (CcsPickle *self, CcsPickleNode *container,
                            const CcsPickleValue *items, guint n,
                            GError **error);

gboolean ccs_pickle_is_text (const CcsPickleValue *value, const char *text);
/* Returns the first value with the text @key in a DICT, or NULL. */
const CcsPickleValue *ccs_pickle_get (const CcsPickleValue *dict,
                                      const char *key);
/* Returns a description of the type for messages: "a dict". */
const char *ccs_pickle_type_name (CcsPickleType type);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsPickle, ccs_pickle_free)

G_END_DECLS
