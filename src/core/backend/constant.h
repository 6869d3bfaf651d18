/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Constants in a backend's memory, unchanged or in the layout that a kernel
 * needs. Plans on the backend with the same tensor share one constant, which is
 * freed with the last of them. Thread-safe. */
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
/* Returns the content of @tensor in the layout @key (transfer none), @bytes
 * bytes. If it does not exist yet, @fill writes it. No lock is held while @fill
 * runs: if two threads make the same constant, one of the two is freed. */
CcsConstant *ccs_constant_get (CcsBackend *backend, CcsTensor *tensor,
                               GBytes *key, gsize bytes, CcsConstantFunc fill,
                               gpointer user, GError **error);
/* Returns the content of @tensor unchanged. */
CcsConstant *ccs_constant_get_content (CcsBackend *backend, CcsTensor *tensor,
                                       GError **error);
void ccs_constant_release (CcsConstant *self);

G_END_DECLS
