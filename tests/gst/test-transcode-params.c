/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameter sets that change in mid-stream, tested with random H.264 and
 * HEVC streams: every NAL unit of a packet is kept, in the format of the
 * output's header, and key frames have the parameter sets that they need. */
#include <check.h>
#include <string.h>

#include "transcode-params.h"
#include "../suite.h"

#define SEEDS 300
#define PACKETS 20
#define MAX_UNITS 4
#define MAX_UNIT 40 /* bytes */

/* A list of NAL units: each is a byte with its size, followed by its bytes. */
typedef GByteArray Units;

static void
add_unit (Units *units, GRand *rand, guint8 head)
{
  const guint8 size = (guint8)g_rand_int_range (rand, 3, MAX_UNIT);

  g_byte_array_append (units, &size, 1);
  g_byte_array_append (units, &head, 1);
  for (guint i = 1; i < size; i++) /* no start code, no trailing zero */
    g_byte_array_append (units, &(guint8){ g_rand_int_range (rand, 1, 256) },
                         1);
}

/* Writes @units with size fields of @length_size bytes, or with start codes
 * if @length_size is 0. */
static void
put_units (GByteArray *to, const Units *units, guint length_size)
{
  for (guint at = 0; at < units->len; at += 1 + units->data[at]) {
    const guint8 size = units->data[at];

    if (length_size == 0)
      g_byte_array_append (to, (const guint8 *)"\0\0\1", 3);
    for (guint i = length_size; i > 0; i--)
      g_byte_array_append (to, &(guint8){ i == 1 ? size : 0 }, 1);
    g_byte_array_append (to, units->data + at + 1, size);
  }
}

/* Returns extradata that contains @units, one of each type. */
static GByteArray *
extradata_of (gboolean hevc, const Units *units, guint length_size)
{
  GByteArray *to = g_byte_array_new ();
  const guint8 lengths = 0xfc | (length_size - 1);
  guint at = 0;

  if (length_size == 0) {
    put_units (to, units, 0);
    return to;
  }
  if (hevc) {
    g_byte_array_append (to, (const guint8[21]){ 1 }, 21);
    g_byte_array_append (to, (const guint8[]){ lengths, 2 }, 2);
  } else {
    g_byte_array_append (to, (const guint8[]){ 1, 66, 0, 30, lengths, 0xe1 },
                         6);
  }
  for (guint n = 0; n < 2; n++, at += 1 + units->data[at]) {
    const guint8 size[] = { 0, units->data[at] };

    if (hevc)
      g_byte_array_append (to, (const guint8[]){ 33 + n, 0, 1 }, 3);
    else if (n == 1)
      g_byte_array_append (to, (const guint8[]){ 1 }, 1);
    g_byte_array_append (to, size, 2);
    g_byte_array_append (to, units->data + at + 1, units->data[at]);
  }
  return to;
}

static Units *
draw_sets (GRand *rand, gboolean hevc)
{
  Units *units = g_byte_array_new ();

  add_unit (units, rand, hevc ? 33 << 1 : 0x67);
  add_unit (units, rand, hevc ? 34 << 1 : 0x68);
  return units;
}

static AVCodecParameters *
params_of (gboolean hevc, const GByteArray *extradata)
{
  AVCodecParameters *params = avcodec_parameters_alloc ();

  params->codec_type = AVMEDIA_TYPE_VIDEO;
  params->codec_id = hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
  params->extradata
      = av_mallocz (extradata->len + AV_INPUT_BUFFER_PADDING_SIZE);
  memcpy (params->extradata, extradata->data, extradata->len);
  params->extradata_size = (int)extradata->len;
  return params;
}

static AVPacket *
packet_of (const GByteArray *bytes, gboolean is_key,
           const GByteArray *extradata)
{
  AVPacket *packet = av_packet_alloc ();

  ck_assert_int_ge (av_new_packet (packet, (int)bytes->len), 0);
  memcpy (packet->data, bytes->data, bytes->len);
  packet->flags = is_key ? AV_PKT_FLAG_KEY : 0;
  if (extradata)
    memcpy (av_packet_new_side_data (packet, AV_PKT_DATA_NEW_EXTRADATA,
                                     extradata->len),
            extradata->data, extradata->len);
  return packet;
}

/* Returns the expected packet in the output's format: @sets (nullable)
 * inserted after the delimiter. */
static GByteArray *
expect (const Units *delimiter, const Units *sets, const Units *units,
        guint length_size)
{
  GByteArray *to = g_byte_array_new ();

  put_units (to, delimiter, length_size);
  if (sets)
    put_units (to, sets, length_size);
  put_units (to, units, length_size);
  return to;
}

static void
assert_units (const AVPacket *packet, const GByteArray *expected, guint seed)
{
  ck_assert_msg (
      (guint)packet->size == expected->len
          && memcmp (packet->data, expected->data, expected->len) == 0,
      "seed %u: %d bytes, not %u", seed, packet->size, expected->len);
}

static void
check_stream (guint seed)
{
  static const guint sizes[] = { 1, 2, 4 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  const gboolean hevc = g_rand_boolean (rand);
  const guint out_size = sizes[g_rand_int_range (rand, 0, 3)];
  g_autoptr (GByteArray) first = draw_sets (rand, hevc);
  g_autoptr (GByteArray) header = extradata_of (hevc, first, out_size);
  g_autoptr (GByteArray) sets = NULL;
  AVCodecParameters *params = params_of (hevc, header);
  TranscodeParams *self = transcode_params_new (params);
  guint read_size = out_size;

  for (guint i = 0; i < PACKETS; i++) {
    const gboolean is_key = g_rand_int_range (rand, 0, 4) == 0;
    const gboolean changes = is_key && g_rand_boolean (rand);
    g_autoptr (GByteArray) delimiter = g_byte_array_new ();
    g_autoptr (GByteArray) units = g_byte_array_new ();
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (GByteArray) extradata = NULL;
    g_autoptr (GByteArray) expected = NULL;
    AVPacket *packet;

    if (changes) {
      g_clear_pointer (&sets, g_byte_array_unref);
      sets = draw_sets (rand, hevc);
      read_size = sizes[g_rand_int_range (rand, 0, 3)];
      extradata = extradata_of (hevc, sets, read_size);
    }
    if (g_rand_boolean (rand))
      add_unit (delimiter, rand, hevc ? 35 << 1 : 9);
    for (gint n = g_rand_int_range (rand, 1, MAX_UNITS); n > 0; n--)
      add_unit (units, rand, hevc ? 1 << 1 : 0x41);
    put_units (bytes, delimiter, read_size);
    put_units (bytes, units, read_size);
    packet = packet_of (bytes, is_key, extradata);
    ck_assert (transcode_params_apply (self, packet));
    expected = expect (delimiter, is_key ? sets : NULL, units, out_size);
    assert_units (packet, expected, seed);
    av_packet_free (&packet);
  }
  transcode_params_free (self);
  avcodec_parameters_free (&params);
}

START_TEST (key_frames_have_the_parameter_sets_that_they_need)
{
  for (guint seed = 0; seed < SEEDS; seed++)
    check_stream (seed);
}
END_TEST

/* For any bytes, there is no read beyond the end. */
START_TEST (damaged_parameters_and_packets_are_harmless)
{
  for (guint seed = 0; seed < 10 * SEEDS; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    const gboolean hevc = g_rand_boolean (rand);
    g_autoptr (GByteArray) sets = draw_sets (rand, hevc);
    g_autoptr (GByteArray) header = extradata_of (hevc, sets, 4);
    g_autoptr (GByteArray) other = extradata_of (hevc, sets, 2);
    AVCodecParameters *params = params_of (hevc, header);
    TranscodeParams *self = transcode_params_new (params);
    AVPacket *packet;

    g_byte_array_set_size (other, g_rand_int_range (rand, 1, other->len + 1));
    other->data[g_rand_int_range (rand, 0, other->len)]
        = (guint8)g_rand_int (rand);
    packet = packet_of (header, TRUE, other);
    transcode_params_apply (self, packet);
    ck_assert_int_ge (packet->size, 0);
    av_packet_free (&packet);
    transcode_params_free (self);
    avcodec_parameters_free (&params);
  }
}
END_TEST

START_TEST (a_codec_whose_packets_cannot_carry_parameters_is_reported)
{
  g_autoptr (GByteArray) header
      = g_byte_array_append (g_byte_array_new (), (const guint8 *)"one", 3);
  g_autoptr (GByteArray) other
      = g_byte_array_append (g_byte_array_new (), (const guint8 *)"two", 3);
  AVCodecParameters *params = params_of (FALSE, header);
  TranscodeParams *self;
  AVPacket *packet = packet_of (header, TRUE, header);

  params->codec_id = AV_CODEC_ID_VC1;
  self = transcode_params_new (params);
  ck_assert (transcode_params_apply (self, packet)); /* a second time */
  av_packet_free (&packet);
  packet = packet_of (header, TRUE, other);
  ck_assert (!transcode_params_apply (self, packet));
  av_packet_free (&packet);
  transcode_params_free (self);
  avcodec_parameters_free (&params);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("transcode-params");
  TCase *tests = tcase_create ("params");

  tcase_add_test (tests, key_frames_have_the_parameter_sets_that_they_need);
  tcase_add_test (tests, damaged_parameters_and_packets_are_harmless);
  tcase_add_test (tests,
                  a_codec_whose_packets_cannot_carry_parameters_is_reported);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
