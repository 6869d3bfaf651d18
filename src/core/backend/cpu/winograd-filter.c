/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "winograd-filter.h"

#define MAX_TAPS 25    /* largest number of taps of a parity's filter */
#define MAX_COLUMNS 32 /* largest gemm_columns */

/* The layout of a filter: tap t of input channel i and output channel o is
 * first[i in_step + t tap_step + o]. */
typedef struct
{
  const float *first;
  gint64 in_step, tap_step;
} Taps;

/* A filter of odd size has one tap less in odd rows, and its value for the
 * point at infinity is zero; the same for columns. In this order the parities
 * that are left out for a plane are at the start or the end. */
static const CcsWinogradParity parities[]
    = { { 1, 0 }, { 0, 0 }, { 0, 1 }, { 1, 1 } };
static const CcsWinogradParity whole = { 0, 0 };

gint64
ccs_winograd_filter_panels (const CcsWinogradFilter *self)
{
  const gint64 columns = ccs_simd ()->gemm_columns;

  return (self->out + columns - 1) / columns;
}

gint64
ccs_winograd_filter_panel_size (const CcsWinogradFilter *self)
{
  return self->depth * ccs_simd ()->gemm_columns;
}

gsize
ccs_winograd_filter_bytes (const CcsWinogradFilter *self)
{
  return self->planes * ccs_winograd_filter_panels (self)
         * ccs_winograd_filter_panel_size (self) * sizeof (float);
}

CcsWinogradParity
ccs_winograd_filter_parity (const CcsWinogradFilter *self, gint index)
{
  return self->stride == 1 ? whole : parities[index];
}

/* Packs row @i of parity @index in panel @panel of all planes. */
static void
pack_row (const CcsWinogradFilter *self, Taps from, gint64 panel, gint index,
          gint64 i, float *to)
{
  static const float zeros[MAX_COLUMNS];
  const CcsSimd *simd = ccs_simd ();
  const gint64 columns = simd->gemm_columns, first = panel * columns;
  const CcsWinogradParity of = ccs_winograd_filter_parity (self, index);
  const float *taps[MAX_TAPS];

  for (gint t = 0; t < self->taps * self->taps; t++) {
    const gint row = self->stride * (t / self->taps) + of.row;
    const gint column = self->stride * (t % self->taps) + of.column;
    const gint64 tap = row * self->side + column;

    taps[t] = row < self->side && column < self->side
                  ? from.first + i * from.in_step + tap * from.tap_step + first
                  : zeros;
  }
  simd->winograd[self->form].filter (
      MIN (columns, self->out - first), taps,
      to + panel * ccs_winograd_filter_panel_size (self)
          + (index * self->in + i) * columns,
      ccs_winograd_filter_panels (self)
          * ccs_winograd_filter_panel_size (self));
}

/* Packs the panels [depth,gemm_columns] of each plane into @to. */
static void
pack_panels (const CcsWinogradFilter *self, Taps from, float *to)
{
  const gint64 n = ccs_winograd_filter_panels (self);

#pragma omp parallel for collapse(3) schedule(static)
  for (gint64 panel = 0; panel < n; panel++)
    for (gint index = 0; index < self->n_parities; index++)
      for (gint64 i = 0; i < self->in; i++)
        pack_row (self, from, panel, index, i, to);
}

static gint64
filter_taps (const CcsWinogradFilter *self)
{
  return self->side * self->side;
}

static CcsDnnlDesc
desc_turned (const CcsWinogradFilter *self, gboolean turned)
{
  dnnl_dims_t dims = { self->out, self->in, filter_taps (self) };
  dnnl_dims_t strides = { filter_taps (self) * self->in, 1, self->in };
  dnnl_dims_t turned_strides = { 1, filter_taps (self) * self->out, self->out };

  return ccs_dnnl_desc_strided (3, dims, turned ? turned_strides : strides);
}

static gsize
turned_bytes (const CcsWinogradFilter *self)
{
  return ccs_align (filter_taps (self) * self->in * self->out * sizeof (float));
}

/* Returns the layout of the stored filter of a data gradient, with the taps in
 * reverse order. */
static Taps
reversed_taps (const CcsWinogradFilter *self)
{
  const gint64 taps = filter_taps (self);

  return (Taps){ self->data + (taps - 1) * self->out, taps * self->out,
                 -self->out };
}

static Taps
turned_at (const CcsWinogradFilter *self, const float *taps)
{
  return (Taps){ taps, filter_taps (self) * self->out, self->out };
}

static gboolean
pack_constant (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  const CcsWinogradFilter *self = user;
  g_auto (CcsDnnlDesc) from_desc = NULL, to_desc = NULL;
  g_autofree float *turned = NULL;

  if (self->gradient) {
    pack_panels (self, reversed_taps (self), to);
    return TRUE;
  }
  turned = g_malloc (turned_bytes (self));
  from_desc = desc_turned (self, FALSE);
  to_desc = desc_turned (self, TRUE);
  if (!ccs_dnnl_reorder_once ((CcsCpu *)backend, from_desc, self->data, to_desc,
                              turned, "packing a filter", error))
    return FALSE;
  pack_panels (self, turned_at (self, turned), to);
  return TRUE;
}

const float *
ccs_winograd_filter_get (CcsWinogradFilter *self, char *scratch)
{
  float *turned = (float *)(scratch + self->turned_at);
  float *to = (float *)(scratch + self->packed_at);

  if (self->pack)
    return self->pack->data;
  if (self->gradient) {
    pack_panels (self, reversed_taps (self), to);
    return to;
  }
  ccs_dnnl_set_arg_data (&self->turn, DNNL_ARG_TO, turned);
  ccs_dnnl_run (&self->turn, self->cpu, scratch + self->turn_at);
  pack_panels (self, turned_at (self, turned), to);
  return to;
}

/* Returns a key that identifies the packed layout. */
static GBytes *
pack_key (const CcsWinogradFilter *self)
{
  const struct
  {
    char name[8];
    gint32 form, gradient;
  } key = { "winogra", self->form, self->gradient };

  return g_bytes_new (&key, sizeof key);
}

gboolean
ccs_winograd_filter_prepare (CcsWinogradFilter *self, CcsCpu *cpu,
                             CcsKernel *kernel, CcsTensor *constant,
                             GError **error)
{
  g_auto (CcsDnnlDesc) from_desc = NULL, to_desc = NULL;

  self->cpu = cpu;
  if (constant) {
    g_autoptr (GBytes) key = pack_key (self);

    self->pack = ccs_constant_get (&cpu->base, constant, key,
                                   ccs_winograd_filter_bytes (self),
                                   pack_constant, self, error);
    return self->pack != NULL;
  }
  self->packed_at = kernel->scratch;
  kernel->scratch += ccs_align (ccs_winograd_filter_bytes (self));
  if (self->gradient)
    return TRUE;
  self->turned_at = kernel->scratch;
  self->turn_at = self->turned_at + turned_bytes (self);
  from_desc = desc_turned (self, FALSE);
  to_desc = desc_turned (self, TRUE);
  if (!ccs_dnnl_reorder (&self->turn, cpu, from_desc, self->data, to_desc, NULL,
                         error))
    return FALSE;
  kernel->scratch = self->turn_at + self->turn.scratch;
  return TRUE;
}

void
ccs_winograd_filter_clear (CcsWinogradFilter *self)
{
  ccs_constant_release (self->pack);
  ccs_dnnl_clear (&self->turn);
}
