/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of parameters of a configuration, and detection of the
 * configuration from parameters, with all errors. The suite reference
 * compares with the published lists of whole models. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <math.h>
#include <string.h>

#include "params-list.h"
#include "../suite.h"
#include "model/config.h"

static const CcsModelConfig published = CCS_MODEL_CONFIG_PUBLISHED;

/* -- the list ------------------------------------------------------------ */

static const struct
{
  CcsModelConfig config;
  const char *name;
} avad_lists[] = {
  { { 18, 1, { TRUE, TRUE, TRUE, TRUE } }, "net_audio-1-1111.tsv" },
  { { 18, 2, { FALSE, TRUE, FALSE, TRUE } }, "net_audio-2-0101.tsv" },
  { { 50, 3, { FALSE, FALSE, TRUE, FALSE } }, "net_audio-3-0010.tsv" },
};

START_TEST (avad_at_any_layer_has_the_published_shapes)
{
  g_autofree char *path
      = g_build_filename (TEST_DATA_DIR, avad_lists[_i].name, NULL);

  assert_params_list (&avad_lists[_i].config, "net_audio.", path);
}
END_TEST

START_TEST (only_what_the_net_never_reads_is_unused)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (&published);

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];
    gboolean unused = strstr (info->name, ".upnorm.attn_layer.") != NULL
                      || strstr (info->name, ".upnorm.flow_conv.") != NULL
                      || strstr (info->name, ".segment.reduce.") != NULL;

    ck_assert_msg ((info->role == CCS_PARAM_UNUSED) == unused, "%s",
                   info->name);
  }
}
END_TEST

START_TEST (statistics_are_not_weights)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (&published);

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];

    if (info->role == CCS_PARAM_UNUSED)
      continue;
    ck_assert_int_eq (info->role == CCS_PARAM_COUNTER,
                      g_str_has_suffix (info->name, ".num_batches_tracked"));
    ck_assert_int_eq (info->role == CCS_PARAM_BUFFER,
                      strstr (info->name, ".running_") != NULL);
  }
}
END_TEST

/* Specification section 10. */
START_TEST (published_model_has_the_published_size)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (&published);
  gint64 visual = 0, audio = 0;

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];
    gint64 n = ccs_shape_elements (&info->shape);

    if (info->role != CCS_PARAM_WEIGHT && info->role != CCS_PARAM_UNUSED)
      continue;
    if (g_str_has_prefix (info->name, "net_visual."))
      visual += n;
    else
      audio += n;
  }
  ck_assert_int_eq ((visual + 5000) / 10000, 1515);
  ck_assert_int_eq ((audio + 5000) / 10000, 249);
}
END_TEST

/* -- detection ----------------------------------------------------------- */

/* Makes the parameters of @config, all zero, as @dtype; all tensors share the
 * same zeros. (transfer full) */
static CcsStateDict *
make_params (const CcsModelConfig *config, CcsDType dtype)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (config);
  CcsStateDict *dict = ccs_state_dict_new ();
  g_autoptr (GBytes) zeros = NULL;
  gsize largest = 0;

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];

    largest = MAX (largest, (gsize)ccs_shape_elements (&info->shape));
  }
  largest *= sizeof (gint64);
  zeros = g_bytes_new_take (g_malloc0 (largest), largest);
  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];

    ccs_state_dict_insert (
        dict, info->name,
        ccs_tensor_new (info->dtype == CCS_F32 ? dtype : info->dtype,
                        &info->shape, zeros, 0));
  }
  return dict;
}

static const CcsModelConfig configs[] = {
  CCS_MODEL_CONFIG_PUBLISHED,
  { 18, 4, { TRUE, FALSE, FALSE, FALSE } },
  { 50, 1, { TRUE, FALSE, FALSE, FALSE } },
  { 50, 4, { FALSE, FALSE, FALSE, FALSE } },
  { 18, 2, { FALSE, TRUE, FALSE, TRUE } },
  { 18, 3, { TRUE, TRUE, TRUE, TRUE } },
};

START_TEST (detection_finds_what_the_parameters_were_made_for)
{
  g_autoptr (CcsStateDict) params = make_params (&configs[_i], CCS_F32);
  g_autoptr (GError) error = NULL;
  CcsModelConfig found;

  ck_assert_msg (ccs_model_config_detect (params, &found, &error), "%s",
                 error != NULL ? error->message : "");
  ck_assert (ccs_model_config_equal (&found, &configs[_i]));
}
END_TEST

START_TEST (detection_accepts_every_floating_type)
{
  static const CcsDType types[] = { CCS_F16, CCS_BF16, CCS_F64 };
  g_autoptr (CcsStateDict) params = make_params (&published, types[_i]);
  CcsModelConfig found;

  ck_assert (ccs_model_config_detect (params, &found, NULL));
}
END_TEST

/* Checks that detection fails with a message that contains @name and @reason.
 */
static void
assert_refused (const CcsStateDict *params, const char *name,
                const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *quoted = g_strdup_printf ("'%s'", name);
  CcsModelConfig found = published;

  ck_assert (!ccs_model_config_detect (params, &found, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_MODEL));
  ck_assert_msg (strstr (error->message, quoted) != NULL
                     && strstr (error->message, reason) != NULL,
                 "'%s' names neither %s nor '%s'", error->message, quoted,
                 reason);
  ck_assert (ccs_model_config_equal (&found, &published));
}

/* Returns @params without @name. (transfer full) */
static CcsStateDict *
without (const CcsStateDict *params, const char *name)
{
  CcsStateDict *rest = ccs_state_dict_new ();

  for (guint i = 0; i < ccs_state_dict_size (params); i++)
    if (!g_str_equal (ccs_state_dict_name (params, i), name))
      ccs_state_dict_insert (
          rest, ccs_state_dict_name (params, i),
          ccs_tensor_ref (ccs_state_dict_tensor (params, i)));
  return rest;
}

START_TEST (any_missing_tensor_is_named)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_F32);

  for (guint i = 0; i < ccs_state_dict_size (params); i++) {
    const char *name = ccs_state_dict_name (params, i);
    g_autoptr (CcsStateDict) rest = without (params, name);

    assert_refused (rest, name, "is missing");
  }
}
END_TEST

/* Parameters that exist only for backbone 50, and for other layers with
 * AVAD. */
static const char *const distinctive[] = {
  "net_visual.backbone.feature_extraction.4.0.conv3.weight",
  "net_visual.backbone.feature_extraction.4.0.bn3.weight",
  "net_visual.segment.aspp.red_bn.weight",
  "net_audio.audionet_upconvlayer2.upnorm.pos_embed_v",
  "net_audio.audionet_upconvlayer2.upnorm.mlp_gamma.weight",
};

START_TEST (a_missing_tensor_that_tells_models_apart_is_named)
{
  const CcsModelConfig config = { 50, 2, { FALSE, TRUE, FALSE, TRUE } };
  g_autoptr (CcsStateDict) params = make_params (&config, CCS_F32);
  g_autoptr (CcsStateDict) rest = without (params, distinctive[_i]);

  assert_refused (rest, distinctive[_i], "is missing");
}
END_TEST

/* Returns a tensor of zeros whose last element is @last. (transfer full) */
static CcsTensor *
zeros_and (CcsShape shape, float last)
{
  gsize n = (gsize)ccs_shape_elements (&shape);
  float *data = g_new0 (float, n);

  data[n - 1] = last;
  return ccs_tensor_new_take (CCS_F32, &shape, data);
}

static const struct
{
  const char *name;
  CcsShape shape;
  float last;
  const char *reason;
} replacements[] = {
  { "net_audio.conv1x1_rgb.0.weight",
    { 4, { 128, 128, 3, 3 } },
    0.f,
    "128x128x3x3, not 128x128x1x1" },
  { "net_audio.audionet_convlayer1.0.bias",
    { 2, { 16, 1 } },
    0.f,
    "16x1, not 16" },
  { "net_audio.audionet_convlayer1.0.bias", { 1, { 0 } }, 0.f, "0, not 16" },
  { "net_visual.segment.aspp.red_bn.weight",
    { 1, { 640 } },
    0.f,
    "640, not 128" },
  { "net_visual.segment.aspp.red_bn.weight",
    { 1, { 256 } },
    0.f,
    "256, not 128" },
  { "net_visual.segment.aspp.red_bn.bias",
    { 1, { 256 } },
    0.f,
    "256, not 128" },
  { "net_visual.segment.aspp.red_bn.weight",
    { 2, { 64, 2 } },
    0.f,
    "64x2, not 128" },
  { "net_audio.conv1x1_rgb.1.num_batches_tracked",
    { 0 },
    0.f,
    "float32, not int64" },
  { "net_audio.aud_pos_embed.weight", { 2, { 16, 128 } }, NAN, "not finite" },
  { "net_audio.aud_pos_embed.weight",
    { 2, { 16, 128 } },
    -INFINITY,
    "not finite" },
  { "net_audio.conv1x1_rgb.1.running_var",
    { 1, { 128 } },
    -0.5f,
    "below zero" },
};

START_TEST (a_wrong_tensor_is_named_with_what_is_wrong)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_F32);
  CcsShape shape = replacements[_i].shape;

  ccs_state_dict_set (
      params, replacements[_i].name,
      ccs_shape_elements (&shape) == 0
          ? ccs_tensor_new_take (CCS_F32, &shape, g_new0 (float, 1))
          : zeros_and (shape, replacements[_i].last));
  assert_refused (params, replacements[_i].name, replacements[_i].reason);
}
END_TEST

START_TEST (an_integer_weight_is_refused)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_S32);

  assert_refused (params, "net_visual.backbone.feature_extraction.0.weight",
                  "int32, not float32");
}
END_TEST

START_TEST (an_unexpected_tensor_is_named)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_F32);

  ccs_state_dict_insert (params, "net_audio.extra\n",
                         zeros_and (CCS_SHAPE (1), 0.f));
  assert_refused (params, "net_audio.extra\\n", "is no part");
}
END_TEST

/* One layer cannot have both norms. */
START_TEST (a_batch_norm_beside_avad_is_unexpected)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_F32);

  ccs_state_dict_insert (params,
                         "net_audio.audionet_upconvlayer1.upnorm.weight",
                         zeros_and (CCS_SHAPE (128), 0.f));
  assert_refused (params, "net_audio.audionet_upconvlayer1.upnorm.weight",
                  "is no part");
}
END_TEST

START_TEST (a_model_of_another_width_is_told)
{
  g_autoptr (CcsStateDict) params = ccs_state_dict_new ();

  ccs_state_dict_insert (params, "net_visual.segment.aspp.red_bn.weight",
                         zeros_and (CCS_SHAPE (640), 0.f));
  assert_refused (params, "net_visual.segment.aspp.red_bn.weight",
                  "640 elements are not 128 times 1 to 4");
}
END_TEST

/* The value would be infinite in float32. */
START_TEST (a_double_beyond_float_is_not_finite)
{
  g_autoptr (CcsStateDict) params = make_params (&published, CCS_F64);
  const CcsShape shape = CCS_SHAPE (16, 128);
  double *data = g_new0 (double, 16 * 128);

  data[7] = 1e300;
  ccs_state_dict_set (params, "net_audio.aud_pos_embed.weight",
                      ccs_tensor_new_take (CCS_F64, &shape, data));
  assert_refused (params, "net_audio.aud_pos_embed.weight", "not finite");
}
END_TEST

START_TEST (nothing_is_no_model)
{
  g_autoptr (CcsStateDict) params = ccs_state_dict_new ();

  assert_refused (params, "net_visual.segment.aspp.red_bn.weight",
                  "no CCStereo model");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("config");
  TCase *list = tcase_create ("list");
  TCase *detect = tcase_create ("detect");

  tcase_add_loop_test (list, avad_at_any_layer_has_the_published_shapes, 0,
                       G_N_ELEMENTS (avad_lists));
  tcase_add_test (list, only_what_the_net_never_reads_is_unused);
  tcase_add_test (list, statistics_are_not_weights);
  tcase_add_test (list, published_model_has_the_published_size);
  suite_add_tcase (suite, list);

  tcase_add_loop_test (detect,
                       detection_finds_what_the_parameters_were_made_for, 0,
                       G_N_ELEMENTS (configs));
  tcase_add_loop_test (detect, detection_accepts_every_floating_type, 0, 3);
  tcase_add_test (detect, any_missing_tensor_is_named);
  tcase_add_loop_test (detect,
                       a_missing_tensor_that_tells_models_apart_is_named, 0,
                       G_N_ELEMENTS (distinctive));
  tcase_add_loop_test (detect, a_wrong_tensor_is_named_with_what_is_wrong, 0,
                       G_N_ELEMENTS (replacements));
  tcase_add_test (detect, an_integer_weight_is_refused);
  tcase_add_test (detect, an_unexpected_tensor_is_named);
  tcase_add_test (detect, a_batch_norm_beside_avad_is_unexpected);
  tcase_add_test (detect, a_model_of_another_width_is_told);
  tcase_add_test (detect, a_double_beyond_float_is_not_finite);
  tcase_add_test (detect, nothing_is_no_model);
  suite_add_tcase (suite, detect);

  return run_suite (suite);
}
