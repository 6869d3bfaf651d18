/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists the parameters of a configuration in the format of the published
 * implementation's lists, for comparison. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>

#include "model/config.h"

/* Returns a line "NAME\tSHAPE\tTYPE\n" for each parameter whose name starts
 * with @prefix. (transfer full) */
static inline char *
params_list (const CcsModelConfig *config, const char *prefix)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (config);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];
    g_autofree char *shape = ccs_shape_to_string (&info->shape);

    if (g_str_has_prefix (info->name, prefix))
      g_string_append_printf (text, "%s\t%s\t%s\n", info->name, shape,
                              ccs_dtype_name (info->dtype));
  }
  return g_string_free (text, FALSE);
}

static inline void
assert_params_list (const CcsModelConfig *config, const char *prefix,
                    const char *path)
{
  g_autofree char *listed = params_list (config, prefix);
  g_autofree char *expected = NULL;

  ck_assert_msg (g_file_get_contents (path, &expected, NULL, NULL), "%s", path);
  ck_assert_str_eq (listed, expected);
}
