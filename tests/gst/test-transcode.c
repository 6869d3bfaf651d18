/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode as its users run it: a program, files in and out. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "clip.h"
#include "gst-test-support.h"
#include "reference-support.h"

#define RATE 48000
/* A window of the clip's sound that is searched for, and how far. */
#define WINDOW 8192
#define WINDOW_START 30000
#define REACH 3000
/* Enough sound for the net to be at work when a signal comes. */
#define LONG_SECONDS 60

static const ClipOptions plain
    = { .rate = RATE, .channels = 1, .audio_samples = 2 * RATE, .n_audio = 1 };

static char *
path_of (const char *name)
{
  return g_build_filename (gst_test_folder (), name, NULL);
}

/* -- the program ---------------------------------------------------------- */

static GSubprocess *
start_tool (const char *const *arguments)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autofree char *registry = path_of ("tool-registry");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_unsetenv (launcher, "GST_PLUGIN_SYSTEM_PATH_1_0");
  g_subprocess_launcher_setenv (launcher, "GST_PLUGIN_PATH_1_0",
                                GST_TEST_PLUGINS, TRUE);
  g_subprocess_launcher_setenv (launcher, "GST_REGISTRY", registry, TRUE);
  g_subprocess_launcher_setenv (launcher, "CCSTEREO_MODEL",
                                gst_test_model_file (), TRUE);
  g_strv_builder_add_many (builder, TRANSCODE_PROGRAM, "--backend", "cpu",
                           NULL);
  g_strv_builder_addv (builder, (const char **)arguments);
  argv = g_strv_builder_end (builder);
  process = g_subprocess_launcher_spawnv (launcher, (const gchar *const *)argv,
                                          &error);
  assert_ok (process != NULL, error);
  return process;
}

/* Runs the tool to its end; what it said goes to @said. */
static int
run_tool (const char *const *arguments, char **said)
{
  g_autoptr (GSubprocess) process = start_tool (arguments);
  g_autoptr (GError) error = NULL;
  gboolean ok
      = g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, said, &error);

  assert_ok (ok, error);
  ck_assert_msg (g_subprocess_get_if_exited (process), "the tool crashed");
  return g_subprocess_get_exit_status (process);
}

#define TOOL_ARGUMENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
transcode (const char *in, const char *out, const char *codec)
{
  g_autofree char *said = NULL;
  int status = run_tool (TOOL_ARGUMENTS ("--hop", "10080", "--overwrite",
                                         "--audio-codec", codec, in, out),
                         &said);

  ck_assert_msg (status == 0, "%s to %s: %s", in, out, said);
}

static void
assert_refused (const char *const *arguments, int status, const char *mention)
{
  g_autofree char *said = NULL;

  ck_assert_int_eq (run_tool (arguments, &said), status);
  ck_assert_msg (strstr (said, mention) != NULL,
                 "\"%s\" does not mention \"%s\"", said, mention);
}

/* Whether there is a file, hidden or not, with @of in its name. */
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

/* -- where sounds are -------------------------------------------------------
 */

/* By how many samples a sound of the clip comes later in @sound, which begins
 * at @start seconds, than in the clip. */
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
  g_autofree char *in = path_of (ways[way].in);
  g_autofree char *out = path_of (ways[way].out);
  g_autoptr (GArray) sound = NULL;
  double start = 0, off;
  int rate;

  clip.audio_start = audio_start;
  clip_write (in, &clip);
  transcode (in, out, ways[way].codec);
  sound = clip_decode (out, &start, &rate);
  ck_assert_int_eq (rate, RATE);
  off = displacement (sound, start, &clip);
  ck_assert_msg (fabs (off) <= 1, "%s: sound is %g samples off", ways[way].out,
                 off);
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

START_TEST (sound_that_ends_early_ends_where_it_did)
{
  ClipOptions clip = plain;
  g_autofree char *in = path_of ("early.mkv");
  g_autofree char *out = path_of ("early-out.mkv");
  g_autoptr (GArray) sound = NULL;
  double start = 0;
  int rate;

  clip.audio_samples = RATE;
  clip_write (in, &clip);
  transcode (in, out, "flac");
  sound = clip_decode (out, &start, &rate);
  ck_assert_uint_eq (sound->len, RATE);
}
END_TEST

START_TEST (left_plus_right_is_the_input)
{
  g_autofree char *in = path_of ("sum.mkv");
  g_autofree char *out = path_of ("sum-out.mkv");
  g_autoptr (GArray) sound = NULL;
  double start = 0, worst = 0;
  int rate;

  clip_write (in, &plain);
  transcode (in, out, "flac");
  sound = clip_decode (out, &start, &rate);
  ck_assert_uint_eq (sound->len, 2 * RATE);
  for (guint i = 0; i < sound->len; i++)
    worst
        = MAX (worst, fabs (g_array_index (sound, float, i)
                            - (gint16)(32767 * gst_test_sample (i)) / 32768.));
  ck_assert_double_le (worst, 1e-6);
}
END_TEST

/* -- what is copied -------------------------------------------------------- */

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
  g_autofree char *in = path_of (_i & 1 ? "copy-in.mkv" : "copy-in.mov");
  g_autofree char *out = path_of (outs[_i / 2]);

  clip.vfr = TRUE;
  clip_write (in, &clip);
  transcode (in, out, "aac");
  assert_same_packets (in, out, AVMEDIA_TYPE_VIDEO, -1);
}
END_TEST

static void
assert_same_side_data (AVFormatContext *a, AVFormatContext *b,
                       enum AVPacketSideDataType type)
{
  size_t of_a = 0, of_b = 0;
  guint8 *x = av_stream_get_side_data (a->streams[0], type, &of_a);
  guint8 *y = av_stream_get_side_data (b->streams[0], type, &of_b);

  ck_assert_msg (x != NULL, "the clip has none");
  ck_assert_msg (y != NULL, "%s is lost", av_packet_side_data_name (type));
  ck_assert_uint_eq (of_a, of_b);
  ck_assert_mem_eq (x, y, of_a);
}

static void
assert_chapters (AVFormatContext *file)
{
  ck_assert_uint_eq (file->nb_chapters, CLIP_SECONDS);
  for (guint i = 0; i < file->nb_chapters; i++) {
    AVChapter *chapter = file->chapters[i];

    ck_assert_int_eq (av_compare_ts (chapter->start, chapter->time_base, i,
                                     (AVRational){ 1, 1 }),
                      0);
    ck_assert_str_eq (av_dict_get (chapter->metadata, "title", NULL, 0)->value,
                      i ? "second" : "first");
  }
}

/* libavformat 59 writes the turn to movies alone, the sphere to MP4 and
 * Matroska. The clip's PCM is for MOV and Matroska: to MP4, and from there. */
START_TEST (sphere_turn_and_chapters_are_kept)
{
  static const char *const names[][3]
      = { { "turn.mov", "turn.mp4" },
          { "sphere.mkv", "sphere-out.mkv" },
          { "sphere.mkv", "sphere.mp4", "sphere-out.mp4" } };
  const gboolean turn = _i == 0;
  ClipOptions clip = plain;
  g_autofree char *in = path_of (names[_i][0]);
  g_autofree char *out = path_of (names[_i][1]);
  AVFormatContext *a, *b;

  clip.spherical = TRUE;
  clip_write (in, &clip);
  transcode (in, out, "aac");
  if (names[_i][2]) {
    g_autofree char *first = g_steal_pointer (&out);

    out = path_of (names[_i][2]);
    transcode (first, out, "aac");
  }
  a = clip_open (in);
  b = clip_open (out);
  if (turn) {
    assert_same_side_data (a, b, AV_PKT_DATA_DISPLAYMATRIX);
  } else {
    assert_same_side_data (a, b, AV_PKT_DATA_SPHERICAL);
    assert_same_side_data (a, b, AV_PKT_DATA_STEREO3D);
  }
  assert_chapters (b);
  ck_assert_str_eq (av_dict_get (b->metadata, "title", NULL, 0)->value,
                    "a clip");
  avformat_close_input (&a);
  avformat_close_input (&b);
}
END_TEST

START_TEST (the_original_can_be_kept)
{
  g_autofree char *in = path_of ("keep.mkv");
  g_autofree char *out = path_of ("keep-out.mkv");
  AVFormatContext *file;

  clip_write (in, &plain);
  ck_assert_int_eq (
      run_tool (TOOL_ARGUMENTS ("--hop", "10080", "--keep-original", in, out),
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

/* -- what is said ------------------------------------------------------------
 */

START_TEST (more_channels_are_mixed_with_a_notice)
{
  ClipOptions clip = plain;
  g_autofree char *in = path_of ("mix.mkv");
  g_autofree char *out = path_of ("mix-out.mkv");
  g_autofree char *said = NULL;

  clip.channels = _i;
  clip_write (in, &clip);
  ck_assert_int_eq (
      run_tool (TOOL_ARGUMENTS ("--hop", "10080", "-y", in, out), &said), 0);
  ck_assert_msg (strstr (said, "channels") != NULL, "said: %s", said);
  ck_assert_msg (strchr (said, '%') == NULL, "progress in a pipe: %s", said);
}
END_TEST

START_TEST (no_sound_is_an_error)
{
  ClipOptions clip = { 0 };
  g_autofree char *in = path_of ("mute.mkv");
  g_autofree char *out = path_of ("mute-out.mkv");

  clip_write (in, &clip);
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "no audio stream");
  ck_assert (!has_remains ("mute-out"));
}
END_TEST

START_TEST (no_picture_is_an_error_that_says_why)
{
  ClipOptions clip = plain;
  g_autofree char *in = path_of ("blind.mkv");
  g_autofree char *out = path_of ("blind-out.mkv");

  clip.no_video = TRUE;
  clip_write (in, &clip);
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "the picture tells where");
  ck_assert (!has_remains ("blind-out"));
}
END_TEST

START_TEST (a_missing_stream_is_an_error)
{
  g_autofree char *in = path_of ("one.mkv");
  g_autofree char *out = path_of ("one-out.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--audio-stream", "1", in, out), 1,
                  "no audio stream 1");
}
END_TEST

START_TEST (a_damaged_file_is_an_error)
{
  g_autofree char *in = path_of ("damaged.mp4");
  g_autofree char *out = path_of ("damaged-out.mp4");

  ck_assert (g_file_set_contents (in, "no video", -1, NULL));
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "damaged.mp4");
}
END_TEST

START_TEST (a_missing_model_is_an_error)
{
  g_autofree char *in = path_of ("modelless.mkv");
  g_autofree char *out = path_of ("modelless-out.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--model", "/nowhere/a.safetensors", in, out),
                  1, "/nowhere/a.safetensors");
  ck_assert (!has_remains ("modelless-out"));
}
END_TEST

START_TEST (wrong_usage_is_told_apart)
{
  static const char *const usages[][4] = {
    { "in.mp4", NULL },
    { "in.mp4", "out.avi", NULL },
    { "--width=3", "in.mp4", "out.mp4", NULL },
    { "--hop=0", "in.mp4", "out.mp4", NULL },
    { "--audio-codec=pcm", "in.mp4", "out.mp4", NULL },
    { "--audio-codec=aac", "in.webm", "out.webm", NULL },
  };

  ck_assert_int_eq (run_tool (usages[_i], NULL), 2);
}
END_TEST

/* -- the output's name
 * ---------------------------------------------------------- */

START_TEST (an_existing_file_stays)
{
  g_autofree char *in = path_of ("twice.mkv");
  g_autofree char *out = path_of ("twice-out.mkv");
  g_autofree char *content = NULL;

  clip_write (in, &plain);
  ck_assert (g_file_set_contents (out, "mine", -1, NULL));
  assert_refused (TOOL_ARGUMENTS (in, out), 1, "--overwrite");
  ck_assert (g_file_get_contents (out, &content, NULL, NULL));
  ck_assert_str_eq (content, "mine");
}
END_TEST

START_TEST (the_input_is_never_overwritten)
{
  g_autofree char *in = path_of ("self.mkv");

  clip_write (in, &plain);
  assert_refused (TOOL_ARGUMENTS ("--overwrite", in, in), 1,
                  "the input itself");
}
END_TEST

/* Starts on a long clip and sends @signal once the output is being written. */
static GSubprocess *
interrupt (const char *name, int signal)
{
  ClipOptions clip = plain;
  g_autofree char *in_name = g_strconcat (name, "-in.mkv", NULL);
  g_autofree char *out_name = g_strconcat (name, ".mkv", NULL);
  g_autofree char *partial = g_strconcat (".", out_name, ".", NULL);
  g_autofree char *in = path_of (in_name);
  g_autofree char *out = path_of (out_name);
  GSubprocess *process;

  clip.seconds = LONG_SECONDS;
  clip.audio_samples = LONG_SECONDS * RATE;
  clip_write (in, &clip);
  process = start_tool (TOOL_ARGUMENTS ("--hop", "100", in, out));
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
  tcase_add_test (places, sound_that_ends_early_ends_where_it_did);
  tcase_add_test (places, left_plus_right_is_the_input);
  tcase_add_loop_test (copies, pictures_are_copied_with_their_times, 0, 6);
  tcase_add_loop_test (extras, sphere_turn_and_chapters_are_kept, 0, 3);
  tcase_add_test (extras, the_original_can_be_kept);
  tcase_add_loop_test (words, more_channels_are_mixed_with_a_notice, 2, 3);
  tcase_add_loop_test (words, more_channels_are_mixed_with_a_notice, 6, 7);
  tcase_add_test (words, no_sound_is_an_error);
  tcase_add_test (words, no_picture_is_an_error_that_says_why);
  tcase_add_test (words, a_missing_stream_is_an_error);
  tcase_add_test (words, a_damaged_file_is_an_error);
  tcase_add_test (words, a_missing_model_is_an_error);
  tcase_add_loop_test (words, wrong_usage_is_told_apart, 0, 6);
  tcase_add_test (names, an_existing_file_stays);
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
