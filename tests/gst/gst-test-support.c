/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-test-support.h"

#include <string.h>
#include <unistd.h>

#include "reference-support.h"
#include "../folder.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

#define LOUDNESS 0.6f /* peak to peak */
#define MESSAGE_WAIT (60 * GST_SECOND)

/* -- the program --------------------------------------------------------- */

static char *folder, *model_file, *other_model_file;

/* GStreamer's own plugins that tests use. If one is missing, the tests that
 * need it fail and name it. */
static const char *const system_plugins[]
    = { "coreelements", "coretracers",  "app", "audioconvert",
        "audiotestsrc", "videotestsrc", NULL };

static void
link_plugins (const char *const *names)
{
  for (; *names; names++) {
    g_autofree char *name = g_strdup_printf ("libgst%s.so", *names);
    g_autofree char *from = g_build_filename (GST_SYSTEM_PLUGINS, name, NULL);
    g_autofree char *to = g_build_filename (folder, name, NULL);

    if (symlink (from, to) != 0)
      g_error ("%s cannot be linked", to);
  }
}

static void
collect_plugins (void)
{
  g_autofree char *path = g_strdup_printf ("%s:%s", folder, GST_TEST_PLUGINS);
  g_autofree char *registry = g_build_filename (folder, "registry", NULL);

  link_plugins (system_plugins);
  g_setenv ("GST_PRESET_PATH", GST_TEST_PRESETS, TRUE);
  g_setenv ("GST_REGISTRY", registry, TRUE);
  g_setenv ("GST_REGISTRY_FORK", "no", TRUE);
  g_setenv ("GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
  g_setenv ("GST_PLUGIN_PATH_1_0", path, TRUE);
}

void
gst_test_init (int *argc, char ***argv)
{
  folder = make_folder ();
  collect_plugins ();
  gst_init (argc, argv);
}

void
gst_test_add_plugins (const char *const *names)
{
  link_plugins (names);
  gst_registry_scan_path (gst_registry_get (), folder);
}

int
gst_test_run (Suite *suite)
{
  const int failed = run_suite (suite);

  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&model_file, g_free);
  g_clear_pointer (&other_model_file, g_free);
  gst_deinit ();
  return failed;
}

const char *
gst_test_folder (void)
{
  return folder;
}

/* -- models -------------------------------------------------------------- */

static char *
write_model (const char *name, const char *seed)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (CcsStateDict) params = reference_state_dict (&config, seed);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);

  if (!ccs_checkpoint_save (path, params, NULL, CCS_F32, CCS_OUTPUT_OVERWRITE,
                            &error))
    g_error ("%s", error->message);
  return path;
}

const char *
gst_test_model_file (void)
{
  if (model_file == NULL)
    model_file = write_model ("model.safetensors", "");
  return model_file;
}

const char *
gst_test_other_model_file (void)
{
  if (other_model_file == NULL)
    other_model_file = write_model ("other.safetensors", "other");
  return other_model_file;
}

CcsModel *
gst_test_model (void)
{
  CcsBackendOptions options = { 0, -1 };
  g_autoptr (GError) error = NULL;
  CcsModel *model
      = ccs_model_load (gst_test_model_file (), "cpu", &options, &error);

  assert_ok (model != NULL, error);
  return model;
}

GstElement *
gst_test_element (const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  ck_assert_msg (element != NULL, "there is no element %s", factory);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element),
                                    "model-file")) {
    g_object_set (element, "model-file", gst_test_model_file (), NULL);
    gst_util_set_object_arg (G_OBJECT (element), "backend", "cpu");
  }
  return element;
}

/* -- signals ------------------------------------------------------------- */

/* Returns a value in [0, 1): the finaliser of SplitMix64. */
static float
unit (guint64 i)
{
  guint64 x = (i + 1) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  x = (x ^ x >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  x ^= x >> 31;
  return (float)(x >> 40) / (1 << 24);
}

float
gst_test_sample (guint64 i)
{
  return LOUDNESS * (unit (i) - 0.5f);
}

GstBuffer *
gst_test_audio (guint rate, guint channels, guint64 first, gsize frames,
                GstClockTime start)
{
  const gsize n = frames * channels;
  float *samples = g_new (float, n);
  GstClockTime from = gst_util_uint64_scale (first, GST_SECOND, rate);
  GstClockTime to = gst_util_uint64_scale (first + frames, GST_SECOND, rate);
  GstBuffer *buffer;

  for (gsize i = 0; i < n; i++)
    samples[i] = gst_test_sample (first * channels + i);
  buffer = n ? gst_buffer_new_wrapped (samples, n * sizeof *samples)
             : gst_buffer_new ();
  GST_BUFFER_PTS (buffer) = start + from;
  GST_BUFFER_DURATION (buffer) = to - from;
  return buffer;
}

float *
gst_test_feature (gsize size, guint k)
{
  float *feature = g_new (float, size);

  for (gsize i = 0; i < size; i++)
    feature[i] = unit (((guint64)k << 32) + i);
  return feature;
}

GstBuffer *
gst_test_feature_buffer (gsize size, guint k)
{
  GstBuffer *buffer = gst_buffer_new_wrapped (gst_test_feature (size, k),
                                              size * sizeof (float));

  GST_BUFFER_PTS (buffer) = k * TEST_PICTURE_TIME;
  GST_BUFFER_DURATION (buffer) = TEST_PICTURE_TIME;
  return buffer;
}

guint8 *
gst_test_picture (gint width, gint height, guint k)
{
  const gsize bytes = 3 * (gsize)width * height;
  guint8 *picture = g_malloc (bytes);

  for (gsize i = 0; i < bytes; i++)
    picture[i] = (guint8)(256 * unit (((guint64)k << 32) + i));
  return picture;
}

/* -- expected output ------------------------------------------------------- */

GArray *
gst_test_core_output (CcsModel *model, guint rate, guint channels, gsize frames,
                      guint n_features)
{
  CcsBinauralizerOptions options = CCS_BINAURALIZER_OPTIONS_INIT;
  const gsize size = ccs_model_feature_size (model);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBinauralizer) engine = NULL;
  GArray *out = g_array_new (FALSE, FALSE, sizeof (float));
  g_autofree float *samples = g_new (float, frames *channels);

  options.rate = rate;
  options.channels = channels;
  assert_ok (engine = ccs_binauralizer_new (model, &options, &error), error);
  for (gsize i = 0; i < frames * channels; i++)
    samples[i] = gst_test_sample (i);
  for (guint k = 0; k < n_features; k++) {
    g_autofree float *feature = gst_test_feature (size, k);

    assert_ok (ccs_binauralizer_push_feature (engine, k * TEST_PICTURE_TIME,
                                              feature, &error),
               error);
  }
  ccs_binauralizer_end_features (engine);
  assert_ok (ccs_binauralizer_push_audio (engine, samples, frames, &error),
             error);
  assert_ok (ccs_binauralizer_drain (engine, &error), error);
  g_array_set_size (out, (guint)(2 * ccs_binauralizer_available (engine)));
  ccs_binauralizer_pull (engine, (float *)out->data, out->len / 2);
  return out;
}

/* -- output ---------------------------------------------------------------- */

GArray *
gst_test_pull_all (GstHarness *h, guint rate, GstClockTime start)
{
  GArray *out = g_array_new (FALSE, FALSE, sizeof (float));
  GstBuffer *buffer = NULL;

  while (gst_harness_pull_until_eos (h, &buffer) && buffer != NULL) {
    GstClockTime expected
        = start + gst_util_uint64_scale (out->len / 2, GST_SECOND, rate);
    GstMapInfo map;

    ck_assert_uint_eq (GST_BUFFER_PTS (buffer), expected);
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    g_array_append_vals (out, map.data, (guint)(map.size / sizeof (float)));
    gst_buffer_unmap (buffer, &map);
    ck_assert_uint_eq (
        GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer),
        start + gst_util_uint64_scale (out->len / 2, GST_SECOND, rate));
    gst_clear_buffer (&buffer);
  }
  return out;
}

void
gst_test_assert_same (const GArray *got, const GArray *want)
{
  ck_assert_uint_eq (got->len, want->len);
  for (guint i = 0; i < got->len; i++)
    if (memcmp (&g_array_index (got, float, i), &g_array_index (want, float, i),
                sizeof (float))
        != 0)
      ck_abort_msg ("sample %u of channel %u is %.9g, not %.9g", i / 2, i % 2,
                    g_array_index (got, float, i),
                    g_array_index (want, float, i));
}

/* -- messages -------------------------------------------------------------- */

GstBus *
gst_test_bus (GstElement *element)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  return bus;
}

void
gst_test_assert_error (GstBus *bus, GQuark domain, int code,
                       const char *mention)
{
  g_autoptr (GstMessage) message
      = gst_bus_timed_pop_filtered (bus, MESSAGE_WAIT, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (message != NULL, "no error came");
  gst_message_parse_error (message, &error, NULL);
  ck_assert_msg (g_error_matches (error, domain, code), "%s %d: %s",
                 g_quark_to_string (error->domain), error->code,
                 error->message);
  ck_assert_msg (strstr (error->message, mention) != NULL,
                 "\"%s\" does not mention \"%s\"", error->message, mention);
}

guint
gst_test_count_messages (GstBus *bus, GstMessageType type)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop (bus)) != NULL) {
    n += GST_MESSAGE_TYPE (message) == type;
    gst_message_unref (message);
  }
  return n;
}
