/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of a Winograd convolution: transformed and packed into panels, one
 * set for each value of a tile. */
#pragma once

#include "rows.h"

G_BEGIN_DECLS

/* Pixels and taps whose rows and columns are even (0) or odd (1), counted from
 * the first tap. */
typedef struct
{
  gint row, column;
} CcsWinogradParity;

/* The caller sets the first part. */
typedef struct
{
  float *data; /* [out,side,side,in]; of a data gradient [in,side,side,out] */
  gboolean gradient;
  gint side, stride;
  CcsWinograd form;
  gint64 in, out;    /* channels */
  gint taps, planes; /* taps of a parity on one side; values per tile */
  gint n_parities;   /* 4 of stride 2, else 1 */
  gint64 depth;      /* in of all parities */

  CcsCpu *cpu;
  CcsConstant *pack; /* if the filter is not constant, offsets in scratch: */
  CcsDnnl turn;      /* to [in,side,side,out] */
  gsize turned_at, packed_at, turn_at;
} CcsWinogradFilter;

/* Packs a @constant filter once, or reserves scratch in @kernel to pack it in
 * every run. */
gboolean ccs_winograd_filter_prepare (CcsWinogradFilter *self, CcsCpu *cpu,
                                      CcsKernel *kernel, CcsTensor *constant,
                                      GError **error);
void ccs_winograd_filter_clear (CcsWinogradFilter *self);

/* Returns the panels for this run: those [depth,gemm_columns] of each plane. */
const float *ccs_winograd_filter_get (CcsWinogradFilter *self, char *scratch);
/* Return the number of panels of a plane, the floats of each, and the bytes of
 * all. Valid before the filter is prepared. */
gint64 ccs_winograd_filter_panels (const CcsWinogradFilter *self);
gint64 ccs_winograd_filter_panel_size (const CcsWinogradFilter *self);
gsize ccs_winograd_filter_bytes (const CcsWinogradFilter *self);
/* Returns parity @index, below n_parities. */
CcsWinogradParity ccs_winograd_filter_parity (const CcsWinogradFilter *self,
                                              gint index);

G_END_DECLS
