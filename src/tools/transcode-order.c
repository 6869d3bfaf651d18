/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Corrects timestamps of packets. A packet waits until the frames that are
 * coded later but shown earlier are known. No codec delays a frame by more than
 * 16. */
#include "transcode-order.h"

#include "transcode-time.h"

/* Largest distance between the positions in decoding and in output order. */
#define REACH 20
#define AHEAD (2 * REACH) /* frames pushed before one is returned */
#define HISTORY 4096      /* frames kept; trimmed at twice as many */
/* Anchors (I and P) of codecs without a picture order count are this far apart,
 * and B frames in between. */
#define ANCHOR (1 << 16)
/* A frame whose presentation time is more than this before its decoding time,
 * in seconds, has a wrong time. */
#define MAX_LATE 10

/* A frame in decoding order. */
typedef struct
{
  AVPacket *packet; /* NULL: returned */
  gint64 dts, pts;  /* pts: from the file, then corrected */
  gint64 found_pts;
  gint64 key;      /* orders the frames of a period as they are shown */
  guint64 period;  /* index of its first frame; frames of different periods are
                      not reordered */
  guint64 segment; /* index of the frame at which the clock last went back */
  gboolean is_resolved;
} Frame;

struct _TranscodeOrder
{
  AVCodecParserContext *parser; /* NULL: none for this codec */
  AVCodecContext *codec;
  gboolean has_counts; /* the parser counts pictures in output order */
  gint64 step;         /* duration of a frame without one */
  gint64 ms;           /* a millisecond, or the time base */
  AVRational time_base;

  GArray *frames;   /* of Frame */
  guint64 first;    /* index of the first of these */
  guint64 next;     /* index of the next to be returned */
  guint64 resolved; /* index of the next whose time is to be determined */
  gboolean ended;

  /* while frames are pushed */
  gint64 last_dts, max_key, anchor, n_b;
  guint64 period, segment;

  /* used when times are determined and frames returned */
  gint64 bias; /* from decoding times in output order to presentation */
  gboolean has_bias;
  gint64 max_pts;  /* largest so far */
  gint64 floor;    /* earliest time for the frames of this segment */
  gint64 late;     /* by how much decoding times are too late */
  gint64 last_out; /* decoding time */
  guint64 n_moved;
};

static Frame *
frame_at (const TranscodeOrder *self, guint64 index)
{
  return &g_array_index (self->frames, Frame, index - self->first);
}

static guint64
end_index (const TranscodeOrder *self)
{
  return self->first + self->frames->len;
}

/* -- life ----------------------------------------------------------------- */

static void
open_parser (TranscodeOrder *self, const AVCodecParameters *params)
{
  self->parser = av_parser_init (params->codec_id);
  self->codec = avcodec_alloc_context3 (NULL);
  if (self->parser == NULL || self->codec == NULL
      || avcodec_parameters_to_context (self->codec, params) < 0) {
    g_clear_pointer (&self->parser, av_parser_close);
    return;
  }
  self->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
  self->has_counts = params->codec_id == AV_CODEC_ID_H264
                     || params->codec_id == AV_CODEC_ID_HEVC;
}

TranscodeOrder *
transcode_order_new (const AVStream *stream)
{
  TranscodeOrder *self = g_new0 (TranscodeOrder, 1);
  const AVRational rate = stream->avg_frame_rate;

  self->time_base = stream->time_base;
  self->frames = g_array_new (FALSE, TRUE, sizeof (Frame));
  self->last_dts = self->last_out = self->max_pts = AV_NOPTS_VALUE;
  self->floor = AV_NOPTS_VALUE;
  self->max_key = G_MININT64;
  self->ms = MAX (1, transcode_time_rescale (1, (AVRational){ 1, 1000 },
                                             stream->time_base));
  self->step
      = rate.num > 0 && rate.den > 0
            ? transcode_time_rescale (1, av_inv_q (rate), stream->time_base)
            : 1;
  open_parser (self, stream->codecpar);
  return self;
}

void
transcode_order_free (TranscodeOrder *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->frames->len; i++)
    av_packet_free (&g_array_index (self->frames, Frame, i).packet);
  g_array_unref (self->frames);
  av_parser_close (self->parser);
  avcodec_free_context (&self->codec);
  g_free (self);
}

/* -- what a packet holds -------------------------------------------------- */

/* Returns the key of a frame from its type alone. */
static gint64
key_of_type (TranscodeOrder *self)
{
  if (self->parser && self->parser->pict_type == AV_PICTURE_TYPE_B)
    return (self->anchor - 1) * ANCHOR + MIN (++self->n_b, ANCHOR - 1);
  self->n_b = 0;
  return ++self->anchor * ANCHOR;
}

static void
find_key (TranscodeOrder *self, Frame *frame)
{
  const AVPacket *packet = frame->packet;
  guint8 *data = NULL;
  int size = 0;

  if (self->parser)
    av_parser_parse2 (self->parser, self->codec, &data, &size, packet->data,
                      packet->size, packet->pts, packet->dts, packet->pos);
  if (!self->has_counts) {
    frame->key = key_of_type (self);
  } else {
    frame->key = self->parser->output_picture_number;
    if (self->parser->key_frame == 1 && frame->key <= self->max_key) {
      self->period = end_index (self);
      self->max_key = G_MININT64;
    }
    self->max_key = MAX (self->max_key, frame->key);
  }
  frame->period = self->period;
}

static void
find_times (TranscodeOrder *self, Frame *frame)
{
  AVPacket *packet = frame->packet;
  const gint64 step = packet->duration > 0 ? packet->duration : self->step;

  frame->dts = packet->dts;
  frame->pts = frame->found_pts = packet->pts;
  if (frame->dts == AV_NOPTS_VALUE && frame->pts == AV_NOPTS_VALUE)
    frame->dts = self->last_dts == AV_NOPTS_VALUE
                     ? 0
                     : transcode_time_add (self->last_dts, step);
  if (frame->dts == AV_NOPTS_VALUE)
    return;
  if (self->last_dts != AV_NOPTS_VALUE && frame->dts < self->last_dts
      && (packet->flags & AV_PKT_FLAG_KEY))
    self->segment = end_index (self);
  self->last_dts = frame->dts;
}

void
transcode_order_push (TranscodeOrder *self, AVPacket *packet)
{
  Frame frame = { .packet = packet };

  find_key (self, &frame);
  find_times (self, &frame);
  frame.segment = self->segment;
  g_array_append_val (self->frames, frame);
}

void
transcode_order_end (TranscodeOrder *self)
{
  self->ended = TRUE;
}

/* -- presentation times --------------------------------------------------- */

/* Returns the first of the frames that are searched for the output position of
 * frame @index. All frames before @start are shown earlier. */
static guint64
search_start (const TranscodeOrder *self, guint64 index, guint64 start)
{
  start = MAX (start, self->first);
  return index > start + 2 * REACH ? index - 2 * REACH : start;
}

static guint64
search_end (const TranscodeOrder *self, guint64 index)
{
  return MIN (end_index (self), index + REACH + 1);
}

/* Returns the output position of frame @index. */
static guint64
rank_of (const TranscodeOrder *self, guint64 index)
{
  const Frame *frame = frame_at (self, index);
  const guint64 start = search_start (self, index, frame->period);
  guint64 rank = start;

  for (guint64 i = start; i < search_end (self, index); i++)
    rank += frame_at (self, i)->period == frame->period
            && frame_at (self, i)->key < frame->key;
  return MIN (rank, end_index (self) - 1);
}

/* Computes the delay from the decoding time of the frame at the output position
 * of frame @index to the presentation time of frame @index. Returns FALSE if
 * the file lacks these times. */
static gboolean
find_bias (TranscodeOrder *self, guint64 index)
{
  const gint64 pts = frame_at (self, index)->found_pts;
  const gint64 dts = frame_at (self, rank_of (self, index))->dts;

  if (pts == AV_NOPTS_VALUE || dts == AV_NOPTS_VALUE)
    return FALSE;
  self->bias = transcode_time_add (pts, transcode_time_negate (dts));
  self->has_bias = TRUE;
  return TRUE;
}

/* Sets a missing presentation time: the n-th frame in output order is shown
 * when the n-th frame is decoded, plus the delay. */
static void
fill_in (TranscodeOrder *self, guint64 index)
{
  Frame *frame = frame_at (self, index);
  gint64 dts;

  if (frame->found_pts != AV_NOPTS_VALUE) {
    find_bias (self, index);
    return;
  }
  for (guint64 i = index; !self->has_bias && i < search_end (self, index); i++)
    if (find_bias (self, i))
      break;
  dts = frame_at (self, rank_of (self, index))->dts;
  frame->found_pts = frame->pts = transcode_time_add (
      dts == AV_NOPTS_VALUE ? frame->dts : dts, self->bias);
}

/* After the clock has gone back, shows frames in their order directly after the
 * frames before. */
static void
raise_to_floor (TranscodeOrder *self, guint64 index)
{
  Frame *frame = frame_at (self, index);
  const guint64 start = search_start (self, index, frame->segment);
  guint64 rank = start - frame->segment;
  gint64 lowest;

  if (frame->segment == 0)
    return;
  if (frame->segment == index)
    self->floor = self->max_pts;
  for (guint64 i = start; i < search_end (self, index); i++)
    rank += frame_at (self, i)->segment == frame->segment
            && frame_at (self, i)->found_pts != AV_NOPTS_VALUE
            && frame_at (self, i)->found_pts < frame->found_pts;
  lowest = transcode_time_add (self->floor, (gint64)(rank + 1) * self->ms);
  if (frame->pts >= lowest)
    return;
  frame->pts = lowest;
  self->n_moved++;
}

static void
resolve (TranscodeOrder *self)
{
  const guint64 wanted = self->ended ? 0 : REACH;

  for (; self->resolved + wanted < end_index (self); self->resolved++) {
    Frame *frame = frame_at (self, self->resolved);

    fill_in (self, self->resolved);
    raise_to_floor (self, self->resolved);
    self->max_pts = MAX (self->max_pts, frame->pts);
    frame->is_resolved = TRUE;
  }
}

/* -- decoding times ------------------------------------------------------- */

/* Returns whether the presentation time of @frame is too long before its
 * decoding time to be true. */
static gboolean
is_absurd (const TranscodeOrder *self, const Frame *frame)
{
  return frame->dts != AV_NOPTS_VALUE
         && transcode_time_rescale (
                transcode_time_add (frame->dts,
                                    transcode_time_negate (frame->pts)),
                self->time_base, (AVRational){ 1, 1 })
                >= MAX_LATE;
}

/* Returns the latest time at which frame @index can be decoded so that it and
 * all later frames are shown in time. Also measures how late the file's times
 * are. */
static gint64
decoding_time (TranscodeOrder *self, guint64 index)
{
  const Frame *head = frame_at (self, index);
  gint64 latest = G_MAXINT64;

  for (guint64 i = index; i < self->resolved; i++) {
    const Frame *frame = frame_at (self, i);

    if (frame->segment != head->segment)
      break;
    if (is_absurd (self, frame))
      continue;
    latest
        = MIN (latest, transcode_time_add (frame->pts, -(gint64)(i - index)));
    if (frame->dts != AV_NOPTS_VALUE)
      self->late = MAX (
          self->late,
          transcode_time_add (frame->dts, transcode_time_negate (frame->pts)));
  }
  if (head->dts != AV_NOPTS_VALUE)
    latest = MIN (latest, transcode_time_add (
                              head->dts, transcode_time_negate (self->late)));
  return latest;
}

static void
forget (TranscodeOrder *self)
{
  if (self->next - self->first < 2 * HISTORY)
    return;
  g_array_remove_range (self->frames, 0, HISTORY);
  self->first += HISTORY;
}

AVPacket *
transcode_order_pop (TranscodeOrder *self)
{
  const guint64 wanted = self->ended ? 0 : AHEAD;
  AVPacket *packet;
  Frame *frame;
  gint64 dts;

  if (self->next + wanted >= end_index (self))
    return NULL;
  resolve (self);
  frame = frame_at (self, self->next);
  dts = decoding_time (self, self->next);
  if (self->last_out != AV_NOPTS_VALUE)
    dts = MAX (dts, transcode_time_add (self->last_out, 1));
  if (frame->pts < dts) {
    frame->pts = dts;
    self->n_moved++;
  }
  packet = g_steal_pointer (&frame->packet);
  packet->dts = self->last_out = dts;
  packet->pts = frame->pts;
  self->next++;
  forget (self);
  return packet;
}

guint64
transcode_order_moved (const TranscodeOrder *self)
{
  return self->n_moved;
}
