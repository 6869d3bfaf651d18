/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo run`: makes a binaural audio file from an audio file and a folder
 * of images. Audio is read in blocks, and frames are encoded when a window
 * needs them, so that memory does not depend on the length. */
#include "tool.h"

#include <ccstereo/ccstereo.h>
#include <math.h>

#include "backend-choice.h"
#include "frame-folder.h"
#include "gain.h"
#include "sound-input.h"
#include "wav-result.h"

#define BLOCK 65536 /* audio frames read at a time: a batch of windows */
/* Time between two frames that are encoded, in nanoseconds. */
#define PICTURE_INTERVAL (G_GINT64_CONSTANT (1000000000) / CCS_ANALYSIS_FPS)
#define PICTURE_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
/* If the audio is longer than the frames by more than this, a notice says so.
 */
#define PICTURES_MAY_LACK 1.0 /* seconds */

typedef struct
{
  char *model;
  BackendChoice backend;
  char *gain_text;
  Gain gain;
  double fps, width;
  gboolean overwrite, as_float, verbose;
} Options;

typedef struct
{
  const Options *options;
  const char *sound; /* the input's path */
  CcsModel *model;
  CcsBinauralizer *engine;
  FrameFolder *frames;
  CcsSoundInput *input;
  SNDFILE *in;        /* to read from; owned by @input */
  SF_INFO info;       /* of the input; frames: -1 where a pipe leaves it open */
  gsize n_bad;        /* its samples that are no numbers */
  WavResult *out;     /* NULL: the peak alone is looked for */
  double gain;        /* factor that the output is multiplied by */
  double peak;        /* of the output so far */
  gboolean is_second; /* of two passes: the first said what there is to say */
  gint64 analysed;    /* pictures given to the engine so far */
  gint64 n_analysed;  /* that there will be */
} Job;

static void
job_clear (Job *self)
{
  g_clear_pointer (&self->engine, ccs_binauralizer_unref);
  g_clear_pointer (&self->model, ccs_model_unref);
  g_clear_pointer (&self->frames, frame_folder_free);
  g_clear_pointer (&self->input, ccs_sound_input_free);
  g_clear_pointer (&self->out, wav_result_free);
}

/* -- pictures ------------------------------------------------------------- */

/* Analysed picture @k of 10 a second, counted from 0: shown at k / 10 s; the
 * published numbers, by which the crop is chosen, count from 1. */
static gboolean
load_picture (Job *self, gint64 k, guint8 *out, GError **error)
{
  gint64 last = frame_folder_length (self->frames) - 1;
  gint64 index = (gint64)rint (k * self->options->fps / CCS_ANALYSIS_FPS);

  return frame_folder_crop (self->frames, MIN (index, last),
                            ccs_tdss_point (k + 1), out, error);
}

/* Encodes the next few pictures and hands them to the engine. */
static gboolean
push_features (Job *self, GError **error)
{
  guint n = MIN (ccs_model_preferred_frames (self->model),
                 self->n_analysed - self->analysed);
  gsize size = ccs_model_feature_size (self->model);
  g_autofree guint8 *pixels = g_malloc (n * PICTURE_BYTES);
  g_autofree float *values = g_new (float, n *size);
  const guint8 *pictures[CCS_MODEL_MAX_FRAMES];
  float *features[CCS_MODEL_MAX_FRAMES];

  for (guint i = 0; i < n; i++) {
    pictures[i] = pixels + i * PICTURE_BYTES;
    features[i] = values + i * size;
    if (!load_picture (self, self->analysed + i, pixels + i * PICTURE_BYTES,
                       error))
      return FALSE;
  }
  if (!ccs_model_encode (self->model, pictures, n, features, error))
    return FALSE;
  for (guint i = 0; i < n; i++, self->analysed++) {
    if (!ccs_binauralizer_push_feature (self->engine,
                                        self->analysed * PICTURE_INTERVAL,
                                        features[i], error))
      return FALSE;
  }
  if (self->analysed == self->n_analysed)
    ccs_binauralizer_end_features (self->engine);
  return TRUE;
}

/* Time of the last analysed picture, in nanoseconds; -1 before the first. */
static gint64
analysed_time (const Job *self)
{
  return self->analysed == 0 ? -1 : (self->analysed - 1) * PICTURE_INTERVAL;
}

/* Pictures up to and past the centre of the window that waits. */
static gboolean
feed_window (Job *self, GError **error)
{
  gint64 center = ccs_binauralizer_next_center (self->engine);

  while (self->analysed < self->n_analysed && analysed_time (self) <= center)
    if (!push_features (self, error))
      return FALSE;
  return TRUE;
}

/* -- sound ---------------------------------------------------------------- */

static gboolean
write_available (Job *self, GError **error)
{
  g_autofree float *samples = g_new (float, 2 * BLOCK);
  gsize n;

  while ((n = ccs_binauralizer_pull (self->engine, samples, BLOCK)) > 0) {
    for (gsize i = 0; i < 2 * n; i++) {
      samples[i] = (float)(samples[i] * self->gain);
      self->peak = MAX (self->peak, fabsf (samples[i]));
    }
    if (self->out && !wav_result_write (self->out, samples, n, error))
      return FALSE;
  }
  return TRUE;
}

/* Runs windows, feeding each the pictures it waits for, until none can. */
static gboolean
process_available (Job *self, GError **error)
{
  gint64 before, after = -1;

  do {
    before = after;
    if (!feed_window (self, error)
        || !ccs_binauralizer_process (self->engine, FALSE, error)
        || !write_available (self, error))
      return FALSE;
    after = ccs_binauralizer_next_center (self->engine);
  } while (after >= 0 && after != before);
  return TRUE;
}

/* A file of floating point can hold what no loudspeaker should be given. */
static void
silence_bad_samples (Job *self, float *samples, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (samples[i])) {
      samples[i] = 0.f;
      self->n_bad++;
    }
}

/* Checks that the sound ended, after @read frames, where its header says. */
static gboolean
check_end (const Job *self, gsize read, GError **error)
{
  if (sf_error (self->in)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be read: %s",
                 self->sound, sf_strerror (self->in));
    return FALSE;
  }
  if (self->info.frames >= 0 && read < (gsize)self->info.frames) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: damaged or cut off: %" G_GSIZE_FORMAT
                 " of %" G_GINT64_FORMAT " frames can be read",
                 self->sound, read, (gint64)self->info.frames);
    return FALSE;
  }
  return TRUE;
}

static gboolean
stream (Job *self, GError **error)
{
  const gsize block
      = BLOCK
        * (ccs_model_preferred_windows (self->model) / CCS_MODEL_WINDOW_BATCH);
  g_autofree float *samples = g_new (float, block * self->info.channels);
  gsize read = 0;
  sf_count_t n;

  while ((n = sf_readf_float (self->in, samples, block)) > 0) {
    read += n;
    silence_bad_samples (self, samples, n * self->info.channels);
    if (!ccs_binauralizer_push_audio (self->engine, samples, n, error)
        || !process_available (self, error))
      return FALSE;
    tool_progress (self->options->verbose, "binauralizing",
                   MIN ((double)read / MAX (self->info.frames, 1), 0.99));
  }
  if (!check_end (self, read, error))
    return FALSE;
  if (read == 0 && !self->is_second)
    tool_notice (&tool_run, "%s holds no sound", self->sound);
  if (!ccs_binauralizer_drain (self->engine, error)
      || !process_available (self, error))
    return FALSE;
  tool_progress (self->options->verbose, "binauralizing", 1);
  return TRUE;
}

/* -- opening -------------------------------------------------------------- */

static gboolean
open_input (Job *self, GError **error)
{
  const char *path = self->sound;

  self->input = ccs_sound_input_open (path, error);
  if (!self->input)
    return FALSE;
  self->in = ccs_sound_input_file (self->input);
  self->info = *ccs_sound_input_info (self->input);
  if (self->info.channels > 2) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s: %d channels; one or two are expected", path,
                 self->info.channels);
    return FALSE;
  }
  if (self->info.channels == 2 && !self->is_second)
    tool_notice (&tool_run, "%s has two channels; their sum is binauralized",
                 path);
  return TRUE;
}

static CcsOutputFlags
output_flags (const Options *options)
{
  return options->overwrite ? CCS_OUTPUT_OVERWRITE : CCS_OUTPUT_NEW;
}

static gboolean
open_output (Job *self, const char *path, GError **error)
{
  const WavFormat format
      = { self->info.samplerate, self->info.frames, self->options->as_float };

  self->out
      = wav_result_new (path, &format, output_flags (self->options), error);
  return self->out != NULL;
}

static gboolean
open_engine (Job *self, GError **error)
{
  const Options *options = self->options;
  CcsBinauralizerOptions engine = CCS_BINAURALIZER_OPTIONS_INIT;
  g_autofree char *path = options->model ? g_strdup (options->model)
                                         : ccs_model_default_path (error);

  if (!path)
    return FALSE;
  self->model = ccs_model_load (path, backend_choice_name (&options->backend),
                                &options->backend.options, error);
  if (!self->model)
    return FALSE;
  engine.rate = self->info.samplerate;
  engine.channels = self->info.channels;
  engine.width = options->width;
  self->engine = ccs_binauralizer_new (self->model, &engine, error);
  if (!self->engine)
    g_prefix_error (error, "%s: ", self->sound); /* its rate */
  return self->engine != NULL;
}

static gboolean
open_frames (Job *self, const char *path, GError **error)
{
  double shown;

  self->frames = frame_folder_open (path, error);
  if (!self->frames)
    return FALSE;
  shown = frame_folder_length (self->frames) / self->options->fps;
  self->n_analysed = MAX (1, (gint64)rint (shown * CCS_ANALYSIS_FPS));
  if (!self->is_second
      && (double)self->info.frames / self->info.samplerate
             > shown + PICTURES_MAY_LACK)
    tool_notice (&tool_run,
                 "%s: pictures for %.1f s of %.1f s of sound; the last one "
                 "stays",
                 path, shown,
                 (double)self->info.frames / self->info.samplerate);
  return TRUE;
}

/* Runs through the input once for its loudest sample, and sets the gain. */
static gboolean
find_gain (const Options *options, const char *sound, const char *frames,
           double *gain, GError **error)
{
  Job job = { .options = options, .sound = sound, .gain = 1 };
  gboolean ok = open_input (&job, error);

  if (ok && !job.info.seekable) {
    g_set_error (
        error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "%s: --gain auto reads its input twice, and a pipe can be read "
        "once",
        sound);
    ok = FALSE;
  }
  ok = ok && open_frames (&job, frames, error) && open_engine (&job, error)
       && stream (&job, error);
  *gain = gain_for_peak (job.peak);
  if (ok)
    tool_notice (&tool_run, "%s: gain %.1f dB: the peak is %+.1f dB", sound,
                 gain_db (*gain), gain_db (job.peak));
  job_clear (&job);
  return ok;
}

static void
tell_bad_samples (const Job *self, const char *result)
{
  if (wav_result_clipped (self->out) > 0)
    tool_notice (&tool_run,
                 "%s: %" G_GSIZE_FORMAT
                 " samples are beyond full scale, up to %+.1f dB, and clipped; "
                 "--float keeps them, --gain auto avoids them",
                 result, wav_result_clipped (self->out), gain_db (self->peak));
  if (self->n_bad > 0)
    tool_notice (&tool_run,
                 "%s: %" G_GSIZE_FORMAT
                 " samples are infinite or no numbers; they became silence",
                 self->sound, self->n_bad);
}

static gboolean
binauralize (const Options *options, const char *sound, const char *frames,
             const char *result, GError **error)
{
  Job job = { .options = options,
              .sound = sound,
              .gain = options->gain.factor,
              .is_second = options->gain.is_auto };
  gboolean ok = (!options->gain.is_auto
                 || find_gain (options, sound, frames, &job.gain, error))
                && open_input (&job, error) && open_frames (&job, frames, error)
                && open_engine (&job, error)
                && open_output (&job, result, error) && stream (&job, error)
                && wav_result_finish (job.out, error);

  if (ok)
    tell_bad_samples (&job, result);
  job_clear (&job);
  return ok;
}

/* -- command -------------------------------------------------------------- */

static ToolExit
check_options (Options *options)
{
  if (!(options->fps >= 0.001 && options->fps <= 1000))
    return tool_bad_option (&tool_run, "--fps is 0.001 to 1000");
  if (!(options->width >= 0 && options->width <= 2))
    return tool_bad_option (&tool_run, "--width is 0 to 2");
  if (!gain_parse (options->gain_text, &options->gain))
    return tool_bad_option (&tool_run, GAIN_ERROR);
  return backend_choice_check (&options->backend, &tool_run);
}

static ToolExit
run_run (gint argc, char **argv)
{
  Options o = { .backend = BACKEND_CHOICE_DEFAULTS,
                .fps = CCS_ANALYSIS_FPS,
                .width = 1 };
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model,
      "Model file (default: $CCSTEREO_MODEL, then the installed model)",
      "FILE" },
    { "fps", 'f', 0, G_OPTION_ARG_DOUBLE, &o.fps,
      "Images per second in FRAMES_DIR (default 10)", "N" },
    { "width", 'w', 0, G_OPTION_ARG_DOUBLE, &o.width,
      "Stereo width: 0 mono, 1 as predicted (default), 2 exaggerated", "X" },
    { "gain", 'g', 0, G_OPTION_ARG_STRING, &o.gain_text, GAIN_HELP, "DB" },
    BACKEND_CHOICE_ENTRIES (&o.backend),
    { "float", 0, 0, G_OPTION_ARG_NONE, &o.as_float,
      "Write 32-bit floating point instead of 24 bits", NULL },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &o.overwrite,
      "Replace OUT.wav when it exists", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &o.verbose,
      "Show progress on a terminal", NULL },
    { NULL },
  };
  GError *error = NULL;
  ToolExit exit;

  if (!tool_parse (&tool_run, entries, &argc, &argv, &exit))
    return exit;
  exit = check_options (&o);
  if (exit == TOOL_OK) {
    if (!ccs_output_file_check (argv[3], output_flags (&o), &error)
        || !binauralize (&o, argv[1], argv[2], argv[3], &error))
      exit = tool_fail (&tool_run, error);
  }
  g_free (o.model);
  g_free (o.gain_text);
  backend_choice_clear (&o.backend);
  return exit;
}

const ToolCommand tool_run = {
  "run",
  "IN.wav FRAMES_DIR OUT.wav",
  3,
  "Make an audio file binaural",
  "IN is anything libsndfile reads, mono or stereo (whose channels are "
  "summed),\nat 4 to 384 kHz. Samples that are not finite become silence, with "
  "a note.\n"
  "FRAMES_DIR holds numbered PNG or JPEG pictures; the lowest number is shown\n"
  "when the sound begins. OUT has IN's rate and length, and the sum of its\n"
  "channels is IN.",
  run_run
};
