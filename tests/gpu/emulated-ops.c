/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulated-ops.h"

#include <string.h>

/* -- launches -------------------------------------------------------------- */

/* Blocks, and the threads of a phase, run in an order that changes from
 * phase to phase, so that no kernel can rely on an order. */
#define THREAD_STEP 97
#define SHARED_GUARD 64
#define GUARD_BYTE 0xA5

_Thread_local CcsEmulatedNow ccs_emulated_now;

static void
run_block (const CcsLaunch *launch, guint block, char *shared)
{
  const CcsEmulatedKernel *kernel = &ccs_emulated_kernels[launch->kernel];

  for (gint phase = 0; phase < kernel->n_phases; phase++)
    for (guint i = 0; i < CCS_BLOCK_THREADS; i++) {
      const guint thread
          = (i * THREAD_STEP + 31 * (guint)phase) % CCS_BLOCK_THREADS;
      const CcsPlace at = { block, thread, shared };

      ccs_emulated_now.at = &at;
      ccs_emulated_now.phase = phase;
      kernel->run (&at, &launch->params, phase);
    }
}

static gboolean
guard_is_intact (const char *guard)
{
  for (guint i = 0; i < SHARED_GUARD; i++)
    if ((guint8)guard[i] != GUARD_BYTE)
      return FALSE;
  return TRUE;
}

char *
ccs_emulated_launch (const CcsLaunch *launch)
{
  g_autofree char *shared = g_malloc (launch->shared + SHARED_GUARD);
  char *guard = shared + launch->shared;
  gboolean intact = TRUE;

  ccs_emulated_now = (CcsEmulatedNow){ launch, ccs_emulated_now.number + 1 };
  for (guint block = launch->blocks; intact && block-- > 0;) {
    /* Fills shared memory with NaN, so that reads of memory that was not
     * written are noticed. */
    memset (shared, 0xff, launch->shared);
    memset (guard, GUARD_BYTE, SHARED_GUARD);
    run_block (launch, block, shared);
    intact = guard_is_intact (guard);
  }
  ccs_emulated_now.launch = NULL;
  return intact ? NULL
                : g_strdup_printf ("kernel %s writes beyond its shared memory",
                                   ccs_emulated_kernels[launch->kernel].name);
}

/* -- library calls --------------------------------------------------------- */

/* Operands of a call: factors, bias, residual. */
#define MAX_OPERANDS 4

/* A call: runs the reference code on float32 copies of the operands, with
 * factors rounded to the precision. Operands in scratch memory are copied at
 * every call. */
typedef struct
{
  const CcsOpRow *row;
  CcsOp op; /* without the activation if the call does not include it */
  CcsPrecision precision;
  CcsCallOperand in[MAX_OPERANDS], out;
  float *copy[MAX_OPERANDS]; /* NULL: the operand is used without a copy */
  float *wide;               /* the result before it is rounded, or NULL */
} Reference;

/* Clears the lowest 13 bits of the mantissa. TF32 hardware keeps at least
 * the other bits, whether it rounds or truncates. */
#define TF32_MASK 0xffffe000u

static float
round_to_tf32 (float x)
{
  return ccs_device_float (ccs_device_bits (x) & TF32_MASK);
}

/* Returns element @i of data with @dtype, rounded to the precision of a
 * factor. */
static float
factor_at (const Reference *self, const void *data, CcsDType dtype, gint64 i)
{
  if (dtype == CCS_BF16)
    return ccs_device_float ((guint32)((const guint16 *)data)[i] << 16);
  if (dtype == CCS_F16)
    return ccs_device_from_fp16 (((const guint16 *)data)[i]);
  return round_to_tf32 (((const float *)data)[i]);
}

static void
copy_operand (const Reference *self, guint k, void *scratch)
{
  const CcsOperand *x = &self->in[k].operand;
  const void *data = ccs_call_data (&self->in[k], scratch);
  const gint64 channels = ccs_shape_channels (&x->shape);

  for (gint64 r = 0; r < ccs_shape_rows (&x->shape); r++)
    for (gint64 c = 0; c < channels; c++)
      self->copy[k][r * channels + c]
          = factor_at (self, data, x->dtype, r * x->pitch + c);
}

static void
round_result (const Reference *self, void *scratch)
{
  const CcsOperand *y = &self->out.operand;
  guint16 *to = ccs_call_data (&self->out, scratch);

  for (gint64 i = 0; i < ccs_shape_elements (&y->shape); i++)
    to[i] = y->dtype == CCS_BF16 ? ccs_device_to_bf16 (self->wide[i])
                                 : ccs_device_to_fp16 (self->wide[i]);
}

static CcsOperand
dense_floats (const CcsOperand *like, float *data)
{
  return (CcsOperand){ data, CCS_F32, like->shape,
                       ccs_shape_channels (&like->shape) };
}

static void
run_reference (CcsCuda *cuda, gpointer state, void *scratch)
{
  Reference *self = state;
  CcsOperand in[CCS_MAX_INPUTS] = { { NULL } };
  CcsOperand out[CCS_MAX_OUTPUTS] = { self->out.operand };

  for (guint k = 0; k < MAX_OPERANDS; k++) {
    in[k] = self->in[k].operand;
    if (!self->copy[k])
      continue;
    copy_operand (self, k, scratch);
    in[k] = dense_floats (&in[k], self->copy[k]);
  }
  if (self->wide)
    out[0] = dense_floats (&out[0], self->wide);
  self->row->reference (&self->op, in, out);
  if (self->wide)
    round_result (self, scratch);
}

static void
reference_free (gpointer data)
{
  Reference *self = data;

  for (guint k = 0; k < MAX_OPERANDS; k++)
    g_free (self->copy[k]);
  g_free (self->wide);
  g_free (self);
}

/* Returns whether the call includes the epilogue. As in cuDNN, it does if
 * the result has 16 bits. Otherwise the epilogue runs in the module's own
 * kernels, which are tested in this way. */
static gboolean
takes_epilogue (const CcsCallSite *site)
{
  return site->out.operand.dtype != CCS_F32
         && ccs_call_site_has_epilogue (site);
}

static void
leave_epilogue (CcsOp *op)
{
  if (op->kind == CCS_OP_MATMUL)
    op->attrs.matmul.act = CCS_NO_ACT;
  else
    op->attrs.conv.act = CCS_NO_ACT;
}

void
ccs_emulated_call (const CcsCuda *cuda, const CcsCallSite *site, CcsCall *call)
{
  Reference *self = g_new0 (Reference, 1);
  const gboolean epilogue = takes_epilogue (site);

  self->row = site->kernel->row;
  self->op = *site->kernel->op;
  self->precision = cuda->base.precision;
  memcpy (self->in, site->in, sizeof site->in);
  self->out = site->out;
  if (epilogue) {
    self->in[2].operand = site->bias;
    self->in[3].operand = site->kernel->in[3];
  } else {
    leave_epilogue (&self->op);
  }
  for (guint k = 0; k < MAX_OPERANDS; k++) {
    const CcsCallOperand *x = &self->in[k];

    if (self->precision != CCS_PRECISION_FP32
        && (x->in_scratch || x->operand.data))
      self->copy[k] = g_new (float, ccs_shape_elements (&x->operand.shape));
  }
  if (site->out.operand.dtype != CCS_F32)
    self->wide = g_new (float, ccs_shape_elements (&site->out.operand.shape));
  *call = (CcsCall){ run_reference, self, reference_free, site->scratch,
                     epilogue };
}
