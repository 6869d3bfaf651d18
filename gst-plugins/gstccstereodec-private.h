/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parts of ccstereodec: gstccstereodec.c (pads, events, queries),
 * -format.c (caps, segments), -sound.c (audio through the engine), -features.c
 * (features into it), -streams.c (which stream waits for which), -pads.c (what
 * waits on the pads), -end.c (after EOS). */
#pragma once

#include "gstccstereo.h"
#include "gstccstereodec.h"
#include "gstccstereostats.h"
#include <gst/audio/audio.h>

GST_DEBUG_CATEGORY_EXTERN (gst_ccstereo_dec_debug);
#define GST_CAT_DEFAULT gst_ccstereo_dec_debug

G_BEGIN_DECLS

#define GST_CCSTEREO_DEC_CHANNELS 2 /* channels of the output */

/* Counters of the property `stats`, from start to stop. */
typedef struct
{
  guint64 windows;      /* windows that were run */
  guint64 late_windows; /* of these, windows that did not wait for a feature */
  guint64 centered;     /* of these, windows without a feature */
  guint64 features;     /* features that were taken */
  guint64 discontinuities; /* in the timestamps of audio */
  guint64 pauses;          /* live: audio that was missing too long */
  GstCcstereoRunTimes times;
} GstCcstereoDecStats;

struct _GstCcstereoDec
{
  GstAggregator parent;

  GstAggregatorPad *audio_pad;
  GstAggregatorPad *features_pad; /* nullable; under the object lock */

  /* under the object lock */
  GstCcstereoModelSettings settings;
  guint hop, lookahead; /* samples at 16 kHz */
  double width;
  GstClockTime processing_deadline;
  GstCcstereoDecStats stats;

  gint flushed; /* atomic: seqnum of the last event that flushed the audio */

  gint ended; /* atomic: EOS was the last output */

  /* the rest belongs to the streaming thread */
  CcsModel *model;
  CcsBinauralizer *binauralizer; /* NULL before caps */
  guint window_hop;              /* its, in samples at 16 kHz */
  GstAudioInfo info;             /* of the audio pad */
  gboolean caps_pending;         /* not yet sent downstream */
  GstTagList *tags_pending;      /* nullable */
  GstAudioStreamAlign *align;
  GstFlowReturn event_flow; /* not OK: an event failed, and the stream ends */

  gboolean live;          /* upstream of a pad is live */
  guint64 silence;        /* frames of a gap since the last audio */
  gboolean announced;     /* downstream knows that the audio pauses */
  gboolean running;       /* the first sample has arrived */
  GstClockTime first_pts; /* its time in the audio segment */
  guint64 pushed, pulled; /* audio frames since then */
  gboolean discont;       /* the next buffer does not follow the last */
  gboolean features_ended, warned;
  float *held_feature; /* the last one */
  gboolean holds_feature;
  GstClockTimeDiff held_running; /* its running time */
  GstClockTimeDiff held_until;   /* announced end of its gap, or NONE */
  gint64 feature_time;           /* time of the last one in the engine */
  gboolean segment_done; /* SEGMENT_DONE arrived at the audio pad only */
};

/* Posts @error (transfer full). Returns GST_FLOW_ERROR. */
static inline GstFlowReturn
gst_ccstereo_dec_fail (GstCcstereoDec *self, GError *error)
{
  gst_ccstereo_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

/* -- gstccstereodec-end.c -------------------------------------------------- */

/* Sets whether EOS was the last output. If so, drops what the pads hold. */
void gst_ccstereo_dec_set_ended (GstCcstereoDec *self, gboolean ended);
/* Makes the new sink pad @pad return EOS for input after the end. */
void gst_ccstereo_dec_watch_pad (GstCcstereoDec *self, GstAggregatorPad *pad);

/* -- gstccstereodec-features.c --------------------------------------------- */

/* Value of feature_time before the first feature. */
#define GST_CCSTEREO_DEC_NO_FEATURE G_MININT64

/* Pushes the feature in @buffer (transfer full), of the frame at running time
 * @running, into the engine. */
GstFlowReturn gst_ccstereo_dec_take_feature (GstCcstereoDec *self,
                                             GstBuffer *buffer,
                                             GstClockTimeDiff running);
/* Handles a gap in the features that starts at @running: the last feature is
 * used until the gap ends after @duration (NONE: unknown) or a feature arrives.
 * Calling it again for the same gap has no effect. */
GstFlowReturn gst_ccstereo_dec_note_gap (GstCcstereoDec *self,
                                         GstClockTimeDiff running,
                                         GstClockTime duration);
/* Converts running time to time since the first sample, in ns. */
gint64 gst_ccstereo_dec_sound_time (const GstCcstereoDec *self,
                                    GstClockTimeDiff running);
/* Takes the feature that waits on its pad for later audio, if there is one. */
GstFlowReturn gst_ccstereo_dec_take_waiting_feature (GstCcstereoDec *self);
/* Pushes the last feature into the engine, whose first sample has just got its
 * time: the feature applies until the next one. */
GstFlowReturn gst_ccstereo_dec_resume_features (GstCcstereoDec *self);

/* -- gstccstereodec-format.c ----------------------------------------------- */

/* Returns the caps of the audio pad: the rates that downstream accepts.
 * (transfer full) */
GstCaps *gst_ccstereo_dec_audio_caps (GstCcstereoDec *self);
/* Sets the caps of the following audio: drains the audio with other caps and
 * makes an engine. On failure returns FALSE, with event_flow set or an element
 * error posted. */
gboolean gst_ccstereo_dec_set_audio_caps (GstCcstereoDec *self, GstCaps *caps);
/* Checks that features with @caps come from this element's model. If not, posts
 * an element error and returns FALSE. */
gboolean gst_ccstereo_dec_check_features_caps (GstCcstereoDec *self,
                                               GstCaps *caps);
/* Handles a SEGMENT @event (transfer none). One on the audio pad drains the
 * audio before it. On failure returns FALSE, with event_flow set or an element
 * error posted. */
gboolean gst_ccstereo_dec_set_segment (GstCcstereoDec *self, GstEvent *event,
                                       gboolean is_audio);

/* -- gstccstereodec-pads.c ------------------------------------------------- */

/* The first buffer on the features pad. */
typedef struct
{
  GstClockTimeDiff running; /* running time of its frame */
  gboolean is_gap;
  GstClockTime duration;
} GstCcstereoDecFeature;

/* Returns the features pad, or NULL if it was not requested. (transfer full) */
GstAggregatorPad *gst_ccstereo_dec_ref_features_pad (GstCcstereoDec *self);
/* Returns whether @buffer represents a gap: GstAggregator makes such a buffer,
 * without samples, from a GAP event. */
gboolean gst_ccstereo_dec_is_gap (GstBuffer *buffer);
/* Queues the SEGMENT_DONE @event (transfer full) behind the buffers of @pad, so
 * that it is forwarded after the audio before it. */
GstFlowReturn gst_ccstereo_dec_queue_segment_done (GstCcstereoDec *self,
                                                   GstAggregatorPad *pad,
                                                   GstEvent *event);
/* Returns the SEGMENT_DONE event that @buffer carries, or NULL. (transfer none)
 */
GstEvent *gst_ccstereo_dec_segment_done_in (GstBuffer *buffer);
/* Returns whether @pad is at EOS, or its segment is done. */
gboolean gst_ccstereo_dec_is_at_end (GstAggregatorPad *pad);
/* Reads the first buffer on the features pad. Returns FALSE if it has no valid
 * timestamp. */
gboolean gst_ccstereo_dec_next_feature (GstAggregatorPad *pad,
                                        GstCcstereoDecFeature *next);

/* -- gstccstereodec-sound.c ------------------------------------------------ */

/* Returns the duration of @frames audio frames. */
GstClockTime gst_ccstereo_dec_frames_to_time (const GstCcstereoDec *self,
                                              guint64 frames);
/* Discards audio and features; the next audio starts a new window grid. */
void gst_ccstereo_dec_restart (GstCcstereoDec *self);
/* Pushes an audio buffer into the engine. Smooths jitter of timestamps; at a
 * discontinuity drains the engine and starts a new grid. @buffer (transfer
 * full) */
GstFlowReturn gst_ccstereo_dec_take_audio (GstCcstereoDec *self,
                                           GstBuffer *buffer);
/* Pushes the next piece of an audio gap into the engine. @buffer is the gap
 * (see gst_ccstereo_dec_is_gap()) and stays on its pad until @over is set: all
 * of it has been pushed. Pieces bound memory and the time of one call. */
GstFlowReturn gst_ccstereo_dec_take_gap (GstCcstereoDec *self,
                                         GstBuffer *buffer, gboolean *over);
/* Live, without audio for @running: pushes a GAP event, once for each pause.
 * Without it a sink waits for its first buffer, and its pipeline does not
 * preroll. */
void gst_ccstereo_dec_announce_pause (GstCcstereoDec *self,
                                      GstClockTime running);
/* Runs the windows that can run (with @force all complete ones) and pushes the
 * output that is ready. Returns NEED_DATA if no output is ready. */
GstFlowReturn gst_ccstereo_dec_process (GstCcstereoDec *self, gboolean force);
/* Outputs all audio that has been pushed: at the end of the stream, at a
 * discontinuity, before new caps. */
GstFlowReturn gst_ccstereo_dec_drain (GstCcstereoDec *self);

/* -- gstccstereodec-stats.c ------------------------------------------------ */

/* What there was before a run of windows. */
typedef struct
{
  guint64 windows, centered;
  gint64 start;
} GstCcstereoDecRun;

GstCcstereoDecRun gst_ccstereo_dec_begin_run (const GstCcstereoDec *self);
/* Logs and counts the windows that have been run since @run began; @late:
 * without waiting for features. */
void gst_ccstereo_dec_end_run (GstCcstereoDec *self,
                               const GstCcstereoDecRun *run, gboolean late);
/* Adds 1 to @counter, a field of self->stats. */
void gst_ccstereo_dec_count (GstCcstereoDec *self, guint64 *counter);
/* Sets all counters to 0. */
void gst_ccstereo_dec_clear_stats (GstCcstereoDec *self);
/* Returns application/x-ccstereo-dec-stats. Thread-safe. (transfer full) */
GstStructure *gst_ccstereo_dec_stats (GstCcstereoDec *self);

/* -- gstccstereodec-streams.c -------------------------------------------- */

/* Takes the features that are needed now from their pad; with @timeout (live)
 * also late ones. Returns TRUE if the audio need not wait for more. */
gboolean gst_ccstereo_dec_follow_features (GstCcstereoDec *self,
                                           gboolean timeout,
                                           GstFlowReturn *ret);
GstFlowReturn gst_ccstereo_dec_aggregate (GstAggregator *agg, gboolean timeout);
/* Returns when aggregate() should be called next if not all pads have data
 * (live). Audio on the pad: at once; audio to output: when its latency is over.
 * NONE if only more input helps: returning a past time would make GstAggregator
 * spin. */
GstClockTime gst_ccstereo_dec_get_next_time (GstAggregator *agg);

G_END_DECLS
