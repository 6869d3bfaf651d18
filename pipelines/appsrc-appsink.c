/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An application that has pictures and sound of its own and wants binaural
 * sound back: appsrc -> ccstereobin -> appsink, in as few lines as it takes.
 *
 *   appsrc-appsink [SECONDS]
 *
 * It makes a bright square that wanders from left to right and a hum, and says
 * once a second how loud each ear is. Needs GST_PLUGIN_PATH (or an installed
 * plugin) and a model: CCSTEREO_MODEL, or the installed default one. */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 320
#define HEIGHT 160
#define FPS 10
#define RATE 48000
#define SQUARE 40
#define HUM_HZ 220
#define DEFAULT_SECONDS 5

static const char *const line
    = "appsrc name=picture format=time block=true "
      "caps=video/x-raw,format=RGB,width=320,height=160,framerate=10/1 "
      "! b.video_sink "
      "appsrc name=sound format=time block=true "
      "caps=audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1 "
      "! ccstereobin name=b "
      "! audio/x-raw,format=F32LE,channels=2 "
      "! appsink name=ears sync=false";

/* The square at its place in picture @k of @n. */
static GstBuffer *
picture (guint k, guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 3 * WIDTH * HEIGHT, NULL);
  const guint left = (WIDTH - SQUARE) * k / n;

  gst_buffer_memset (buffer, 0, 40, 3 * WIDTH * HEIGHT);
  for (guint y = (HEIGHT - SQUARE) / 2; y < (HEIGHT + SQUARE) / 2; y++)
    gst_buffer_memset (buffer, 3 * (y * WIDTH + left), 220, 3 * SQUARE);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (k, GST_SECOND, FPS);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / FPS;
  return buffer;
}

/* A tenth of a second of hum. */
static GstBuffer *
sound (guint k)
{
  const guint n = RATE / FPS;
  float *samples = g_new (float, n);
  GstBuffer *buffer = gst_buffer_new_wrapped (samples, n * sizeof *samples);

  for (guint i = 0; i < n; i++)
    samples[i] = 0.3f * (float)sin (2 * G_PI * HUM_HZ * (k * n + i) / RATE);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (k, GST_SECOND, FPS);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / FPS;
  return buffer;
}

typedef struct
{
  GstElement *pipeline;
  guint seconds;
} Application;

/* Pictures and sound go in from a thread of their own: the pipeline takes as
 * much as its queues hold, and then makes us wait. */
static gpointer
feed (gpointer data)
{
  const Application *application = data;
  GstBin *bin = GST_BIN (application->pipeline);
  GstAppSrc *pictures = GST_APP_SRC (gst_bin_get_by_name (bin, "picture"));
  GstAppSrc *sounds = GST_APP_SRC (gst_bin_get_by_name (bin, "sound"));
  const guint n = application->seconds * FPS;

  for (guint k = 0; k < n; k++) {
    if (gst_app_src_push_buffer (pictures, picture (k, n)) != GST_FLOW_OK
        || gst_app_src_push_buffer (sounds, sound (k)) != GST_FLOW_OK)
      break;
  }
  gst_app_src_end_of_stream (pictures);
  gst_app_src_end_of_stream (sounds);
  gst_object_unref (pictures);
  gst_object_unref (sounds);
  return NULL;
}

static void
listen (GstAppSink *ears)
{
  GstSample *sample;
  double energy[2] = { 0, 0 };
  guint64 frames = 0;

  while ((sample = gst_app_sink_pull_sample (ears)) != NULL) {
    GstMapInfo map;
    const float *samples;

    gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
    samples = (const float *)map.data;
    for (gsize i = 0; i < map.size / sizeof *samples; i++) {
      energy[i % 2] += samples[i] * samples[i];
      if (i % 2 == 1 && ++frames % RATE == 0) {
        g_print ("second %u: left %.4f, right %.4f\n", (guint)(frames / RATE),
                 sqrt (energy[0] / RATE), sqrt (energy[1] / RATE));
        energy[0] = energy[1] = 0;
      }
    }
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
  }
}

/* FALSE, with the reason on stderr, when the pipeline failed. */
static gboolean
ended_well (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  gst_object_unref (bus);
  if (message == NULL)
    return TRUE;
  GError *error = NULL;
  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  g_error_free (error);
  gst_message_unref (message);
  return FALSE;
}

int
main (int argc, char **argv)
{
  Application application = { NULL, DEFAULT_SECONDS };
  GError *error = NULL;
  GstElement *ears;
  GThread *feeder;
  gboolean ok;

  gst_init (&argc, &argv);
  if (argc > 1)
    application.seconds = (guint)MAX (1, atoi (argv[1]));
  application.pipeline = gst_parse_launch (line, &error);
  if (error != NULL) {
    g_printerr ("%s\n", error->message);
    g_error_free (error);
    g_clear_pointer (&application.pipeline, gst_object_unref);
    return EXIT_FAILURE;
  }
  ears = gst_bin_get_by_name (GST_BIN (application.pipeline), "ears");
  ok = gst_element_set_state (application.pipeline, GST_STATE_PLAYING)
       != GST_STATE_CHANGE_FAILURE;
  if (ok) {
    feeder = g_thread_new ("feed", feed, &application);
    listen (GST_APP_SINK (ears));
    gst_element_set_state (application.pipeline, GST_STATE_READY);
    g_thread_join (feeder);
  }
  ok = ended_well (application.pipeline) && ok;
  gst_element_set_state (application.pipeline, GST_STATE_NULL);
  gst_object_unref (ears);
  gst_object_unref (application.pipeline);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
