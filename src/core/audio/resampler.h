/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streaming sample-rate conversion through libsoxr at high quality, aligned:
 * output sample j stands at input time j in_rate/out_rate, whatever the pieces
 * the input comes in, and the total output is round-half-up (n out/in) samples. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsResampler CcsResampler;

/* Rates in Hz, 1 to 768000. Equal rates pass samples through bit for bit. */
CcsResampler *ccs_resampler_new (guint in_rate, guint out_rate,
    GError ** error);
void ccs_resampler_free (CcsResampler * self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResampler, ccs_resampler_free)
/* Appends what @n input samples make ready to @out (element-type float). */
gboolean ccs_resampler_push (CcsResampler * self, const float *samples,
    gsize n, GArray * out, GError ** error);
/* End of input: appends the rest. Afterwards reset before the next push. */
gboolean ccs_resampler_drain (CcsResampler * self, GArray * out,
    GError ** error);
void ccs_resampler_reset (CcsResampler * self);
/* Most input samples that can be held back before an output sample appears. */
gsize ccs_resampler_delay (const CcsResampler * self);
/* A whole signal. (transfer full) (element-type float) */
GArray *ccs_resample (const float *samples, gsize n, guint in_rate,
    guint out_rate, GError ** error);

G_END_DECLS
