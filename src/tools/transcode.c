/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo-transcode IN OUT`: copies a file and makes its audio binaural.
 * Packets of the copied streams and of the new track are written in the order
 * of their times. */
#include <ccstereo/version.h>
#include <fcntl.h>
#include <signal.h>
#include <gst/gst.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "program-locale.h"
#include "transcode-options.h"
#include "transcode-paths.h"
#include "transcode-sound.h"
#include "transcode-time.h"
#include "transcode-track.h"

/* Interval at which the time left is updated, µs. */
#define PROGRESS_INTERVAL 200000
/* Share of the work after which the time left is estimated. */
#define SHARE_FOR_ESTIMATE 0.01

typedef enum
{
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_STOPPED = 130, /* exit status of shells after Ctrl-C */
} ExitCode;

/* A transcoding under way. */
typedef struct
{
  const TranscodeOptions *options;
  TranscodeFile *file;
  TranscodeSound *sound;
  TranscodeTrack *track;
  double gain;           /* factor of the new track */
  CcsOutputFile *output; /* NULL: not made yet */
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

/* Opens file descriptors 0 to 2 if they are closed, so that the output file
 * cannot become standard error. */
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

/* Sends libav's messages to the debug category "transcode": they are shown with
 * GST_DEBUG=transcode:6. */
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
shows_progress (const TranscodeOptions *options)
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
end_progress (const TranscodeOptions *options)
{
  if (shows_progress (options))
    g_printerr ("\r%30s\r", "");
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

/* Encodes and writes audio up to @until, ns, or all that is left. */
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

/* Writes the audio up to the time of @packet, then @packet. */
static gboolean
copy_packet (Job *job, AVPacket *packet, GError **error)
{
  TranscodeFile *file = job->file;
  const gint from = packet->stream_index;
  const AVRational base = file->in->streams[from]->time_base;

  if (packet->dts != AV_NOPTS_VALUE) {
    gint64 time = transcode_time_rescale (packet->dts, base, TRANSCODE_TIME_NS);

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
  const TranscodeOptions *options = job->options;
  const TranscodeSoundOptions sound = {
    .audio = job->file->audio->index,
    .video = job->file->video->index,
    .field_channel = job->file->field_channel,
    .offset = transcode_time_rescale (job->file->offset, AV_TIME_BASE_Q,
                                      TRANSCODE_TIME_NS),
    .model = options->model,
    .backend = options->backend,
    .precision = options->precision,
    .threads = options->threads,
    .hop = options->hop,
    .width = options->width,
    .playlists = options->playlists,
    .stop = &stop,
    .notice = options->quiet ? no_notice : notice,
  };

  job->sound = transcode_sound_open (options->in, &sound, error);
  return job->sound != NULL;
}

/* Finds the gain. --gain auto reads all audio for that, then starts again. */
static gboolean
find_gain (Job *job, GError **error)
{
  const TranscodePiece *piece = transcode_sound_peek (job->sound);
  double peak = 0;

  job->gain = job->options->gain.factor;
  if (!job->options->gain.is_auto)
    return TRUE;
  while (piece->samples) {
    for (gsize i = 0; i < 2 * piece->frames; i++)
      peak = MAX (peak, fabsf (piece->samples[i]));
    show_progress (job, piece->time / 1000);
    if (!transcode_sound_next (job->sound, error))
      return FALSE;
  }
  job->gain = gain_for_peak (peak);
  if (!job->options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: gain %.1f dB: the peak is %+.1f "
                "dB\n",
                job->options->in, gain_db (job->gain), gain_db (peak));
  g_clear_pointer (&job->sound, transcode_sound_free);
  return open_sound (job, error);
}

static void
note_clipped (const Job *job)
{
  double peak;
  const guint64 n = transcode_track_clipped (job->track, &peak);

  if (n > 0 && !job->options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: %" G_GUINT64_FORMAT
                " samples are clipped: they are beyond full scale, up to %+.1f "
                "dB (--gain auto avoids it)\n",
                job->options->in, n, gain_db (peak));
}

static gboolean
open_track (Job *job, GError **error)
{
  const TranscodeOptions *options = job->options;
  const AVOutputFormat *format
      = av_guess_format (options->container->muxer, NULL, NULL);
  const TranscodeTrackOptions track = {
    .codec = transcode_codec_find (options->codec),
    .rate = transcode_sound_peek (job->sound)->rate,
    .bitrate = options->bitrate,
    .gain = job->gain,
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

/* Returns whether an ambisonic sound field can have @channels: n^2, or two more
 * for a head-locked stereo track. */
static gboolean
is_field_size (int channels)
{
  for (int n = 2; n * n <= channels; n++)
    if (channels == n * n || channels == n * n + 2)
      return TRUE;
  return FALSE;
}

static gboolean
choose_layout (Job *job, GError **error)
{
  const int channels = job->file->audio->codecpar->ch_layout.nb_channels;

  if (!g_str_equal (job->options->layout, "ambisonic")
      || job->file->field_channel >= 0)
    return TRUE;
  job->file->field_channel = 0;
  if (is_field_size (channels))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "%s: --input-layout=ambisonic: its audio has %d channels; an "
               "ambisonic sound field has 4, 9 or 16, or 2 more",
               job->options->in, channels);
  return FALSE;
}

static void
note_downmix (Job *job)
{
  const AVChannelLayout *layout = &job->file->audio->codecpar->ch_layout;
  const char *what = "which are mixed down to mono and made binaural";

  if (layout->nb_channels < 2 || job->options->quiet)
    return;
  if (job->file->field_channel >= 0)
    what = "an ambisonic sound field: its channel W is made binaural";
  else if (layout->order == AV_CHANNEL_ORDER_UNSPEC && layout->nb_channels > 2)
    what = "whose layout the file does not specify: they are mixed as "
           "loudspeaker channels (--input-layout=ambisonic if they are a sound "
           "field)";
  g_printerr ("ccstereo-transcode: note: %s: its audio has %d channels, %s\n",
              job->options->in, layout->nb_channels, what);
}

static void
note_hidden (Job *job)
{
  const TranscodeOptions *options = job->options;
  const double hidden = (double)job->file->hidden / AV_TIME_BASE;

  if (hidden > 0 && !options->quiet)
    g_printerr (
        "ccstereo-transcode: note: %s: its first %.3f s of pictures are "
        "hidden, which .%s files cannot do: sound begins behind them\n",
        options->in, hidden, options->container->extension);
}

static void
note_overlap (const Job *job)
{
  const gint64 overlap = transcode_track_overlap (job->track);

  if (overlap > 0 && !job->options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: %.3f s of audio overlap earlier "
                "audio and are dropped\n",
                job->options->in, overlap / 1e9);
}

static void
note_moved (const Job *job)
{
  const guint64 moved = transcode_file_moved (job->file);

  if (moved > 0 && !job->options->quiet)
    g_printerr ("ccstereo-transcode: note: %s: %" G_GUINT64_FORMAT
                " frames have timestamps before those of earlier frames; they "
                "are shown right after these\n",
                job->options->in, moved);
}

static gboolean
transcode (Job *job, GError **error)
{
  const TranscodeOptions *options = job->options;
  const CcsOutputFlags flags
      = options->overwrite ? CCS_OUTPUT_OVERWRITE : CCS_OUTPUT_NEW;

  if (!transcode_paths_check (options->in, options->out, flags, error)
      || (job->file = transcode_file_open (options->in, options->stream,
                                           options->playlists,
                                           options->container, &stop, error))
             == NULL
      || !choose_layout (job, error))
    return FALSE;
  note_downmix (job);
  note_hidden (job);
  return open_sound (job, error) && find_gain (job, error)
         && open_track (job, error)
         && (job->output = ccs_output_file_new (options->out, flags, error))
                != NULL
         && transcode_file_create (
             job->file, ccs_output_file_partial (job->output), options->out,
             transcode_track_encoder (job->track), options->keep_original,
             options->quiet ? no_notice : notice, error)
         && copy_and_write (job, error)
         && ccs_output_file_commit (job->output, error);
}

static ExitCode
run (const TranscodeOptions *options)
{
  Job job = { .options = options, .started = g_get_monotonic_time () };
  g_autoptr (GError) error = NULL;
  gboolean ok = transcode (&job, &error);

  end_progress (options);
  if (ok) {
    note_overlap (&job);
    note_clipped (&job);
    note_moved (&job);
  }
  ccs_output_file_free (job.output);
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

int
main (int argc, char **argv)
{
  TranscodeOptions options;
  g_autoptr (GError) error = NULL;
  ExitCode code = EXIT_DONE;

  fill_standard_files ();
  ccs_program_set_locale ();
  g_set_prgname ("ccstereo-transcode");
  if (!transcode_options_parse (&options, &argc, &argv, &error)) {
    say (error->message);
    code = EXIT_USAGE;
  } else if (options.version) {
    puts ("ccstereo-transcode " CCS_VERSION_STRING);
  } else {
    ccs_output_files_guard (on_signal);
    gst_init (NULL, NULL);
    GST_DEBUG_CATEGORY_INIT (transcode_debug, "transcode", 0,
                             "ccstereo-transcode and libav");
    av_log_set_callback (log_libav);
    code = run (&options);
    gst_deinit ();
  }
  transcode_options_clear (&options);
  return code;
}
