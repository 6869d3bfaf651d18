/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of samples that grows at its end and is dropped from its front, each
 * at constant cost per sample however long it runs. Private to the
 * binauralizer. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  GArray *samples; /* float; those before head are dropped */
  guint head;
} CcsSampleQueue;

void ccs_sample_queue_init (CcsSampleQueue *self);
void ccs_sample_queue_clear (CcsSampleQueue *self);
void ccs_sample_queue_reset (CcsSampleQueue *self);
/* Samples there are, and the first of them: valid until the next change. */
gsize ccs_sample_queue_length (const CcsSampleQueue *self);
const float *ccs_sample_queue_peek (const CcsSampleQueue *self);
/* Appends @n zeros. */
void ccs_sample_queue_pad (CcsSampleQueue *self, gsize n);
/* Cuts the end off, or pads it, so that @n remain. */
void ccs_sample_queue_set_length (CcsSampleQueue *self, gsize n);
/* Drops the first @n. */
void ccs_sample_queue_drop (CcsSampleQueue *self, gsize n);

G_END_DECLS
