/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "content.h"

#include "checkpoint/checkpoint.h"

/* Returns whether @trunk is the trunk of models with @backbone, without other
 * entries. */
static gboolean
is_trunk (const CcsStateDict *trunk, gint backbone)
{
  const CcsModelConfig config = { .backbone = backbone, .dim_scale = 1 };
  g_autoptr (GPtrArray) params = ccs_model_config_params (&config);
  guint n = 0;

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (params, i);
    const CcsTensor *tensor = ccs_state_dict_lookup (trunk, info->name);
    if (!g_str_has_prefix (info->name, "net_visual.backbone."))
      continue;
    if (!tensor || !ccs_shape_equal (&tensor->shape, &info->shape))
      return FALSE;
    n++;
  }
  return n == ccs_state_dict_size (trunk);
}

static gboolean
detect_resnet (const CcsStateDict *trunk, Content *content, GError **error)
{
  static const gint backbones[] = { 18, 50 };

  for (guint i = 0; i < G_N_ELEMENTS (backbones); i++)
    if (is_trunk (trunk, backbones[i])) {
      content->kind = CONTENT_RESNET;
      content->config = (CcsModelConfig){ .backbone = backbones[i] };
      return TRUE;
    }
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
               "a ResNet, but neither 18 nor 50");
  return FALSE;
}

gboolean
content_detect (const CcsCheckpoint *file, Content *content, GError **error)
{
  g_autoptr (CcsStateDict) trunk
      = ccs_checkpoint_resnet_trunk (file->tensors, NULL);

  if (trunk)
    return detect_resnet (trunk, content, error);
  content->kind = CONTENT_MODEL;
  return ccs_model_config_detect (file->tensors, &content->config, error)
         && ccs_model_config_check_declared (&content->config, file->metadata,
                                             error);
}
