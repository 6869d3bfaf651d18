/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode: channel layouts, loudness, and boxes of MP4 and MOV
 * files that describe the audio and the video. */
#include <string.h>

#include "clip.h"
#include "gst-test-support.h"
#include "reference-support.h"
#include "transcode-boxes.h"
#include "transcode-tool.h"

#define RATE 48000

static const ClipOptions plain
    = { .rate = RATE, .channels = 1, .audio_samples = 2 * RATE, .n_audio = 1 };

/* -- loudness ---------------------------------------------------------------
 */

START_TEST (what_is_too_loud_is_counted_or_kept)
{
  static const char *const codecs[] = { "flac", "pcm", "pcm_f32le" };
  const gboolean is_kept = _i == 2;
  g_autofree char *in = tool_path ("loud.mkv");
  g_autofree char *out_name = g_strdup_printf ("loud-out-%d.mkv", _i);
  g_autofree char *out = tool_path (out_name);
  g_autofree char *said = NULL;
  g_autoptr (GArray) audio = NULL;
  double start;
  int rate;

  clip_write (in, &plain);
  ck_assert_int_eq (
      tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--audio-codec", codecs[_i],
                                "--gain", "30", in, out),
                &said),
      0);
  ck_assert_int_eq (strstr (said, "samples are clipped") != NULL, !is_kept);
  audio = clip_decode (out, &start, &rate);
  for (guint i = 0; is_kept && i < RATE; i++)
    ck_assert_float_eq_tol (g_array_index (audio, float, i),
                            gst_test_sample (i) * 31.6227766f, 0.01);
}
END_TEST

START_TEST (gain_auto_clips_nothing)
{
  g_autofree char *in = tool_path ("auto.mkv");
  g_autofree char *out = tool_path ("auto-out.mkv");
  g_autofree char *said = NULL;

  clip_write (in, &plain);
  ck_assert_int_eq (tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--audio-codec",
                                              "pcm", "--gain", "auto", in, out),
                              &said),
                    0);
  ck_assert_ptr_nonnull (strstr (said, "dB: the peak is"));
  ck_assert_ptr_null (strstr (said, "clipped"));
}
END_TEST

/* -- boxes of sample entries ----------------------------------------------- */

#define FIELD_CHANNELS 4

/* Boxes to append to a track's first sample entry. */
typedef struct
{
  guint track;
  const GByteArray *boxes;
} Insertion;

static gboolean
insert (GByteArray *header, gconstpointer data)
{
  static const char *const path[] = { "trak", "mdia", "minf", "stbl", "stsd" };
  const Insertion *insertion = data;
  TranscodeBoxes way = TRANSCODE_BOXES_HEADER;

  for (guint i = 0; i < G_N_ELEMENTS (path); i++)
    ck_assert (transcode_boxes_enter (&way, header, path[i],
                                      i == 0 ? insertion->track : 0));
  ck_assert (transcode_boxes_enter_at (&way, header,
                                       transcode_boxes_start (&way) + 8));
  transcode_boxes_replace (&way, header, transcode_boxes_end (&way, header), 0,
                           insertion->boxes);
  return TRUE;
}

/* Returns a box of @type with @size bytes of content. */
static GByteArray *
box_of (const char *type, const guint8 *content, guint size)
{
  GByteArray *to = g_byte_array_new ();
  const guint start = transcode_box_begin (to, type);

  g_byte_array_append (to, content, size);
  transcode_box_end (to, start);
  return to;
}

/* Returns a box SA3D for four channels in which channel @w is the
 * omnidirectional one. */
static GByteArray *
sound_field (guint w)
{
  guint8 content[12 + 4 * FIELD_CHANNELS] = { 0 };

  content[5] = 1; /* order */
  content[11] = FIELD_CHANNELS;
  for (guint i = 0; i < FIELD_CHANNELS; i++)
    content[12 + 4 * i + 3] = i == w ? 0 : i < w ? i + 1 : i;
  return box_of ("SA3D", content, sizeof content);
}

/* The file states the sound field with a box (channel @w of @channels is the
 * omnidirectional one), or the user states it with an option. */
static const struct
{
  gboolean has_box;
  guint w;
  int channels;
} fields[]
    = { { TRUE, 0, 4 }, { TRUE, 2, 4 }, { FALSE, 0, 4 }, { FALSE, 0, 6 } };

START_TEST (the_omnidirectional_channel_of_a_sound_field_is_the_input)
{
  ClipOptions clip = plain;
  g_autofree char *name = g_strdup_printf ("field-%d.mov", _i);
  g_autofree char *out_name = g_strdup_printf ("field-%d-out.mov", _i);
  g_autofree char *in = tool_path (name);
  g_autofree char *out = tool_path (out_name);
  g_autofree char *said = NULL;
  g_autoptr (GByteArray) box = sound_field (fields[_i].w);
  const Insertion insertion = { 1, box };
  g_autoptr (GArray) audio = NULL;
  double start;
  int rate, status;

  clip.channels = fields[_i].channels;
  clip.apart = TRUE;
  clip_write (in, &clip);
  if (fields[_i].has_box)
    ck_assert (transcode_header_change (in, insert, &insertion));
  status = tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--audio-codec", "pcm",
                                     fields[_i].has_box
                                         ? "--input-layout=auto"
                                         : "--input-layout=ambisonic",
                                     in, out),
                     &said);
  ck_assert_msg (status == 0, "%s", said);
  ck_assert_ptr_nonnull (strstr (said, "ambisonic"));
  audio = clip_decode (out, &start, &rate);
  for (guint i = 0; i < RATE; i++)
    ck_assert_float_eq_tol (g_array_index (audio, float, i),
                            gst_test_sample (i + CLIP_APART * fields[_i].w),
                            1e-3);
}
END_TEST

START_TEST (a_sound_field_has_a_square_number_of_channels)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("no-field.mov");
  g_autofree char *out = tool_path ("no-field-out.mov");
  g_autofree char *said = NULL;

  clip.channels = 5;
  clip_write (in, &clip);
  ck_assert_int_eq (
      tool_run (TOOL_ARGUMENTS ("--input-layout=ambisonic", in, out), &said),
      1);
  ck_assert_ptr_nonnull (strstr (said, "5 channels"));
}
END_TEST

/* Returns a mesh projection, which libavformat does not read. */
static GByteArray *
mesh_projection (void)
{
  GByteArray *to = g_byte_array_new ();
  const guint outer = transcode_box_begin (to, "sv3d");
  guint projection, box = transcode_box_begin_full (to, "svhd", 0);

  g_byte_array_append (to, (const guint8 *)"", 1);
  transcode_box_end (to, box);
  projection = transcode_box_begin (to, "proj");
  box = transcode_box_begin_full (to, "prhd", 0);
  for (guint i = 0; i < 3; i++)
    transcode_box_put_32 (to, 0);
  transcode_box_end (to, box);
  box = transcode_box_begin_full (to, "mshp", 0);
  transcode_box_put_32 (to, 0);
  g_byte_array_append (to, (const guint8 *)"raw ", 4);
  transcode_box_end (to, box);
  transcode_box_end (to, projection);
  transcode_box_end (to, outer);
  return to;
}

/* Returns a box that declares the left and the right eye's view in the
 * video. Some versions of libavformat read this box and the next, and reject
 * files in which they are malformed. */
static GByteArray *
two_eyes (void)
{
  GByteArray *to = g_byte_array_new ();
  const guint outer = transcode_box_begin (to, "vexu");
  const guint eyes = transcode_box_begin (to, "eyes");
  const guint stereo = transcode_box_begin_full (to, "stri", 0);

  g_byte_array_append (to, (const guint8[]){ 3 }, 1);
  transcode_box_end (to, stereo);
  transcode_box_end (to, eyes);
  transcode_box_end (to, outer);
  return to;
}

static GByteArray *
field_of_view (void)
{
  GByteArray *to = g_byte_array_new ();
  const guint box = transcode_box_begin (to, "hfov");

  transcode_box_put_32 (to, 63500); /* thousandths of a degree */
  transcode_box_end (to, box);
  return to;
}

/* Renames the sample entry to that of an encrypted track. @data: the track
 * index. */
static gboolean
call_encrypted (GByteArray *header, gconstpointer data)
{
  static const char *const path[] = { "trak", "mdia", "minf", "stbl", "stsd" };
  const guint track = GPOINTER_TO_UINT (data);
  TranscodeBoxes way = TRANSCODE_BOXES_HEADER;

  for (guint i = 0; i < G_N_ELEMENTS (path); i++)
    ck_assert (
        transcode_boxes_enter (&way, header, path[i], i == 0 ? track : 0));
  memcpy (header->data + transcode_boxes_start (&way) + 8 + 4,
          track ? "enca" : "encv", 4);
  return TRUE;
}

START_TEST (an_encrypted_file_is_called_so)
{
  g_autofree char *in = tool_path ("encrypted.mov");
  g_autofree char *out = tool_path ("encrypted-out.mov");
  g_autofree char *said = NULL;

  clip_write (in, &plain);
  ck_assert (
      transcode_header_change (in, call_encrypted, GINT_TO_POINTER (_i)));
  ck_assert_int_eq (tool_run (TOOL_ARGUMENTS (in, out), &said), 1);
  ck_assert_ptr_nonnull (
      strstr (said, _i ? "its audio is encrypted" : "its video is encrypted"));
}
END_TEST

static const struct
{
  const char *type;
  GByteArray *(*make) (void);
} video_boxes[] = {
  { "sv3d", mesh_projection },
  { "vexu", two_eyes },
  { "hfov", field_of_view },
};

START_TEST (boxes_that_libav_does_not_know_are_kept_or_reported)
{
  static const char *const ends[] = { "mp4", "mov", "mkv" };
  const char *type = video_boxes[_i / 3].type;
  g_autofree char *name = g_strdup_printf ("box-%d.mov", _i);
  g_autofree char *out_name
      = g_strdup_printf ("box-%d-out.%s", _i, ends[_i % 3]);
  g_autofree char *in = tool_path (name);
  g_autofree char *out = tool_path (out_name);
  g_autofree char *said = NULL, *content = NULL;
  g_autoptr (GByteArray) box = video_boxes[_i / 3].make ();
  const Insertion insertion = { 0, box };
  gsize size;

  clip_write (in, &plain);
  ck_assert (transcode_header_change (in, insert, &insertion));
  ck_assert_int_eq (tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--audio-codec",
                                              "aac", in, out),
                              &said),
                    0);
  ck_assert (g_file_get_contents (out, &content, &size, NULL));
  if (_i % 3 < 2) {
    ck_assert_msg (memmem (content, size, box->data, box->len) != NULL,
                   "%s is lost: %s", type, said);
    avformat_close_input (&(AVFormatContext *){ clip_open (out) });
  } else {
    g_autofree char *named = g_strdup_printf ("box %s", type);

    ck_assert_msg (strstr (said, named) != NULL, "%s: %s", type, said);
  }
}
END_TEST

START_TEST (a_url_is_called_so)
{
  g_autofree char *out = tool_path ("url-out.mov");
  g_autofree char *said = NULL;

  ck_assert_int_eq (
      tool_run (TOOL_ARGUMENTS ("https://example.org/in.mp4", out), &said), 1);
  ck_assert_ptr_nonnull (strstr (said, "is a URL"));
}
END_TEST

static Suite *
boxes_suite (void)
{
  Suite *suite = suite_create ("transcode-boxes");
  TCase *boxes = tcase_create ("boxes");
  TCase *loud = tcase_create ("loud");
  TCase *words = tcase_create ("words");

  tcase_add_loop_test (
      boxes, the_omnidirectional_channel_of_a_sound_field_is_the_input, 0,
      G_N_ELEMENTS (fields));
  tcase_add_loop_test (loud, what_is_too_loud_is_counted_or_kept, 0, 3);
  tcase_add_test (loud, gain_auto_clips_nothing);
  tcase_add_loop_test (words, an_encrypted_file_is_called_so, 0, 2);
  tcase_add_test (words, a_url_is_called_so);
  tcase_add_test (boxes, a_sound_field_has_a_square_number_of_channels);
  tcase_add_loop_test (boxes,
                       boxes_that_libav_does_not_know_are_kept_or_reported, 0,
                       3 * G_N_ELEMENTS (video_boxes));
  suite_add_tcase (suite, boxes);
  suite_add_tcase (suite, loud);
  suite_add_tcase (suite, words);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  av_log_set_level (AV_LOG_ERROR);
  return gst_test_run (boxes_suite ());
}
