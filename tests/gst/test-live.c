/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec in a live pipeline, on a test clock: nothing waits longer than
 * the reported latency, and nothing is put out before. */
#include <gst/check/gsttestclock.h>

#include "dec-harness.h"
#include "reference-support.h"

#define RATE 16000

static DecHarness *
live_harness (void)
{
  return dec_harness_new_with (gst_test_element ("ccstereodec"), RATE, 1, TRUE,
                               TRUE);
}

/* Running time at which frame @frame is due: the window over it is complete. */
static GstClockTime
due (gsize frame)
{
  return gst_util_uint64_scale (frame + CCS_WINDOW - 1, GST_SECOND, RATE);
}

static void
assert_next_hop (DecHarness *h, gsize first)
{
  GstBuffer *out = gst_harness_pull (h->audio);

  ck_assert_ptr_nonnull (out);
  ck_assert_uint_eq (GST_BUFFER_PTS (out),
                     gst_util_uint64_scale (first, GST_SECOND, RATE));
  ck_assert_uint_eq (gst_buffer_get_size (out), CCS_HOP * 2 * sizeof (float));
  gst_buffer_unref (out);
}

START_TEST (late_pictures_hold_up_the_sound_until_it_is_due_and_no_longer)
{
  DecHarness *h = live_harness ();
  GstTestClock *clock = gst_harness_get_testclock (h->audio);
  GstClockID waiting;

  gst_harness_set_time (h->audio, due (0));
  dec_harness_push_audio (h, 0, CCS_WINDOW, 504);
  assert_next_hop (h, 0);
  dec_harness_push_audio (h, CCS_WINDOW, CCS_HOP, 504);
  gst_test_clock_wait_for_next_pending_id (clock, &waiting);
  ck_assert_uint_eq (gst_clock_id_get_time (waiting), due (CCS_HOP));
  gst_clock_id_unref (waiting);
  ck_assert_uint_eq (gst_harness_buffers_in_queue (h->audio), 0);
  gst_harness_set_time (h->audio, due (CCS_HOP));
  assert_next_hop (h, CCS_HOP);
  gst_object_unref (clock);
  dec_harness_free (h);
}
END_TEST

START_TEST (nothing_is_waited_for_when_there_is_nothing_to_put_out)
{
  DecHarness *h = live_harness ();
  GstTestClock *clock = gst_harness_get_testclock (h->audio);

  gst_harness_set_time (h->audio, due (0));
  dec_harness_push_audio (h, 0, CCS_WINDOW, 504);
  assert_next_hop (h, 0);
  /* All sound is in windows now; a clock wait would come back at once, for
   * ever. */
  g_usleep (G_USEC_PER_SEC / 5);
  ck_assert_uint_eq (gst_test_clock_peek_id_count (clock), 0);
  gst_object_unref (clock);
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

  gst_harness_set_time (h->audio, due (0));
  dec_harness_push_audio (h, 0, 4000, 500);
  dec_harness_end_audio (h);
  out = gst_test_pull_all (h->audio, RATE, 0);
  ck_assert_uint_eq (out->len, 2 * 4000);
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
  tcase_add_test (tests,
                  nothing_is_waited_for_when_there_is_nothing_to_put_out);
  tcase_add_test (tests, pictures_in_time_make_the_same_sound_as_ever);
  tcase_add_test (tests, the_end_does_not_wait_for_pictures);
  suite_add_tcase (suite, tests);
  return gst_test_run (suite);
}
