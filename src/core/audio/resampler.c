/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thin room around libsoxr, which compensates its own filters' delay and
 * gives the same bits for any split of the input. What is added: the exact
 * total length, and a bound on what is held back. */
#include "resampler.h"

#include <ccstereo/error.h>
#include <soxr.h>

#define MAX_RATE 768000
#define MAX_FACTOR 256

/* Output samples that the array grows by between calls of libsoxr. */
#define OUTPUT_CHUNK 4096

struct _CcsResampler
{
  guint in_rate, out_rate;
  soxr_t soxr;         /* NULL: equal rates */
  guint64 n_in, n_out; /* samples since the start */
  gboolean drained;
};

static soxr_t
create_soxr (guint in_rate, guint out_rate, GError **error)
{
  soxr_quality_spec_t quality = soxr_quality_spec (SOXR_HQ, SOXR_HI_PREC_CLOCK);
  soxr_error_t reason = NULL;
  soxr_t soxr
      = soxr_create (in_rate, out_rate, 1, &reason, NULL, &quality, NULL);

  if (!soxr)
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "resampler: %u to %u Hz: %s", in_rate, out_rate,
                 reason ? reason : "libsoxr refused");
  return soxr;
}

CcsResampler *
ccs_resampler_new (guint in_rate, guint out_rate, GError **error)
{
  soxr_t soxr = NULL;
  CcsResampler *self;

  if (MIN (in_rate, out_rate) < 1 || MAX (in_rate, out_rate) > MAX_RATE
      || MAX (in_rate, out_rate) / MIN (in_rate, out_rate) > MAX_FACTOR) {
    g_set_error (
        error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "resampler: rates %u and %u Hz are outside 1 to %d, or more than a "
        "factor of %d apart",
        in_rate, out_rate, MAX_RATE, MAX_FACTOR);
    return NULL;
  }
  if (in_rate != out_rate && !(soxr = create_soxr (in_rate, out_rate, error)))
    return NULL;

  self = g_new0 (CcsResampler, 1);
  self->in_rate = in_rate;
  self->out_rate = out_rate;
  self->soxr = soxr;
  return self;
}

void
ccs_resampler_free (CcsResampler *self)
{
  if (!self)
    return;
  if (self->soxr)
    soxr_delete (self->soxr);
  g_free (self);
}

/* Gives libsoxr @n samples, or the end of input where @samples is NULL, and
 * appends all it has ready. */
static gboolean
convert (CcsResampler *self, const float *samples, gsize n, GArray *out,
         GError **error)
{
  gsize done;

  do {
    guint start = out->len;
    soxr_error_t reason;

    g_array_set_size (out, start + OUTPUT_CHUNK);
    reason = soxr_process (self->soxr, samples, n, NULL,
                           &g_array_index (out, float, start), OUTPUT_CHUNK,
                           &done);
    if (reason)
      done = 0;
    g_array_set_size (out, start + done);
    self->n_out += done;
    if (reason) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                   "resampler: %u to %u Hz: %s", self->in_rate, self->out_rate,
                   reason);
      return FALSE;
    }
    n = 0;
  } while (done > 0);
  return TRUE;
}

gboolean
ccs_resampler_push (CcsResampler *self, const float *samples, gsize n,
                    GArray *out, GError **error)
{
  g_return_val_if_fail (!self->drained, FALSE);

  if (n == 0)
    return TRUE;
  self->n_in += n;
  if (self->soxr)
    return convert (self, samples, n, out, error);
  g_array_append_vals (out, samples, n);
  self->n_out += n;
  return TRUE;
}

gboolean
ccs_resampler_drain (CcsResampler *self, GArray *out, GError **error)
{
  guint64 total = (2 * self->n_in * self->out_rate + self->in_rate)
                  / (2 * (guint64)self->in_rate);
  const float silence = 0;

  g_return_val_if_fail (!self->drained, FALSE);

  self->drained = TRUE;
  if (self->soxr && self->n_in > 0 && !convert (self, NULL, 0, out, error))
    return FALSE;
  /* libsoxr may round the total the other way. */
  for (; self->n_out < total; self->n_out++)
    g_array_append_val (out, silence);
  if (self->n_out > total)
    g_array_set_size (out, out->len - (guint)(self->n_out - total));
  self->n_out = total;
  return TRUE;
}

void
ccs_resampler_reset (CcsResampler *self)
{
  if (self->soxr)
    soxr_clear (self->soxr);
  self->n_in = self->n_out = 0;
  self->drained = FALSE;
}

/* libsoxr works in blocks, and its stages' blocks drift against each other, so
 * the wait for an output is longest somewhere in the first few dozen bursts. */
#define MEASURED_BURSTS 64

static gsize
measure_delay (guint in_rate, guint out_rate)
{
  /* Pieces of about one output sample. */
  const gsize piece = 1 + in_rate / out_rate;
  const double step = (double)in_rate / out_rate;
  g_autoptr (CcsResampler) probe = ccs_resampler_new (in_rate, out_rate, NULL);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (float));
  g_autofree float *silence = g_new0 (float, piece);
  double longest = 0;

  for (guint bursts = 0;
       probe && bursts<MEASURED_BURSTS; bursts += out->len> 0) {
    double position = probe->n_out * step; /* of the next output */

    g_array_set_size (out, 0);
    if (!ccs_resampler_push (probe, silence, piece, out, NULL))
      break;
    longest = MAX (longest, probe->n_in - position);
  }
  /* Phases of a rational ratio that did not come up differ by less than an
   * output sample. */
  return (gsize)(longest + step) + 1;
}

gsize
ccs_resampler_delay (const CcsResampler *self)
{
  static GMutex lock;
  static GHashTable *measured; /* rates -> delay, for the process's life */
  const gint64 rates = (gint64)self->in_rate << 32 | self->out_rate;
  gsize delay;

  if (!self->soxr)
    return 0;
  g_mutex_lock (&lock);
  if (!measured)
    measured
        = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  delay = GPOINTER_TO_SIZE (g_hash_table_lookup (measured, &rates));
  if (delay == 0) {
    delay = measure_delay (self->in_rate, self->out_rate);
    g_hash_table_insert (measured, g_memdup2 (&rates, sizeof rates),
                         GSIZE_TO_POINTER (delay));
  }
  g_mutex_unlock (&lock);
  return delay;
}

GArray *
ccs_resample (const float *samples, gsize n, guint in_rate, guint out_rate,
              GError **error)
{
  g_autoptr (CcsResampler) self = ccs_resampler_new (in_rate, out_rate, error);
  g_autoptr (GArray) out = NULL;

  if (!self)
    return NULL;
  out = g_array_sized_new (
      FALSE, TRUE, sizeof (float),
      (guint)MIN ((guint64)n * out_rate / in_rate + OUTPUT_CHUNK, G_MAXUINT));
  if (!ccs_resampler_push (self, samples, n, out, error)
      || !ccs_resampler_drain (self, out, error))
    return NULL;
  return g_steal_pointer (&out);
}
