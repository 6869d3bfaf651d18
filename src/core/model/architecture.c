/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "architecture.h"

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

const gint ccs_encoder_width[] = { 1, 2, 4, 8, 8 };
const gint ccs_decoder_width[] = { 8, 4, 2, 1 };
