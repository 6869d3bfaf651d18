/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ops that move elements: copies between views, parts of arrays, transposes,
 * tokens by index, bytes by a table, repetition. */
#include "rows.h"

#include <string.h>

/* A rectangle of rows to copy. */
typedef struct
{
  char *to;
  const char *from;
  gsize to_step, from_step, bytes; /* between rows, and of one */
  gint64 rows;
} Block;

typedef struct
{
  CcsOperand in[CCS_MAX_INPUTS], out;
  CcsAttrs attrs;
  Block blocks[2 * CCS_MAX_INPUTS]; /* a part and its remainder */
  guint n_blocks;
  gboolean clear;               /* whether to clear the result first */
  gint64 strides[CCS_MAX_RANK]; /* strides of x for the result's dimensions */
} Shape;

static Shape *
shape_new (CcsKernel *kernel)
{
  Shape *self = g_new0 (Shape, 1);

  memcpy (self->in, kernel->in, sizeof self->in);
  self->out = kernel->out[0];
  self->attrs = kernel->op->attrs;
  kernel->state = self;
  kernel->free_state = g_free;
  return self;
}

static char *
element_at (const CcsOperand *operand, gint64 row, gint64 column)
{
  return (char *)operand->data
         + (row * operand->pitch + column) * ccs_dtype_size (operand->dtype);
}

/* Returns the start of a part of @whole along the op's axis. */
static char *
part_at (const Shape *self, const CcsOperand *whole, gint64 start)
{
  if (self->attrs.slice.axis + 1 == (gint32)whole->shape.rank)
    return element_at (whole, 0, start);
  return element_at (whole, start * (ccs_rows (whole) / whole->shape.dim[0]),
                     0);
}

/* Adds a copy of rows with the shape of @part from @from to @to; dense rows are
 * copied in larger pieces. */
static void
add_block (Shape *self, const CcsOperand *part, char *to, gint64 to_pitch,
           const char *from, gint64 from_pitch)
{
  const gsize size = ccs_dtype_size (part->dtype);
  const gint64 channels = ccs_channels (part);
  Block *block = &self->blocks[self->n_blocks++];

  *block = (Block){ to,
                    from,
                    to_pitch * size,
                    from_pitch * size,
                    channels * size,
                    ccs_rows (part) };
  if (to_pitch == channels && from_pitch == channels) {
    const gsize whole = block->bytes * block->rows;
    const gsize piece = CCS_PART_ELEMENTS * sizeof (float);

    /* Rows with the size of a part; the remainder is a block with one row. */
    block->rows = whole / piece;
    block->bytes = block->to_step = block->from_step = piece;
    if (block->rows == 0)
      *block = (Block){ to, from, whole, whole, whole, 1 };
    else if (whole % piece != 0)
      self->blocks[self->n_blocks++] = (Block){ to + block->rows * piece,
                                                from + block->rows * piece,
                                                0,
                                                0,
                                                whole % piece,
                                                1 };
  }
}

static void
copy_block (const Block *block)
{
  const gint64 part = MAX (
      1, (gint64)(CCS_PART_ELEMENTS * sizeof (float) / MAX (block->bytes, 1)));

#pragma omp parallel for schedule(static) if (block->rows > part)
  for (gint64 first = 0; first < block->rows; first += part)
    for (gint64 r = first; r < MIN (first + part, block->rows); r++)
      memcpy (block->to + r * block->to_step,
              block->from + r * block->from_step, block->bytes);
}

static void
clear_rows (const CcsOperand *x)
{
  const gint64 rows = ccs_rows (x);

  for (gint64 r = 0; r < rows; r++)
    memset (element_at (x, r, 0), 0,
            ccs_channels (x) * ccs_dtype_size (x->dtype));
}

static void
run_blocks (CcsBackend *backend, gpointer state, void *scratch)
{
  const Shape *self = state;

  if (self->clear)
    clear_rows (&self->out);
  for (guint i = 0; i < self->n_blocks; i++)
    copy_block (&self->blocks[i]);
}

/* COPY, and RESHAPE if both shapes have the same rows or are dense. */
static gboolean
prepare_copy (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
              GError **error)
{
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gboolean dense = ccs_is_dense (x) && ccs_is_dense (y);
  Shape *self;

  if (!dense && ccs_channels (x) != ccs_channels (y))
    return TRUE; /* the reference code handles rows of different lengths */
  self = shape_new (kernel);
  add_block (self, x, y->data, dense ? ccs_channels (x) : y->pitch, x->data,
             x->pitch);
  kernel->run = run_blocks;
  return TRUE;
}

static gboolean
prepare_concat (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  Shape *self = shape_new (kernel);
  gint64 start = 0;

  for (guint i = 0; i < CCS_MAX_INPUTS && self->in[i].data; i++) {
    const CcsOperand *part = &self->in[i];

    add_block (self, part, part_at (self, &self->out, start), self->out.pitch,
               part->data, part->pitch);
    start += part->shape.dim[self->attrs.slice.axis];
  }
  kernel->run = run_blocks;
  return TRUE;
}

static gboolean
prepare_slice (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  Shape *self = shape_new (kernel);

  add_block (self, &self->out, self->out.data, self->out.pitch,
             part_at (self, &self->in[0], self->attrs.slice.start),
             self->in[0].pitch);
  kernel->run = run_blocks;
  return TRUE;
}

static gboolean
prepare_slice_grad (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                    GError **error)
{
  Shape *self = shape_new (kernel);

  self->clear = TRUE;
  add_block (self, &self->in[0],
             part_at (self, &self->out, self->attrs.slice.start),
             self->out.pitch, self->in[0].data, self->in[0].pitch);
  kernel->run = run_blocks;
  return TRUE;
}

/* -- elements by stride ---------------------------------------------------- */

/* Copies the last two dimensions of the result from @x to @y. */
static void
strided_plane (const Shape *self, const float *x, float *y)
{
  const CcsShape *shape = &self->out.shape;
  const gint64 channels = ccs_channels (&self->out);
  const gint64 rows = shape->rank > 1 ? shape->dim[shape->rank - 2] : 1;
  const gint64 row_step = shape->rank > 1 ? self->strides[shape->rank - 2] : 0;
  const gint64 step = shape->rank > 0 ? self->strides[shape->rank - 1] : 0;
  const float scale = self->attrs.affine.scale;

  for (gint64 r = 0; r < rows; r++) {
    const float *from = x + r * row_step;
    float *to = y + r * self->out.pitch;

    if (channels < 8 || step != 1)
      for (gint64 c = 0; c < channels; c++)
        to[c] = scale * from[c * step];
    else
      ccs_simd ()->affine (channels, from, scale, 0.f, to);
  }
}

static void
run_strided (CcsBackend *backend, gpointer state, void *scratch)
{
  const Shape *self = state;
  const CcsShape *shape = &self->out.shape;
  const gint64 rows = shape->rank > 1 ? shape->dim[shape->rank - 2] : 1;
  const gint64 planes = ccs_rows (&self->out) / rows;
  const gint64 part = ccs_part_rows (rows * ccs_channels (&self->out));

#pragma omp parallel for schedule(static) if (planes > part)
  for (gint64 p = 0; p < planes; p++)
    strided_plane (self,
                   (const float *)self->in[0].data
                       + ccs_strided_row (shape, self->strides, p * rows),
                   ccs_operand_row (&self->out, p * rows));
}

static gboolean
prepare_broadcast (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                   GError **error)
{
  Shape *self = shape_new (kernel);

  ccs_broadcast_strides (&self->in[0].shape, self->in[0].pitch,
                         &self->out.shape, self->strides);
  kernel->run = run_strided;
  return TRUE;
}

static gboolean
prepare_transpose (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                   GError **error)
{
  Shape *self = shape_new (kernel);
  gint64 of_x[CCS_MAX_RANK];

  ccs_operand_strides (&self->in[0], of_x);
  for (guint i = 0; i < self->out.shape.rank; i++)
    self->strides[i] = of_x[self->attrs.transpose.perm[i]];
  self->attrs.affine.scale = 1.f;
  kernel->run = run_strided;
  return TRUE;
}

/* -- tokens by index ------------------------------------------------------- */

static void
run_gather_tokens (CcsBackend *backend, gpointer state, void *scratch)
{
  const Shape *self = state;
  const gint64 n = self->in[0].shape.dim[1], n_out = self->out.shape.dim[1];
  const gint64 rows = ccs_rows (&self->out);
  const gsize bytes = ccs_channels (&self->out) * sizeof (float);
  const gint32 *index = self->in[1].data;

  for (gint64 r = 0; r < rows; r++) {
    const gint64 from = index[r % n_out];

    if (from >= 0 && from < n)
      memcpy (ccs_operand_row (&self->out, r),
              ccs_operand_row (&self->in[0], r / n_out * n + from), bytes);
    else
      memset (ccs_operand_row (&self->out, r), 0, bytes);
  }
}

static gboolean
prepare_gather_tokens (CcsCpu *cpu, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error)
{
  shape_new (kernel);
  kernel->run = run_gather_tokens;
  return TRUE;
}

/* -- bytes by a table ------------------------------------------------------ */

static inline void
look_up (const guint8 *x, const float *table, float *y, gint64 n,
         gint64 channels)
{
  for (gint64 i = 0; i < n; i += channels)
    for (gint64 c = 0; c < channels; c++)
      y[i + c] = table[c * CCS_LOOKUP_LEVELS + x[i + c]];
}

static void
run_lookup (CcsBackend *backend, gpointer state, void *scratch)
{
  const Shape *self = state;
  const gint64 channels = ccs_channels (&self->out);
  const gint64 n = ccs_shape_elements (&self->out.shape);
  const gint64 part = ccs_part_rows (channels) * channels;
  const guint8 *x = self->in[0].data;
  const float *table = self->in[1].data;
  float *y = self->out.data;

#pragma omp parallel for schedule(static) if (n > CCS_PART_ELEMENTS)
  for (gint64 at = 0; at < n; at += part)
    if (channels == 3) /* RGB; a loop that the compiler unrolls */
      look_up (x + at, table, y + at, MIN (part, n - at), 3);
    else
      look_up (x + at, table, y + at, MIN (part, n - at), channels);
}

static gboolean
prepare_lookup (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  shape_new (kernel);
  kernel->run = run_lookup;
  return TRUE;
}

const CcsCpuKernel ccs_cpu_shape_kernels[] = {
  { CCS_OP_RESHAPE, prepare_copy },
  { CCS_OP_TRANSPOSE, prepare_transpose },
  { CCS_OP_CONCAT, prepare_concat },
  { CCS_OP_SLICE, prepare_slice },
  { CCS_OP_SLICE_GRAD, prepare_slice_grad },
  { CCS_OP_COPY, prepare_copy },
  { CCS_OP_BROADCAST, prepare_broadcast },
  { CCS_OP_GATHER_TOKENS, prepare_gather_tokens },
  { CCS_OP_LOOKUP, prepare_lookup },
  { 0 },
};
