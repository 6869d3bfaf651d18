/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode as users run it: a program with input and output files. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clip.h"
#include "gst-test-support.h"
#include "reference-support.h"
#include "transcode-tool.h"

#define RATE 48000
/* Length and start of the part of the clip's audio that is searched for in
 * the output. */
#define WINDOW 8192
#define WINDOW_START 30000
#define REACH 3000
/* Enough audio that inference still runs when the signal arrives. */
#define LONG_SECONDS 60

static const ClipOptions plain
    = { .rate = RATE, .channels = 1, .audio_samples = 2 * RATE, .n_audio = 1 };

static void
assert_refused (const char *const *arguments, int status, const char *mention)
{
  g_autofree char *said = NULL;

  ck_assert_int_eq (tool_run (arguments, &said), status);
  ck_assert_msg (strstr (said, mention) != NULL,
                 "\"%s\" does not mention \"%s\"", said, mention);
}

/* Returns whether there is a file, hidden or not, whose name contains @of. */
static gboolean
has_remains (const char *of)
{
  g_autoptr (GDir) dir = g_dir_open (gst_test_folder (), 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (strstr (name, of) != NULL)
      return TRUE;
  return FALSE;
}

/* -- position of the audio ------------------------------------------------- */

/* Returns by how many samples the clip's audio is delayed in @sound, which
 * starts at @start seconds. */
static double
displacement (const GArray *sound, double start, const ClipOptions *clip)
{
  const gint64 begin = llround (start * RATE);
  double best = 0;
  gint64 found = G_MAXINT32;

  for (gint64 lag = -REACH; lag <= REACH; lag++) {
    double sum = 0;

    for (gint64 i = 0; i < WINDOW; i++) {
      gint64 k = WINDOW_START + i + clip->audio_start + lag - begin;

      if (k >= 0 && k < sound->len)
        sum += g_array_index (sound, float, k)
               * gst_test_sample (WINDOW_START + i);
    }
    if (sum > best) {
      best = sum;
      found = lag;
    }
  }
  return found + start * RATE - begin;
}

static const struct
{
  const char *in, *out, *codec;
} ways[] = {
  { "way.mov", "way-aac.mp4", "aac" },   { "way.mov", "way-opus.mp4", "opus" },
  { "way.mov", "way-flac.mp4", "flac" }, { "way.mov", "way.m.mov", "pcm" },
  { "way.mkv", "way-opus.mkv", "opus" }, { "way.mkv", "way-aac.mkv", "aac" },
  { "way.mkv", "way-flac.mkv", "flac" }, { "way.mkv", "way-pcm.mkv", "pcm" },
  { "way.mov", "way-aac.mkv", "aac" },   { "way.mkv", "way-aac.mp4", "aac" },
};

static void
check_way (guint way, gint64 audio_start)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (ways[way].in);
  g_autofree char *out = tool_path (ways[way].out);
  g_autoptr (GArray) sound = NULL;
  double start = 0, off;
  int rate;

  clip.audio_start = audio_start;
  clip_write (in, &clip);
  tool_transcode (in, out, ways[way].codec);
  sound = clip_decode (out, &start, &rate);
  ck_assert_int_eq (rate, RATE);
  off = displacement (sound, start, &clip);
  ck_assert_msg (fabs (off) <= 1, "%s: sound is %g samples off", ways[way].out,
                 off);
  if (!g_str_has_suffix (ways[way].out, ".mkv")) /* Matroska rounds to ms */
    ck_assert_double_eq_tol (start * RATE, (double)audio_start, 1);
}

START_TEST (sound_from_the_start_stays_where_it_was)
{
  check_way (_i, 0);
}
END_TEST

START_TEST (sound_that_starts_late_stays_where_it_was)
{
  check_way (_i, RATE / 4 + RATE / 1000);
}
END_TEST

/* The audio starts later by less than the delay of an encoder. */
START_TEST (sound_that_starts_a_little_late_stays_where_it_was)
{
  check_way (_i, RATE / 500);
}
END_TEST

START_TEST (sound_that_ends_early_ends_where_it_did)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("early.mkv");
  g_autofree char *out = tool_path ("early-out.mkv");
  g_autoptr (GArray) sound = NULL;
  double start = 0;
  int rate;

  clip.audio_samples = RATE;
  clip_write (in, &clip);
  tool_transcode (in, out, "flac");
  sound = clip_decode (out, &start, &rate);
  ck_assert_uint_eq (sound->len, RATE);
}
END_TEST

START_TEST (left_plus_right_is_the_input)
{
  g_autofree char *in = tool_path ("sum.mkv");
  g_autofree char *out = tool_path ("sum-out.mkv");
  g_autoptr (GArray) sound = NULL;
  double start = 0, worst = 0;
  int rate;

  clip_write (in, &plain);
  tool_transcode (in, out, "flac");
  sound = clip_decode (out, &start, &rate);
  ck_assert_uint_eq (sound->len, 2 * RATE);
  for (guint i = 0; i < sound->len; i++)
    worst
        = MAX (worst, fabs (g_array_index (sound, float, i)
                            - (gint16)(32767 * gst_test_sample (i)) / 32768.));
  ck_assert_double_le (worst, 1e-6);
}
END_TEST

/* -- copied streams -------------------------------------------------------- */

static void
assert_same_packets (const char *in, const char *out, enum AVMediaType type,
                     int index_out)
{
  AVFormatContext *a = clip_open (in), *b = clip_open (out);
  int of_a = clip_find (a, type);
  int of_b = index_out >= 0 ? index_out : clip_find (b, type);
  g_autoptr (GPtrArray) pa = clip_packets (a, of_a);
  g_autoptr (GPtrArray) pb = clip_packets (b, of_b);

  ck_assert_uint_eq (pa->len, pb->len);
  ck_assert_uint_gt (pa->len, 0);
  for (guint i = 0; i < pa->len; i++) {
    const AVPacket *x = g_ptr_array_index (pa, i);
    const AVPacket *y = g_ptr_array_index (pb, i);

    ck_assert_int_eq (x->size, y->size);
    ck_assert_mem_eq (x->data, y->data, x->size);
    ck_assert_int_eq (av_compare_ts (x->pts, a->streams[of_a]->time_base,
                                     y->pts, b->streams[of_b]->time_base),
                      0);
  }
  avformat_close_input (&a);
  avformat_close_input (&b);
}

START_TEST (pictures_are_copied_with_their_times)
{
  static const char *const outs[] = { "copy.mp4", "copy.mov", "copy.mkv" };
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (_i & 1 ? "copy-in.mkv" : "copy-in.mov");
  g_autofree char *out = tool_path (outs[_i / 2]);

  clip.vfr = TRUE;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  assert_same_packets (in, out, AVMEDIA_TYPE_VIDEO, -1);
}
END_TEST

START_TEST (the_original_can_be_kept)
{
  g_autofree char *in = tool_path ("keep.mkv");
  g_autofree char *out = tool_path ("keep-out.mkv");
  AVFormatContext *file;

  clip_write (in, &plain);
  ck_assert_int_eq (
      tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--keep-original", in, out),
                NULL),
      0);
  file = clip_open (out);
  ck_assert_uint_eq (file->nb_streams, 3);
  ck_assert_int_eq (file->streams[1]->codecpar->codec_id, AV_CODEC_ID_OPUS);
  ck_assert_str_eq (
      av_dict_get (file->streams[1]->metadata, "language", NULL, 0)->value,
      "fre");
  avformat_close_input (&file);
  assert_same_packets (in, out, AVMEDIA_TYPE_AUDIO, 2);
}
END_TEST

/* -- messages -------------------------------------------------------------- */

START_TEST (more_channels_are_mixed_with_a_notice)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("mix.mkv");
  g_autofree char *out = tool_path ("mix-out.mkv");
  g_autofree char *said = NULL;

  clip.channels = _i;
  clip_write (in, &clip);
  ck_assert_int_eq (
      tool_run (TOOL_ARGUMENTS ("--hop", "10080", "-y", in, out), &said), 0);
  ck_assert_msg (strstr (said, "channels") != NULL, "said: %s", said);
  ck_assert_msg (strchr (said, '%') == NULL, "progress in a pipe: %s", said);
}
END_TEST

START_TEST (nobody_has_to_read_what_is_said)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("unheard.mkv");
  g_autofree char *out = tool_path ("unheard-out.mkv");
  g_autoptr (GSubprocess) process = NULL;

  clip.channels = 2;
  clip_write (in, &clip);
  process = tool_start (TOOL_ARGUMENTS ("--hop", "10080", in, out));
  g_input_stream_close (g_subprocess_get_stderr_pipe (process), NULL, NULL);
  g_subprocess_wait (process, NULL, NULL);
  ck_assert (g_subprocess_get_successful (process));
}
END_TEST

START_TEST (no_sound_is_an_error)
{
  ClipOptions clip = { 0 };
  g_autofree char *in = tool_path ("mute.mkv");
  g_autofree char *out = tool_path ("mute-out.mkv");

  clip_write (in, &clip);
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "no audio stream");
  ck_assert (!has_remains ("mute-out"));
}
END_TEST

START_TEST (no_picture_is_an_error_that_says_why)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("blind.mkv");
  g_autofree char *out = tool_path ("blind-out.mkv");

  clip.no_video = TRUE;
  clip_write (in, &clip);
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "no video stream");
  ck_assert (!has_remains ("blind-out"));
}
END_TEST

START_TEST (a_missing_stream_is_an_error)
{
  g_autofree char *in = tool_path ("one.mkv");
  g_autofree char *out = tool_path ("one-out.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--audio-stream", "1", in, out), 1,
                  "no audio stream 1");
}
END_TEST

START_TEST (a_damaged_file_is_an_error)
{
  g_autofree char *in = tool_path ("damaged.mp4");
  g_autofree char *out = tool_path ("damaged-out.mp4");

  ck_assert (g_file_set_contents (in, "no video", -1, NULL));
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "damaged.mp4");
}
END_TEST

START_TEST (a_missing_model_is_an_error)
{
  g_autofree char *in = tool_path ("modelless.mkv");
  g_autofree char *out = tool_path ("modelless-out.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--model", "/nowhere/a.safetensors", in, out),
                  1, "/nowhere/a.safetensors");
  ck_assert (!has_remains ("modelless-out"));
}
END_TEST

START_TEST (wrong_usage_is_told_apart)
{
  static const char *const usages[][5] = {
    { "in.mp4", NULL },
    { "in.mp4", "out.avi", NULL },
    { "--width=3", "in.mp4", "out.mp4", NULL },
    { "--hop=0", "in.mp4", "out.mp4", NULL },
    { "--threads=100000", "in.mp4", "out.mp4", NULL },
    { "--audio-codec=pcm", "in.mp4", "out.mp4", NULL },
    { "-cflac", "-b64000", "in.mp4", "out.mp4", NULL },
    { "--audio-codec=aac", "in.webm", "out.webm", NULL },
  };

  ck_assert_int_eq (tool_run (usages[_i], NULL), 2);
}
END_TEST

START_TEST (a_name_behind_two_dashes_may_begin_with_one)
{
  assert_refused (TOOL_ARGUMENTS ("--", "-nowhere.mp4", "out.mp4"), 1,
                  "-nowhere.mp4: cannot be read");
}
END_TEST

/* -- output path ----------------------------------------------------------- */

START_TEST (an_existing_file_stays)
{
  g_autofree char *in = tool_path ("twice.mkv");
  g_autofree char *out = tool_path ("twice-out.mkv");
  g_autofree char *content = NULL;

  clip_write (in, &plain);
  ck_assert (g_file_set_contents (out, "mine", -1, NULL));
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "--overwrite");
  ck_assert (g_file_get_contents (out, &content, NULL, NULL));
  ck_assert_str_eq (content, "mine");
}
END_TEST

/* The output path is checked before the model is loaded. */
START_TEST (what_is_no_file_is_not_replaced)
{
  g_autofree char *in = tool_path ("folder-in.mkv");
  g_autofree char *folder = tool_path ("folder.mkv");
  g_autofree char *link = tool_path ("link.mkv");

  ck_assert (g_file_set_contents (in, "", 0, NULL));
  ck_assert_int_eq (g_mkdir (folder, 0777), 0);
  ck_assert_int_eq (symlink ("nowhere", link), 0);
  assert_refused (TOOL_ARGUMENTS ("-y", in, folder), 1, "not a regular file");
  assert_refused (TOOL_ARGUMENTS (in, link), 1, "exists already");
}
END_TEST

START_TEST (what_can_be_read_once_is_refused)
{
  g_autofree char *in = tool_path ("pipe.mkv");
  g_autofree char *out = tool_path ("pipe-out.mkv");

  ck_assert_int_eq (mkfifo (in, 0666), 0);
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "read more than once");
}
END_TEST

START_TEST (a_name_may_be_as_long_as_names_can_be)
{
  g_autofree char *in = tool_path ("short.mkv");
  g_autofree char *name = g_strnfill (NAME_MAX - strlen (".mkv"), 'n');
  g_autofree char *full = g_strconcat (name, ".mkv", NULL);
  g_autofree char *out = tool_path (full);

  clip_write (in, &plain);
  tool_transcode (in, out, "pcm");
  ck_assert (g_file_test (out, G_FILE_TEST_IS_REGULAR));
}
END_TEST

START_TEST (the_input_is_never_overwritten)
{
  g_autofree char *in = tool_path ("self.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--overwrite", in, in), 1,
                  "the input itself");
}
END_TEST

/* Starts to transcode a long clip, and sends @signal once output is being
 * written. */
static GSubprocess *
interrupt (const char *name, int signal)
{
  ClipOptions clip = plain;
  g_autofree char *in_name = g_strconcat (name, "-in.mkv", NULL);
  g_autofree char *out_name = g_strconcat (name, ".mkv", NULL);
  g_autofree char *partial = g_strconcat (".", out_name, ".", NULL);
  g_autofree char *in = tool_path (in_name);
  g_autofree char *out = tool_path (out_name);
  GSubprocess *process;

  clip.seconds = LONG_SECONDS;
  clip.audio_samples = LONG_SECONDS * RATE;
  clip_write (in, &clip);
  process = tool_start (TOOL_ARGUMENTS ("--hop", "100", in, out));
  while (!has_remains (partial)) {
    ck_assert (g_subprocess_get_identifier (process) != NULL);
    g_usleep (G_USEC_PER_SEC / 100);
  }
  g_subprocess_send_signal (process, signal);
  g_subprocess_wait (process, NULL, NULL);
  ck_assert (!g_file_test (out, G_FILE_TEST_EXISTS));
  return process;
}

START_TEST (a_signal_leaves_nothing_behind)
{
  g_autoptr (GSubprocess) process
      = interrupt (_i == SIGINT ? "stopped" : "ended", _i);

  ck_assert (g_subprocess_get_if_exited (process));
  ck_assert_int_eq (g_subprocess_get_exit_status (process), 130);
  ck_assert (!has_remains (".part"));
}
END_TEST

START_TEST (a_kill_leaves_no_file_of_the_outputs_name)
{
  g_autoptr (GSubprocess) process = interrupt ("killed", SIGKILL);

  ck_assert (!g_subprocess_get_if_exited (process));
}
END_TEST

static Suite *
transcode_suite (void)
{
  Suite *suite = suite_create ("transcode");
  TCase *places = tcase_create ("places");
  TCase *copies = tcase_create ("copies");
  TCase *extras = tcase_create ("extras");
  TCase *words = tcase_create ("words");
  TCase *names = tcase_create ("names");

  tcase_add_loop_test (places, sound_from_the_start_stays_where_it_was, 0,
                       G_N_ELEMENTS (ways));
  tcase_add_loop_test (places, sound_that_starts_late_stays_where_it_was, 0,
                       G_N_ELEMENTS (ways));
  tcase_add_loop_test (
      places, sound_that_starts_a_little_late_stays_where_it_was, 0, 2);
  tcase_add_test (places, sound_that_ends_early_ends_where_it_did);
  tcase_add_test (places, left_plus_right_is_the_input);
  tcase_add_loop_test (copies, pictures_are_copied_with_their_times, 0, 6);
  tcase_add_test (extras, the_original_can_be_kept);
  tcase_add_loop_test (words, more_channels_are_mixed_with_a_notice, 2, 3);
  tcase_add_loop_test (words, more_channels_are_mixed_with_a_notice, 6, 7);
  tcase_add_test (words, nobody_has_to_read_what_is_said);
  tcase_add_test (words, no_sound_is_an_error);
  tcase_add_test (words, no_picture_is_an_error_that_says_why);
  tcase_add_test (words, a_missing_stream_is_an_error);
  tcase_add_test (words, a_damaged_file_is_an_error);
  tcase_add_test (words, a_missing_model_is_an_error);
  tcase_add_loop_test (words, wrong_usage_is_told_apart, 0, 8);
  tcase_add_test (words, a_name_behind_two_dashes_may_begin_with_one);
  tcase_add_test (names, an_existing_file_stays);
  tcase_add_test (names, what_is_no_file_is_not_replaced);
  tcase_add_test (names, what_can_be_read_once_is_refused);
  tcase_add_test (names, a_name_may_be_as_long_as_names_can_be);
  tcase_add_test (names, the_input_is_never_overwritten);
  tcase_add_loop_test (names, a_signal_leaves_nothing_behind, SIGINT,
                       SIGINT + 1);
  tcase_add_loop_test (names, a_signal_leaves_nothing_behind, SIGTERM,
                       SIGTERM + 1);
  tcase_add_test (names, a_kill_leaves_no_file_of_the_outputs_name);
  suite_add_tcase (suite, places);
  suite_add_tcase (suite, copies);
  suite_add_tcase (suite, extras);
  suite_add_tcase (suite, words);
  suite_add_tcase (suite, names);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  av_log_set_level (AV_LOG_ERROR);
  return gst_test_run (transcode_suite ());
}
