/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of a convolution by Winograd's forms: transformed and packed into
 * panels, one set for each number of a tile. */
#pragma once

#include "rows.h"

G_BEGIN_DECLS

/* The pixels, and taps, whose rows and columns are even (0) or odd (1), counted
 * from the first tap's. */
typedef struct
{
  gint row, column;
} CcsWinogradParity;

/* The caller fills the first part. */
typedef struct
{
  float *data; /* [out,side,side,in]; of a data gradient [in,side,side,out] */
  gboolean gradient;
  gint side, stride;
  CcsWinograd form;
  gint64 in, out;    /* channels */
  gint taps, planes; /* a parity's, on one side; numbers of a tile */
  gint n_parities;   /* 4 of stride 2, else 1 */
  gint64 depth;      /* in of all parities */

  CcsCpu *cpu;
  CcsConstant *pack; /* or, where the filter changes, in scratch: */
  CcsDnnl turn;      /* to [in,side,side,out] */
  gsize turned_at, packed_at, turn_at;
} CcsWinogradFilter;

/* Packs the filter that is @constant once for all, or asks @kernel for the
 * scratch to do so in every run. */
gboolean ccs_winograd_filter_prepare (CcsWinogradFilter *self, CcsCpu *cpu,
                                      CcsKernel *kernel, CcsTensor *constant,
                                      GError **error);
void ccs_winograd_filter_clear (CcsWinogradFilter *self);

/* The panels of this run: for each plane its panels [depth,gemm_columns]. */
const float *ccs_winograd_filter_get (CcsWinogradFilter *self, char *scratch);
/* Panels of a plane, the floats of each, and the bytes of all. Valid before
 * the filter is prepared. */
gint64 ccs_winograd_filter_panels (const CcsWinogradFilter *self);
gint64 ccs_winograd_filter_panel_size (const CcsWinogradFilter *self);
gsize ccs_winograd_filter_bytes (const CcsWinogradFilter *self);
/* Of number @index, below n_parities. */
CcsWinogradParity ccs_winograd_filter_parity (const CcsWinogradFilter *self,
                                              gint index);

G_END_DECLS
