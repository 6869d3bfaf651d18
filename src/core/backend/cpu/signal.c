/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Framing, its adjoint, and the level of a window. */
#include "rows.h"

#include <math.h>
#include <string.h>

typedef struct
{
  CcsOperand x, y, gain;
  CcsAttrs attrs;
} Signal;

static Signal *
signal_new (CcsKernel *kernel, void (*run) (CcsBackend *, gpointer, void *))
{
  Signal *self = g_new0 (Signal, 1);

  self->x = kernel->in[0];
  self->y = kernel->out[0];
  self->gain = kernel->out[1];
  self->attrs = kernel->op->attrs;
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run;
  return self;
}

/* Returns the index of sample @at of the padded signal, or -1 for zero. */
static gint64
reflected (gint64 at, gint64 n, gboolean reflect)
{
  if (reflect)
    at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
  return at >= 0 && at < n ? at : -1;
}

static void
frame_row (const Signal *self, gint64 row)
{
  const gint64 n = self->x.shape.dim[1], frames = self->y.shape.dim[1];
  const gint64 window = self->y.shape.dim[2];
  const gboolean reflect = self->attrs.frame.mode == CCS_PAD_REFLECT;
  const gint64 start
      = row % frames * self->attrs.frame.hop - self->attrs.frame.pad;
  const float *x = ccs_operand_row (&self->x, row / frames);
  float *y = ccs_operand_row (&self->y, row);

  if (start >= 0 && start + window <= n) {
    memcpy (y, x + start, window * sizeof (float));
    return;
  }
  for (gint64 i = 0; i < window; i++) {
    const gint64 at = reflected (start + i, n, reflect);

    y[i] = at < 0 ? 0.f : x[at];
  }
}

static void
run_frame (CcsBackend *backend, gpointer state, void *scratch)
{
  const Signal *self = state;
  const gint64 rows = ccs_rows (&self->y);
  const gint64 part = ccs_part_rows (ccs_channels (&self->y));

#pragma omp parallel for schedule(static) if (rows > part)
  for (gint64 r = 0; r < rows; r++)
    frame_row (self, r);
}

static gboolean
prepare_frame (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  signal_new (kernel, run_frame);
  return TRUE;
}

/* Adds the frames of item @b in order. */
static void
overlap_item (const Signal *self, const CcsSimd *simd, gint64 b)
{
  const gint64 n = self->y.shape.dim[1], frames = self->x.shape.dim[1];
  const gint64 window = self->x.shape.dim[2];
  const gboolean reflect = self->attrs.frame.mode == CCS_PAD_REFLECT;
  float *y = ccs_operand_row (&self->y, b);

  memset (y, 0, n * sizeof (float));
  for (gint64 t = 0; t < frames; t++) {
    const gint64 start = t * self->attrs.frame.hop - self->attrs.frame.pad;
    const float *x = ccs_operand_row (&self->x, b * frames + t);

    if (start >= 0 && start + window <= n) {
      simd->axpy (window, 1.f, x, y + start);
      continue;
    }
    for (gint64 i = 0; i < window; i++) {
      const gint64 at = reflected (start + i, n, reflect);

      if (at >= 0)
        y[at] += x[i];
    }
  }
}

static void
run_overlap_add (CcsBackend *backend, gpointer state, void *scratch)
{
  const Signal *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(static)
  for (gint64 b = 0; b < self->y.shape.dim[0]; b++)
    overlap_item (self, simd, b);
}

static gboolean
prepare_overlap_add (CcsCpu *cpu, CcsKernel *kernel,
                     const CcsKernelHints *hints, GError **error)
{
  signal_new (kernel, run_overlap_add);
  return TRUE;
}

/* Scales one item. Energy is summed in double, so that small samples of a long
 * window are not lost. */
static void
level_item (const Signal *self, const CcsSimd *simd, gint64 b)
{
  const gint64 n = self->x.shape.dim[1], piece = 256;
  const float *x = ccs_operand_row (&self->x, b);
  double energy = 0., gain;

  for (gint64 i = 0; i < n; i += piece)
    energy += simd->dot (MIN (piece, n - i), x + i, x + i);
  gain = MAX (self->attrs.level.floor, sqrt (energy / n))
         / self->attrs.level.target;
  simd->affine (n, x, 1. / gain, 0.f, ccs_operand_row (&self->y, b));
  if (self->gain.data)
    ccs_operand_row (&self->gain, b)[0] = gain;
}

static void
run_level (CcsBackend *backend, gpointer state, void *scratch)
{
  const Signal *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(static)
  for (gint64 b = 0; b < self->x.shape.dim[0]; b++)
    level_item (self, simd, b);
}

static gboolean
prepare_level (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  signal_new (kernel, run_level);
  return TRUE;
}

const CcsCpuKernel ccs_cpu_signal_kernels[] = {
  { CCS_OP_FRAME, prepare_frame },
  { CCS_OP_OVERLAP_ADD, prepare_overlap_add },
  { CCS_OP_LEVEL, prepare_level },
  { 0 },
};
