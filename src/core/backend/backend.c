/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend.h"

#include <ccstereo/error.h>

void
ccs_backend_refuse_precision (const CcsBackendClass *klass,
                              CcsPrecision precision, const char *why,
                              GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
               "backend %s does not compute in %s: %s", klass->name,
               ccs_precision_name (precision), why);
}

const char *
ccs_backend_name (const CcsBackend *self)
{
  return self->klass->name;
}

gboolean
ccs_backend_upload (CcsBackend *self, void *to, gconstpointer from, gsize bytes,
                    GError **error)
{
  return self->klass->upload (self, to, &from, 1, bytes, error);
}

gboolean
ccs_backend_download (CcsBackend *self, gpointer to, gconstpointer from,
                      gsize bytes, GError **error)
{
  return self->klass->download (self, &to, 1, bytes, from, error);
}
