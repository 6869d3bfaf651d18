/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec in a live pipeline with the system clock: nothing without its
 * frame is output before it is due, and nothing waits for ever. */
#include <time.h>

#include "dec-harness.h"
#include "reference-support.h"

#define RATE 16000

/* Makes a live decoder whose running time starts now. Audio may be late by half
 * of @deadline before it counts as a pause. */
static DecHarness *
live_harness_with (GstClockTime deadline)
{
  GstElement *element = gst_test_element ("ccstereodec");
  g_autoptr (GstClock) clock = NULL;
  DecHarness *h;

  g_object_set (element, "processing-deadline", deadline, NULL);
  h = dec_harness_new_with (element, RATE, 1, TRUE, TRUE);

  gst_harness_use_systemclock (h->audio);
  clock = gst_element_get_clock (h->element);
  gst_element_set_base_time (h->element, gst_clock_get_time (clock));
  return h;
}

static DecHarness *
live_harness (void)
{
  return live_harness_with (20 * GST_SECOND);
}

/* Returns the running time at which frame @frame is due: its window is
 * complete. */
static GstClockTime
due (gsize frame)
{
  return gst_util_uint64_scale (frame + CCS_WINDOW - 1, GST_SECOND, RATE);
}

/* Checks that the hop from frame @first on arrives, but not before it is
 * due. */
static void
assert_hop_when_due (DecHarness *h, gsize first)
{
  GstBuffer *out = gst_harness_pull (h->audio);
  GstClockTime now = gst_element_get_current_running_time (h->element);

  ck_assert_ptr_nonnull (out);
  ck_assert_uint_eq (GST_BUFFER_PTS (out),
                     gst_util_uint64_scale (first, GST_SECOND, RATE));
  ck_assert_uint_eq (gst_buffer_get_size (out), CCS_HOP * 2 * sizeof (float));
  ck_assert_uint_ge (now, due (first));
  gst_buffer_unref (out);
}

START_TEST (late_pictures_hold_up_the_sound_until_it_is_due_and_no_longer)
{
  DecHarness *h = live_harness ();

  dec_harness_push_audio (h, 0, CCS_WINDOW, 504);
  assert_hop_when_due (h, 0);
  dec_harness_push_audio (h, CCS_WINDOW, CCS_HOP, 504);
  assert_hop_when_due (h, CCS_HOP);
  dec_harness_free (h);
}
END_TEST

START_TEST (waiting_for_sound_takes_no_computing)
{
  DecHarness *h = live_harness ();
  clock_t before;

  dec_harness_push_audio (h, 0, CCS_WINDOW, 504);
  assert_hop_when_due (h, 0);
  before = clock ();
  g_usleep (G_USEC_PER_SEC);
  ck_assert_int_lt (clock () - before, CLOCKS_PER_SEC / 2);
  dec_harness_free (h);
}
END_TEST

START_TEST (pictures_in_time_make_the_same_sound_as_ever)
{
  DecHarness *h = live_harness ();
  const gsize frames = RATE;
  g_autoptr (GArray) got = NULL, want = NULL;

  dec_harness_feed_features (h, 12);
  dec_harness_push_audio (h, 0, frames, 320);
  got = dec_harness_finish (h);
  want = gst_test_core_output (h->model, RATE, 1, frames, 12);
  gst_test_assert_same (got, want);
  dec_harness_free (h);
}
END_TEST

START_TEST (the_end_does_not_wait_for_pictures)
{
  DecHarness *h = live_harness ();
  g_autoptr (GArray) out = NULL;

  dec_harness_push_audio (h, 0, 4000, 500);
  dec_harness_end_audio (h);
  out = gst_test_pull_all (h->audio, RATE, 0);
  ck_assert_uint_eq (out->len, 2 * 4000);
  dec_harness_free (h);
}
END_TEST

/* -- one side pauses ------------------------------------------------------- */

/* Pulls @frames frames and checks that they start at @pts. */
static void
assert_frames (DecHarness *h, GstClockTime pts, gsize frames)
{
  for (gsize got = 0; got < frames;) {
    GstBuffer *out = gst_harness_pull (h->audio);

    ck_assert_ptr_nonnull (out);
    if (got == 0) {
      ck_assert_uint_eq (GST_BUFFER_PTS (out), pts);
      ck_assert (GST_BUFFER_IS_DISCONT (out));
    }
    got += gst_buffer_get_size (out) / (2 * sizeof (float));
    ck_assert_uint_le (got, frames);
    gst_buffer_unref (out);
  }
}

/* A muted microphone pauses like this, without an event. */
START_TEST (the_last_audio_before_a_pause_is_output_without_what_follows)
{
  DecHarness *h = live_harness_with (150 * GST_MSECOND);

  dec_harness_push_audio (h, 0, RATE, 320);
  assert_frames (h, 0, RATE);
  dec_harness_push_audio (h, 3 * RATE, RATE, 320);
  assert_frames (h, 3 * GST_SECOND, RATE);
  dec_harness_free (h);
}
END_TEST

/* A microphone that is not connected sends no audio: features must be taken
 * when they are late, not when audio arrives. */
START_TEST (features_do_not_wait_for_audio_that_does_not_come)
{
  DecHarness *h = live_harness_with (150 * GST_MSECOND);
  const guint n = 20;
  GstClockTime now;
  GstEvent *event;
  guint gaps = 0;

  dec_harness_add_features (h, 0, n);
  dec_harness_feed (h);
  dec_harness_join (h);
  now = gst_element_get_current_running_time (h->element);
  /* Downstream gets one GAP event. */
  while ((event = gst_harness_try_pull_event (h->audio)) != NULL) {
    gaps += GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  ck_assert_uint_eq (gaps, 1);
  /* The pad's queue holds some features. All others were taken when they
   * were late. Since GStreamer 1.28 the queue holds one more. */
  ck_assert_uint_ge (now, (n - 3) * TEST_PICTURE_TIME);
  dec_harness_push_audio (h, 4 * RATE, RATE, 320);
  assert_frames (h, 4 * GST_SECOND, RATE);
  dec_harness_free (h);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("live");
  TCase *tests = tcase_create ("clock");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_test (
      tests, late_pictures_hold_up_the_sound_until_it_is_due_and_no_longer);
  tcase_add_test (tests, waiting_for_sound_takes_no_computing);
  tcase_add_test (tests, pictures_in_time_make_the_same_sound_as_ever);
  tcase_add_test (tests, the_end_does_not_wait_for_pictures);
  tcase_add_test (tests,
                  the_last_audio_before_a_pause_is_output_without_what_follows);
  tcase_add_test (tests, features_do_not_wait_for_audio_that_does_not_come);
  suite_add_tcase (suite, tests);
  return gst_test_run (suite);
}
