/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds an ONNX graph: nodes, initializers, inputs and outputs are appended
 * and then written as a model file. Independent of programs. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define ONNX_OPSET 17

/* TensorProto.DataType */
typedef enum
{
  ONNX_FLOAT = 1,
  ONNX_UINT8 = 2,
  ONNX_INT32 = 6,
  ONNX_INT64 = 7,
} OnnxType;

/* The batch dimension in the shape of an input or output. */
#define ONNX_BATCH (-1)

/* AttributeProto.AttributeType */
typedef enum
{
  ONNX_ATTR_END = 0,
  ONNX_ATTR_FLOAT = 1,
  ONNX_ATTR_INT = 2,
  ONNX_ATTR_STRING = 3,
  ONNX_ATTR_INTS = 7,
} OnnxAttrType;

typedef struct
{
  OnnxAttrType type;
  const char *name;
  union
  {
    float f;
    gint64 i;
    const char *s;
    const gint64 *ints; /* n of them */
  };
  guint n;
} OnnxAttr;

#define ONNX_F(key, value)                                                     \
  {                                                                            \
    .type = ONNX_ATTR_FLOAT, .name = key, .f = value                           \
  }
#define ONNX_I(key, value)                                                     \
  {                                                                            \
    .type = ONNX_ATTR_INT, .name = key, .i = value                             \
  }
#define ONNX_S(key, value)                                                     \
  {                                                                            \
    .type = ONNX_ATTR_STRING, .name = key, .s = value                          \
  }
#define ONNX_INTS(key, values, count)                                          \
  {                                                                            \
    .type = ONNX_ATTR_INTS, .name = key, .ints = values, .n = count            \
  }
/* The attributes of a node: ONNX_ATTRS (ONNX_I ("axis", 1), ..). */
#define ONNX_ATTRS(...)                                                        \
  ((const OnnxAttr[]){ __VA_ARGS__, { .type = ONNX_ATTR_END } })
/* The inputs of a node, up to NULL: a NULL among them ends the list. */
#define ONNX_INPUTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* An input or output of the graph. */
typedef struct
{
  const char *name;
  OnnxType type;
  const gint64 *dims; /* ONNX_BATCH for the batch */
  guint rank;
  const char *doc;
} OnnxPort;

typedef struct _OnnxGraph OnnxGraph;

OnnxGraph *onnx_graph_new (void);
void onnx_graph_free (OnnxGraph *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OnnxGraph, onnx_graph_free)

/* Returns a tensor name that nothing in the graph has yet: @base, or @base with
 * a number after it. (transfer none) */
const char *onnx_graph_name (OnnxGraph *self, const char *base);
/* Appends the constant tensor @name, of @rank dimensions and @size bytes. */
void onnx_graph_initializer (OnnxGraph *self, const char *name, OnnxType type,
                             const gint64 *dims, guint rank, gconstpointer data,
                             gsize size);
/* Appends a node that computes @output. @inputs ends in NULL; @attrs (nullable)
 * in ONNX_ATTR_END. */
void onnx_graph_node (OnnxGraph *self, const char *op_type, const char *output,
                      const char *const *inputs, const OnnxAttr *attrs);
void onnx_graph_input (OnnxGraph *self, const OnnxPort *port);
void onnx_graph_output (OnnxGraph *self, const OnnxPort *port);
/* Returns the file: the graph under @name, with @doc and @metadata (string ->
 * string). Leaves the graph empty. (transfer full) */
GByteArray *onnx_graph_model (OnnxGraph *self, const char *name,
                              const char *doc, GHashTable *metadata);

G_END_DECLS
