/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-ccstereobin
 * @title: ccstereobin
 * @short_description: binaural audio from mono audio and video
 *
 * Contains tdsscrop and ccstereoenc, which compute features from the video,
 * ccstereodec, which computes binaural audio from audio and features, and the
 * queues between them. audio_sink accepts audio in any format; more than two
 * channels are mixed down. audio_src outputs binaural audio. video_src, if
 * requested, outputs the video of video_sink unchanged.
 *
 * |[
 *                +-> queue -> video_src
 * video_sink -> tee
 *                +-> queue -> tdsscrop -> queue -> ccstereoenc -+
 *                                                               v
 * audio_sink -> queue -> audioconvert -------------------> ccstereodec
 *                                                               |
 *                        audio_src <- audioconvert <- queue <---+
 * ]|
 *
 * The queue to video_src holds raw video for the latency of the audio (see the
 * `hop` and `lookahead` properties): about three seconds in a pipeline that is
 * not live. Without video (video_sink not requested) the audio is centred, and
 * the element posts a warning.
 *
 * Presets: "low-latency", "low-cpu" and "archive" (gst_preset_load_preset()).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin name=d \
 *     ! ccstereobin name=b ! wavenc ! filesink location=out.wav  d. ! b.
 * ]| The audio of a file, binaural, to a WAV file.
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true wave=ticks \
 *     ! ccstereobin name=b ! autoaudiosink \
 *     videotestsrc is-live=true pattern=ball ! b. \
 *     b. ! videoconvert ! autovideosink
 * ]| Live sources, played and displayed.
 *
 * Since: 0.1
 */
#include "gstccstereobin.h"
#include "gstccstereobin-stats.h"
#include "gstccstereo.h"
#include "gstccstereodec.h"
#include "gstccstereoenc.h"
#include "gstccstereowait.h"
#include "gsttdsssettings.h"
#include <gst/audio/audio.h>
#include <gst/controller/gstproxycontrolbinding.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (ccstereo_bin_debug);
#define GST_CAT_DEFAULT ccstereo_bin_debug

/* Distance in a file between audio and video of the same time, and delay of
 * decoders. */
#define QUEUE_MARGIN GST_SECOND
/* The same for the audio queue, for files that are badly interleaved: audio
 * takes little memory. */
#define AUDIO_QUEUE_MARGIN (10 * GST_SECOND)
/* Frames in front of tdsscrop. Few, because they are large: the queue behind
 * tdsscrop holds more of the small ones. */
#define PICTURE_QUEUE_BUFFERS 3

#define AUDIO_SINK "audio_sink"
#define AUDIO_SRC "audio_src"
#define VIDEO_SINK "video_sink"
#define VIDEO_SRC "video_src"

enum
{
  PROP_0,
  PROP_PICTURE, /* the first of tdsscrop's properties */
  PROP_SOUND = PROP_PICTURE + GST_TDSS_N_PROPERTIES,
  PROP_MODEL = PROP_SOUND + GST_CCSTEREO_DEC_N_SOUND_PROPERTIES,
  PROP_STATS
  = PROP_MODEL + GST_CCSTEREO_N_MODEL_PROPERTIES, /* properties of the bin */
};

/* All parts are made with the bin, because they hold its properties. Those for
 * video are in the bin only while a video pad is requested. */
typedef enum
{
  AUDIO_QUEUE,
  AUDIO_IN, /* converts to the caps of ccstereodec */
  DEC,
  OUT_QUEUE, /* a sink that waits for its time must not hold up the next window
              */
  AUDIO_OUT, /* converts to the caps of downstream */
  TEE,
  VIDEO_QUEUE,
  PICTURE_QUEUE,
  CROP,
  ANALYSIS_QUEUE,
  ENC,
  N_PARTS,
} Part;

static const struct
{
  const char *factory, *name;
} parts[N_PARTS] = {
  [AUDIO_QUEUE] = { "queue", "audio-queue" },
  [AUDIO_IN] = { "audioconvert", "audio-in" },
  [DEC] = { "ccstereodec", "dec" },
  [OUT_QUEUE] = { "queue", "out-queue" },
  [AUDIO_OUT] = { "audioconvert", "audio-out" },
  [TEE] = { "tee", "tee" },
  [VIDEO_QUEUE] = { "queue", "video-queue" },
  [PICTURE_QUEUE] = { "queue", "picture-queue" },
  [CROP] = { "tdsscrop", "crop" },
  [ANALYSIS_QUEUE] = { "queue", "analysis-queue" },
  [ENC] = { "ccstereoenc", "enc" },
};

struct _GstCcstereoBin
{
  GstBin parent;

  GstElement *part[N_PARTS];      /* NULL: not installed */
  GRecMutex pads;                 /* held while pads come and go */
  GstPad *video_sink, *video_src; /* requested; under pads */

  GstCcstereoBinStats stats;
  GstCcstereoWait wait;
  gboolean shows_pictures; /* used by the video streaming thread: a frame has
                              passed since the last flush */
};

static GstStaticPadTemplate audio_sink_template = GST_STATIC_PAD_TEMPLATE (
    AUDIO_SINK, GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("audio/x-raw"));

static GstStaticPadTemplate audio_src_template = GST_STATIC_PAD_TEMPLATE (
    AUDIO_SRC, GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("audio/x-raw"));

static GstStaticPadTemplate video_sink_template
    = GST_STATIC_PAD_TEMPLATE (VIDEO_SINK, GST_PAD_SINK, GST_PAD_REQUEST,
                               GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate video_src_template
    = GST_STATIC_PAD_TEMPLATE (VIDEO_SRC, GST_PAD_SRC, GST_PAD_REQUEST,
                               GST_STATIC_CAPS ("video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE (
    GstCcstereoBin, gst_ccstereo_bin, GST_TYPE_BIN,
    G_IMPLEMENT_INTERFACE (GST_TYPE_PRESET, NULL)
        GST_DEBUG_CATEGORY_INIT (ccstereo_bin_debug, "ccstereobin", 0,
                                 "binaural audio from mono audio and video"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (ccstereobin, "ccstereobin",
                                       GST_RANK_NONE, GST_TYPE_CCSTEREO_BIN,
                                       gst_ccstereo_init ());

/* -- parts ----------------------------------------------------------------- */

/* Returns the first part that is not installed, or N_PARTS. */
static Part
missing_part (GstCcstereoBin *self)
{
  Part part = 0;

  while (part < N_PARTS && self->part[part])
    part++;
  return part;
}

static void
make_parts (GstCcstereoBin *self)
{
  for (Part part = 0; part < N_PARTS; part++) {
    self->part[part]
        = gst_element_factory_make (parts[part].factory, parts[part].name);
    if (self->part[part])
      gst_object_ref_sink (self->part[part]);
  }
}

static void
add_part (GstCcstereoBin *self, Part part)
{
  gst_bin_add (GST_BIN (self), self->part[part]);
  gst_element_sync_state_with_parent (self->part[part]);
}

static void
remove_part (GstCcstereoBin *self, Part part)
{
  if (GST_OBJECT_PARENT (self->part[part]) == NULL)
    return; /* the bin is being disposed of */
  gst_element_set_locked_state (self->part[part], TRUE);
  gst_element_set_state (self->part[part], GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), self->part[part]);
  gst_element_set_locked_state (self->part[part], FALSE);
}

/* Returns how long audio or video may have to wait for the other. */
static GstClockTime
longest_wait (GstCcstereoBin *self)
{
  guint hop, lookahead, batch;
  gint rate_n = CCS_ANALYSIS_FPS, rate_d = 1;
  GValue rate = G_VALUE_INIT;

  g_object_get (self->part[DEC], "hop", &hop, "lookahead", &lookahead, NULL);
  g_object_get (self->part[ENC], "batch-size", &batch, NULL);
  g_value_init (&rate, GST_TYPE_FRACTION);
  g_object_get_property (G_OBJECT (self->part[CROP]), "analysis-rate", &rate);
  rate_n = gst_value_get_fraction_numerator (&rate);
  rate_d = gst_value_get_fraction_denominator (&rate);
  g_value_unset (&rate);
  return gst_util_uint64_scale (GST_SECOND,
                                lookahead + CCS_MODEL_WINDOW_BATCH * hop,
                                CCS_MODEL_RATE)
         + gst_util_uint64_scale (
             GST_SECOND, (guint64)MAX (batch, CCS_MODEL_FRAME_BATCH) * rate_d,
             rate_n);
}

/* Sets the size of @queue to @time in stream time. Queues count in running
 * time, which differs by the factor @rate. */
static void
size_queue (GstElement *queue, GstClockTime time, gdouble rate)
{
  g_object_set (queue, "max-size-time", (guint64)((gdouble)time / ABS (rate)),
                "max-size-bytes", 0, "max-size-buffers", 0, NULL);
}

static void
size_queues (GstCcstereoBin *self, gdouble rate)
{
  GstClockTime wait = longest_wait (self);

  size_queue (self->part[AUDIO_QUEUE], wait + AUDIO_QUEUE_MARGIN, rate);
  size_queue (self->part[OUT_QUEUE], QUEUE_MARGIN, rate);
  size_queue (self->part[VIDEO_QUEUE], wait + QUEUE_MARGIN, rate);
  size_queue (self->part[ANALYSIS_QUEUE], wait + QUEUE_MARGIN, rate);
  g_object_set (self->part[PICTURE_QUEUE], "max-size-buffers",
                PICTURE_QUEUE_BUFFERS, "max-size-time", (guint64)0,
                "max-size-bytes", 0, NULL);
}

/* -- pads ------------------------------------------------------------------ */

/* Makes a ghost pad of @part's static pad @target from @templ. (transfer
 * floating) */
static GstPad *
ghost_of (GstCcstereoBin *self, Part part, const char *target,
          GstStaticPadTemplate *templ)
{
  g_autoptr (GstPad) inner
      = gst_element_get_static_pad (self->part[part], target);
  GstPadTemplate *outer = gst_element_class_get_pad_template (
      GST_ELEMENT_GET_CLASS (self), templ->name_template);

  return gst_ghost_pad_new_from_template (templ->name_template, inner, outer);
}

/* Posts an error for channels without positions: audioconvert rejects them
 * without a reason. */
static void
check_channels (GstCcstereoBin *self, GstEvent *event)
{
  GstAudioInfo info;
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  if (gst_audio_info_from_caps (&info, caps)
      && GST_AUDIO_INFO_CHANNELS (&info) > 2
      && GST_AUDIO_INFO_IS_UNPOSITIONED (&info))
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
                       ("audio with %d channels without positions cannot be "
                        "mixed down: set a channel-mask in the caps, or mix "
                        "down with the mix-matrix of audioconvert",
                        GST_AUDIO_INFO_CHANNELS (&info)),
                       (NULL));
}

static GstPadProbeReturn
watch_sound (GstPad *pad, GstPadProbeInfo *info, gpointer self)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  const GstSegment *segment;

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_CAPS:
    check_channels (GST_CCSTEREO_BIN (self), event);
    break;
  case GST_EVENT_SEGMENT:
    gst_event_parse_segment (event, &segment);
    size_queues (GST_CCSTEREO_BIN (self), segment->rate);
    break;
  default:
    break;
  }
  return GST_PAD_PROBE_OK;
}

static void
build_audio_side (GstCcstereoBin *self)
{
  g_autoptr (GstPad) sink
      = gst_element_get_static_pad (self->part[AUDIO_QUEUE], "sink");

  for (Part part = AUDIO_QUEUE; part <= AUDIO_OUT; part++)
    add_part (self, part);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, watch_sound,
                     self, NULL);
  gst_ccstereo_wait_watch (&self->wait, GST_ELEMENT (self), GST_CCSTEREO_SOUND,
                           sink);
  gst_element_link (self->part[AUDIO_QUEUE], self->part[AUDIO_IN]);
  gst_element_link_pads (self->part[AUDIO_IN], "src", self->part[DEC], "audio");
  gst_element_link_many (self->part[DEC], self->part[OUT_QUEUE],
                         self->part[AUDIO_OUT], NULL);
  gst_element_add_pad (GST_ELEMENT (self), ghost_of (self, AUDIO_QUEUE, "sink",
                                                     &audio_sink_template));
  gst_element_add_pad (GST_ELEMENT (self),
                       ghost_of (self, AUDIO_OUT, "src", &audio_src_template));
}

/* Passes a buffer from the tee to the branch of the features, and hides its EOS
 * from the tee: the branch returns EOS after the end of the audio, and the tee
 * would stop the video, too. */
static GstPadProbeReturn
analyse_without_stopping (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  GstPad *peer = gst_pad_get_peer (pad);
  GstFlowReturn ret = GST_FLOW_NOT_LINKED;

  if (peer == NULL)
    return GST_PAD_PROBE_OK;
  ret = gst_pad_chain (peer, GST_PAD_PROBE_INFO_BUFFER (info));
  gst_object_unref (peer);
  GST_PAD_PROBE_INFO_DATA (info) = NULL;
  GST_PAD_PROBE_INFO_FLOW_RETURN (info)
      = ret == GST_FLOW_EOS ? GST_FLOW_OK : ret;
  return GST_PAD_PROBE_HANDLED;
}

static void
link_tee (GstCcstereoBin *self, Part to)
{
  g_autoptr (GstPad) src
      = gst_element_request_pad_simple (self->part[TEE], "src_%u");
  g_autoptr (GstPad) sink = gst_element_get_static_pad (self->part[to], "sink");

  if (to == PICTURE_QUEUE)
    gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, analyse_without_stopping,
                       NULL, NULL);
  gst_pad_link (src, sink);
}

static void
unlink_tee (GstCcstereoBin *self, Part from)
{
  g_autoptr (GstPad) sink
      = gst_element_get_static_pad (self->part[from], "sink");
  g_autoptr (GstPad) src = gst_pad_get_peer (sink);

  if (src == NULL) /* the bin is being disposed of */
    return;
  gst_pad_unlink (src, sink);
  gst_element_release_request_pad (self->part[TEE], src);
}

static GstPad *
add_video_sink (GstCcstereoBin *self)
{
  GstPad *pad = ghost_of (self, TEE, "sink", &video_sink_template);

  for (Part part = PICTURE_QUEUE; part <= ENC; part++)
    add_part (self, part);
  gst_element_link_many (self->part[PICTURE_QUEUE], self->part[CROP],
                         self->part[ANALYSIS_QUEUE], self->part[ENC], NULL);
  gst_element_link_pads (self->part[ENC], "src", self->part[DEC], "features");
  link_tee (self, PICTURE_QUEUE);
  return pad;
}

static void
remove_video_sink (GstCcstereoBin *self)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (self->part[ENC], "src");
  g_autoptr (GstPad) features = gst_pad_get_peer (src);
  g_autoptr (GstPad) tee = gst_element_get_static_pad (self->part[TEE], "sink");

  /* Wakes up threads that wait in the branch: their elements cannot stop before
   * they return. */
  gst_pad_send_event (self->video_sink, gst_event_new_flush_start ());
  unlink_tee (self, PICTURE_QUEUE);
  for (Part part = PICTURE_QUEUE; part <= ENC; part++)
    remove_part (self, part);
  if (features)
    gst_element_release_request_pad (self->part[DEC], features);
  gst_pad_send_event (tee, gst_event_new_flush_stop (FALSE));
}

/* Drops ALLOCATION queries after the first frame. Such a query waits until the
 * queue of video_src is empty. That queue is not emptied before the audio is
 * ready, which needs the video that the query would block. */
static GstPadProbeReturn
allocate_without_waiting (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (data);

  if (info->type & GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM)
    return self->shows_pictures
                   && GST_QUERY_TYPE (GST_PAD_PROBE_INFO_QUERY (info))
                          == GST_QUERY_ALLOCATION
               ? GST_PAD_PROBE_DROP
               : GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    self->shows_pictures = TRUE;
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_GAP)
    self->shows_pictures = TRUE;
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))
           == GST_EVENT_FLUSH_STOP)
    self->shows_pictures = FALSE;
  return GST_PAD_PROBE_OK;
}

static void
watch_pictures (GstCcstereoBin *self)
{
  g_autoptr (GstPad) tee = gst_element_get_static_pad (self->part[TEE], "sink");
  g_autoptr (GstPad) queue
      = gst_element_get_static_pad (self->part[VIDEO_QUEUE], "sink");

  gst_ccstereo_wait_watch (&self->wait, GST_ELEMENT (self),
                           GST_CCSTEREO_PICTURES, tee);
  gst_pad_add_probe (queue,
                     GST_PAD_PROBE_TYPE_BUFFER
                         | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
                         | GST_PAD_PROBE_TYPE_EVENT_FLUSH
                         | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
                     allocate_without_waiting, self, NULL);
}

static GstPad *
add_video_src (GstCcstereoBin *self)
{
  self->shows_pictures = FALSE;
  add_part (self, VIDEO_QUEUE);
  link_tee (self, VIDEO_QUEUE);
  return ghost_of (self, VIDEO_QUEUE, "src", &video_src_template);
}

/* Removes video_src. Ends the flush downstream, because the peer may be linked
 * to another pad. */
static void
remove_video_src (GstCcstereoBin *self)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (self->video_src);
  g_autoptr (GstPad) sink
      = gst_element_get_static_pad (self->part[VIDEO_QUEUE], "sink");

  unlink_tee (self, VIDEO_QUEUE);
  gst_pad_send_event (sink, gst_event_new_flush_start ());
  remove_part (self, VIDEO_QUEUE);
  if (peer)
    gst_pad_send_event (peer, gst_event_new_flush_stop (FALSE));
}

/* -- GstElement ------------------------------------------------------------ */

/* Returns the member that holds the pad made from @templ. */
static GstPad **
slot_for (GstCcstereoBin *self, GstPadTemplate *templ)
{
  return g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), VIDEO_SINK)
             ? &self->video_sink
             : &self->video_src;
}

static GstPad *
gst_ccstereo_bin_request_new_pad (GstElement *element, GstPadTemplate *templ,
                                  const gchar *name, const GstCaps *caps)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (element);
  G_GNUC_UNUSED g_autoptr (GRecMutexLocker) locker
      = g_rec_mutex_locker_new (&self->pads);
  GstPad **slot = slot_for (self, templ);

  if (missing_part (self) != N_PARTS || *slot)
    return NULL;
  if (self->video_sink == NULL && self->video_src == NULL)
    add_part (self, TEE);
  *slot = slot == &self->video_sink ? add_video_sink (self)
                                    : add_video_src (self);
  gst_pad_set_active (*slot, TRUE);
  gst_element_add_pad (element, *slot);
  return *slot;
}

static void
gst_ccstereo_bin_release_pad (GstElement *element, GstPad *pad)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (element);
  G_GNUC_UNUSED g_autoptr (GRecMutexLocker) locker
      = g_rec_mutex_locker_new (&self->pads);

  if (pad == self->video_sink) {
    remove_video_sink (self);
    self->video_sink = NULL;
  } else if (pad == self->video_src) {
    remove_video_src (self);
    self->video_src = NULL;
  } else {
    return;
  }
  if (self->video_sink == NULL && self->video_src == NULL)
    remove_part (self, TEE);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

static gboolean
check_parts (GstCcstereoBin *self)
{
  Part part = missing_part (self);

  if (part == N_PARTS)
    return TRUE;
  GST_ELEMENT_ERROR (
      self, CORE, MISSING_PLUGIN,
      ("the GStreamer element \"%s\" is not installed", parts[part].factory),
      (NULL));
  return FALSE;
}

static GstStateChangeReturn
gst_ccstereo_bin_change_state (GstElement *element, GstStateChange transition)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !check_parts (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    size_queues (self, 1);
    self->shows_pictures = FALSE;
  }
  ret = GST_ELEMENT_CLASS (gst_ccstereo_bin_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_ccstereo_wait_reset (&self->wait);
  return ret;
}

/* -- GObject --------------------------------------------------------------- */

/* Properties, but for those of the statistics, are stored in the parts. Setting
 * one sets it in every part that has it; getting one returns the value of the
 * first part that has it. */
static void
gst_ccstereo_bin_set_property (GObject *object, guint id, const GValue *value,
                               GParamSpec *pspec)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (object);

  if (id >= PROP_STATS) {
    gst_ccstereo_bin_stats_set (&self->stats, id - PROP_STATS, value);
    return;
  }
  for (Part part = 0; part < N_PARTS; part++)
    if (self->part[part] && (part == DEC || part == CROP || part == ENC)
        && g_object_class_find_property (G_OBJECT_GET_CLASS (self->part[part]),
                                         pspec->name))
      g_object_set_property (G_OBJECT (self->part[part]), pspec->name, value);
}

static void
gst_ccstereo_bin_get_property (GObject *object, guint id, GValue *value,
                               GParamSpec *pspec)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (object);
  GstElement *part = self->part[id >= PROP_SOUND ? DEC : CROP];

  if (id >= PROP_STATS)
    gst_ccstereo_bin_stats_get (&self->stats, id - PROP_STATS, value);
  else if (part)
    g_object_get_property (G_OBJECT (part), pspec->name, value);
}

static void
gst_ccstereo_bin_dispose (GObject *object)
{
  GstCcstereoBin *self = GST_CCSTEREO_BIN (object);

  G_OBJECT_CLASS (gst_ccstereo_bin_parent_class)->dispose (object);
  self->stats = (GstCcstereoBinStats){ .bin = GST_ELEMENT (self) };
  for (Part part = 0; part < N_PARTS; part++)
    gst_clear_object (&self->part[part]);
}

static void
gst_ccstereo_bin_finalize (GObject *object)
{
  g_rec_mutex_clear (&GST_CCSTEREO_BIN (object)->pads);
  G_OBJECT_CLASS (gst_ccstereo_bin_parent_class)->finalize (object);
}

static void
gst_ccstereo_bin_class_init (GstCcstereoBinClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_ccstereo_bin_set_property;
  object_class->get_property = gst_ccstereo_bin_get_property;
  object_class->dispose = gst_ccstereo_bin_dispose;
  object_class->finalize = gst_ccstereo_bin_finalize;
  gst_tdss_install_properties (object_class, PROP_PICTURE);
  gst_ccstereo_dec_install_sound_properties (object_class, PROP_SOUND);
  gst_ccstereo_install_model_properties (object_class, PROP_MODEL);
  gst_ccstereo_bin_stats_install (object_class, PROP_STATS);

  /* The order matters: "b. ! sink" requests the first pad that fits. */
  gst_element_class_add_static_pad_template (element_class,
                                             &video_src_template);
  gst_element_class_add_static_pad_template (element_class,
                                             &video_sink_template);
  gst_element_class_add_static_pad_template (element_class,
                                             &audio_src_template);
  gst_element_class_add_static_pad_template (element_class,
                                             &audio_sink_template);
  gst_element_class_set_static_metadata (
      element_class, "CCStereo binaural audio", "Filter/Effect/Audio",
      "Binaural audio from mono audio and video (CCStereo)",
      "The gst-ccstereo authors");
  element_class->request_new_pad = gst_ccstereo_bin_request_new_pad;
  element_class->release_pad = gst_ccstereo_bin_release_pad;
  element_class->change_state = gst_ccstereo_bin_change_state;
}

static void
init_stats (GstCcstereoBin *self)
{
  static const Part queues[]
      = { AUDIO_QUEUE, OUT_QUEUE, VIDEO_QUEUE, PICTURE_QUEUE, ANALYSIS_QUEUE };

  self->stats.bin = GST_ELEMENT (self);
  if (missing_part (self) != N_PARTS)
    return;
  self->stats.dec = self->part[DEC];
  self->stats.enc = self->part[ENC];
  G_STATIC_ASSERT (G_N_ELEMENTS (queues) <= GST_CCSTEREO_BIN_MAX_QUEUES);
  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    self->stats.queue[i] = self->part[queues[i]];
}

static void
watch_audio (GstCcstereoBin *self)
{
  g_autoptr (GstPad) pad
      = gst_element_get_static_pad (GST_ELEMENT (self), AUDIO_SRC);

  gst_ccstereo_bin_stats_watch (&self->stats, pad);
}

static void
gst_ccstereo_bin_init (GstCcstereoBin *self)
{
  g_rec_mutex_init (&self->pads);
  make_parts (self);
  init_stats (self);
  if (missing_part (self) != N_PARTS)
    return;
  build_audio_side (self);
  watch_audio (self);
  watch_pictures (self);
  /* ccstereodec reads its width for each piece of output: through this binding
   * it reads the bin's control source. */
  gst_object_add_control_binding (
      GST_OBJECT (self->part[DEC]),
      gst_proxy_control_binding_new (GST_OBJECT (self->part[DEC]), "width",
                                     GST_OBJECT (self), "width"));
}
