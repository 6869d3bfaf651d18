/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "silence.h"

typedef struct
{
  guint64 start, end;
} Range;

void
ccs_silence_init (CcsSilence *self)
{
  self->ranges = g_array_new (FALSE, FALSE, sizeof (Range));
}

void
ccs_silence_clear (CcsSilence *self)
{
  g_clear_pointer (&self->ranges, g_array_unref);
}

void
ccs_silence_reset (CcsSilence *self)
{
  g_array_set_size (self->ranges, 0);
}

void
ccs_silence_add (CcsSilence *self, guint64 start, guint64 end)
{
  const guint n = self->ranges->len;
  Range *last = n > 0 ? &g_array_index (self->ranges, Range, n - 1) : NULL;
  const Range range = { start, end };

  if (last && last->end == start)
    last->end = end;
  else if (end > start)
    g_array_append_val (self->ranges, range);
}

gboolean
ccs_silence_covers (const CcsSilence *self, guint64 start, guint64 end)
{
  for (guint i = 0; i < self->ranges->len; i++) {
    const Range *range = &g_array_index (self->ranges, Range, i);

    if (range->end >= end)
      return range->start <= start;
  }
  return FALSE;
}

void
ccs_silence_drop_before (CcsSilence *self, guint64 frame)
{
  guint n = 0;

  while (n < self->ranges->len
         && g_array_index (self->ranges, Range, n).end < frame)
    n++;
  if (n > 0)
    g_array_remove_range (self->ranges, 0, n);
}
