/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes models with random parameters, and items for them. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "backend/backend.h"
#include "model/config.h"

G_BEGIN_DECLS

#define PICTURE_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)

/* Fails the test with @error's message unless @ok. @error: (transfer none)
 * (nullable) */
void assert_ok (gboolean ok, GError *error);

/* Make parameters, backends and models. (transfer full) */
CcsStateDict *random_params (const CcsModelConfig *config, guint32 seed);
/* For the published configuration. */
CcsStateDict *published_params (guint32 seed);
CcsBackend *cpu (gint n_threads);
CcsModel *model_on (gint n_threads, CcsStateDict *params);
/* Makes a model on two threads. */
CcsModel *model_of (CcsStateDict *params);
CcsModel *published_model (void);

/* @n different frames, mixes and features, and memory for their results. */
typedef struct
{
  guint n;
  gsize feature_size;
  guint8 **pictures;
  float **mixes, **features, **differences;
} Items;

Items items_new (const CcsModel *model, guint n);
void items_clear (Items *items);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Items, items_clear)

/* Run @n of @items, starting with item @first. Results are stored in the
 * items. */
void encode (CcsModel *model, Items *items, guint first, guint n);
void separate (CcsModel *model, Items *items, guint first, guint n);
/* Returns whether the @n rows of @size are equal bit for bit. */
gboolean same_rows (float *const *a, float *const *b, guint n, gsize size);

G_END_DECLS
