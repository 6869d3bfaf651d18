/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Initial parameters: they have the published distributions, depend only on
 * the seed, and the backbone can be read from a file. */
#include "dataset-support.h"
#include "initial.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

#define SEED 5
/* Maximum error of a mean or standard deviation, in standard errors. */
#define SURPRISE 6.0

static CcsStateDict *drawn; /* initialised once, with SEED */

static CcsStateDict *
draw (guint64 seed)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;

  return ccs_initial_params (&config, seed);
}

static void
draw_once (void)
{
  drawn = draw (SEED);
}

static void
drop_drawn (void)
{
  g_clear_pointer (&drawn, ccs_state_dict_unref);
}

static const float *
values_of (const CcsStateDict *params, const char *name, gsize *n)
{
  CcsTensor *tensor = ccs_state_dict_lookup (params, name);

  ck_assert_msg (tensor != NULL, "no %s", name);
  *n = ccs_shape_elements (&tensor->shape);
  return tensor->data;
}

typedef struct
{
  const char *name;
  double mean, deviation;
} Distribution;

/* One parameter for each initialisation rule. A uniform distribution on (-b,
 * b) has the standard deviation b / sqrt (3). */
static const Distribution distributions[] = {
  /* Kaiming with fan-out: sqrt (2 / (64 49)) */
  { "net_visual.backbone.feature_extraction.0.weight", 0, 0.025254 },
  { "net_visual.backbone.feature_extraction.1.weight", 1, 0 },
  /* PyTorch's default: 1 / sqrt (3 fan-in) */
  { "net_visual.segment.aspp.map_convs.1.weight", 0, 0.0085056 },
  { "net_visual.segment.aspp.map_bn.weight", 1, 0 },
  { "net_visual.segment.aspp.map_bn.bias", 0, 0 },
  { "net_audio.audionet_convlayer5.0.weight", 0, 0.02 },
  { "net_audio.audionet_convlayer5.0.bias", 0, 0.012758 },
  { "net_audio.audionet_convlayer5.1.weight", 1, 0.02 },
  { "net_audio.audionet_convlayer5.1.bias", 0, 0 },
  { "net_audio.audionet_convlayer5.1.running_mean", 0, 0 },
  { "net_audio.audionet_convlayer5.1.running_var", 1, 0 },
  { "net_audio.audionet_upconvlayer2.upconv.weight", 0, 0.02 },
  /* The fan-in of a transposed convolution is the number of its output
   * channels times the filter size. */
  { "net_audio.audionet_upconvlayer2.upconv.bias", 0, 0.018042 },
  /* Xavier: sqrt (2 / (384 + 128)) */
  { "net_audio.transformer_cross_attention_layers.0.multihead_attn."
    "in_proj_weight",
    0, 0.0625 },
  { "net_audio.transformer_cross_attention_layers.0.multihead_attn."
    "in_proj_bias",
    0, 0 },
  { "net_audio.transformer_cross_attention_layers.0.multihead_attn.out_proj."
    "weight",
    0, 0.02 },
  { "net_audio.transformer_cross_attention_layers.0.multihead_attn.out_proj."
    "bias",
    0, 0 },
  { "net_audio.transformer_ffn_layers.0.linear1.weight", 0, 0.02 },
  { "net_audio.transformer_ffn_layers.0.linear1.bias", 0, 0.051031 },
  { "net_audio.transformer_ffn_layers.0.norm.weight", 1, 0 },
  { "net_audio.img_pos_embed.weight", 0, 1 },
  { "net_audio.audionet_upconvlayer1.upnorm.pos_embed_v", 0, 0.02 },
};

START_TEST (values_are_distributed_as_published)
{
  const Distribution *want = &distributions[_i];
  gsize n;
  const float *values = values_of (drawn, want->name, &n);
  double sum = 0, square = 0, error;
  double mean;

  for (gsize i = 0; i < n; i++) {
    sum += values[i];
    square += (double)values[i] * values[i];
  }
  error = 1e-9 + SURPRISE * want->deviation / sqrt (n);
  mean = sum / n;
  ck_assert_double_eq_tol (mean, want->mean, error);
  ck_assert_double_eq_tol (sqrt (fmax (0, square / n - mean * mean)),
                           want->deviation, error);
}
END_TEST

static gboolean
equal_at (const CcsStateDict *a, const CcsStateDict *b, const char *name)
{
  gsize n;
  const float *x = values_of (a, name, &n);

  return memcmp (x, values_of (b, name, &n), n * sizeof *x) == 0;
}

START_TEST (a_seed_is_a_model)
{
  static const char name[] = "net_audio.audionet_convlayer1.0.weight";
  g_autoptr (CcsStateDict) same = draw (SEED);
  g_autoptr (CcsStateDict) other = draw (SEED + 1);

  ck_assert (equal_at (drawn, same, name));
  ck_assert (!equal_at (drawn, other, name));
}
END_TEST

/* -- from a file -- */

static char *folder, *path;

static void
make_path (void)
{
  folder = make_folder ();
  path = g_build_filename (folder, "weights.safetensors", NULL);
}

static void
drop_path (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&path, g_free);
}

static void
save (const CcsStateDict *tensors)
{
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_checkpoint_save (path, tensors, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, &error),
             error);
}

START_TEST (a_model_s_file_replaces_every_value)
{
  static const char *const names[]
      = { "net_audio.audionet_convlayer1.0.weight",
          "net_visual.backbone.feature_extraction.0.weight" };
  g_autoptr (CcsStateDict) other = draw (SEED + 1);
  g_autoptr (GError) error = NULL;

  save (other);
  assert_ok (ccs_initial_params_load (drawn, path, &error), error);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    ck_assert (equal_at (drawn, other, names[i]));
}
END_TEST

static CcsTensor *
zeros (CcsShape shape)
{
  return ccs_tensor_new_take (CCS_F32, &shape,
                              g_new0 (float, ccs_shape_elements (&shape)));
}

START_TEST (a_tensor_of_another_shape_is_named)
{
  g_autoptr (CcsStateDict) other = ccs_state_dict_new ();
  g_autoptr (GError) error = NULL;

  ccs_state_dict_insert (other, "net_audio.aud_pos_embed.weight",
                         zeros (CCS_SHAPE (16, 256)));
  save (other);
  ck_assert (!ccs_initial_params_load (drawn, path, &error));
  assert_names (error, path);
  assert_names (error, "net_audio.aud_pos_embed.weight");
}
END_TEST

START_TEST (a_tensor_of_another_model_is_named)
{
  g_autoptr (CcsStateDict) other = ccs_state_dict_new ();
  g_autoptr (GError) error = NULL;

  ccs_state_dict_insert (other, "encoder.weight", zeros (CCS_SHAPE (2, 2)));
  save (other);
  ck_assert (!ccs_initial_params_load (drawn, path, &error));
  assert_names (error, "encoder.weight");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("initial");
  TCase *values = tcase_create ("values");
  TCase *loaded = tcase_create ("loaded");

  tcase_add_unchecked_fixture (values, draw_once, drop_drawn);
  tcase_add_loop_test (values, values_are_distributed_as_published, 0,
                       G_N_ELEMENTS (distributions));
  tcase_add_test (values, a_seed_is_a_model);
  suite_add_tcase (suite, values);
  tcase_add_unchecked_fixture (loaded, draw_once, drop_drawn);
  tcase_add_checked_fixture (loaded, make_path, drop_path);
  tcase_add_test (loaded, a_model_s_file_replaces_every_value);
  tcase_add_test (loaded, a_tensor_of_another_shape_is_named);
  tcase_add_test (loaded, a_tensor_of_another_model_is_named);
  suite_add_tcase (suite, loaded);
  return run_suite (suite);
}
