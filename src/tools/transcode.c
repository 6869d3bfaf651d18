/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo-transcode IN OUT`: the same file with binaural sound. Packets of
 * the input and of the new track are put in the order of their times; the
 * output has its name only when it is complete. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <libavutil/log.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/backend.h"
#include "model/config.h"
#include "transcode-file.h"
#include "transcode-sound.h"
#include "transcode-track.h"

#define MAX_WIDTH 2.
/* How often the time left is shown anew, µs. */
#define PROGRESS_INTERVAL 200000
/* Before, the time left is anybody's guess. */
#define SHARE_FOR_ESTIMATE 0.01
/* The name of an output that is not complete yet. */
#define PARTIAL_NAME ".%s.XXXXXX.part"

typedef enum
{
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_STOPPED = 130, /* as shells say it of Ctrl-C */
} ExitCode;

typedef struct
{
  char **operands;
  const char *in, *out; /* of the operands */
  char *model, *backend, *precision, *codec;
  gint64 bitrate;
  double width;
  gint threads, hop, stream;
  gboolean keep_original, overwrite, quiet, version;
  const TranscodeContainer *container;
} Options;

/* A transcoding under way. */
typedef struct
{
  const Options *options;
  TranscodeFile *file;
  TranscodeSound *sound;
  TranscodeTrack *track;
  char *partial;         /* NULL: there is none */
  gint64 started, shown; /* monotonic, µs */
} Job;

static volatile sig_atomic_t stop;

GST_DEBUG_CATEGORY_STATIC (transcode_debug);
#define GST_CAT_DEFAULT transcode_debug

static void
on_signal (int number)
{
  stop = 1;
}

/* Nobody who reads messages, or a limit on the output's size, is no reason to
 * leave half an output behind. */
static void
catch_signals (void)
{
  const struct sigaction action = { .sa_handler = on_signal };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

/* The output must not get the number to which messages go. */
static void
fill_standard_files (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0)
      open ("/dev/null", O_RDWR);
}

/* -- messages ------------------------------------------------------------- */

static void
say (const char *text)
{
  g_printerr ("ccstereo-transcode: %s\n", text);
}

static void
notice (const char *text)
{
  g_printerr ("ccstereo-transcode: note: %s\n", text);
}

static void
no_notice (const char *text)
{
}

/* What libav says of damage is for those who ask: GST_DEBUG=transcode:6. */
static void
log_libav (void *source, int level, const char *format, va_list arguments)
{
  char line[256];
  int is_start = 1;

  if (level > AV_LOG_INFO)
    return;
  av_log_format_line (source, level, format, arguments, line, sizeof line,
                      &is_start);
  GST_CAT_LEVEL_LOG (transcode_debug,
                     level > AV_LOG_ERROR ? GST_LEVEL_LOG : GST_LEVEL_WARNING,
                     NULL, "%s", g_strchomp (line));
}

static gboolean
shows_progress (const Options *options)
{
  return !options->quiet && isatty (STDERR_FILENO);
}

/* @done: position in the input, µs. */
static void
show_progress (Job *job, gint64 done)
{
  const gint64 total = job->file->in->duration, now = g_get_monotonic_time ();
  double share, left;

  if (!shows_progress (job->options) || now - job->shown < PROGRESS_INTERVAL
      || total <= 0)
    return;
  job->shown = now;
  share = CLAMP ((double)done / total, 0, 1);
  g_printerr ("\r%3.0f %%", 100 * share);
  if (share < SHARE_FOR_ESTIMATE)
    return;
  left = (now - job->started) * (1 / share - 1) / G_USEC_PER_SEC;
  g_printerr ("  %d:%02d:%02d left ", (int)(left / 3600), (int)(left / 60) % 60,
              (int)left % 60);
}

static void
end_progress (const Options *options)
{
  if (shows_progress (options))
    g_printerr ("\r%30s\r", "");
}

/* -- the output's name ---------------------------------------------------- */

static gboolean
fail_errno (GError **error, const char *path, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s: %s", path, what,
               g_strerror (errno));
  return FALSE;
}

static gboolean
same_file (const char *a, const char *b)
{
  GStatBuf of_a, of_b;

  return g_stat (a, &of_a) == 0 && g_stat (b, &of_b) == 0
         && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* A name that is taken is better known before the work than after it. */
static gboolean
check_names (const Options *options, GError **error)
{
  GStatBuf out;

  if (g_access (options->in, R_OK) != 0)
    return fail_errno (error, options->in, "cannot be read");
  if (g_lstat (options->out, &out) != 0)
    return TRUE;
  if (same_file (options->in, options->out))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 "%s: is the input itself; name another output", options->out);
  else if (!S_ISREG (out.st_mode) && !S_ISLNK (out.st_mode))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                 "%s: is not a regular file", options->out);
  else if (!options->overwrite)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 "%s: exists already (--overwrite replaces it)", options->out);
  else
    return TRUE;
  return FALSE;
}

static gboolean
make_partial (Job *job, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (job->options->out);
  g_autofree char *name = g_path_get_basename (job->options->out);
  g_autofree char *hidden = g_strdup_printf (PARTIAL_NAME, name);
  g_autofree char *path = g_build_filename (folder, hidden, NULL);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0666);

  if (fd < 0)
    return fail_errno (error, job->options->out, "cannot be written");
  close (fd);
  job->partial = g_steal_pointer (&path);
  return TRUE;
}

/* Gives the complete output its name. A file that appeared under it meanwhile
 * stays, unless it may be overwritten. */
static gboolean
name_output (Job *job, GError **error)
{
  const Options *options = job->options;
  int ret = -1;

  if (options->overwrite)
    ret = g_rename (job->partial, options->out);
  else if ((ret = renameat2 (AT_FDCWD, job->partial, AT_FDCWD, options->out,
                             RENAME_NOREPLACE))
               != 0
           && (errno == EINVAL || errno == ENOSYS))
    ret = g_rename (job->partial, options->out);
  if (ret != 0)
    return fail_errno (error, options->out, "cannot be written");
  g_clear_pointer (&job->partial, g_free);
  return TRUE;
}

/* -- the work ------------------------------------------------------------- */

static gboolean
write_track_packets (Job *job, GError **error)
{
  AVPacket *packet;

  while ((packet = transcode_track_pop (job->track)) != NULL)
    if (!transcode_file_write_sound (job->file, packet, error))
      return FALSE;
  return TRUE;
}

/* Codes sound up to @until, ns, or all that is left. */
static gboolean
write_sound (Job *job, gint64 until, GError **error)
{
  const TranscodePiece *piece = transcode_sound_peek (job->sound);

  while (piece->samples && piece->time <= until) {
    show_progress (job, piece->time / 1000);
    if (!transcode_track_push (job->track, piece, error)
        || !write_track_packets (job, error)
        || !transcode_sound_next (job->sound, error))
      return FALSE;
  }
  return TRUE;
}

/* Takes @packet; the sound up to its time goes before it. */
static gboolean
copy_packet (Job *job, AVPacket *packet, GError **error)
{
  TranscodeFile *file = job->file;
  const gint from = packet->stream_index;
  const AVRational base = file->in->streams[from]->time_base;

  if (packet->dts != AV_NOPTS_VALUE) {
    gint64 time
        = av_rescale_q (packet->dts, base, (AVRational){ 1, GST_SECOND });

    if (!write_sound (job, time, error)) {
      av_packet_free (&packet);
      return FALSE;
    }
    show_progress (job, time / 1000);
  }
  return transcode_file_write (file, packet, file->map[from], base, error);
}

static gboolean
copy_and_write (Job *job, GError **error)
{
  AVPacket *packet;

  for (;;) {
    if (!transcode_file_read (job->file, &packet, error))
      return FALSE;
    if (packet == NULL)
      break;
    if (!copy_packet (job, packet, error))
      return FALSE;
  }
  return write_sound (job, G_MAXINT64, error)
         && transcode_track_finish (job->track, error)
         && write_track_packets (job, error)
         && transcode_file_finish (job->file, error);
}

static gboolean
open_sound (Job *job, GError **error)
{
  const Options *options = job->options;
  const TranscodeSoundOptions sound = {
    .audio = job->file->audio->index,
    .video = job->file->video->index,
    .offset = av_rescale_q (job->file->offset, AV_TIME_BASE_Q,
                            (AVRational){ 1, GST_SECOND }),
    .model = options->model,
    .backend = options->backend,
    .precision = options->precision,
    .threads = options->threads,
    .hop = options->hop,
    .width = options->width,
    .stop = &stop,
    .notice = options->quiet ? no_notice : notice,
  };

  job->sound = transcode_sound_open (options->in, &sound, error);
  return job->sound != NULL;
}

static gboolean
open_track (Job *job, GError **error)
{
  const Options *options = job->options;
  const AVOutputFormat *format
      = av_guess_format (options->container->muxer, NULL, NULL);
  const TranscodeTrackOptions track = {
    .codec = transcode_codec_find (options->codec),
    .rate = transcode_sound_peek (job->sound)->rate,
    .bitrate = options->bitrate,
    .global_header = format && (format->flags & AVFMT_GLOBALHEADER),
    .tick = options->container->tick,
  };
  int rate;

  job->track = transcode_track_new (&track, error);
  if (job->track == NULL)
    return FALSE;
  rate = transcode_track_encoder (job->track)->sample_rate;
  if (rate != (int)track.rate && !options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: %u Hz become %d Hz, which is "
                "what %s takes\n",
                options->in, track.rate, rate, options->codec);
  return TRUE;
}

static void
tell_downmix (Job *job)
{
  const int channels = job->file->audio->codecpar->ch_layout.nb_channels;

  if (channels > 1 && !job->options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: its sound has %d channels, "
                "which are mixed to one and placed anew\n",
                job->options->in, channels);
}

static void
tell_hidden (Job *job)
{
  const Options *options = job->options;
  const double hidden = (double)job->file->hidden / AV_TIME_BASE;

  if (hidden > 0 && !options->quiet)
    g_printerr (
        "ccstereo-transcode: note: %s: its first %.3f s of pictures are "
        "hidden, which .%s files cannot do: sound begins behind them\n",
        options->in, hidden, options->container->extension);
}

static gboolean
transcode (Job *job, GError **error)
{
  const Options *options = job->options;

  if (!check_names (options, error)
      || (job->file = transcode_file_open (options->in, options->stream,
                                           options->container, &stop, error))
             == NULL)
    return FALSE;
  tell_downmix (job);
  tell_hidden (job);
  return open_sound (job, error) && open_track (job, error)
         && make_partial (job, error)
         && transcode_file_create (job->file, job->partial, options->out,
                                   transcode_track_encoder (job->track),
                                   options->keep_original,
                                   options->quiet ? no_notice : notice, error)
         && copy_and_write (job, error) && name_output (job, error);
}

static ExitCode
run (const Options *options)
{
  Job job = { .options = options, .started = g_get_monotonic_time () };
  g_autoptr (GError) error = NULL;
  gboolean ok = transcode (&job, &error);

  end_progress (options);
  if (job.partial)
    g_unlink (job.partial);
  g_free (job.partial);
  g_clear_pointer (&job.track, transcode_track_free);
  g_clear_pointer (&job.sound, transcode_sound_free);
  g_clear_pointer (&job.file, transcode_file_free);
  if (ok)
    return EXIT_DONE;
  if (stop) { /* whichever thread met it first, and whatever it called it */
    say ("stopped");
    return EXIT_STOPPED;
  }
  say (error->message);
  return EXIT_FAILED;
}

/* -- the command line ----------------------------------------------------- */

static gboolean
check_ranges (const Options *options, GError **error)
{
  static const char *const backends[] = { "auto", "cpu", "cuda", NULL };
  const char *wrong = NULL;

  if (!(options->width >= 0 && options->width <= MAX_WIDTH))
    wrong = "--width must be 0 to 2";
  else if (options->hop < 1 || options->hop > CCS_WINDOW)
    wrong = "--hop must be 1 to " G_STRINGIFY (CCS_WINDOW);
  else if (options->threads < 0 || options->threads > CCS_BACKEND_MAX_THREADS)
    wrong = "--threads must be 0 to " G_STRINGIFY (CCS_BACKEND_MAX_THREADS);
  else if (options->stream < 0)
    wrong = "--audio-stream must be 0 or more";
  else if (options->bitrate < 0)
    wrong = "--bitrate must be 0 (as the codec has it) or more";
  else if (!g_strv_contains (backends, options->backend))
    wrong = "--backend must be auto, cpu or cuda";
  if (wrong)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         wrong);
  return wrong == NULL;
}

static gboolean
check_container (Options *options, GError **error)
{
  const char *codec = options->codec;

  options->container = transcode_container_find (options->out);
  if (options->container == NULL) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: its name must end in .mp4, .m4v, .mov, .mkv or .webm",
                 options->out);
    return FALSE;
  }
  if (codec && !transcode_container_takes (options->container, codec)) {
    g_autofree char *possible
        = g_strjoinv (", ", (char **)options->container->codecs);

    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--audio-codec %s: .%s files take %s", codec,
                 options->container->extension, possible);
    return FALSE;
  }
  if (codec == NULL)
    options->codec = g_strdup (options->container->codecs[0]);
  return TRUE;
}

static gboolean
check_bitrate (const Options *options, GError **error)
{
  if (options->bitrate == 0
      || transcode_codec_find (options->codec)->bitrate != 0)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--bitrate: %s loses nothing, at whatever rate that takes",
               options->codec);
  return FALSE;
}

static gboolean
parse (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "audio-codec", 'c', 0, G_OPTION_ARG_STRING, &options->codec,
      "aac, opus, flac or pcm, as the container allows (mp4, mov: aac; mkv, "
      "webm: opus)",
      "CODEC" },
    { "bitrate", 'b', 0, G_OPTION_ARG_INT64, &options->bitrate,
      "Of the new track, bits a second", "BITS" },
    { "width", 'w', 0, G_OPTION_ARG_DOUBLE, &options->width,
      "How far apart the ears are: 0 mono, 1 as the model says, up to 2", "W" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
      "Parameters (default: CCSTEREO_MODEL, then the installed model)",
      "FILE" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &options->backend,
      "auto, cpu or cuda", "NAME" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &options->precision,
      "What the net's factors are rounded to: fp32, tf32, bf16 or fp16, as the "
      "backend offers (default: fp32)",
      "NAME" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &options->threads,
      "CPU threads of the net (default: one a core)", "N" },
    { "hop", 0, 0, G_OPTION_ARG_INT, &options->hop,
      "Samples at 16 kHz between windows (default: 1008; more is faster)",
      "N" },
    { "audio-stream", 'a', 0, G_OPTION_ARG_INT, &options->stream,
      "Which audio stream, counted from 0", "N" },
    { "keep-original", 'k', 0, G_OPTION_ARG_NONE, &options->keep_original,
      "Keep the old audio track beside the new one", NULL },
    { "overwrite", 'y', 0, G_OPTION_ARG_NONE, &options->overwrite,
      "Replace OUT where it exists", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet,
      "Say nothing but errors", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      "Say which version this is, and no more", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->operands,
      NULL, "IN OUT" },
    { NULL },
  };
  CcsPrecision precision;
  g_autoptr (GOptionContext) context
      = g_option_context_new ("- the same file with binaural sound");

  g_option_context_set_description (
      context,
      "OUT is .mp4, .m4v, .mov, .mkv or .webm. Every stream but the sound is "
      "copied as it is.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 130 "
      "stopped by a signal.\n");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->version)
    return TRUE;
  if (options->operands == NULL || g_strv_length (options->operands) != 2) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "two files expected: IN OUT (--help tells more)");
    return FALSE;
  }
  options->in = options->operands[0];
  options->out = options->operands[1];
  if (options->backend == NULL)
    options->backend = g_strdup ("auto");
  if (options->precision == NULL)
    options->precision = g_strdup (ccs_precision_name (CCS_PRECISION_FP32));
  return check_ranges (options, error)
         && ccs_precision_from_name (options->precision, &precision, error)
         && check_container (options, error) && check_bitrate (options, error);
}

int
main (int argc, char **argv)
{
  Options options = { .width = 1, .hop = CCS_HOP };
  g_autoptr (GError) error = NULL;
  ExitCode code = EXIT_DONE;

  fill_standard_files ();
  setlocale (LC_ALL, "");
  g_set_prgname ("ccstereo-transcode");
  if (!parse (&options, &argc, &argv, &error)) {
    say (error->message);
    code = EXIT_USAGE;
  } else if (options.version) {
    puts ("ccstereo-transcode " CCS_VERSION);
  } else {
    catch_signals ();
    gst_init (NULL, NULL);
    GST_DEBUG_CATEGORY_INIT (transcode_debug, "transcode", 0,
                             "ccstereo-transcode and libav");
    av_log_set_callback (log_libav);
    code = run (&options);
    gst_deinit ();
  }
  g_strfreev (options.operands);
  g_free (options.model);
  g_free (options.backend);
  g_free (options.precision);
  g_free (options.codec);
  return code;
}
