/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dataset.h"

#include <ccstereo/error.h>
#include <math.h>

CcsDataset *
ccs_dataset_open (const CcsDatasetOptions *options, GError **error)
{
  static const struct
  {
    const char *kind;
    CcsDataset *(*open) (const CcsDatasetOptions *, GError **);
  } kinds[] = {
    { "fairplay", ccs_dataset_fairplay_open },
    { "yt_clean", ccs_dataset_yt_clean_open },
    { "scenes", ccs_dataset_scenes_open },
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (options->kind, kinds[i].kind) == 0)
      return kinds[i].open (options, error);
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "data set '%s': not fairplay, yt_clean or scenes",
               options->kind ? options->kind : "");
  return NULL;
}

void
ccs_dataset_free (CcsDataset *self)
{
  if (self)
    self->klass->free (self);
}

gsize
ccs_dataset_length (const CcsDataset *self)
{
  return self->length;
}

gsize
ccs_dataset_skipped (const CcsDataset *self)
{
  return self->skipped;
}

void
ccs_dataset_item (const CcsDataset *self, gsize index, CcsDatasetItem *out)
{
  g_return_if_fail (index < self->length);

  self->klass->item (self, index, out);
}

gint64
ccs_dataset_frame_at (const CcsDatasetItem *item, double center)
{
  gint64 number
      = (gint64)nearbyint ((center + item->frame_offset) * CCS_ANALYSIS_FPS);

  return CLAMP (number + item->frame_base, item->first_frame, item->last_frame);
}

gboolean
ccs_dataset_load_audio (CcsDataset *self, gsize index, gsize start, gsize n,
                        float *left, float *right, GError **error)
{
  g_return_val_if_fail (index < self->length, FALSE);

  return self->klass->load_audio (self, index, start, n, left, right, error);
}

gboolean
ccs_dataset_load_frame (CcsDataset *self, gsize index, gint64 number,
                        guint8 *rgb, GError **error)
{
  g_return_val_if_fail (index < self->length, FALSE);

  return self->klass->load_frame (self, index, number, rgb, error);
}
