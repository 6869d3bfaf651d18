/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereobin: request and release of pads, unchanged video, audio and video
 * that do not block each other, forwarded properties. */
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>
#include <string.h>

#include "gst-test-support.h"
#include "reference-support.h"

#define END_WAIT (120 * GST_SECOND)

typedef struct
{
  GstElement *pipeline;
  GstBus *bus;
  guint64 sound_frames; /* stereo float frames that reached "sound" */
  GArray *pictures;     /* GstClockTime of buffers that reached "picture" */
  gboolean ears_differ;
} Run;

static void
count_sound (GstElement *sink, GstBuffer *buffer, GstPad *pad, Run *run)
{
  GstMapInfo map;
  const float *ears;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  ears = (const float *)map.data;
  for (gsize i = 0; i < map.size / sizeof (float); i += 2)
    run->ears_differ |= ears[i] != ears[i + 1];
  run->sound_frames += map.size / (2 * sizeof (float));
  gst_buffer_unmap (buffer, &map);
}

static void
note_picture (GstElement *sink, GstBuffer *buffer, GstPad *pad, Run *run)
{
  g_array_append_val (run->pictures, GST_BUFFER_PTS (buffer));
}

static void
watch (Run *run, const char *name, GCallback callback)
{
  g_autoptr (GstElement) sink
      = gst_bin_get_by_name (GST_BIN (run->pipeline), name);

  if (sink)
    g_signal_connect (sink, "handoff", callback, run);
}

/* Runs @line, in which BIN is replaced by a ccstereobin called b with the test
 * model. Counts buffers of fakesinks called "sound" and "picture". */
static Run *
run_new (const char *line)
{
  Run *run = g_new0 (Run, 1);
  g_autofree char *bin = g_strdup_printf (
      "ccstereobin name=b backend=cpu model-file=%s", gst_test_model_file ());
  g_auto (GStrv) around = g_strsplit (line, "BIN", -1);
  g_autofree char *whole = g_strjoinv (bin, around);
  g_autoptr (GError) error = NULL;

  run->pipeline = gst_parse_launch (whole, &error);
  assert_ok (run->pipeline != NULL && error == NULL, error);
  run->bus = gst_element_get_bus (run->pipeline);
  run->pictures = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  watch (run, "sound", G_CALLBACK (count_sound));
  watch (run, "picture", G_CALLBACK (note_picture));
  return run;
}

static void
run_free (Run *run)
{
  gst_element_set_state (run->pipeline, GST_STATE_NULL);
  gst_object_unref (run->bus);
  gst_object_unref (run->pipeline);
  g_array_unref (run->pictures);
  g_free (run);
}

static void
play_to_end (Run *run)
{
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (run->bus, END_WAIT,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ck_assert_msg (message != NULL, "the pipeline did not come to its end");
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    ck_abort_msg ("%s", error->message);
  }
}

#define SOUND(caps, buffers)                                                   \
  "audiotestsrc wave=white-noise num-buffers=" #buffers                        \
  " samplesperbuffer=1600 ! audio/x-raw,rate=16000," caps " ! "
#define PICTURE(buffers)                                                       \
  "videotestsrc pattern=ball num-buffers=" #buffers                            \
  " ! video/x-raw,width=96,height=64,framerate=30/1 ! "
#define SOUND_SINK                                                             \
  " ! audio/x-raw,format=F32LE ! fakesink name=sound signal-handoffs=true "
#define PICTURE_SINK " ! fakesink name=picture signal-handoffs=true "

/* -- data ------------------------------------------------------------------ */

START_TEST (sound_and_picture_come_out_whole)
{
  Run *run = run_new (SOUND ("channels=1", 20) "BIN" SOUND_SINK PICTURE (
      60) "b. b." PICTURE_SINK);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 20 * 1600);
  ck_assert (run->ears_differ);
  ck_assert_uint_eq (run->pictures->len, 60);
  for (guint k = 0; k < run->pictures->len; k++)
    ck_assert_uint_eq (g_array_index (run->pictures, GstClockTime, k),
                       gst_util_uint64_scale (k, GST_SECOND, 30));
  run_free (run);
}
END_TEST

START_TEST (the_picture_goes_on_when_the_sound_has_ended)
{
  Run *run = run_new (SOUND ("channels=1", 5) "BIN" SOUND_SINK PICTURE (
      400) "b. b." PICTURE_SINK);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 5 * 1600);
  ck_assert_uint_eq (run->pictures->len, 400);
  run_free (run);
}
END_TEST

START_TEST (the_sound_goes_on_when_the_picture_has_ended)
{
  Run *run = run_new (SOUND ("channels=1", 60) "BIN" SOUND_SINK PICTURE (
      15) "b. b." PICTURE_SINK);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 60 * 1600);
  ck_assert_uint_eq (run->pictures->len, 15);
  run_free (run);
}
END_TEST

static const char *const layouts[] = {
  "channels=2",
  "channels=6,channel-mask=(bitmask)0x3f",
  "channels=1,format=S16LE",
  "channels=2,layout=non-interleaved,format=F64LE",
};

START_TEST (any_layout_of_sound_is_mixed_down)
{
  g_autofree char *line = g_strdup_printf (
      "audiotestsrc num-buffers=12 samplesperbuffer=1600 ! "
      "audio/x-raw,rate=16000,%s ! BIN" SOUND_SINK PICTURE (40) "b.",
      layouts[_i]);
  Run *run = run_new (line);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 12 * 1600);
  run_free (run);
}
END_TEST

START_TEST (channels_in_unknown_places_are_refused_in_words)
{
  Run *run = run_new (
      "appsrc name=source format=time caps=audio/x-raw,format=F32LE,"
      "layout=interleaved,rate=16000,channels=17,channel-mask=(bitmask)0 "
      "! BIN ! fakesink");
  g_autoptr (GstElement) source
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "source");
  g_autoptr (GstBuffer) buffer = gst_test_audio (16000, 17, 0, 1600, 0);
  GstFlowReturn ret;

  gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
  g_signal_emit_by_name (source, "push-buffer", buffer, &ret);
  gst_test_assert_error (run->bus, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                         "17 channels without positions");
  run_free (run);
}
END_TEST

START_TEST (without_a_picture_the_sound_is_centred)
{
  Run *run = run_new (SOUND ("channels=1", 20) "BIN" SOUND_SINK);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 20 * 1600);
  ck_assert (!run->ears_differ);
  run_free (run);
}
END_TEST

START_TEST (sound_and_picture_in_step_do_not_wait_for_each_other_for_ever)
{
  /* Both sinks hold their first buffer until the other has received one. */
  Run *run = run_new (SOUND (
      "channels=1", 30) "BIN ! audio/x-raw,format=F32LE ! fakesink "
                        "sync=true name=sound signal-handoffs=true " PICTURE (
                            90) "b. b. ! fakesink sync=true name=picture "
                                "signal-handoffs=true");

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 30 * 1600);
  ck_assert_uint_eq (run->pictures->len, 90);
  run_free (run);
}
END_TEST

static const struct
{
  const char *line, *said;
} lacking[] = {
  { "BIN b.audio_src ! fakesink " PICTURE (200) "b.video_sink",
    "no audio for it: audio_sink is not linked" },
  { "appsrc ! BIN b.audio_src ! fakesink " PICTURE (200) "b.video_sink",
    "audio_sink received no data" },
  { "appsrc ! b.video_sink " SOUND ("channels=1", 20) "BIN ! fakesink",
    "no video for it: video_sink received no data" },
};

START_TEST (what_does_not_come_is_not_awaited_in_silence)
{
  Run *run = run_new (lacking[_i].line);
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) warning = NULL;

  gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (run->bus, END_WAIT,
                                        GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  ck_assert_msg (message != NULL, "nothing is said");
  ck_assert_int_eq (GST_MESSAGE_TYPE (message), GST_MESSAGE_WARNING);
  gst_message_parse_warning (message, &warning, NULL);
  ck_assert_msg (strstr (warning->message, lacking[_i].said), "%s",
                 warning->message);
  run_free (run);
}
END_TEST

/* ALLOCATION queries wait in the queue after the frames that wait for audio. */
START_TEST (pictures_that_change_before_the_sound_is_ready_go_on)
{
  Run *run = run_new (
      SOUND ("channels=1", 20) "BIN" SOUND_SINK "videotestsrc num-buffers=3 ! "
                               "video/x-raw,width=96,height=64,framerate=30/1 "
                               "! concat name=c ! b.video_sink "
                               "videotestsrc num-buffers=57 ! "
                               "video/x-raw,width=64,height=64,framerate=30/1 "
                               "! c. b.video_src" PICTURE_SINK);

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 20 * 1600);
  ck_assert_uint_eq (run->pictures->len, 60);
  run_free (run);
}
END_TEST

START_TEST (live_sources_prepare_without_data_and_play)
{
  Run *run = run_new (
      "audiotestsrc is-live=true num-buffers=30 samplesperbuffer=800 ! "
      "audio/x-raw,rate=16000,channels=1 ! BIN" SOUND_SINK
      "videotestsrc is-live=true num-buffers=45 ! "
      "video/x-raw,width=96,height=64,framerate=30/1 ! b. b." PICTURE_SINK);

  ck_assert_int_eq (gst_element_set_state (run->pipeline, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_NO_PREROLL);
  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 30 * 800);
  ck_assert_uint_eq (run->pictures->len, 45);
  run_free (run);
}
END_TEST

START_TEST (a_flushing_seek_starts_again_at_its_place)
{
  Run *run = run_new (
      "audiotestsrc samplesperbuffer=1600 ! "
      "audio/x-raw,rate=16000,channels=1 ! BIN ! audio/x-raw,format=F32LE ! "
      "fakesink name=sound signal-handoffs=true "
      "videotestsrc ! video/x-raw,width=96,height=64,framerate=30/1 ! b. "
      "b." PICTURE_SINK);
  GstClockTime to = 2 * GST_SECOND;

  gst_element_set_state (run->pipeline, GST_STATE_PAUSED);
  gst_element_get_state (run->pipeline, NULL, NULL, END_WAIT);
  ck_assert (gst_element_seek (run->pipeline, 1., GST_FORMAT_TIME,
                               GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, to,
                               GST_SEEK_TYPE_SET, to + 3 * GST_SECOND / 2));
  gst_element_get_state (run->pipeline, NULL, NULL, END_WAIT);
  run->sound_frames = 0;
  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 24000);
  run_free (run);
}
END_TEST

/* -- pads ------------------------------------------------------------------ */

START_TEST (video_pads_come_and_go)
{
  g_autoptr (GstElement) bin
      = gst_object_ref_sink (gst_test_element ("ccstereobin"));

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GstPad) src = gst_element_request_pad_simple (bin, "video_src");
    g_autoptr (GstPad) sink
        = gst_element_request_pad_simple (bin, "video_sink");

    ck_assert (src && sink);
    gst_element_set_state (bin, GST_STATE_PAUSED);
    gst_element_release_request_pad (bin, _i ? src : sink);
    gst_element_release_request_pad (bin, _i ? sink : src);
    gst_element_set_state (bin, GST_STATE_NULL);
  }
  ck_assert_uint_eq (bin->numpads, 2);
}
END_TEST

/* The sinks have prerolled, so streaming threads block until PLAYING. */
START_TEST (video_pads_can_be_released_in_a_paused_pipeline)
{
  Run *run = run_new (SOUND ("channels=1", 40) "BIN" SOUND_SINK PICTURE (
      120) "b. b." PICTURE_SINK);
  g_autoptr (GstElement) bin
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "b");
  g_autoptr (GstPad) pad
      = gst_element_get_static_pad (bin, _i ? "video_src" : "video_sink");
  g_autoptr (GstElement) sink
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "picture");

  gst_element_set_state (run->pipeline, GST_STATE_PAUSED);
  ck_assert_int_eq (gst_element_get_state (run->pipeline, NULL, NULL, END_WAIT),
                    GST_STATE_CHANGE_SUCCESS);
  gst_element_release_request_pad (bin, pad);
  gst_bin_remove (GST_BIN (run->pipeline), sink);
  gst_element_set_state (sink, GST_STATE_NULL);
  if (_i)
    play_to_end (run);
  run_free (run);
}
END_TEST

/* Requests the video source pad. Several threads do so; only one gets it. */
static gpointer
request_video_src (gpointer bin)
{
  return gst_element_request_pad (bin,
                                  gst_element_class_get_pad_template (
                                      GST_ELEMENT_GET_CLASS (bin), "video_src"),
                                  NULL, NULL);
}

START_TEST (a_pad_is_given_once_whoever_requests_it)
{
  g_autoptr (GstElement) bin
      = gst_object_ref_sink (gst_test_element ("ccstereobin"));

  for (guint i = 0; i < 50; i++) {
    GThread *threads[3];
    GstPad *got = NULL;
    guint n = 0;

    for (guint k = 0; k < G_N_ELEMENTS (threads); k++)
      threads[k] = g_thread_new ("request", request_video_src, bin);
    for (guint k = 0; k < G_N_ELEMENTS (threads); k++) {
      GstPad *pad = g_thread_join (threads[k]);

      n += pad != NULL;
      got = pad ? pad : got;
    }
    ck_assert_uint_eq (n, 1);
    gst_element_release_request_pad (bin, got);
    gst_object_unref (got);
  }
}
END_TEST

START_TEST (a_video_src_without_a_video_sink_holds_nothing_up)
{
  Run *run = run_new (SOUND ("channels=1", 20) "BIN" SOUND_SINK);
  g_autoptr (GstElement) bin
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "b");
  g_autoptr (GstPad) src = gst_element_request_pad_simple (bin, "video_src");

  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 20 * 1600);
  gst_element_release_request_pad (bin, src);
  run_free (run);
}
END_TEST

/* -- properties ------------------------------------------------------------ */

START_TEST (properties_are_those_of_the_parts)
{
  g_autoptr (GstElement) bin
      = gst_object_ref_sink (gst_test_element ("ccstereobin"));
  g_autoptr (GstElement) dec = gst_bin_get_by_name (GST_BIN (bin), "dec");
  g_autoptr (GstPad) sink = gst_element_request_pad_simple (bin, "video_sink");
  g_autoptr (GstElement) enc = gst_bin_get_by_name (GST_BIN (bin), "enc");
  g_autofree char *dec_model = NULL, *enc_model = NULL;
  guint hop;
  gint threads;
  double width;

  g_object_set (bin, "hop", 2016, "width", 1.5, "n-threads", 3, NULL);
  g_object_get (dec, "hop", &hop, "width", &width, "model-file", &dec_model,
                NULL);
  g_object_get (enc, "model-file", &enc_model, "n-threads", &threads, NULL);
  ck_assert_uint_eq (hop, 2016);
  ck_assert_double_eq (width, 1.5);
  ck_assert_int_eq (threads, 3);
  ck_assert_str_eq (dec_model, gst_test_model_file ());
  ck_assert_str_eq (enc_model, gst_test_model_file ());
  g_object_get (bin, "hop", &hop, NULL);
  ck_assert_uint_eq (hop, 2016);
  gst_element_release_request_pad (bin, sink);
}
END_TEST

static const char *const presets[] = { "low-latency", "low-cpu", "archive" };

START_TEST (every_preset_plays)
{
  Run *run
      = run_new (SOUND ("channels=1", 40) "BIN" SOUND_SINK PICTURE (120) "b.");
  g_autoptr (GstElement) bin
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "b");

  ck_assert (gst_preset_load_preset (GST_PRESET (bin), presets[_i]));
  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 40 * 1600);
  ck_assert (run->ears_differ);
  run_free (run);
}
END_TEST

START_TEST (width_is_controlled_on_the_bin)
{
  Run *run
      = run_new (SOUND ("channels=1", 20) "BIN" SOUND_SINK PICTURE (60) "b.");
  g_autoptr (GstElement) bin
      = gst_bin_get_by_name (GST_BIN (run->pipeline), "b");
  GstControlSource *source = gst_interpolation_control_source_new ();

  /* The binding maps 0 .. 1 to the property's 0 .. 2. */
  g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE (source),
                                      0, 0.);
  gst_object_add_control_binding (
      GST_OBJECT (bin),
      gst_direct_control_binding_new (GST_OBJECT (bin), "width", source));
  gst_object_unref (source);
  play_to_end (run);
  ck_assert_uint_eq (run->sound_frames, 20 * 1600);
  ck_assert (!run->ears_differ);
  run_free (run);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("bin");
  TCase *data = tcase_create ("data"), *pads = tcase_create ("pads");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_test (data, sound_and_picture_come_out_whole);
  tcase_add_test (data, the_picture_goes_on_when_the_sound_has_ended);
  tcase_add_test (data, the_sound_goes_on_when_the_picture_has_ended);
  tcase_add_loop_test (data, any_layout_of_sound_is_mixed_down, 0,
                       G_N_ELEMENTS (layouts));
  tcase_add_test (data, channels_in_unknown_places_are_refused_in_words);
  tcase_add_test (data, without_a_picture_the_sound_is_centred);
  tcase_add_test (
      data, sound_and_picture_in_step_do_not_wait_for_each_other_for_ever);
  tcase_add_loop_test (data, what_does_not_come_is_not_awaited_in_silence, 0,
                       G_N_ELEMENTS (lacking));
  tcase_add_test (data, pictures_that_change_before_the_sound_is_ready_go_on);
  tcase_add_test (data, live_sources_prepare_without_data_and_play);
  tcase_add_test (data, a_flushing_seek_starts_again_at_its_place);
  tcase_add_loop_test (pads, video_pads_come_and_go, 0, 2);
  tcase_add_loop_test (pads, video_pads_can_be_released_in_a_paused_pipeline, 0,
                       2);
  tcase_add_test (pads, a_pad_is_given_once_whoever_requests_it);
  tcase_add_test (pads, a_video_src_without_a_video_sink_holds_nothing_up);
  tcase_add_test (pads, properties_are_those_of_the_parts);
  tcase_add_test (pads, width_is_controlled_on_the_bin);
  tcase_add_loop_test (pads, every_preset_plays, 0, G_N_ELEMENTS (presets));
  suite_add_tcase (suite, data);
  suite_add_tcase (suite, pads);
  return gst_test_run (suite);
}
