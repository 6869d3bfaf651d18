/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the configuration of a model from its parameters, and checks that they
 * are complete, have no extra entries, and have the right shapes and types. */
#include "config.h"

#include <ccstereo/error.h>

#include "../checkpoint/checkpoint.h"

static gboolean model_error (GError **error, const char *name,
                             const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
model_error (GError **error, const char *name, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL, "tensor '%s': %s", name,
               reason);
  return FALSE;
}

/* -- what the tensors were made for ---------------------------------------- */

/* Each property is derived from several entries, so that a model with one
 * missing or wrong entry is still recognised, and the error names that entry.
 */

/* Returns whether @params has @prefix followed by @a or by @b. */
static gboolean
has_one_of (const CcsStateDict *params, const char *prefix, const char *a,
            const char *b)
{
  g_autofree char *first = g_strconcat (prefix, a, NULL);
  g_autofree char *second = g_strconcat (prefix, b, NULL);

  return ccs_state_dict_lookup (params, first) != NULL
         || ccs_state_dict_lookup (params, second) != NULL;
}

/* Returns the dim_scale, 1 to CCS_MAX_DIM_SCALE, for the size of @tensor, or 0
 * if no model has that size. */
static gint
scale_of (const CcsTensor *tensor)
{
  gint64 dim = tensor ? ccs_shape_elements (&tensor->shape) : 0;

  return dim % CCS_DIM_PER_SCALE == 0
                 && dim / CCS_DIM_PER_SCALE <= CCS_MAX_DIM_SCALE
             ? (gint)(dim / CCS_DIM_PER_SCALE)
             : 0;
}

/* Derives dim_scale from three entries with D elements: the value that two of
 * them agree on, else that of the first. */
static gboolean
guess_scale (const CcsStateDict *params, gint *scale, GError **error)
{
  static const char *const names[]
      = { CCS_NET_ASPP ".red_bn.weight", CCS_NET_ASPP ".red_bn.bias",
          CCS_NET_ASPP ".red_bn.running_mean" };
  const CcsTensor *first = ccs_state_dict_lookup (params, names[0]);
  gint said[G_N_ELEMENTS (names)];

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    said[i] = scale_of (ccs_state_dict_lookup (params, names[i]));
  *scale = said[1] == said[2] && said[1] != 0 ? said[1] : said[0];
  if (*scale != 0)
    return TRUE;
  if (first == NULL)
    return model_error (error, names[0],
                        "is missing, so this is no CCStereo model");
  return model_error (
      error, names[0],
      "its %" G_GINT64_FORMAT " elements are not %d times 1 to %d",
      ccs_shape_elements (&first->shape), CCS_DIM_PER_SCALE, CCS_MAX_DIM_SCALE);
}

static gboolean
guess (const CcsStateDict *params, CcsModelConfig *config, GError **error)
{
  if (!guess_scale (params, &config->dim_scale, error))
    return FALSE;
  config->backbone
      = has_one_of (params, CCS_NET_TRUNK ".4.0.", "conv3.weight", "bn3.weight")
            ? 50
            : 18;
  for (guint k = 0; k < G_N_ELEMENTS (config->avad); k++) {
    g_autofree char *norm
        = g_strdup_printf (CCS_NET_UPCONV "%u.upnorm.", k + 1);

    config->avad[k]
        = has_one_of (params, norm, "pos_embed_v", "mlp_gamma.weight");
  }
  return TRUE;
}

/* -- whether all of them are there ----------------------------------------- */

/* Returns whether all values are finite in float32, which the net uses: float64
 * has a larger range. */
static gboolean
is_finite (const CcsTensor *tensor, const CcsTensor *floats)
{
  return ccs_tensor_is_finite (tensor->dtype == CCS_F64 ? floats : tensor);
}

/* Returns whether a variance is negative, for which the net's values would be
 * NaN. */
static gboolean
has_negative (const CcsTensor *floats)
{
  const float *v = floats->data;
  gint64 n = ccs_shape_elements (&floats->shape);

  for (gint64 i = 0; i < n; i++)
    if (v[i] < 0.f)
      return TRUE;
  return FALSE;
}

static gboolean
check_param (const CcsParamInfo *info, CcsTensor *tensor, GError **error)
{
  g_autoptr (CcsTensor) floats = NULL;

  if (tensor == NULL)
    return model_error (error, info->name, "is missing");
  if (!ccs_shape_equal (&tensor->shape, &info->shape)) {
    g_autofree char *is = ccs_shape_to_string (&tensor->shape);
    g_autofree char *should = ccs_shape_to_string (&info->shape);

    return model_error (error, info->name, "its shape is %s, not %s", is,
                        should);
  }
  if (ccs_dtype_is_floating (info->dtype)
          ? !ccs_dtype_is_floating (tensor->dtype)
          : tensor->dtype != info->dtype)
    return model_error (error, info->name, "its type is %s, not %s",
                        ccs_dtype_name (tensor->dtype),
                        ccs_dtype_name (info->dtype));
  floats = ccs_tensor_try_convert (tensor, CCS_F32, error);
  if (floats == NULL) {
    g_prefix_error (error, "%s: ", info->name);
    return FALSE;
  }
  if (!is_finite (tensor, floats))
    return model_error (error, info->name, "has values that are not finite");
  if (g_str_has_suffix (info->name, CCS_NET_RUNNING_VAR)
      && has_negative (floats))
    return model_error (error, info->name, "has a variance below zero");
  return TRUE;
}

/* Returns an entry of @params that @expected does not have, or NULL. */
static const char *
find_unexpected (const CcsStateDict *params, GPtrArray *expected)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < expected->len; i++)
    g_hash_table_add (names, ((CcsParamInfo *)expected->pdata[i])->name);
  for (guint i = 0; i < ccs_state_dict_size (params); i++)
    if (!g_hash_table_contains (names, ccs_state_dict_name (params, i)))
      return ccs_state_dict_name (params, i);
  return NULL;
}

gboolean
ccs_model_config_detect (const CcsStateDict *params, CcsModelConfig *config,
                         GError **error)
{
  g_autoptr (GPtrArray) expected = NULL;
  CcsModelConfig found = { 0 };

  if (!guess (params, &found, error))
    return FALSE;
  expected = ccs_model_config_params (&found);
  for (guint i = 0; i < expected->len; i++) {
    const CcsParamInfo *info = expected->pdata[i];

    if (!check_param (info, ccs_state_dict_lookup (params, info->name), error))
      return FALSE;
  }
  if (ccs_state_dict_size (params) > expected->len) {
    g_autofree char *shown
        = g_strescape (find_unexpected (params, expected), NULL);

    return model_error (
        error, shown,
        "is no part of a CCStereo model with backbone %d and dim_scale %d",
        found.backbone, found.dim_scale);
  }
  *config = found;
  return TRUE;
}

gboolean
ccs_model_config_check_declared (const CcsModelConfig *self,
                                 GHashTable *metadata, GError **error)
{
  const char *declared = g_hash_table_lookup (metadata, CCS_META_CONFIG);
  g_autofree char *found = ccs_model_config_to_string (self);

  if (!declared || g_str_equal (declared, found))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
               "metadata " CCS_META_CONFIG
               " says \"%s\", but the tensors make \"%s\"",
               declared, found);
  return FALSE;
}
