/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Constants in a backend's memory, as they are or in a layout that some kernel
 * wants: made once, shared by all plans on the backend that have the same
 * tensor, and alive while any of them is. Thread-safe. */
#pragma once

#include "backend.h"

G_BEGIN_DECLS

typedef struct _CcsConstant CcsConstant;
struct _CcsConstant
{
  CcsBackend *backend; /* alive while its plans are */
  guint users;
  CcsTensor *tensor;
  GBytes *key; /* which layout */
  void *data;  /* the backend's memory */
};

/* Fills @to, memory of @backend. */
typedef gboolean (*CcsConstantFunc) (CcsBackend *backend, gpointer user,
                                     void *to, GError **error);
/* The content of @tensor in the layout called @key (transfer none), @bytes
 * bytes, made by @fill if nobody has it yet. No lock is held while it is made:
 * of two who make it at the same time one throws theirs away. */
CcsConstant *ccs_constant_get (CcsBackend *backend, CcsTensor *tensor,
                               GBytes *key, gsize bytes, CcsConstantFunc fill,
                               gpointer user, GError **error);
/* As it is. */
CcsConstant *ccs_constant_get_content (CcsBackend *backend, CcsTensor *tensor,
                                       GError **error);
void ccs_constant_release (CcsConstant *self);

G_END_DECLS
