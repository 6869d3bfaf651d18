/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the timing of ccstereobin in a live pipeline with its default
 * settings, from live test sources to sinks that synchronise to the clock.
 * Prints the latency that the pipeline reports, the delay between the
 * timestamp and the arrival of each audio buffer, and the timestamp of the
 * slowest buffer. A buffer is late if its delay exceeds the latency.
 *
 *   measure-live [SECONDS [WIDTHxHEIGHT]]
 *
 * The model is the default one. */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_SECONDS 5
#define SOUND_RATE 48000
#define SOUND_BUFFER 480 /* frames: 10 ms */
#define FPS 30

typedef struct
{
  GstElement *sink;
  GArray *delays;       /* gint64: arrival minus timestamp, ns */
  gint64 slowest;       /* the largest delay */
  GstClockTime slow_at; /* the timestamp of that buffer */
} Measurement;

static GstPadProbeReturn
note_delay (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Measurement *measurement = data;
  GstClockTime now = gst_element_get_current_running_time (measurement->sink);
  gint64 delay = GST_CLOCK_DIFF (GST_BUFFER_PTS (info->data), now);

  g_array_append_val (measurement->delays, delay);
  if (delay > measurement->slowest) {
    measurement->slowest = delay;
    measurement->slow_at = GST_BUFFER_PTS (info->data);
  }
  return GST_PAD_PROBE_OK;
}

static GstElement *
live_pipeline (guint seconds, guint width, guint height)
{
  g_autofree char *line = g_strdup_printf (
      "audiotestsrc is-live=true wave=pink-noise samplesperbuffer=%d "
      "num-buffers=%u ! audio/x-raw,rate=%d,channels=1 ! ccstereobin name=b "
      "! fakesink name=ears sync=true "
      "videotestsrc is-live=true pattern=ball num-buffers=%u "
      "! video/x-raw,width=%u,height=%u,framerate=%d/1 ! b.video_sink "
      "b.video_src ! fakesink sync=true",
      SOUND_BUFFER, seconds * SOUND_RATE / SOUND_BUFFER, SOUND_RATE,
      seconds * FPS, width, height, FPS);

  return gst_parse_launch (line, NULL);
}

static int
compare_delays (gconstpointer a, gconstpointer b)
{
  const gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return (x > y) - (x < y);
}

static double
milliseconds (gint64 time)
{
  return (double)time / GST_MSECOND;
}

static void
print_delays (const Measurement *measurement, GstClockTime latency)
{
  GArray *delays = measurement->delays;
  guint late = 0;

  g_array_sort (delays, compare_delays);
  for (guint i = 0; i < delays->len; i++)
    late += g_array_index (delays, gint64, i) > (gint64)latency;
  printf ("latency_reported_ms %.1f\n", milliseconds ((gint64)latency));
  printf ("buffers %u\nlate %u\n", delays->len, late);
  if (delays->len == 0)
    return;
  printf ("delay_median_ms %.1f\ndelay_99_ms %.1f\ndelay_max_ms %.1f\n",
          milliseconds (g_array_index (delays, gint64, delays->len / 2)),
          milliseconds (g_array_index (delays, gint64, delays->len * 99 / 100)),
          milliseconds (measurement->slowest));
  printf ("delay_max_at_s %.1f\n", (double)measurement->slow_at / GST_SECOND);
}

/* Plays @pipeline to its end. Returns FALSE, and prints the reason to
 * stderr, if it fails. */
static gboolean
play (GstElement *pipeline, GstClockTime *latency)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  gboolean live = FALSE;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (gst_element_query (pipeline, query))
    gst_query_parse_latency (query, &live, latency, NULL);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  if (error != NULL || !live)
    fprintf (stderr, "%s\n", error ? error->message : "it was not live");
  return error == NULL && live;
}

int
main (int argc, char **argv)
{
  guint seconds = DEFAULT_SECONDS, width = 640, height = 360;
  Measurement measurement = { .slowest = G_MININT64 };
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) dec = NULL;
  g_autoptr (GstPad) pad = NULL;
  GstClockTime latency = 0;
  gboolean ok;

  gst_init (&argc, &argv);
  if (argc > 1)
    seconds = (guint)MAX (1, atoi (argv[1]));
  if (argc > 2 && sscanf (argv[2], "%ux%u", &width, &height) != 2)
    return EXIT_FAILURE;
  pipeline = live_pipeline (seconds, width, height);
  if (pipeline == NULL) {
    fprintf (stderr, "the elements are not in GST_PLUGIN_PATH\n");
    return EXIT_FAILURE;
  }
  measurement.sink = gst_bin_get_by_name (GST_BIN (pipeline), "ears");
  measurement.delays = g_array_new (FALSE, FALSE, sizeof (gint64));
  dec = gst_bin_get_by_name (GST_BIN (pipeline), "dec");
  /* Measures before the sink: on the sink's pad each buffer waits until the
   * previous one has been played. */
  pad = gst_element_get_static_pad (dec, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note_delay, &measurement,
                     NULL);
  ok = play (pipeline, &latency);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (ok)
    print_delays (&measurement, latency);
  g_array_unref (measurement.delays);
  gst_object_unref (measurement.sink);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
