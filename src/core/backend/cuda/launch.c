/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of launches, and the conversion of shapes and strides to walks. */
#include "cuda-backend.h"

#include <string.h>

G_STATIC_ASSERT (CCS_DEVICE_ACT_NONE == (int)CCS_ACT_NONE);
G_STATIC_ASSERT (CCS_DEVICE_ACT_RELU == (int)CCS_ACT_RELU);
G_STATIC_ASSERT (CCS_DEVICE_ACT_LEAKY_RELU == (int)CCS_ACT_LEAKY_RELU);
G_STATIC_ASSERT (CCS_DEVICE_ACT_SIGMOID == (int)CCS_ACT_SIGMOID);

CcsSteps *
ccs_steps_new (void)
{
  CcsSteps *self = g_new0 (CcsSteps, 1);

  self->launches = g_array_new (FALSE, TRUE, sizeof (CcsLaunch));
  self->constants = g_ptr_array_new_with_free_func (
      (GDestroyNotify)ccs_cuda_host->constant_release);
  return self;
}

void
ccs_steps_free (CcsSteps *self)
{
  if (self->call.free_state)
    self->call.free_state (self->call.state);
  g_array_unref (self->launches);
  g_ptr_array_unref (self->constants);
  g_free (self);
}

CcsLaunch *
ccs_steps_add (CcsSteps *self, CcsKernelId kernel, gsize blocks)
{
  CcsLaunch *launch;

  g_array_set_size (self->launches, self->launches->len + 1);
  launch = &g_array_index (self->launches, CcsLaunch, self->launches->len - 1);
  launch->kernel = kernel;
  launch->blocks = blocks;
  return launch;
}

CcsLaunch *
ccs_steps_add_threads (CcsSteps *self, CcsKernelId kernel, gsize n)
{
  return ccs_steps_add (self, kernel,
                        (n + CCS_BLOCK_THREADS - 1) / CCS_BLOCK_THREADS);
}

static void
run_launches (CcsCuda *cuda, CcsSteps *self, guint from, guint to,
              void *scratch)
{
  for (guint i = from; i < to && !cuda->failure; i++) {
    CcsLaunch *launch = &g_array_index (self->launches, CcsLaunch, i);

    if (launch->scratch)
      launch->params.scratch = scratch;
    ccs_cuda_launch (cuda, launch);
  }
}

static void
run_steps (CcsBackend *backend, gpointer state, void *scratch)
{
  CcsCuda *cuda = (CcsCuda *)backend;
  CcsSteps *self = state;

  run_launches (cuda, self, 0, self->before, scratch);
  if (self->call.run && !cuda->failure)
    self->call.run (cuda, self->call.state, scratch);
  run_launches (cuda, self, self->before, self->launches->len, scratch);
}

void
ccs_steps_finish (CcsSteps *self, CcsKernel *kernel, gsize scratch)
{
  kernel->run = run_steps;
  kernel->state = self;
  kernel->free_state = (GDestroyNotify)ccs_steps_free;
  kernel->scratch = MAX (scratch, self->call.scratch);
}

CcsDeviceAct
ccs_device_act_of (CcsAct act)
{
  return (CcsDeviceAct){ act.kind, act.slope };
}

CcsElement
ccs_device_element (CcsDType dtype)
{
  return dtype == CCS_BF16  ? CCS_ELEMENT_BF16
         : dtype == CCS_F16 ? CCS_ELEMENT_FP16
                            : CCS_ELEMENT_F32;
}

void
ccs_strides_to (int to[4], const gint64 from[CCS_MAX_RANK])
{
  for (guint d = 0; d < CCS_MAX_RANK; d++)
    to[d] = from[d];
}

/* Returns whether dimension @outer continues dimension @inner contiguously in
 * every array. */
static gboolean
run_on (gint64 (*strides)[CCS_MAX_RANK], guint n, guint outer, guint inner,
        gint64 size)
{
  for (guint k = 0; k < n; k++)
    if (strides[k][outer] != strides[k][inner] * size)
      return FALSE;
  return TRUE;
}

CcsWalk
ccs_walk_over (const CcsShape *shape, gint64 (*strides)[CCS_MAX_RANK], guint n)
{
  CcsWalk walk = { 1, { 1, 1, 1, 1 } };
  guint rank = 0;

  for (guint d = 0; d < shape->rank; d++) {
    if (shape->dim[d] == 1)
      continue;
    for (guint k = 0; k < n; k++)
      strides[k][rank] = strides[k][d];
    if (rank > 0 && run_on (strides, n, rank - 1, rank, shape->dim[d])) {
      for (guint k = 0; k < n; k++)
        strides[k][rank - 1] = strides[k][rank];
      walk.dim[rank - 1] *= shape->dim[d];
    } else {
      walk.dim[rank++] = shape->dim[d];
    }
  }
  for (guint k = 0; k < n; k++)
    for (guint d = rank; d < CCS_MAX_RANK; d++)
      strides[k][d] = 0;
  walk.rank = MAX (rank, 1);
  return walk;
}
