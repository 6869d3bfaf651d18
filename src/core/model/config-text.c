/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Formats a configuration as one line of text, for metadata of model files and
 * for messages. */
#include "config.h"

char *
ccs_model_config_to_string (const CcsModelConfig *self)
{
  char avad[CCS_N_UPCONV] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (self->avad); i++)
    avad[i] = self->avad[i] ? '1' : '0';
  return g_strdup_printf ("backbone=%d dim_scale=%d avad=%s", self->backbone,
                          self->dim_scale, avad);
}
