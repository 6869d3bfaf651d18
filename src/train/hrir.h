/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measured head-related impulse responses out of a SOFA file (libmysofa),
 * resampled to one rate: the responses of both ears to a direction. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsHrir CcsHrir;

/**
 * ccs_hrir_new:
 * @path: (nullable): a SOFA file; NULL searches the environment variable
 *   CCSTEREO_SOFA, then libmysofa's data folder under the system's data
 *   directories (default.sofa, MIT_KEMAR_normal_pinna.sofa)
 * @rate: Hz to resample to, 8000 to 192000
 *
 * Errors: CCS_ERROR_IO (no such file, or nothing found: names every place
 * looked at), CCS_ERROR_FORMAT (not a SOFA file of impulse responses).
 */
CcsHrir *ccs_hrir_new (const char *path, guint rate, GError **error);
void ccs_hrir_free (CcsHrir *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsHrir, ccs_hrir_free)

/* Taps of a response, interaural delay included. */
guint ccs_hrir_length (const CcsHrir *self);

/* The responses to a source at @azimuth degrees, positive to the listener's
 * RIGHT (as pictures count; SOFA counts the other way), and @elevation degrees
 * upwards. @left and @right take ccs_hrir_length() taps each. Not for two
 * threads at once. */
void ccs_hrir_get (CcsHrir *self, double azimuth, double elevation, float *left,
                   float *right);

/* out[i] += sum over k of response[k] sound[i - k] for @n samples: the @taps -
 * 1 samples before @sound are read. */
void ccs_hrir_convolve (const float *sound, gsize n, const float *response,
                        guint taps, float *out);

G_END_DECLS
