/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drives ccstereobin with random sequences: buffers of any size, gaps,
 * discontinuities, new caps and segments, flushes, state changes and EOS in
 * any order, on both pads. In every case nothing crashes or hangs,
 * timestamps are continuous, and the output has as many samples as the
 * input.
 *
 *   test-gst-random [N [FIRST]]
 *
 * Runs N sequences (default 500), starting with sequence FIRST. The index of
 * a sequence is the seed of all its random decisions. */
#include <gst/video/video.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gst-test-support.h"

#define DEFAULT_SEQUENCES 500
#define SEED 20240607
#define SEQUENCE_SECONDS 300 /* a longer run is a deadlock */
#define MAX_ACTIONS 40
/* The queue of the video path holds no more than this ahead of the audio. */
#define MAX_AHEAD (GST_SECOND)
#define WIDTH 96
#define HEIGHT 64

typedef struct
{
  GRand *random;
  GstElement *bin;
  GstHarness *audio, *video; /* video: NULL without a video pad */
  GstClockTime base;         /* start of the segment */
  guint rate, channels;
  GstClockTime start; /* of the audio since its last discontinuity */
  guint64 frames;     /* since that discontinuity */
  guint64 pushed;     /* frames since the last flush */
  guint64 gaps;       /* those of them that became GAP events */
  gint output_rate;
  guint pictures;
  gboolean audio_ended, video_ended, new_picture_segment;
} Sequence;

static int running_number = -1;

static void
report_deadlock (int signal_number)
{
  char text[64];
  int n = g_snprintf (text, sizeof text, "sequence %d hangs\n", running_number);

  if (write (STDERR_FILENO, text, n) < 0)
    _exit (3);
  _exit (2);
}

static guint
below (Sequence *s, guint n)
{
  return (guint)g_rand_int_range (s->random, 0, (gint32)n);
}

/* -- caps and segments ----------------------------------------------------- */

static void
set_audio_caps (Sequence *s)
{
  static const guint rates[] = { 16000, 16000, 8000, 44100, 48000 };
  g_autofree char *caps = NULL;

  s->rate = rates[below (s, G_N_ELEMENTS (rates))];
  s->channels = 1 + below (s, 2);
  caps = g_strdup_printf ("audio/x-raw, format=F32LE, layout=interleaved, "
                          "rate=%u, channels=%u",
                          s->rate, s->channels);
  gst_harness_set_src_caps_str (s->audio, caps);
}

static void
set_video_caps (Sequence *s)
{
  g_autofree char *caps = g_strdup_printf (
      "video/x-raw, format=%s, width=%d, height=%d, "
      "framerate=%u/1",
      below (s, 2) ? "RGB" : "BGR", WIDTH, HEIGHT, 5 + below (s, 20));

  gst_harness_set_src_caps_str (s->video, caps);
}

static void
send_segment (Sequence *s, GstHarness *h)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = s->base;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
}

/* -- actions --------------------------------------------------------------- */

static GstClockTime
audio_time (const Sequence *s)
{
  return s->start + gst_util_uint64_scale (s->frames, GST_SECOND, s->rate);
}

static void
push_audio (Sequence *s)
{
  const gsize n = below (s, 8) ? 1 + below (s, 4000) : below (s, 3);
  GstBuffer *buffer;

  if (s->audio_ended)
    return;
  buffer = gst_test_audio (s->rate, s->channels, 0, n, audio_time (s));
  gst_harness_push (s->audio, buffer);
  s->frames += n;
  s->pushed += n;
}

static void
push_audio_gap (Sequence *s)
{
  GstClockTime from = audio_time (s);
  guint64 n = s->rate / (1 + below (s, 20));

  if (s->audio_ended)
    return;
  s->frames += n;
  s->pushed += n;
  gst_harness_push_event (s->audio,
                          gst_event_new_gap (from, audio_time (s) - from));
}

/* Makes the timestamps jump forward or backward, but not before the segment. */
static void
break_audio (Sequence *s)
{
  gint64 jump = ((gint64)below (s, 3000) - 800) * (gint64)GST_MSECOND;
  GstBuffer *buffer;
  const gsize n = 1 + below (s, 1000);

  if (s->audio_ended)
    return;
  s->start = (GstClockTime)MAX ((gint64)s->base, (gint64)audio_time (s) + jump);
  s->frames = n;
  s->pushed += n;
  buffer = gst_test_audio (s->rate, s->channels, 0, n, s->start);
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  gst_harness_push (s->audio, buffer);
}

static void
change_audio_caps (Sequence *s)
{
  if (s->audio_ended)
    return;
  s->start = audio_time (s);
  s->frames = 0;
  set_audio_caps (s);
}

static GstClockTime
picture_time (const Sequence *s)
{
  return s->base + s->pictures * GST_SECOND / 8;
}

static void
push_picture (Sequence *s)
{
  GstVideoInfo info;
  GstBuffer *buffer;

  if (s->video == NULL || s->video_ended
      || picture_time (s) > s->base + MAX_AHEAD)
    return;
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (buffer, 0, (guint8)below (s, 256), info.size);
  GST_BUFFER_PTS (buffer) = picture_time (s);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / 8;
  s->pictures++;
  gst_harness_push (s->video, buffer);
}

static void
push_picture_gap (Sequence *s)
{
  if (s->video == NULL || s->video_ended
      || picture_time (s) > s->base + MAX_AHEAD)
    return;
  gst_harness_push_event (s->video,
                          gst_event_new_gap (picture_time (s), GST_SECOND / 8));
  s->pictures++;
}

static void
change_video_caps (Sequence *s)
{
  if (s->video && !s->video_ended)
    set_video_caps (s);
}

static void
end_audio (Sequence *s)
{
  if (s->audio_ended)
    return;
  s->audio_ended = TRUE;
  gst_harness_push_event (s->audio, gst_event_new_eos ());
}

static void
end_video (Sequence *s)
{
  if (s->video == NULL || s->video_ended)
    return;
  s->video_ended = TRUE;
  gst_harness_push_event (s->video, gst_event_new_eos ());
}

/* Counts the frames of a GAP event at the current rate of the output. */
static void
count_gap (Sequence *s, GstEvent *event)
{
  GstClockTime start, duration;

  gst_event_parse_gap (event, &start, &duration);
  if (GST_CLOCK_TIME_IS_VALID (duration))
    s->gaps += gst_util_uint64_scale_round (duration, (guint64)s->output_rate,
                                            GST_SECOND);
}

static void
note_output_rate (Sequence *s, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "rate",
                         &s->output_rate);
}

/* Handles the events from the audio source pad. Returns whether EOS was
 * among them. */
static gboolean
take_events (Sequence *s)
{
  gboolean ended = FALSE;
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (s->audio)) != NULL) {
    ended |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
      note_output_rate (s, event);
    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP)
      count_gap (s, event);
    gst_event_unref (event);
  }
  return ended;
}

static void
drop_output (Sequence *s)
{
  GstBuffer *buffer;

  take_events (s);
  while ((buffer = gst_harness_try_pull (s->audio)) != NULL)
    gst_buffer_unref (buffer);
}

/* Flushes both pads and starts new segments, as a seek does. */
static void
flush (Sequence *s)
{
  GstEvent *start = gst_event_new_flush_start ();
  GstEvent *stop = gst_event_new_flush_stop (TRUE);

  gst_event_set_seqnum (stop, gst_event_get_seqnum (start));
  if (s->video) {
    gst_harness_push_event (s->video, gst_event_ref (start));
    gst_harness_push_event (s->audio, start);
    gst_harness_push_event (s->video, gst_event_ref (stop));
  } else {
    gst_harness_push_event (s->audio, start);
  }
  drop_output (s);
  gst_harness_push_event (s->audio, stop);
  s->base = s->start = below (s, 100) * GST_SECOND / 10;
  s->frames = s->pushed = s->gaps = 0;
  s->pictures = 0;
  s->audio_ended = s->video_ended = FALSE;
  send_segment (s, s->audio);
  if (s->video)
    send_segment (s, s->video);
}

/* Starts a new segment in which the audio continues at the same running
 * time. */
static void
new_audio_segment (Sequence *s)
{
  if (s->audio_ended)
    return;
  s->start = audio_time (s);
  s->frames = 0;
  send_segment (s, s->audio);
}

static void
pause_and_play (Sequence *s)
{
  gst_element_set_state (s->bin, GST_STATE_PAUSED);
  push_audio (s);
  gst_element_set_state (s->bin, GST_STATE_PLAYING);
}

static void
change_width (Sequence *s)
{
  g_object_set (s->bin, "width", below (s, 21) / 10., NULL);
}

static void
ask_latency (Sequence *s)
{
  gst_harness_query_latency (s->audio);
}

static void (*const actions[]) (Sequence *)
    = { push_audio,        push_audio,     push_audio,        push_audio,
        push_audio,        push_picture,   push_picture,      push_picture,
        push_audio_gap,    break_audio,    push_picture_gap,  change_width,
        ask_latency,       pause_and_play, change_audio_caps, change_video_caps,
        new_audio_segment, flush,          end_video,         end_audio };

/* -- sequences ------------------------------------------------------------- */

static Sequence *
sequence_new (guint number)
{
  static const guint hops[] = { CCS_HOP, CCS_WINDOW / 2, CCS_WINDOW };
  Sequence *s = g_new0 (Sequence, 1);
  gboolean live;

  s->random = g_rand_new_with_seed (SEED + number);
  s->bin = gst_object_ref_sink (gst_test_element ("ccstereobin"));
  live = below (s, 4) == 0;
  g_object_set (s->bin, "hop", hops[below (s, 6) ? 1 + below (s, 2) : 0], NULL);
  gst_util_set_object_arg (G_OBJECT (s->bin), "analysis-rate",
                           below (s, 2) ? "2/1" : "5/1");
  s->audio = gst_harness_new_with_element (s->bin, "audio_sink", "audio_src");
  gst_harness_set_live (s->audio, live);
  gst_harness_set_sink_caps_str (s->audio, "audio/x-raw, format=F32LE");
  if (below (s, 5)) {
    s->video = gst_harness_new_with_element (s->bin, "video_sink",
                                             below (s, 2) ? "video_src" : NULL);
    gst_harness_set_live (s->video, live);
    set_video_caps (s);
  }
  set_audio_caps (s);
  return s;
}

static void
sequence_free (Sequence *s)
{
  gst_element_set_state (s->bin, GST_STATE_NULL);
  if (s->video)
    gst_harness_teardown (s->video);
  gst_harness_teardown (s->audio);
  gst_object_unref (s->bin);
  g_rand_free (s->random);
  g_free (s);
}

/* Returns the next buffer, or NULL at EOS. gst_harness_pull_until_eos() does
 * not notice that a flush removes EOS, and would end too early. */
static GstBuffer *
pull_until_eos (Sequence *s, gboolean *ended)
{
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (s->audio)) == NULL && !*ended) {
    *ended = take_events (s);
    if (!*ended)
      g_usleep (G_USEC_PER_SEC / 1000);
  }
  return buffer;
}

/* Returns the count of frames until EOS, including those of GAP events.
 * Checks that between discontinuities each buffer starts where the previous
 * one ended. */
static guint64
pull_to_end (Sequence *s)
{
  GstBuffer *buffer;
  GstClockTime expected = GST_CLOCK_TIME_NONE;
  guint64 frames = 0;
  gboolean ended = FALSE;

  while ((buffer = pull_until_eos (s, &ended)) != NULL) {
    if (!GST_BUFFER_IS_DISCONT (buffer) && GST_CLOCK_TIME_IS_VALID (expected))
      ck_assert_uint_eq (GST_BUFFER_PTS (buffer), expected);
    expected = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
    frames += gst_buffer_get_size (buffer) / (2 * sizeof (float));
    gst_buffer_unref (buffer);
  }
  return frames + s->gaps;
}

static void
run_sequence (guint number)
{
  Sequence *s = sequence_new (number);
  guint n = 1 + below (s, MAX_ACTIONS);

  for (guint i = 0; i < n; i++)
    actions[below (s, G_N_ELEMENTS (actions))](s);
  if (below (s, 4)) { /* otherwise it is stopped in the middle */
    guint64 got;

    end_video (s);
    end_audio (s);
    got = pull_to_end (s);
    if (got != s->pushed)
      ck_abort_msg ("sequence %u: %" G_GUINT64_FORMAT
                    " frames went in, %" G_GUINT64_FORMAT " came out",
                    number, s->pushed, got);
  }
  sequence_free (s);
}

static guint n_sequences = DEFAULT_SEQUENCES, first_sequence;

START_TEST (random_lives_end_well)
{
  g_autoptr (CcsModel) kept = gst_test_model (); /* loaded once for all */

  ck_assert_ptr_nonnull (kept);
  signal (SIGALRM, report_deadlock);
  for (guint i = 0; i < n_sequences; i++) {
    running_number = (int)(first_sequence + i);
    alarm (SEQUENCE_SECONDS);
    run_sequence (first_sequence + i);
  }
  alarm (0);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("random");
  TCase *tests = tcase_create ("sequences");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  if (argc > 1)
    n_sequences = (guint)strtoul (argv[1], NULL, 10);
  if (argc > 2)
    first_sequence = (guint)strtoul (argv[2], NULL, 10);
  tcase_add_test (tests, random_lives_end_well);
  suite_add_tcase (suite, tests);
  return gst_test_run (suite);
}
