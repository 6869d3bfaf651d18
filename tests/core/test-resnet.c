/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mapping of parameter names from torchvision's ResNet to the model. */
#include "checkpoint-support.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

/* Makes parameters with some of torchvision's names. @counters: adds
 * num_batches_tracked, which older files do not have. */
static CcsStateDict *
some_resnet (gboolean counters)
{
  CcsStateDict *dict = ccs_state_dict_new ();

  add_floats (dict, "conv1.weight", CCS_SHAPE (1), 0.f);
  add_floats (dict, "bn1.weight", CCS_SHAPE (1), 1.f);
  add_floats (dict, "bn1.running_var", CCS_SHAPE (1), 2.f);
  if (counters)
    add_bytes (dict, "bn1.num_batches_tracked", CCS_S64, CCS_SHAPE_SCALAR);
  add_floats (dict, "layer1.0.conv1.weight", CCS_SHAPE (1), 3.f);
  add_floats (dict, "layer2.0.conv1.weight", CCS_SHAPE (1), 4.f);
  add_floats (dict, "layer3.0.conv1.weight", CCS_SHAPE (1), 5.f);
  add_floats (dict, "layer4.0.conv1.weight", CCS_SHAPE (1), 6.f);
  add_floats (dict, "layer4.1.downsample.1.bias", CCS_SHAPE (1), 7.f);
  add_floats (dict, "fc.weight", CCS_SHAPE (1), 8.f);
  add_floats (dict, "fc.bias", CCS_SHAPE (1), 9.f);
  return dict;
}

static const struct
{
  const char *trunk, *resnet;
} resnet_names[] = {
  { "0.weight", "conv1.weight" },
  { "1.weight", "bn1.weight" },
  { "1.running_var", "bn1.running_var" },
  { "1.num_batches_tracked", "bn1.num_batches_tracked" },
  { "4.0.conv1.weight", "layer1.0.conv1.weight" },
  { "5.0.conv1.weight", "layer2.0.conv1.weight" },
  { "6.0.conv1.weight", "layer3.0.conv1.weight" },
  { "7.0.conv1.weight", "layer4.0.conv1.weight" },
  { "7.1.downsample.1.bias", "layer4.1.downsample.1.bias" },
};

START_TEST (resnet_names_become_the_trunk_s)
{
  g_autoptr (CcsStateDict) resnet = some_resnet (TRUE);
  g_autoptr (CcsStateDict) trunk = ccs_checkpoint_resnet_trunk (resnet, NULL);

  ck_assert_ptr_nonnull (trunk);
  ck_assert_uint_eq (ccs_state_dict_size (trunk), G_N_ELEMENTS (resnet_names));
  for (guint i = 0; i < G_N_ELEMENTS (resnet_names); i++) {
    g_autofree char *name = g_strconcat (
        "net_visual.backbone.feature_extraction.", resnet_names[i].trunk, NULL);

    ck_assert_ptr_eq (ccs_state_dict_lookup (trunk, name),
                      ccs_state_dict_lookup (resnet, resnet_names[i].resnet));
  }
}
END_TEST

START_TEST (old_resnets_get_counters_of_zero)
{
  g_autoptr (CcsStateDict) resnet = some_resnet (FALSE);
  g_autoptr (CcsStateDict) trunk = ccs_checkpoint_resnet_trunk (resnet, NULL);
  const CcsTensor *counter;

  ck_assert_ptr_nonnull (trunk);
  counter = ccs_state_dict_lookup (
      trunk, "net_visual.backbone.feature_extraction.1.num_batches_tracked");
  ck_assert_ptr_nonnull (counter);
  ck_assert_int_eq (counter->dtype, CCS_S64);
  ck_assert_uint_eq (counter->shape.rank, 0);
  ck_assert (*(const gint64 *)counter->data == 0);
}
END_TEST

START_TEST (what_is_no_resnet_is_refused)
{
  static const char *const reasons[]
      = { "'conv1.weight' is missing", "'classifier.0.weight' is no part" };
  g_autoptr (CcsStateDict) dict
      = _i == 0 ? ccs_state_dict_new () : some_resnet (TRUE);
  g_autoptr (GError) error = NULL;

  add_floats (dict, "classifier.0.weight", CCS_SHAPE (1), 0.f);
  ck_assert_ptr_null (ccs_checkpoint_resnet_trunk (dict, &error));
  assert_error (error, CCS_ERROR_MODEL, "not a ResNet", reasons[_i]);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("resnet");
  TCase *resnet = tcase_create ("resnet");

  tcase_add_test (resnet, resnet_names_become_the_trunk_s);
  tcase_add_test (resnet, old_resnets_get_counters_of_zero);
  tcase_add_loop_test (resnet, what_is_no_resnet_is_refused, 0, 2);
  suite_add_tcase (suite, resnet);
  return run_suite (suite);
}
