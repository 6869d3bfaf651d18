/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts torchvision's names of ResNet parameters to their names in the
 * visual trunk. */
#include "checkpoint-private.h"

#define TRUNK "net_visual.backbone.feature_extraction."
#define RUNNING_VAR ".running_var"
#define COUNTER ".num_batches_tracked"

/* The trunk numbers the parts of a ResNet; 2 and 3 are ReLU and max pooling,
 * without parameters. */
static const struct
{
  const char *part, *trunk;
} parts[] = {
  { "conv1.", TRUNK "0." },  { "bn1.", TRUNK "1." },
  { "layer1.", TRUNK "4." }, { "layer2.", TRUNK "5." },
  { "layer3.", TRUNK "6." }, { "layer4.", TRUNK "7." },
};
#define CLASSIFIER "fc."

/* Returns the name in the trunk, or NULL if @name is not a part of it.
 * (transfer full) */
static char *
trunk_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (g_str_has_prefix (name, parts[i].part))
      return g_strconcat (parts[i].trunk, name + strlen (parts[i].part), NULL);
  return NULL;
}

/* Adds num_batches_tracked, with the value 0, for the running variance @name:
 * files from before PyTorch 0.4.1 do not have it. */
static void
add_counter (CcsStateDict *trunk, const CcsStateDict *resnet, const char *name)
{
  g_autofree char *norm
      = g_strndup (name, strlen (name) - strlen (RUNNING_VAR));
  g_autofree char *counter = g_strconcat (norm, COUNTER, NULL);
  g_autofree char *inner = trunk_name (counter);

  if (ccs_state_dict_lookup (resnet, counter) == NULL)
    ccs_state_dict_set (
        trunk, inner,
        ccs_tensor_new_take (CCS_S64, &CCS_SHAPE_SCALAR, g_new0 (gint64, 1)));
}

static gboolean
has_all_parts (const CcsStateDict *resnet, GError **error)
{
  static const char *const needed[]
      = { "conv1.weight",          "bn1.weight",
          "layer1.0.conv1.weight", "layer2.0.conv1.weight",
          "layer3.0.conv1.weight", "layer4.0.conv1.weight" };

  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    if (ccs_state_dict_lookup (resnet, needed[i]) == NULL) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                   "not a ResNet: tensor '%s' is missing", needed[i]);
      return FALSE;
    }
  return TRUE;
}

CcsStateDict *
ccs_checkpoint_resnet_trunk (const CcsStateDict *resnet, GError **error)
{
  g_autoptr (CcsStateDict) trunk = NULL;

  if (!has_all_parts (resnet, error))
    return NULL;
  trunk = ccs_state_dict_new ();
  for (guint i = 0; i < ccs_state_dict_size (resnet); i++) {
    const char *name = ccs_state_dict_name (resnet, i);
    g_autofree char *inner = trunk_name (name);

    if (inner == NULL && g_str_has_prefix (name, CLASSIFIER))
      continue;
    if (inner == NULL) {
      g_autofree char *shown = ccs_printable (name, strlen (name));

      g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                   "not a ResNet: tensor '%s' is no part of one", shown);
      return NULL;
    }
    ccs_state_dict_set (trunk, inner,
                        ccs_tensor_ref (ccs_state_dict_tensor (resnet, i)));
    if (g_str_has_suffix (name, RUNNING_VAR))
      add_counter (trunk, resnet, name);
  }
  return g_steal_pointer (&trunk);
}
