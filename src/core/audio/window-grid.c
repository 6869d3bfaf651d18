/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The window grid in numbers, and the streaming overlap average (specification
 * section 7). */
#include "window-grid.h"

#include <math.h>
#include <string.h>

gsize
ccs_grid_windows (gsize n, gsize window, gsize hop)
{
  g_return_val_if_fail (hop > 0, 0);

  return n <= window ? 1 : (n - window - 1) / hop + 2;
}

gsize
ccs_grid_padded (gsize n, gsize window, gsize hop)
{
  return window + (ccs_grid_windows (n, window, hop) - 1) * hop;
}

gint64
ccs_grid_frame (gsize start, gsize n, double duration, double offset,
                gsize window, double fps)
{
  /* Ties are common; the order of operations determines how they are rounded.
   */
  double position = (double)(start + window / 2) / (double)n;
  double frame = rint ((position * duration + offset) * fps);

  return (gint64)MAX (frame, 0.);
}

struct _CcsOverlap
{
  gsize window, hop;
  guint64 n_windows; /* pushed */
  float *sum;        /* [window], from the latest window's start */
};

CcsOverlap *
ccs_overlap_new (gsize window, gsize hop)
{
  CcsOverlap *self;

  g_return_val_if_fail (hop >= 1 && hop <= window, NULL);

  self = g_new0 (CcsOverlap, 1);
  self->window = window;
  self->hop = hop;
  self->sum = g_new0 (float, window);
  return self;
}

void
ccs_overlap_free (CcsOverlap *self)
{
  if (!self)
    return;
  g_free (self->sum);
  g_free (self);
}

/* Returns how many of the windows so far cover sample @offset of the latest. */
static guint64
coverage (const CcsOverlap *self, gsize offset)
{
  return MIN (self->n_windows, (self->window - 1 - offset) / self->hop + 1);
}

/* Appends the averages of sums [@from, @to). */
static void
append_averages (const CcsOverlap *self, gsize from, gsize to, GArray *out)
{
  guint start = out->len;

  g_array_set_size (out, start + (guint)(to - from));
  for (gsize i = from; i < to; i++)
    g_array_index (out, float, start + i - from)
        = self->sum[i] / (float)coverage (self, i);
}

void
ccs_overlap_push (CcsOverlap *self, const float *window, GArray *out)
{
  const gsize kept = self->window - self->hop;

  if (self->n_windows > 0) {
    memmove (self->sum, self->sum + self->hop, kept * sizeof (float));
    memset (self->sum + kept, 0, self->hop * sizeof (float));
  }
  self->n_windows++;
  for (gsize i = 0; i < self->window; i++)
    self->sum[i] += window[i];
  append_averages (self, 0, self->hop, out);
}

void
ccs_overlap_drain (CcsOverlap *self, GArray *out)
{
  if (self->n_windows > 0)
    append_averages (self, self->hop, self->window, out);
  ccs_overlap_reset (self);
}

void
ccs_overlap_reset (CcsOverlap *self)
{
  self->n_windows = 0;
  memset (self->sum, 0, self->window * sizeof (float));
}
