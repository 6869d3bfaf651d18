/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An array with a head; what is dropped is moved out once it is the larger
 * part, so that every sample is moved less than once. */
#include "sample-queue.h"

void
ccs_sample_queue_init (CcsSampleQueue *self)
{
  /* Grows with zeros. */
  self->samples = g_array_new (FALSE, TRUE, sizeof (float));
  self->head = 0;
}

void
ccs_sample_queue_clear (CcsSampleQueue *self)
{
  g_clear_pointer (&self->samples, g_array_unref);
}

void
ccs_sample_queue_reset (CcsSampleQueue *self)
{
  g_array_set_size (self->samples, 0);
  self->head = 0;
}

gsize
ccs_sample_queue_length (const CcsSampleQueue *self)
{
  return self->samples->len - self->head;
}

const float *
ccs_sample_queue_peek (const CcsSampleQueue *self)
{
  return &g_array_index (self->samples, float, self->head);
}

void
ccs_sample_queue_pad (CcsSampleQueue *self, gsize n)
{
  g_array_set_size (self->samples, self->samples->len + (guint)n);
}

void
ccs_sample_queue_set_length (CcsSampleQueue *self, gsize n)
{
  g_array_set_size (self->samples, self->head + (guint)n);
}

void
ccs_sample_queue_drop (CcsSampleQueue *self, gsize n)
{
  g_return_if_fail (n <= ccs_sample_queue_length (self));

  self->head += (guint)n;
  if (self->head > self->samples->len / 2) {
    g_array_remove_range (self->samples, 0, self->head);
    self->head = 0;
  }
}
