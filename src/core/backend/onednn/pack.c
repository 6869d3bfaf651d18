/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Constant parameters in the layouts that kernels want, packed once and shared
 * between all plans on the backend that have the same tensor. */
#include "cpu.h"
#include "../host-memory.h"

static CcsPack *
pack_find (CcsCpu *cpu, CcsTensor *tensor, GBytes *key)
{
  for (GList *l = cpu->packs; l; l = l->next) {
    CcsPack *pack = l->data;

    if (pack->tensor == tensor && g_bytes_equal (pack->key, key))
      return pack;
  }
  return NULL;
}

static void
pack_free (CcsPack *self)
{
  ccs_tensor_unref (self->tensor);
  g_bytes_unref (self->key);
  if (self->data)
    ccs_host_release (&self->cpu->base, self->data);
  g_free (self);
}

CcsPack *
ccs_pack_get (CcsCpu *cpu, CcsTensor *tensor, GBytes *key, gsize bytes,
              CcsPackFunc pack, gpointer user, GError **error)
{
  CcsPack *self;

  g_mutex_lock (&cpu->pack_lock);
  self = pack_find (cpu, tensor, key);
  if (self)
    self->users++;
  g_mutex_unlock (&cpu->pack_lock);
  if (self)
    return self;

  /* Only the worker packs, so nobody makes the same one meanwhile. */
  self = g_new0 (CcsPack, 1);
  self->cpu = cpu;
  self->users = 1;
  self->tensor = ccs_tensor_ref (tensor);
  self->key = g_bytes_ref (key);
  self->data = ccs_host_alloc (&cpu->base, bytes, error);
  if (!self->data || !pack (cpu, user, self->data, error)) {
    pack_free (self);
    return NULL;
  }
  g_mutex_lock (&cpu->pack_lock);
  cpu->packs = g_list_prepend (cpu->packs, self);
  g_mutex_unlock (&cpu->pack_lock);
  return self;
}

void
ccs_pack_release (CcsPack *self)
{
  CcsCpu *cpu;
  gboolean last;

  if (!self)
    return;
  cpu = self->cpu;
  g_mutex_lock (&cpu->pack_lock);
  last = --self->users == 0;
  if (last)
    cpu->packs = g_list_remove (cpu->packs, self);
  g_mutex_unlock (&cpu->pack_lock);
  if (last)
    pack_free (self);
}
