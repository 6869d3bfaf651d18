/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside ccstereodec: what the element (pads, events, queries), its format
 * (caps, segments), its sound (samples and features through the engine) and its
 * streams (what waits for what) share. */
#pragma once

#include "gstccstereo.h"
#include "gstccstereodec.h"
#include <gst/audio/audio.h>

GST_DEBUG_CATEGORY_EXTERN (gst_ccstereo_dec_debug);
#define GST_CAT_DEFAULT gst_ccstereo_dec_debug

G_BEGIN_DECLS

#define GST_CCSTEREO_DEC_CHANNELS 2 /* of the output */

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

  gint flushed; /* atomic: number of the last event that flushed the sound */

  gint ended; /* atomic: EOS was the last output */

  /* the rest belongs to the streaming thread */
  CcsModel *model;
  CcsBinauralizer *binauralizer; /* NULL before caps */
  guint window_hop;              /* its, in samples at 16 kHz */
  GstAudioInfo info;             /* of the audio pad */
  gboolean caps_pending;         /* downstream has not been told yet */
  GstTagList *tags_pending;      /* nullable */
  GstAudioStreamAlign *align;
  GstFlowReturn event_flow; /* why an event failed; the stream ends there */

  gboolean live;          /* one of the sources is */
  guint64 silence;        /* frames of a gap since the last audio */
  gboolean announced;     /* downstream knows that the audio pauses */
  gboolean running;       /* there is a first sample */
  GstClockTime first_pts; /* its time in the audio segment */
  guint64 pushed, pulled; /* audio frames since then */
  gboolean discont;       /* the next buffer does not follow the last */
  gboolean features_ended, warned;
  float *held_feature; /* the last one */
  gboolean holds_feature;
  GstClockTimeDiff held_running; /* its running time */
  GstClockTimeDiff held_until;   /* shown to here, it was said; or no time */
  gint64 feature_time;           /* of the last one in the engine */
  gboolean segment_done;         /* of the sound, and not yet of the features */
};

/* -- gstccstereodec-end.c -------------------------------------------------- */

/* Sets whether EOS was the last output. If so, drops what the pads hold. */
void gst_ccstereo_dec_set_ended (GstCcstereoDec *self, gboolean ended);
/* Answers what reaches the new sink pad @pad after the end with EOS. */
void gst_ccstereo_dec_watch_pad (GstCcstereoDec *self, GstAggregatorPad *pad);

/* -- gstccstereodec-format.c ----------------------------------------------- */

/* What the audio pad takes: the rates that downstream takes. (transfer full) */
GstCaps *gst_ccstereo_dec_audio_caps (GstCcstereoDec *self);
/* The sound is of @caps from here on: ends what there was of other caps, and
 * makes an engine. FALSE with event_flow set, or an element error posted. */
gboolean gst_ccstereo_dec_set_audio_caps (GstCcstereoDec *self, GstCaps *caps);
/* Whether features of @caps are of this element's model; posts an element error
 * where they are not. */
gboolean gst_ccstereo_dec_check_features_caps (GstCcstereoDec *self,
                                               GstCaps *caps);
/* Takes the SEGMENT @event (transfer none) of sound, which ends the sound
 * before it, or of features. FALSE with event_flow set, or an element error
 * posted. */
gboolean gst_ccstereo_dec_set_segment (GstCcstereoDec *self, GstEvent *event,
                                       gboolean is_audio);

/* -- gstccstereodec-sound.c ------------------------------------------------ */

/* Time of @frames audio frames. */
GstClockTime gst_ccstereo_dec_frames_to_time (const GstCcstereoDec *self,
                                              guint64 frames);
/* Forgets sound and features; what comes next starts a new grid. */
void gst_ccstereo_dec_restart (GstCcstereoDec *self);
/* Takes an audio buffer: smooths jitter, drains and starts anew at a
 * discontinuity. @buffer (transfer full) */
GstFlowReturn gst_ccstereo_dec_take_audio (GstCcstereoDec *self,
                                           GstBuffer *buffer);
/* Takes the next piece of the gap in the audio that @buffer stands for, so that
 * a long one neither takes memory nor keeps others waiting. Returns in @over
 * whether nothing of it is left: until then it stays on its pad. */
GstFlowReturn gst_ccstereo_dec_take_gap (GstCcstereoDec *self,
                                         GstBuffer *buffer, gboolean *over);
/* Live, and no audio has come for @running: pushes a GAP event, once a pause,
 * without which a sink would wait for its first buffer and keep all others of
 * its pipeline waiting. */
void gst_ccstereo_dec_announce_pause (GstCcstereoDec *self,
                                      GstClockTime running);
/* Whether @buffer holds no samples and stands for a gap. */
gboolean gst_ccstereo_dec_is_gap (GstBuffer *buffer);
/* Takes a feature buffer shown at @running. @buffer (transfer full) */
GstFlowReturn gst_ccstereo_dec_take_feature (GstCcstereoDec *self,
                                             GstBuffer *buffer,
                                             GstClockTimeDiff running);
/* From @running on there is no picture: the last one holds, to the end of
 * @duration where that is known, or to a picture that comes before. Saying so
 * again changes nothing. */
GstFlowReturn gst_ccstereo_dec_note_gap (GstCcstereoDec *self,
                                         GstClockTimeDiff running,
                                         GstClockTime duration);
/* Running time as time from the first sample. */
gint64 gst_ccstereo_dec_sound_time (const GstCcstereoDec *self,
                                    GstClockTimeDiff running);
/* Runs what can run (with @force all complete windows) and puts out what is
 * ready; NEED_DATA when that is nothing. */
GstFlowReturn gst_ccstereo_dec_process (GstCcstereoDec *self, gboolean force);
/* The sound ends here (end of stream, discontinuity, new format): everything
 * that went in comes out. */
GstFlowReturn gst_ccstereo_dec_drain (GstCcstereoDec *self);

/* -- gstccstereodec-streams.c -------------------------------------------- */

/* The features pad, or NULL where none was asked for. (transfer full) */
GstAggregatorPad *gst_ccstereo_dec_ref_features_pad (GstCcstereoDec *self);
/* Takes what is ready on the features side and needed; with @timeout (live)
 * also what is late. TRUE when sound may go on. */
gboolean gst_ccstereo_dec_follow_features (GstCcstereoDec *self,
                                           gboolean timeout,
                                           GstFlowReturn *ret);
/* Takes the feature that waits on its pad for later sound, if there is one. */
GstFlowReturn gst_ccstereo_dec_take_waiting_feature (GstCcstereoDec *self);
/* Puts the SEGMENT_DONE @event (transfer full) behind what @pad has: it is
 * passed on when the sound before it is. */
GstFlowReturn gst_ccstereo_dec_queue_segment_done (GstCcstereoDec *self,
                                                   GstAggregatorPad *pad,
                                                   GstEvent *event);
GstFlowReturn gst_ccstereo_dec_aggregate (GstAggregator *agg, gboolean timeout);
/* Live: what aggregate() could do without waiting for both pads, and when.
 * Sound is taken at once; it is put out when its latency is over. NONE where
 * only more data helps: a time gone by would come back for ever. */
GstClockTime gst_ccstereo_dec_get_next_time (GstAggregator *agg);

G_END_DECLS
