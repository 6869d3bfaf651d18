/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The optimiser: sum of squares of a gradient, and Adam, over arrays divided
 * into parts. */
#include "rows.h"

#include <math.h>

#define SQUARE_PART 4096 /* elements whose squares are summed in float */

typedef struct
{
  CcsOperand in[5], out;
  CcsAttrs attrs;
  gint64 n;
} Update;

static gboolean
all_dense (const CcsKernel *kernel, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!ccs_is_dense (&kernel->in[i]))
      return FALSE;
  return TRUE;
}

static Update *
update_new (CcsKernel *kernel, guint n,
            void (*run) (CcsBackend *, gpointer, void *))
{
  Update *self = g_new0 (Update, 1);

  for (guint i = 0; i < n; i++)
    self->in[i] = kernel->in[i];
  self->out = kernel->out[0];
  self->attrs = kernel->op->attrs;
  self->n = ccs_shape_elements (&kernel->in[0].shape);
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run;
  return self;
}

static void
run_square_sum (CcsBackend *backend, gpointer state, void *scratch)
{
  const Update *self = state;
  const CcsSimd *simd = ccs_simd ();
  const float *x = self->in[0].data;
  const gint64 parts = (self->n + SQUARE_PART - 1) / SQUARE_PART;
  float *sums = scratch;
  double total = 0.;

#pragma omp parallel for schedule(static) if (self->n > CCS_PART_ELEMENTS)
  for (gint64 p = 0; p < parts; p++)
    sums[p] = simd->dot (MIN (SQUARE_PART, self->n - p * SQUARE_PART),
                         x + p * SQUARE_PART, x + p * SQUARE_PART);
  for (gint64 p = 0; p < parts; p++)
    total += sums[p];
  ((float *)self->out.data)[0] = total;
}

static gboolean
prepare_square_sum (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                    GError **error)
{
  Update *self;

  if (!all_dense (kernel, 1))
    return TRUE;
  self = update_new (kernel, 1, run_square_sum);
  kernel->scratch
      = ccs_align ((self->n + SQUARE_PART - 1) / SQUARE_PART * sizeof (float));
  return TRUE;
}

static void
run_adam (CcsBackend *backend, gpointer state, void *scratch)
{
  const Update *self = state;
  const CcsSimd *simd = ccs_simd ();
  const CcsAttrs *attrs = &self->attrs;
  float *param = self->in[0].data, *m = self->in[2].data;
  float *v = self->in[3].data;
  const float *grad = self->in[1].data;
  /* learning rate, 1 - beta1^t, 1 - beta2^t, factor on the gradient */
  const float *hyper = self->in[4].data;
  const float step = hyper[0] / (double)hyper[1];
  const float root_bias2 = sqrt (hyper[2]);

#pragma omp parallel for schedule(static) if (self->n > CCS_PART_ELEMENTS)
  for (gint64 i = 0; i < self->n; i += CCS_PART_ELEMENTS)
    simd->adam (MIN (CCS_PART_ELEMENTS, self->n - i), param + i, grad + i,
                m + i, v + i, hyper[3], attrs->adam.weight_decay,
                attrs->adam.beta1, attrs->adam.beta2, step, root_bias2,
                attrs->adam.eps);
}

static gboolean
prepare_adam (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
              GError **error)
{
  if (all_dense (kernel, 4))
    update_new (kernel, 5, run_adam);
  return TRUE;
}

const CcsCpuKernel ccs_cpu_optimizer_kernels[] = {
  { CCS_OP_SQUARE_SUM, prepare_square_sum },
  { CCS_OP_ADAM, prepare_adam },
  { 0 },
};
