/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streaming sample-rate conversion through libsoxr at high quality, aligned:
 * output sample j stands at input time j in_rate/out_rate, whatever the pieces
 * the input comes in, and the total output is round-half-up (n out/in) samples.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsResampler CcsResampler;

/* Rates in Hz, 1 to 768000, at most a factor of 256 apart (else
 * CCS_ERROR_ARGUMENT). Equal rates pass samples through bit for bit. One thread
 * at a time. Errors of what follows are CCS_ERROR_MEMORY. */
CcsResampler *ccs_resampler_new (guint in_rate, guint out_rate, GError **error);
void ccs_resampler_free (CcsResampler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResampler, ccs_resampler_free)
/* Appends what @n input samples make ready to @out (element-type float); the
 * same bits however the input is split. Samples have to be finite. */
gboolean ccs_resampler_push (CcsResampler *self, const float *samples, gsize n,
                             GArray *out, GError **error);
/* End of input: appends the rest. Afterwards reset before the next push. */
gboolean ccs_resampler_drain (CcsResampler *self, GArray *out, GError **error);
void ccs_resampler_reset (CcsResampler *self);
/* Most input samples that can be held back before an output sample appears:
 * output j is there once j in_rate/out_rate + delay input samples are in.
 * Measured once for a pair of rates, which takes milliseconds. Thread-safe. */
gsize ccs_resampler_delay (const CcsResampler *self);
/* A whole signal of @n samples. Errors as above. (transfer full)
 * (element-type float) */
GArray *ccs_resample (const float *samples, gsize n, guint in_rate,
                      guint out_rate, GError **error);

G_END_DECLS
