/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "architecture.h"

#include <ccstereo/error.h>

static const CcsResNet resnets[] = {
  { 18, { 2, 2, 2, 2 }, 1 },
  { 50, { 3, 4, 6, 3 }, 4 },
};

const CcsResNet *
ccs_resnet_find (gint backbone)
{
  for (guint i = 0; i < G_N_ELEMENTS (resnets); i++)
    if (resnets[i].backbone == backbone)
      return &resnets[i];
  return NULL;
}

gboolean
ccs_model_config_check (const CcsModelConfig *self, GError **error)
{
  if (!ccs_resnet_find (self->backbone)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "backbone %d: there are 18 and 50", self->backbone);
    return FALSE;
  }
  if (self->dim_scale < 1 || self->dim_scale > CCS_MAX_DIM_SCALE) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "dim_scale %d: from 1 to %d are possible", self->dim_scale,
                 CCS_MAX_DIM_SCALE);
    return FALSE;
  }
  return TRUE;
}

const gint ccs_encoder_width[] = { 1, 2, 4, 8, 8 };
const gint ccs_decoder_width[] = { 8, 4, 2, 1 };

gint
ccs_model_config_dim (const CcsModelConfig *self)
{
  return CCS_DIM_PER_SCALE * self->dim_scale;
}

/* The bottleneck's tokens are as wide as the pictures'. */
gint
ccs_model_config_ngf (const CcsModelConfig *self)
{
  return ccs_model_config_dim (self) / ccs_encoder_width[CCS_N_UPCONV - 1];
}
