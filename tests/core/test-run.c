/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo run`: the content of its output file, and its messages about
 * unsuitable audio. */
#include "tool-support.h"
#include "../suite.h"

#include <math.h>
#include <png.h>
#include <sndfile.h>
#include <string.h>

#define RATE 22050
#define FRAMES 30011

/* -- files ---------------------------------------------------------------- */

static void
write_pictures (guint n)
{
  for (guint k = 1; k <= n; k++) {
    g_autofree char *name = g_strdup_printf ("%06u.png", k);
    g_autofree char *path = in_dir (name);
    png_image image = { .version = PNG_IMAGE_VERSION,
                        .width = 64,
                        .height = 36,
                        .format = PNG_FORMAT_RGB };
    guint8 pixels[64 * 36 * 3];
    for (guint i = 0; i < sizeof pixels; i++)
      pixels[i] = i * (k + 3) >> 4;
    ck_assert (png_image_write_to_file (&image, path, 0, pixels, 0, NULL));
  }
}

static float
sound_at (guint frame)
{
  return 0.4 * sin (0.05 * frame) + 0.1 * cos (0.7 * frame);
}

/* Writes a mono file whose sample at each frame is @sample (frame). */
static char *
sound_file_of (float (*sample) (guint frame))
{
  char *path = in_dir ("in.wav");
  SF_INFO info = { .samplerate = RATE,
                   .channels = 1,
                   .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  ck_assert_ptr_nonnull (file);
  for (guint i = 0; i < FRAMES; i++) {
    float value = sample (i);
    ck_assert_int_eq (sf_writef_float (file, &value, 1), 1);
  }
  sf_close (file);
  return path;
}

static char *
sound_file (void)
{
  return sound_file_of (sound_at);
}

/* Returns the stereo frames of @path, which has as many as sound_file().
 * (transfer full) */
static float *
read_result (const char *path)
{
  float *stereo = g_new (float, 2 * FRAMES);
  SF_INFO info = { 0 };
  SNDFILE *file = sf_open (path, SFM_READ, &info);

  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (info.samplerate, RATE);
  ck_assert_int_eq (info.channels, 2);
  ck_assert_int_eq (info.frames, FRAMES);
  ck_assert_int_eq (sf_readf_float (file, stereo, FRAMES), FRAMES);
  sf_close (file);
  return stereo;
}

/* -- tests ---------------------------------------------------------------- */

START_TEST (run_keeps_rate_and_length_and_its_channels_sum_to_the_input)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file ();
  g_autofree char *result = in_dir ("out.wav");
  g_autofree float *stereo = NULL;
  float difference = 0;

  write_pictures (5);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, "--float", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  stereo = read_result (result);
  for (guint i = 0; i < FRAMES; i++) {
    ck_assert_float_eq_tol (stereo[2 * i] + stereo[2 * i + 1], sound_at (i),
                            1e-6);
    difference = MAX (difference, fabsf (stereo[2 * i] - stereo[2 * i + 1]));
  }
  ck_assert_float_gt (difference, 1e-4);
}
END_TEST

#define BAD_FRAME 7000

static float
sound_with_two_bad_samples (guint frame)
{
  return frame == BAD_FRAME       ? NAN
         : frame == BAD_FRAME + 1 ? INFINITY
                                  : sound_at (frame);
}

START_TEST (run_silences_samples_that_are_not_finite_and_says_so)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_of (sound_with_two_bad_samples);
  g_autofree char *result = in_dir ("out.wav");
  g_autofree float *stereo = NULL;

  write_pictures (2);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, "--float", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  ck_assert_ptr_nonnull (strstr (outcome.err, "2 samples"));
  stereo = read_result (result);
  for (guint i = 0; i < FRAMES; i++) {
    gboolean bad = i == BAD_FRAME || i == BAD_FRAME + 1;
    ck_assert_float_eq_tol (stereo[2 * i] + stereo[2 * i + 1],
                            bad ? 0 : sound_at (i), 1e-6);
  }
}
END_TEST

/* Returns how many files in the folder have a name that starts with @prefix. */
static guint
count_files (const char *prefix)
{
  g_autoptr (GDir) open = g_dir_open (dir, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (open)))
    n += g_str_has_prefix (name, prefix);
  return n;
}

START_TEST (run_that_fails_leaves_nothing_behind)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file ();
  g_autofree char *result = in_dir ("out.wav");
  g_autofree char *damaged = in_dir ("000002.png");

  write_pictures (2);
  ck_assert (g_file_set_contents (damaged, "no picture", -1, NULL));
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, damaged));
  ck_assert_uint_eq (count_files ("out.wav"), 0);
}
END_TEST

static float
sound_beyond_full_scale (guint frame)
{
  return 6 * sound_at (frame);
}

START_TEST (run_says_what_24_bits_clip_and_float_does_not)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_of (sound_beyond_full_scale);
  g_autofree char *narrow = in_dir ("narrow.wav");
  g_autofree char *wide = in_dir ("wide.wav");

  write_pictures (1);
  g_auto (Outcome) clipped
      = tool ("run", sound, dir, narrow, "--model", model, NULL);
  g_auto (Outcome) whole
      = tool ("run", sound, dir, wide, "--model", model, "--float", NULL);
  ck_assert_int_eq (clipped.code, 0);
  ck_assert_ptr_nonnull (strstr (clipped.err, "beyond full scale"));
  ck_assert_int_eq (whole.code, 0);
  ck_assert_ptr_null (strstr (whole.err, "beyond full scale"));
}
END_TEST

START_TEST (run_applies_the_gain_that_is_asked_for)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file ();
  g_autofree char *result = in_dir ("out.wav");
  g_autofree float *stereo = NULL;

  write_pictures (2);
  g_auto (Outcome) outcome = tool ("run", sound, dir, result, "--model", model,
                                   "--float", "--gain=-6", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  stereo = read_result (result);
  for (guint i = 0; i < FRAMES; i++)
    ck_assert_float_eq_tol (stereo[2 * i] + stereo[2 * i + 1],
                            sound_at (i) * powf (10, -6 / 20.f), 1e-6);
}
END_TEST

START_TEST (run_with_gain_auto_clips_nothing)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_of (sound_beyond_full_scale);
  g_autofree char *result = in_dir ("out.wav");
  g_autofree float *stereo = NULL;
  float ratio, peak = 0;

  write_pictures (2);
  g_auto (Outcome) outcome = tool ("run", sound, dir, result, "--model", model,
                                   "--gain", "auto", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  ck_assert_ptr_null (strstr (outcome.err, "clipped"));
  ck_assert_ptr_nonnull (strstr (outcome.err, "gain -"));
  stereo = read_result (result);
  ratio = (stereo[2 * 30] + stereo[2 * 30 + 1]) / sound_beyond_full_scale (30);
  for (guint i = 0; i < FRAMES; i++) {
    peak = MAX (peak, MAX (fabsf (stereo[2 * i]), fabsf (stereo[2 * i + 1])));
    ck_assert_float_eq_tol (stereo[2 * i] + stereo[2 * i + 1],
                            ratio * sound_beyond_full_scale (i), 1e-5);
  }
  ck_assert_float_gt (peak, 0.98);
  ck_assert_float_lt (peak, 1);
}
END_TEST

/* Writes a 16-bit mono file in libsndfile's @container. (transfer full) */
static char *
sound_file_in (int container, int rate)
{
  char *path = in_dir ("in.sound");
  SF_INFO info = { .samplerate = rate,
                   .channels = 1,
                   .format = container | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  ck_assert_ptr_nonnull (file);
  for (guint i = 0; i < FRAMES; i++) {
    float sample = sound_at (i);
    ck_assert_int_eq (sf_writef_float (file, &sample, 1), 1);
  }
  sf_close (file);
  return path;
}

/* libsndfile's PEAK chunk would store the time of writing. */
START_TEST (run_writes_the_same_bytes_whenever_it_runs)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file ();
  g_autofree char *result = in_dir ("out.wav");
  g_autoptr (GMappedFile) file = NULL;

  write_pictures (1);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, "--float", NULL);
  ck_assert_int_eq (outcome.code, 0);
  file = g_mapped_file_new (result, FALSE, NULL);
  ck_assert_ptr_nonnull (file);
  ck_assert_ptr_null (memmem (g_mapped_file_get_contents (file),
                              g_mapped_file_get_length (file), "PEAK", 4));
}
END_TEST

/* Sizes that programs leave in the header when they write to a pipe. */
static const guint32 open_sizes[] = { 0, 0x7fff0000, 0xffffffff };

START_TEST (run_reads_all_of_a_file_that_was_written_into_a_pipe)
{
  const guint32 size = GUINT32_TO_LE (open_sizes[_i]);
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_in (SF_FORMAT_WAV, RATE);
  g_autofree char *result = in_dir ("out.wav");
  g_autofree float *stereo = NULL;
  g_autofree char *content = NULL;
  char *data;
  gsize length;

  ck_assert (g_file_get_contents (sound, &content, &length, NULL));
  data = memmem (content, length, "data", 4);
  ck_assert_ptr_nonnull (data);
  memcpy (content + 4, &size, sizeof size);
  memcpy (data + 4, &size, sizeof size);
  ck_assert (g_file_set_contents (sound, content, length, NULL));
  write_pictures (2);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, "--float", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  stereo = read_result (result);
  for (guint i = 0; i < FRAMES; i++)
    ck_assert_float_eq_tol (stereo[2 * i] + stereo[2 * i + 1], sound_at (i),
                            1e-4);
}
END_TEST

static const int containers[]
    = { SF_FORMAT_FLAC, SF_FORMAT_WAV, SF_FORMAT_RF64 };

START_TEST (run_refuses_sound_that_ends_early)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_in (containers[_i], RATE);
  g_autofree char *result = in_dir ("out.wav");
  g_autofree char *content = NULL;
  gsize size;

  ck_assert (g_file_get_contents (sound, &content, &size, NULL));
  ck_assert (g_file_set_contents (sound, content, size / 2, NULL));
  write_pictures (2);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, sound));
  ck_assert_ptr_nonnull (strstr (outcome.err, "cut off"));
  ck_assert_uint_eq (count_files ("out.wav"), 0);
}
END_TEST

START_TEST (run_names_the_sound_whose_rate_is_out_of_reach)
{
  g_autofree char *model = model_file ();
  g_autofree char *sound = sound_file_in (SF_FORMAT_WAV, 1000);
  g_autofree char *result = in_dir ("out.wav");

  write_pictures (2);
  g_auto (Outcome) outcome
      = tool ("run", sound, dir, result, "--model", model, NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, sound));
  ck_assert_ptr_nonnull (strstr (outcome.err, "1000"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("run");
  TCase *run = tcase_create ("run");

  tcase_add_checked_fixture (run, make_dir, remove_dir);
  tcase_add_test (run,
                  run_keeps_rate_and_length_and_its_channels_sum_to_the_input);
  tcase_add_test (run, run_silences_samples_that_are_not_finite_and_says_so);
  tcase_add_test (run, run_says_what_24_bits_clip_and_float_does_not);
  tcase_add_test (run, run_applies_the_gain_that_is_asked_for);
  tcase_add_test (run, run_with_gain_auto_clips_nothing);
  tcase_add_test (run, run_writes_the_same_bytes_whenever_it_runs);
  tcase_add_loop_test (run, run_refuses_sound_that_ends_early, 0,
                       G_N_ELEMENTS (containers));
  tcase_add_loop_test (run,
                       run_reads_all_of_a_file_that_was_written_into_a_pipe, 0,
                       G_N_ELEMENTS (open_sizes));
  tcase_add_test (run, run_names_the_sound_whose_rate_is_out_of_reach);
  tcase_add_test (run, run_that_fails_leaves_nothing_behind);
  suite_add_tcase (suite, run);

  return run_suite (suite);
}
