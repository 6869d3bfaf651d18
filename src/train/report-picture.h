/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spectrograms as pictures inside a page. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The spectrogram of @n samples at 16 kHz, 0 to 8 kHz upwards, 70 dB from white
 * to dark, as a PNG in a data: URI. (transfer full) */
char *ccs_report_spectrogram (const float *samples, gsize n, GError **error);

G_END_DECLS
