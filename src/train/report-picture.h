/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spectrograms as pictures inside a page. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CCS_REPORT_RANGE_DB                                                    \
  70. /* from the loudest to the colour of silence                             \
       */

/* The power that spectrograms of these two channels [n] at 16 kHz have at their
 * loudest point: what the pictures of a clip have in common. */
double ccs_report_loudest (const float *const channels[2], gsize n);

/* The spectrogram of @n samples at 16 kHz, 0 to 8 kHz upwards, in colours from
 * @loudest down to %CCS_REPORT_RANGE_DB below it, as a PNG in a data: URI.
 * (transfer full) */
char *ccs_report_spectrogram (const float *samples, gsize n, double loudest,
                              GError **error);
/* A row of those colours, silence first. (transfer full) */
char *ccs_report_colours (GError **error);

G_END_DECLS
