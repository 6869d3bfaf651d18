/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spectrograms as images inside a page. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Range of the colour scale: from the loudest to silence, in dB. */
#define CCS_REPORT_RANGE_DB 70.

/* Returns the largest power in the spectrograms of two channels [n] at 16 kHz:
 * the common reference of the images of a clip. */
double ccs_report_loudest (const float *const channels[2], gsize n);

/* Draws the spectrogram of @n samples at 16 kHz, 0 to 8 kHz upwards, with
 * colours from @loudest down to %CCS_REPORT_RANGE_DB below it. Returns a data:
 * URI with a PNG. (transfer full) */
char *ccs_report_spectrogram (const float *samples, gsize n, double loudest,
                              GError **error);
/* Draws a row of these colours, silence first. (transfer full) */
char *ccs_report_colours (GError **error);

G_END_DECLS
