/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts a timer with the first data of one stream. When it expires, posts a
 * warning if the other stream has received nothing. */
#include "gstccstereowait.h"

/* Longer than decoders need for their first output. */
#define PATIENCE (10 * GST_SECOND)

/* The warning for a missing stream, and the pad that would receive it. */
static const struct
{
  const char *lacking, *pad;
} sides[GST_CCSTEREO_N_SIDES] = {
  [GST_CCSTEREO_SOUND]
  = { "video has arrived, but no audio for it", "audio_sink" },
  [GST_CCSTEREO_PICTURES]
  = { "audio has arrived, but no video for it", "video_sink" },
};

/* The data of a timer, which may expire after the element is gone. */
typedef struct
{
  GWeakRef element;
  GstCcstereoWait *wait; /* valid as long as the element */
} Alarm;

static void
alarm_free (gpointer data)
{
  Alarm *alarm = data;

  g_weak_ref_clear (&alarm->element);
  g_free (alarm);
}

static void
warn_missing (GstElement *element, GstCcstereoSide side)
{
  g_autoptr (GstPad) pad
      = gst_element_get_static_pad (element, sides[side].pad);

  if (pad) /* a pad that was not requested is not missing */
    GST_ELEMENT_WARNING (
        element, STREAM, FAILED,
        ("%s: %s %s", sides[side].lacking, sides[side].pad,
         gst_pad_is_linked (pad) ? "received no data" : "is not linked"),
        (NULL));
}

static gboolean
go_off (GstClock *clock, GstClockTime time, GstClockID id, gpointer data)
{
  Alarm *alarm = data;
  g_autoptr (GstElement) element = g_weak_ref_get (&alarm->element);
  GstCcstereoWait *self = alarm->wait;
  gboolean is_current;

  if (element == NULL)
    return FALSE;
  GST_OBJECT_LOCK (element);
  is_current = self->alarm == id;
  GST_OBJECT_UNLOCK (element);
  for (GstCcstereoSide side = 0; is_current && side < GST_CCSTEREO_N_SIDES;
       side++)
    if (!g_atomic_int_get (&self->came[side]))
      warn_missing (element, side);
  return TRUE;
}

/* Starts the timer. */
static void
set_alarm (GstCcstereoWait *self)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  Alarm *alarm = g_new (Alarm, 1);
  GstClockID id = gst_clock_new_single_shot_id (
      clock, gst_clock_get_time (clock) + PATIENCE);

  g_weak_ref_init (&alarm->element, self->element);
  alarm->wait = self;
  GST_OBJECT_LOCK (self->element);
  if (self->alarm == NULL)
    self->alarm = gst_clock_id_ref (id);
  GST_OBJECT_UNLOCK (self->element);
  gst_clock_id_wait_async (id, go_off, alarm, alarm_free);
  gst_clock_id_unref (id);
}

static void
note (GstCcstereoWait *self, GstCcstereoSide side, GstPadProbeInfo *info)
{
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    const GstEventType type = GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info));

    if (type != GST_EVENT_GAP && type != GST_EVENT_EOS)
      return;
  }
  if (g_atomic_int_compare_and_exchange (&self->came[side], FALSE, TRUE)
      && !g_atomic_int_get (&self->came[!side]))
    set_alarm (self);
}

static GstPadProbeReturn
note_sound (GstPad *pad, GstPadProbeInfo *info, gpointer wait)
{
  note (wait, GST_CCSTEREO_SOUND, info);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
note_pictures (GstPad *pad, GstPadProbeInfo *info, gpointer wait)
{
  note (wait, GST_CCSTEREO_PICTURES, info);
  return GST_PAD_PROBE_OK;
}

void
gst_ccstereo_wait_watch (GstCcstereoWait *self, GstElement *element,
                         GstCcstereoSide side, GstPad *pad)
{
  self->element = element;
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      side == GST_CCSTEREO_SOUND ? note_sound : note_pictures, self, NULL);
}

void
gst_ccstereo_wait_reset (GstCcstereoWait *self)
{
  GstClockID alarm;

  for (GstCcstereoSide side = 0; side < GST_CCSTEREO_N_SIDES; side++)
    g_atomic_int_set (&self->came[side], FALSE);
  GST_OBJECT_LOCK (self->element);
  alarm = g_steal_pointer (&self->alarm);
  GST_OBJECT_UNLOCK (self->element);
  if (alarm == NULL)
    return;
  gst_clock_id_unschedule (alarm);
  gst_clock_id_unref (alarm);
}
