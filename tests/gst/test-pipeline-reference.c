/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The published clip in a pipeline: an application pushes frames and audio,
 * ccstereobin has its default settings, and the application pulls the audio. */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include "checkpoint/checkpoint.h"
#include "gst-test-support.h"
#include "reference-support.h"

#define TOLERANCE 1e-5
#define FRAME_BYTES (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT)

static char **clip_files;

/* Writes the weights that the published result was computed with to a file.
 * (transfer full) */
static char *
write_clip_model (const CcsCheckpoint *file)
{
  CcsModelConfig config
      = reference_config (reference_metadata_int (file, "backbone"),
                          reference_metadata_int (file, "dim_scale"));
  g_autoptr (CcsStateDict) params
      = reference_state_dict (&config, reference_metadata (file, "seed"));
  g_autoptr (GError) error = NULL;
  char *path
      = g_build_filename (gst_test_folder (), "clip-model.safetensors", NULL);

  assert_ok (ccs_checkpoint_save (path, params, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, &error),
             error);
  return path;
}

static GstElement *
clip_pipeline (const char *model_file)
{
  g_autofree char *line = g_strdup_printf (
      "appsrc name=frames format=time caps=video/x-raw,format=RGB,width=480,"
      "height=240,framerate=10/1 ! b.video_sink "
      "appsrc name=sound format=time caps=audio/x-raw,format=F32LE,"
      "layout=interleaved,rate=16000,channels=2 ! b.audio_sink "
      "ccstereobin name=b backend=cpu model-file=%s "
      "! appsink name=out sync=false "
      "caps=audio/x-raw,format=F32LE,layout=interleaved",
      model_file);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  assert_ok (pipeline != NULL && error == NULL, error);
  return pipeline;
}

/* (transfer full) */
static gpointer
child (GstElement *pipeline, const char *name)
{
  return gst_bin_get_by_name (GST_BIN (pipeline), name);
}

/* Pushes frames 1 to @n. Frame k has the timestamp (k - 1) / 10 s. */
static void
push_frames (GstElement *pipeline, const char *seed, guint n)
{
  g_autoptr (GstAppSrc) source = child (pipeline, "frames");

  for (guint k = 1; k <= n; k++) {
    g_autofree char *name = g_strdup_printf ("eval.frame.%u", k);
    GstBuffer *buffer = gst_buffer_new_wrapped (
        reference_pixels (seed, name, FRAME_BYTES), FRAME_BYTES);

    GST_BUFFER_PTS (buffer) = (k - 1) * TEST_PICTURE_TIME;
    GST_BUFFER_DURATION (buffer) = TEST_PICTURE_TIME;
    gst_app_src_push_buffer (source, buffer);
  }
  gst_app_src_end_of_stream (source);
}

static void
push_sound (GstElement *pipeline, const float *left, const float *right,
            gsize n)
{
  g_autoptr (GstAppSrc) source = child (pipeline, "sound");
  float *samples = g_new (float, 2 * n);
  GstBuffer *buffer = gst_buffer_new_wrapped (samples, 2 * n * sizeof *samples);

  for (gsize i = 0; i < n; i++) {
    samples[2 * i] = left[i];
    samples[2 * i + 1] = right[i];
  }
  GST_BUFFER_PTS (buffer) = 0;
  gst_app_src_push_buffer (source, buffer);
  gst_app_src_end_of_stream (source);
}

/* Pulls all output as a [2,n] array. */
static float *
pull_sound (GstElement *pipeline, gsize n)
{
  g_autoptr (GstAppSink) sink = child (pipeline, "out");
  float *channels = g_new0 (float, 2 * n);
  GstSample *sample;
  gsize done = 0;

  while ((sample = gst_app_sink_pull_sample (sink)) != NULL) {
    GstMapInfo map;

    gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
    for (gsize i = 0; i < map.size / (2 * sizeof (float)); i++, done++) {
      ck_assert_uint_lt (done, n);
      channels[done] = ((const float *)map.data)[2 * i];
      channels[n + done] = ((const float *)map.data)[2 * i + 1];
    }
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
  }
  ck_assert_uint_eq (done, n);
  return channels;
}

START_TEST (the_published_clip_comes_out_of_a_pipeline)
{
  g_autoptr (CcsCheckpoint) file = reference_load (clip_files[_i]);
  g_autofree char *model_file = write_clip_model (file);
  g_autoptr (GstElement) pipeline = clip_pipeline (model_file);
  gsize n, n_right;
  const float *left = reference_floats (file->tensors, "left", &n);
  const float *right = reference_floats (file->tensors, "right", &n_right);
  g_autofree float *got = NULL;

  ck_assert_uint_eq (n, n_right);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push_frames (pipeline, reference_metadata (file, "seed"),
               (guint)(n * TEST_FPS / CCS_MODEL_RATE + 1));
  push_sound (pipeline, left, right, n);
  got = pull_sound (pipeline, n);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  reference_assert_entry (file, "predicted_binaural", got, 2 * n, TOLERANCE);
}
END_TEST

START_TEST (the_folder_holds_a_clip)
{
  ck_assert_msg (clip_files[0] != NULL, "no eval-clip*.safetensors");
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("pipeline-reference");
  TCase *clip = tcase_create ("clip");
  int status;

  clip_files = reference_files ("eval-clip*.safetensors");
  gst_test_init (&argc, &argv);
  tcase_add_test (clip, the_folder_holds_a_clip);
  tcase_add_loop_test (clip, the_published_clip_comes_out_of_a_pipeline, 0,
                       (int)g_strv_length (clip_files));
  suite_add_tcase (suite, clip);
  status = gst_test_run (suite);
  g_strfreev (clip_files);
  return status;
}
