/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streaming sample-rate conversion with libsoxr at high quality. Output sample
 * j has the time of input sample j in_rate/out_rate, however the input is
 * split. The output for n samples has n out_rate/in_rate samples, rounded half
 * up. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsResampler CcsResampler;

/* Makes a resampler. Rates are 1 to 768000 Hz, at most a factor of 256 apart
 * (else CCS_ERROR_ARGUMENT). With equal rates the output is the input, bit for
 * bit. One thread at a time may use it. The functions below fail with
 * CCS_ERROR_MEMORY only. */
CcsResampler *ccs_resampler_new (guint in_rate, guint out_rate, GError **error);
void ccs_resampler_free (CcsResampler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResampler, ccs_resampler_free)
/* Adds @n input samples, which must be finite, and appends the output that is
 * ready to @out (element-type float). The output does not depend on how the
 * input is split. */
gboolean ccs_resampler_push (CcsResampler *self, const float *samples, gsize n,
                             GArray *out, GError **error);
/* Ends the input and appends the rest of the output. Call
 * ccs_resampler_reset() before the next push. */
gboolean ccs_resampler_drain (CcsResampler *self, GArray *out, GError **error);
void ccs_resampler_reset (CcsResampler *self);
/* Returns the largest delay in input samples: output j is ready after
 * j in_rate/out_rate + delay input samples. Measured once for each pair of
 * rates, which takes milliseconds. Thread-safe. */
gsize ccs_resampler_delay (const CcsResampler *self);
/* Resamples a whole signal of @n samples. Errors as above. (transfer full)
 * (element-type float) */
GArray *ccs_resample (const float *samples, gsize n, guint in_rate,
                      guint out_rate, GError **error);

G_END_DECLS
