/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wraps oneDNN's C API: descriptors of our layouts, and primitives with their
 * arguments and our scratchpad. */
#include "cpu.h"

#include <string.h>

#include <oneapi/dnnl/dnnl_debug.h>

gboolean
ccs_dnnl_check (dnnl_status_t status, const char *what, GError **error)
{
  if (status == dnnl_success)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "cpu: %s: oneDNN says %s",
               what, dnnl_status2str (status));
  return FALSE;
}

CcsDnnlDesc
ccs_dnnl_desc_dense (const CcsShape *shape)
{
  const gint64 *dim = shape->dim;
  dnnl_dims_t dims = { dim[0], dim[3], dim[1], dim[2] };
  dnnl_dims_t strides
      = { dim[1] * dim[2] * dim[3], 1, dim[2] * dim[3], dim[3] };

  return ccs_dnnl_desc_strided (4, dims, strides);
}

CcsDnnlDesc
ccs_dnnl_desc_filter (const CcsShape *filter, gint rows, gint columns)
{
  gint64 width = filter->dim[2], in = filter->dim[3];
  dnnl_dims_t dims = { filter->dim[0], in, rows, columns };
  dnnl_dims_t strides = { filter->dim[1] * width * in, 1, width * in, in };

  return ccs_dnnl_desc_strided (4, dims, strides);
}

dnnl_primitive_attr_t
ccs_dnnl_attr (const_dnnl_post_ops_t post_ops)
{
  dnnl_primitive_attr_t attr = NULL;

  dnnl_primitive_attr_create (&attr);
  dnnl_primitive_attr_set_scratchpad_mode (attr, dnnl_scratchpad_mode_user);
  if (post_ops)
    dnnl_primitive_attr_set_post_ops (attr, post_ops);
  return attr;
}

gboolean
ccs_dnnl_init (CcsDnnl *self, CcsCpu *cpu, dnnl_primitive_desc_t pd,
               const char *what, GError **error)
{
  CcsDnnlConstDesc scratchpad
      = dnnl_primitive_desc_query_md (pd, dnnl_query_scratchpad_md, 0);
  gboolean ok;

  memset (self, 0, sizeof *self);
  ok = ccs_dnnl_check (dnnl_primitive_create (&self->primitive, pd), what,
                       error);
  if (ok && scratchpad && dnnl_memory_desc_get_size (scratchpad) > 0) {
    self->scratch = dnnl_memory_desc_get_size (scratchpad);
    ok = ccs_dnnl_arg (self, cpu, DNNL_ARG_SCRATCHPAD, scratchpad, NULL, error);
    if (ok)
      self->scratchpad = self->args[0].memory;
  }
  dnnl_primitive_desc_destroy (pd);
  return ok;
}

gboolean
ccs_dnnl_arg (CcsDnnl *self, CcsCpu *cpu, int arg, CcsDnnlConstDesc md,
              void *data, GError **error)
{
  dnnl_memory_t memory = NULL;

  g_assert (self->n_args < CCS_DNNL_MAX_ARGS);
  if (!ccs_dnnl_check (dnnl_memory_create (&memory, md, cpu->engine, data),
                       "an argument", error))
    return FALSE;
  self->args[self->n_args].arg = arg;
  self->args[self->n_args++].memory = memory;
  return TRUE;
}

void
ccs_dnnl_set_arg_data (CcsDnnl *self, int arg, void *data)
{
  for (gint i = 0; i < self->n_args; i++)
    if (self->args[i].arg == arg)
      dnnl_memory_set_data_handle (self->args[i].memory, data);
}

dnnl_status_t
ccs_dnnl_run (CcsDnnl *self, CcsCpu *cpu, void *scratch)
{
  dnnl_status_t status;

  if (self->scratchpad)
    dnnl_memory_set_data_handle (self->scratchpad, scratch);
  status = dnnl_primitive_execute (self->primitive, cpu->stream, self->n_args,
                                   self->args);
  if (status != dnnl_success)
    g_atomic_int_compare_and_exchange (&cpu->failure, dnnl_success, status);
  return status;
}

void
ccs_dnnl_clear (CcsDnnl *self)
{
  for (gint i = 0; i < self->n_args; i++)
    dnnl_memory_destroy (self->args[i].memory);
  if (self->primitive)
    dnnl_primitive_destroy (self->primitive);
  memset (self, 0, sizeof *self);
}

gboolean
ccs_dnnl_reorder (CcsDnnl *self, CcsCpu *cpu, CcsDnnlConstDesc from,
                  void *from_data, CcsDnnlConstDesc to, void *to_data,
                  GError **error)
{
  dnnl_primitive_attr_t attr = ccs_dnnl_attr (NULL);
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t status = dnnl_reorder_primitive_desc_create (
      &pd, from, cpu->engine, to, cpu->engine, attr);

  dnnl_primitive_attr_destroy (attr);
  memset (self, 0, sizeof *self);
  return ccs_dnnl_check (status, "a change of layout", error)
         && ccs_dnnl_init (self, cpu, pd, "a change of layout", error)
         && ccs_dnnl_arg (self, cpu, DNNL_ARG_FROM, from, from_data, error)
         && ccs_dnnl_arg (self, cpu, DNNL_ARG_TO, to, to_data, error);
}

gboolean
ccs_dnnl_reorder_once (CcsCpu *cpu, CcsDnnlConstDesc from, void *from_data,
                       CcsDnnlConstDesc to, void *to_data, const char *what,
                       GError **error)
{
  CcsDnnl reorder;
  gboolean ok
      = ccs_dnnl_reorder (&reorder, cpu, from, from_data, to, to_data, error);

  if (ok) {
    g_autofree void *scratch = g_malloc (reorder.scratch + 1);

    ok = ccs_dnnl_check (ccs_dnnl_run (&reorder, cpu, scratch), what, error);
  }
  ccs_dnnl_clear (&reorder);
  return ok;
}
