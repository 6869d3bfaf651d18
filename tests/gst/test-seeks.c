/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seeks in a file through ccstereobin. The audio continues exactly at the
 * requested position, without missing or extra samples. Once no window
 * reaches over the position of the seek, it equals the audio of playback
 * without a seek. */
#include <gst/app/gstappsink.h>
#include <math.h>

#include "clip.h"
#include "gst-test-support.h"
#include "reference-support.h"

#define RATE 16000 /* no resampling: windows start on samples */
#define SECONDS 3
#define HOP 2016 /* a large hop, which is fast */
#define SAMPLES (SECONDS * RATE)
#define WAIT (120 * GST_SECOND)
#define LEAP_ROUNDS 8
#define LEAP_SEED 20
/* A position at which a window of uninterrupted playback starts. */
#define ON_A_HOP (8 * HOP)

static char *film;

/* -- the pipeline --------------------------------------------------------- */

typedef struct
{
  GstElement *pipeline;
  GstBus *bus;
  GstAppSink *sink;
} Player;

static void
wait_for (Player *self, GstMessageType type)
{
  g_autoptr (GstMessage) message
      = gst_bus_timed_pop_filtered (self->bus, WAIT, type | GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (message != NULL, "no %s came",
                 gst_message_type_get_name (type));
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR)
    return;
  gst_message_parse_error (message, &error, NULL);
  ck_abort_msg ("%s", error->message);
}

/* Opens the file and pauses at its start. */
static Player *
player_new (void)
{
  Player *self = g_new0 (Player, 1);
  g_autofree char *line = g_strdup_printf (
      "filesrc location=%s ! qtdemux name=d  d.audio_0 ! "
      "ccstereobin name=b backend=cpu model-file=%s hop=" G_STRINGIFY (
          HOP) " analysis-rate=5/1 ! "
               "audio/x-raw,format=F32LE ! appsink name=ears sync=false "
               "max-buffers=4 "
               "d.video_0 ! avdec_qtrle ! b.  b. ! fakesink",
      film, gst_test_model_file ());
  g_autoptr (GError) error = NULL;

  self->pipeline = gst_parse_launch (line, &error);
  assert_ok (self->pipeline != NULL && error == NULL, error);
  self->bus = gst_element_get_bus (self->pipeline);
  self->sink
      = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (self->pipeline), "ears"));
  gst_element_set_state (self->pipeline, GST_STATE_PAUSED);
  wait_for (self, GST_MESSAGE_ASYNC_DONE);
  return self;
}

static void
player_free (Player *self)
{
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->sink);
  gst_object_unref (self->bus);
  gst_object_unref (self->pipeline);
  g_free (self);
}

static void
seek (Player *self, double rate, GstSeekFlags flags, GstClockTime from,
      GstClockTime to)
{
  ck_assert (gst_element_seek (
      self->pipeline, rate, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET,
      (gint64)from,
      GST_CLOCK_TIME_IS_VALID (to) ? GST_SEEK_TYPE_SET : GST_SEEK_TYPE_NONE,
      (gint64)to));
}

/* -- checking the output -------------------------------------------------- */

/* Converts @place, a sample index in the file, to ns. */
static GstClockTime
time_of (guint64 place)
{
  return gst_util_uint64_scale (place, GST_SECOND, RATE);
}

/* Returns the index in the file of the first sample in @sample. */
static gint64
place_of (GstSample *sample)
{
  guint64 time = gst_segment_to_stream_time (
      gst_sample_get_segment (sample), GST_FORMAT_TIME,
      GST_BUFFER_PTS (gst_sample_get_buffer (sample)));

  return (gint64)gst_util_uint64_scale_round (time, RATE, GST_SECOND);
}

/* Appends @sample to @ears. Checks that it starts where @ears end, and that
 * the sum of both channels equals the file's audio at this position. */
static void
append (GArray *ears, gint64 first, GstSample *sample)
{
  const gint64 place = place_of (sample);
  GstMapInfo map;
  const float *data;

  ck_assert_int_eq (place, first + ears->len / 2);
  gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
  data = (const float *)map.data;
  for (gsize i = 0; i < map.size / (2 * sizeof (float)); i++)
    ck_assert_float_eq_tol (data[2 * i] + data[2 * i + 1],
                            gst_test_sample (place + i), 1e-4);
  g_array_append_vals (ears, data, (guint)(map.size / sizeof (float)));
  gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
}

/* Plays to the end and returns the output. @first is set to the position of
 * the first sample, or -1. */
static GArray *
play (Player *self, gint64 *first)
{
  GArray *ears = g_array_new (FALSE, FALSE, sizeof (float));
  GstSample *sample;

  *first = -1;
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_try_pull_sample (self->sink, WAIT)) != NULL) {
    if (*first < 0)
      *first = place_of (sample);
    append (ears, *first, sample);
    gst_sample_unref (sample);
  }
  ck_assert_msg (gst_app_sink_is_eos (self->sink), "the film does not end");
  return ears;
}

/* -- one seek ------------------------------------------------------------- */

#define ACCURATE (GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE)
#define KEY_UNIT (GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT)
#define MS(ms) ((ms)*GST_MSECOND)
#define NO_STOP GST_CLOCK_TIME_NONE

static const struct
{
  GstSeekFlags flags;
  double rate;
  GstClockTime from, to;
} seeks[] = {
  { ACCURATE, 1, 0, NO_STOP },
  { ACCURATE, 1, MS (1234), NO_STOP },
  { ACCURATE, 1, 1234567891, NO_STOP }, /* between two samples */
  { ACCURATE, 1, MS (1000), MS (2000) },
  { ACCURATE, 1, MS (1000), MS (1100) }, /* shorter than a window */
  { ACCURATE, 1, MS (2950), NO_STOP },   /* also, at the end */
  { ACCURATE, 2, MS (1000), NO_STOP },
  { ACCURATE, .5, MS (2000), MS (2500) },
};

START_TEST (sound_goes_on_at_the_place_asked_for)
{
  Player *player = player_new ();
  const GstClockTime to
      = MIN (seeks[_i].to, (GstClockTime)SECONDS * GST_SECOND);
  gint64 first;
  g_autoptr (GArray) ears = NULL;

  seek (player, seeks[_i].rate, seeks[_i].flags, seeks[_i].from, seeks[_i].to);
  ears = play (player, &first);
  ck_assert_int_le (llabs (first
                           - (gint64)gst_util_uint64_scale (seeks[_i].from,
                                                            RATE, GST_SECOND)),
                    1);
  ck_assert_int_le (
      llabs (first + ears->len / 2
             - (gint64)gst_util_uint64_scale (to, RATE, GST_SECOND)),
      1);
  player_free (player);
}
END_TEST

START_TEST (a_seek_to_a_key_unit_begins_no_later)
{
  Player *player = player_new ();
  gint64 first;
  g_autoptr (GArray) ears = NULL;

  seek (player, 1, KEY_UNIT, MS (2500), NO_STOP);
  ears = play (player, &first);
  ck_assert_int_le (first, 2500 * RATE / 1000);
  ck_assert_int_eq (first + ears->len / 2, SAMPLES);
  player_free (player);
}
END_TEST

START_TEST (a_seek_behind_the_end_is_the_end)
{
  Player *player = player_new ();
  gint64 first;
  g_autoptr (GArray) ears = NULL;

  seek (player, 1, ACCURATE, MS (60000), NO_STOP);
  ears = play (player, &first);
  ck_assert_uint_eq (ears->len, 0);
  player_free (player);
}
END_TEST

/* Queues limit running time. Audio that plays slowly has a longer running
 * time. */
START_TEST (slow_sound_and_picture_do_not_wait_for_each_other_for_ever)
{
  Player *player = player_new ();

  seek (player, .2, ACCURATE, 0, NO_STOP);
  wait_for (player, GST_MESSAGE_ASYNC_DONE);
  player_free (player);
}
END_TEST

START_TEST (behind_a_seek_the_sound_is_that_of_an_unbroken_play)
{
  Player *player = player_new ();
  gint64 first;
  g_autoptr (GArray) whole = play (player, &first);
  g_autoptr (GArray) part = NULL;

  ck_assert_int_eq (first, 0);
  ck_assert_uint_eq (whole->len, 2 * SAMPLES);
  seek (player, 1, ACCURATE, time_of (ON_A_HOP), NO_STOP);
  part = play (player, &first);
  ck_assert_int_eq (first, ON_A_HOP);
  ck_assert_uint_eq (part->len, 2 * (SAMPLES - ON_A_HOP));
  for (guint i = 2 * CCS_WINDOW; i < part->len; i++)
    ck_assert_float_eq (g_array_index (part, float, i),
                        g_array_index (whole, float, 2 * ON_A_HOP + i));
  player_free (player);
}
END_TEST

/* -- loops ---------------------------------------------------------------- */

#define LOOPS 3
#define LOOP_FROM (SAMPLES / 3)
#define LOOP_SAMPLES (SAMPLES / 3 + 100)

static void
seek_loop (Player *self, GstSeekFlags flags)
{
  seek (self, 1, flags | GST_SEEK_FLAG_ACCURATE, time_of (LOOP_FROM),
        time_of (LOOP_FROM + LOOP_SAMPLES));
}

/* Plays round @round, counted from 0. */
static GArray *
play_round (Player *self, guint round)
{
  GArray *ears = g_array_new (FALSE, FALSE, sizeof (float));

  while (ears->len < 2 * LOOP_SAMPLES) {
    g_autoptr (GstSample) sample
        = gst_app_sink_try_pull_sample (self->sink, WAIT);
    GstClockTime running;

    ck_assert_msg (sample != NULL, "round %u ends after %u of %u samples",
                   round, ears->len / 2, LOOP_SAMPLES);
    running = gst_segment_to_running_time (
        gst_sample_get_segment (sample), GST_FORMAT_TIME,
        GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
    ck_assert_uint_eq (gst_util_uint64_scale_round (running, RATE, GST_SECOND),
                       round * LOOP_SAMPLES + ears->len / 2);
    append (ears, LOOP_FROM, sample);
  }
  ck_assert_uint_eq (ears->len, 2 * LOOP_SAMPLES);
  return ears;
}

START_TEST (a_loop_has_no_gap)
{
  Player *player = player_new ();
  g_autoptr (GArray) first = NULL, rest = NULL;
  gint64 place;

  seek_loop (player, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_SEGMENT);
  gst_element_set_state (player->pipeline, GST_STATE_PLAYING);
  for (guint round = 0; round < LOOPS; round++) {
    g_autoptr (GArray) ears = play_round (player, round);

    wait_for (player, GST_MESSAGE_SEGMENT_DONE);
    if (first)
      gst_test_assert_same (ears, first);
    else
      first = g_steal_pointer (&ears);
    seek_loop (player, round + 1 < LOOPS ? GST_SEEK_FLAG_SEGMENT : 0);
  }
  rest = play (player, &place);
  ck_assert_int_eq (place, LOOP_FROM);
  gst_test_assert_same (rest, first);
  player_free (player);
}
END_TEST

/* -- random seeks --------------------------------------------------------- */

START_TEST (leaps_while_it_plays_each_begin_where_they_should)
{
  Player *player = player_new ();
  g_autoptr (GRand) dice = g_rand_new_with_seed (LEAP_SEED);
  gint64 first;
  g_autoptr (GArray) rest = NULL;

  gst_element_set_state (player->pipeline, GST_STATE_PLAYING);
  for (guint round = 0; round < LEAP_ROUNDS; round++) {
    const gint32 ms = g_rand_int_range (dice, 0, SECONDS * 1000 - 100);
    gint pulls = g_rand_int_range (dice, 0, 3);
    GstSample *sample;

    seek (player, 1, ACCURATE, MS (ms), NO_STOP);
    while (pulls-- > 0
           && (sample = gst_app_sink_try_pull_sample (player->sink, WAIT))) {
      ck_assert_int_ge (place_of (sample), ms * RATE / 1000);
      gst_sample_unref (sample);
    }
  }
  seek (player, 1, ACCURATE, MS (500), NO_STOP);
  rest = play (player, &first);
  ck_assert_int_eq (first, RATE / 2);
  ck_assert_uint_eq (rest->len, 2 * (SAMPLES - RATE / 2));
  player_free (player);
}
END_TEST

static void
write_film (void)
{
  static const ClipOptions options = { .rate = RATE,
                                       .channels = 1,
                                       .audio_samples = SAMPLES,
                                       .n_audio = 1,
                                       .lossless = TRUE,
                                       .seconds = SECONDS };

  film = g_build_filename (gst_test_folder (), "film.mov", NULL);
  clip_write (film, &options);
}

static void
forget_film (void)
{
  g_clear_pointer (&film, g_free);
}

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("seeks");
  TCase *one = tcase_create ("one"), *loops = tcase_create ("loops");
  TCase *many = tcase_create ("many");

  gst_test_init (&argc, &argv);
  gst_test_add_plugins ((const char *const[]){ "isomp4", "libav", NULL });
  gst_test_model_file ();
  tcase_add_checked_fixture (one, write_film, forget_film);
  tcase_add_checked_fixture (loops, write_film, forget_film);
  tcase_add_checked_fixture (many, write_film, forget_film);
  tcase_add_loop_test (one, sound_goes_on_at_the_place_asked_for, 0,
                       G_N_ELEMENTS (seeks));
  tcase_add_test (one, a_seek_to_a_key_unit_begins_no_later);
  tcase_add_test (one, a_seek_behind_the_end_is_the_end);
  tcase_add_test (one,
                  slow_sound_and_picture_do_not_wait_for_each_other_for_ever);
  tcase_add_test (one, behind_a_seek_the_sound_is_that_of_an_unbroken_play);
  tcase_add_test (loops, a_loop_has_no_gap);
  tcase_add_test (many, leaps_while_it_plays_each_begin_where_they_should);
  suite_add_tcase (suite, one);
  suite_add_tcase (suite, loops);
  suite_add_tcase (suite, many);
  return gst_test_run (suite);
}
