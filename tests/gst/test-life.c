/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requirements that all elements share: they are registered, states can be
 * cycled, errors of models and backends have a message and the right code,
 * and features of another model are rejected. */
#include <string.h>

#include "backend/registry.h"
#include "checkpoint/checkpoint.h"
#include "dec-harness.h"
#include "reference-support.h"

static const char *const factories[]
    = { "tdsscrop", "ccstereoenc", "ccstereodec", "ccstereobin" };
static const char *const with_model[]
    = { "ccstereoenc", "ccstereodec", "ccstereobin" };

static GstElement *
element_with_model (const char *factory, const char *path)
{
  GstElement *element
      = gst_object_ref_sink (gst_element_factory_make (factory, NULL));

  g_object_set (element, "model-file", path, NULL);
  gst_util_set_object_arg (G_OBJECT (element), "backend", "cpu");
  return element;
}

static void
assert_does_not_start (GstElement *element, GQuark domain, int code,
                       const char *mention)
{
  g_autoptr (GstBus) bus = gst_test_bus (element);

  ck_assert_int_eq (gst_element_set_state (element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_FAILURE);
  gst_test_assert_error (bus, domain, code, mention);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
}

/* -- the plugin ------------------------------------------------------------ */

START_TEST (every_element_is_listed_with_no_rank_and_described)
{
  g_autoptr (GstElementFactory) factory
      = gst_element_factory_find (factories[_i]);
  const char *klass;

  ck_assert_ptr_nonnull (factory);
  ck_assert_int_eq (gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)),
                    GST_RANK_NONE);
  klass = gst_element_factory_get_metadata (factory, "klass");
  /* decodebin and similar elements select elements by these words. */
  ck_assert_ptr_null (strstr (klass, "Encoder"));
  ck_assert_ptr_null (strstr (klass, "Decoder"));
}
END_TEST

START_TEST (properties_of_our_own_are_described)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make (factories[_i], NULL));
  guint n;
  g_autofree GParamSpec **specs
      = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    if (specs[i]->owner_type != G_OBJECT_TYPE (element))
      continue;
    ck_assert_str_ne (g_param_spec_get_blurb (specs[i]), "");
    ck_assert_msg (
        !(specs[i]->flags & G_PARAM_WRITABLE)
            || (specs[i]->flags
                & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING)),
        "%s does not say when it may change", specs[i]->name);
  }
}
END_TEST

START_TEST (states_can_be_cycled)
{
  GstElement *element = gst_object_ref_sink (gst_test_element (factories[_i]));

  for (guint i = 0; i < 4; i++) {
    GstState state = i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING;

    ck_assert_int_ne (gst_element_set_state (element, state),
                      GST_STATE_CHANGE_FAILURE);
    ck_assert_int_eq (gst_element_set_state (element, GST_STATE_NULL),
                      GST_STATE_CHANGE_SUCCESS);
  }
  gst_object_unref (element);
}
END_TEST

/* The plugin must load if CUDA's libraries are missing or the driver is too
 * old. */
START_TEST (the_plugin_needs_no_cuda_library)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_test_element (factories[_i]));
  g_autofree char *maps = NULL;

  gst_element_set_state (element, GST_STATE_READY);
  ck_assert (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  ck_assert (strstr (maps, "gstccstereo") != NULL);
  ck_assert_msg (strstr (maps, "libcu") == NULL, "CUDA has been loaded");
  gst_element_set_state (element, GST_STATE_NULL);
}
END_TEST

/* -- presets --------------------------------------------------------------- */

static const char *const with_presets[] = { "ccstereobin", "ccstereodec" };

static void
assert_property_is (GstElement *element, const char *name, const char *text)
{
  GParamSpec *spec
      = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
  GValue want = G_VALUE_INIT, got = G_VALUE_INIT;

  ck_assert_msg (spec != NULL, "there is no property %s", name);
  g_value_init (&want, spec->value_type);
  g_value_init (&got, spec->value_type);
  ck_assert_msg (gst_value_deserialize (&want, text), "%s=%s", name, text);
  g_object_get_property (G_OBJECT (element), name, &got);
  ck_assert_msg (gst_value_compare (&got, &want) == GST_VALUE_EQUAL,
                 "%s is not %s", name, text);
  g_value_unset (&want);
  g_value_unset (&got);
}

static void
check_preset (const char *factory, const char *preset, GKeyFile *file)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make (factory, NULL));
  g_auto (GStrv) keys = g_key_file_get_keys (file, preset, NULL, NULL);
  g_autofree char *comment = NULL;

  ck_assert (gst_preset_load_preset (GST_PRESET (element), preset));
  for (guint i = 0; keys[i]; i++) {
    g_autofree char *text = g_key_file_get_string (file, preset, keys[i], NULL);

    if (!g_str_has_prefix (keys[i], "_meta/"))
      assert_property_is (element, keys[i], text);
  }
  ck_assert (
      gst_preset_get_meta (GST_PRESET (element), preset, "comment", &comment));
}

START_TEST (presets_set_what_they_say)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make (with_presets[_i], NULL));
  g_autofree char *name
      = g_strconcat (G_OBJECT_TYPE_NAME (element), ".prs", NULL);
  g_autofree char *path
      = g_build_filename (g_getenv ("GST_PRESET_PATH"), name, NULL);
  g_auto (GStrv) presets = gst_preset_get_preset_names (GST_PRESET (element));
  g_autoptr (GKeyFile) file = g_key_file_new ();

  ck_assert (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL));
  ck_assert_uint_eq (g_strv_length (presets), 3);
  for (guint i = 0; presets[i]; i++)
    check_preset (with_presets[_i], presets[i], file);
}
END_TEST

/* -- models ---------------------------------------------------------------- */

START_TEST (a_missing_model_is_not_found)
{
  g_autoptr (GstElement) element
      = element_with_model (with_model[_i], "/nowhere/model.safetensors");

  assert_does_not_start (element, GST_RESOURCE_ERROR,
                         GST_RESOURCE_ERROR_NOT_FOUND,
                         "/nowhere/model.safetensors");
}
END_TEST

START_TEST (no_model_at_all_says_what_to_do)
{
  g_autoptr (GstElement) element = element_with_model (with_model[_i], NULL);

  g_unsetenv ("CCSTEREO_MODEL");
  assert_does_not_start (element, GST_RESOURCE_ERROR,
                         GST_RESOURCE_ERROR_NOT_FOUND, "CCSTEREO_MODEL");
}
END_TEST

START_TEST (a_corrupt_model_cannot_be_read)
{
  g_autofree char *path
      = g_build_filename (gst_test_folder (), "corrupt.safetensors", NULL);
  g_autoptr (GstElement) element = NULL;

  ck_assert (
      g_file_set_contents (path, "\x10\0\0\0\0\0\0\0{\"broken", 17, NULL));
  element = element_with_model (with_model[_i], path);
  assert_does_not_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
                         "corrupt.safetensors");
}
END_TEST

START_TEST (a_model_of_the_wrong_shape_is_named_with_its_tensor)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (CcsStateDict) params = reference_state_dict (&config, "");
  g_autofree char *path
      = g_build_filename (gst_test_folder (), "shape.safetensors", NULL);
  g_autoptr (GstElement) element = NULL;
  CcsTensor *bias = ccs_state_dict_lookup (params, "net_visual.segment.aspp."
                                                   "red_bn.bias");

  ck_assert_ptr_nonnull (bias);
  bias->shape.dim[0]--;
  ck_assert (ccs_checkpoint_save (path, params, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, NULL));
  element = element_with_model (with_model[_i], path);
  assert_does_not_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
                         "red_bn.bias");
}
END_TEST

START_TEST (cuda_without_cuda_is_a_backend_error)
{
  g_autoptr (GstElement) element
      = element_with_model (with_model[_i], gst_test_model_file ());
  CcsBackendOptions options = { 0, -1 };
  g_autoptr (CcsBackend) backend = ccs_backend_open ("cuda", &options, NULL);

  if (backend != NULL) /* the backend exists: no error to test */
    return;
  gst_util_set_object_arg (G_OBJECT (element), "backend", "cuda");
  assert_does_not_start (element, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT,
                         "cuda");
}
END_TEST

START_TEST (the_backend_is_chosen_without_cuda)
{
  g_autoptr (GstElement) element
      = element_with_model (with_model[_i], gst_test_model_file ());

  gst_util_set_object_arg (G_OBJECT (element), "backend", "auto");
  ck_assert_int_ne (gst_element_set_state (element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
}
END_TEST

/* -- rejected streams ------------------------------------------------------ */

START_TEST (features_of_another_model_are_refused)
{
  DecHarness *h = dec_harness_new (16000, 1, TRUE);

  gst_harness_set_src_caps_str (h->features,
                                "application/x-ccstereo-features, "
                                "model-id=(string)0123456789abcdef");
  dec_harness_feed_features (h, 3);
  gst_harness_push (h->audio, gst_test_audio (16000, 1, 0, 1000, 0));
  gst_test_assert_error (h->bus, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                         "0123456789abcdef");
  dec_harness_free (h);
}
END_TEST

START_TEST (features_of_another_size_are_refused)
{
  DecHarness *h = dec_harness_new (16000, 1, TRUE);
  GstBuffer *buffer = gst_test_feature_buffer (5, 0);

  dec_harness_add (h, buffer);
  dec_harness_end_features (h);
  dec_harness_feed (h);
  /* The feature is used once there is audio before and after its timestamp. */
  gst_harness_push (h->audio, gst_test_audio (16000, 1, 0, 1000, 0));
  gst_harness_push (h->audio, gst_test_audio (16000, 1, 1000, 1000, 0));
  gst_test_assert_error (h->bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                         "20 bytes");
  dec_harness_free (h);
}
END_TEST

START_TEST (a_look_ahead_shorter_than_the_hop_is_a_settings_error)
{
  GstElement *element = gst_test_element ("ccstereodec");
  DecHarness *h;

  g_object_set (element, "hop", 4032, "lookahead", 2016, NULL);
  h = dec_harness_new_with (element, 16000, 1, FALSE, FALSE);
  gst_test_assert_error (h->bus, GST_RESOURCE_ERROR,
                         GST_RESOURCE_ERROR_SETTINGS, "lookahead");
  dec_harness_free (h);
}
END_TEST

START_TEST (sound_played_backwards_is_refused)
{
  DecHarness *h = dec_harness_new (16000, 1, TRUE);
  GstEvent *start = gst_event_new_flush_start ();
  GstEvent *stop = gst_event_new_flush_stop (TRUE);
  GstSegment segment;

  gst_event_set_seqnum (stop, gst_event_get_seqnum (start));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = GST_SECOND;
  gst_harness_push_event (h->audio, start);
  gst_harness_push_event (h->audio, stop);
  gst_harness_push_event (h->audio, gst_event_new_segment (&segment));
  gst_harness_push (h->audio, gst_test_audio (16000, 1, 0, 1600, 0));
  gst_test_assert_error (h->bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                         "backwards");
  dec_harness_end_features (h);
  dec_harness_feed (h);
  while (gst_harness_push (h->audio, gst_test_audio (16000, 1, 0, 1600, 0))
         == GST_FLOW_OK)
    ;
  dec_harness_free (h);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("life");
  TCase *plugin = tcase_create ("plugin"), *models = tcase_create ("models");
  TCase *streams = tcase_create ("streams");
  const int n_factories = G_N_ELEMENTS (factories);
  const int n_with_model = G_N_ELEMENTS (with_model);

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_loop_test (plugin,
                       every_element_is_listed_with_no_rank_and_described, 0,
                       n_factories);
  tcase_add_loop_test (plugin, properties_of_our_own_are_described, 0,
                       n_factories);
  tcase_add_loop_test (plugin, states_can_be_cycled, 0, n_factories);
  tcase_add_loop_test (plugin, the_plugin_needs_no_cuda_library, 0,
                       n_factories);
  tcase_add_loop_test (plugin, presets_set_what_they_say, 0,
                       G_N_ELEMENTS (with_presets));
  tcase_add_loop_test (models, a_missing_model_is_not_found, 0, n_with_model);
  tcase_add_loop_test (models, no_model_at_all_says_what_to_do, 0,
                       n_with_model);
  tcase_add_loop_test (models, a_corrupt_model_cannot_be_read, 0, n_with_model);
  tcase_add_loop_test (models,
                       a_model_of_the_wrong_shape_is_named_with_its_tensor, 0,
                       n_with_model);
  tcase_add_loop_test (models, cuda_without_cuda_is_a_backend_error, 0,
                       n_with_model);
  tcase_add_loop_test (models, the_backend_is_chosen_without_cuda, 0,
                       n_with_model);
  tcase_add_test (streams, features_of_another_model_are_refused);
  tcase_add_test (streams, features_of_another_size_are_refused);
  tcase_add_test (streams,
                  a_look_ahead_shorter_than_the_hop_is_a_settings_error);
  tcase_add_test (streams, sound_played_backwards_is_refused);
  suite_add_tcase (suite, plugin);
  suite_add_tcase (suite, models);
  suite_add_tcase (suite, streams);
  return gst_test_run (suite);
}
