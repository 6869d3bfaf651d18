/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The constants of a backend, in one list of a few hundred. */
#include "constant.h"

/* Finds a constant and adds a user to it. Called with constants_lock held. */
static CcsConstant *
take (CcsBackend *backend, CcsTensor *tensor, GBytes *key)
{
  for (GList *l = backend->constants; l; l = l->next) {
    CcsConstant *constant = l->data;

    if (constant->tensor == tensor && g_bytes_equal (constant->key, key)) {
      constant->users++;
      return constant;
    }
  }
  return NULL;
}

static void
constant_free (CcsConstant *self)
{
  ccs_tensor_unref (self->tensor);
  g_bytes_unref (self->key);
  if (self->data)
    self->backend->klass->release (self->backend, self->data);
  g_free (self);
}

/* Stores @made (transfer full). If another thread has stored an equal constant
 * in the meantime, frees @made and returns that one. */
static CcsConstant *
keep (CcsConstant *made)
{
  CcsBackend *backend = made->backend;
  CcsConstant *kept;

  g_mutex_lock (&backend->constants_lock);
  kept = take (backend, made->tensor, made->key);
  if (!kept)
    backend->constants = g_list_prepend (backend->constants, made);
  g_mutex_unlock (&backend->constants_lock);
  if (!kept)
    return made;
  constant_free (made);
  return kept;
}

CcsConstant *
ccs_constant_get (CcsBackend *backend, CcsTensor *tensor, GBytes *key,
                  gsize bytes, CcsConstantFunc fill, gpointer user,
                  GError **error)
{
  CcsConstant *self;

  g_mutex_lock (&backend->constants_lock);
  self = take (backend, tensor, key);
  g_mutex_unlock (&backend->constants_lock);
  if (self)
    return self;

  self = g_new0 (CcsConstant, 1);
  self->backend = backend;
  self->users = 1;
  self->tensor = ccs_tensor_ref (tensor);
  self->key = g_bytes_ref (key);
  self->data = backend->klass->alloc (backend, bytes, error);
  if (!self->data || !fill (backend, user, self->data, error)) {
    constant_free (self);
    return NULL;
  }
  return keep (self);
}

static gboolean
upload (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  const CcsTensor *tensor = user;

  return ccs_backend_upload (backend, to, tensor->data,
                             ccs_tensor_size (tensor), error);
}

CcsConstant *
ccs_constant_get_content (CcsBackend *backend, CcsTensor *tensor,
                          GError **error)
{
  static const char name[] = "content";
  g_autoptr (GBytes) key = g_bytes_new_static (name, sizeof name);

  return ccs_constant_get (backend, tensor, key,
                           MAX (ccs_tensor_size (tensor), 1), upload, tensor,
                           error);
}

void
ccs_constant_release (CcsConstant *self)
{
  CcsBackend *backend;
  gboolean last;

  if (!self)
    return;
  backend = self->backend;
  g_mutex_lock (&backend->constants_lock);
  last = --self->users == 0;
  if (last)
    backend->constants = g_list_remove (backend->constants, self);
  g_mutex_unlock (&backend->constants_lock);
  if (last)
    constant_free (self);
}
