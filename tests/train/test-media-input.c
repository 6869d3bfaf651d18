/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which media files are opened: only local files, in formats that cannot
 * refer to other files. */
#include <check.h>
#include <string.h>

#include "prepare-media.h"
#include "scenes-video.h"
#include "sound-input.h"
#include "../folder.h"
#include "../suite.h"

#define RATE 48000

static char *folder;

static void
setup (void)
{
  folder = make_folder ();
}

static void
teardown (void)
{
  remove_tree (folder);
  g_free (folder);
}

/* Writes a short video and returns its path. (transfer full) */
static char *
video (const char *name)
{
  static const float silence[RATE];
  static const float *const planes[] = { silence, silence };
  static const guint8 black[3 * 64 * 64];
  const CcsVideoFormat format = { 64, 64, 10, RATE, 2 };
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  g_autoptr (CcsVideoWriter) to = ccs_video_writer_new (path, &format, &error);

  ck_assert_msg (to != NULL, "%s", error ? error->message : "");
  for (guint i = 0; i < 10; i++)
    ck_assert (ccs_video_writer_picture (to, black, NULL));
  ck_assert (ccs_video_writer_sound (to, planes, RATE, NULL));
  ck_assert (ccs_video_writer_finish (to, NULL));
  return path;
}

/* Writes a file and returns its path. (transfer full) */
static char *
file_of (const char *name, const char *content)
{
  char *path = g_build_filename (folder, name, NULL);

  ck_assert (g_file_set_contents (path, content, -1, NULL));
  return path;
}

static void
assert_rejected (const char *path, const char *reason)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_media_open (path, RATE, FALSE, &error));
  ck_assert_msg (g_str_has_prefix (error->message, path)
                     && strstr (error->message, reason),
                 "\"%s\" does not say \"%s\"", error->message, reason);
}

static const struct
{
  const char *content, *reason;
} others[] = {
  { "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nclip.mkv\n",
    "is a playlist (Apple HTTP Live Streaming), which names other files "
    "(--allow-playlists" },
  { "ffconcat version 1.0\nfile clip.mkv\n", "is a playlist (Virtual" },
  { "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n"
    "t=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
    "of network addresses; files alone are read" },
  { "YUV4MPEG2 W2 H2 F25:1\nFRAME\n123456", "its format (YUV4MPEG pipe)" },
  { "no media at all", "cannot be opened: Invalid data" },
};

/* The format is detected from the content, not from the name. */
START_TEST (a_file_that_names_others_is_rejected)
{
  g_autofree char *clip = video ("clip.mkv");
  g_autofree char *path = file_of ("list.mp4", others[_i].content);

  assert_rejected (path, others[_i].reason);
}
END_TEST

START_TEST (a_playlist_is_read_if_that_is_allowed)
{
  g_autofree char *clip = video ("clip.mkv");
  g_autofree char *path = file_of ("list.mp4", others[1].content);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsMedia) media = ccs_media_open (path, RATE, TRUE, &error);

  ck_assert_msg (media != NULL, "%s", error ? error->message : "");
}
END_TEST

/* Even if playlists are allowed, only local files can be opened. */
START_TEST (a_playlist_cannot_name_addresses)
{
  g_autofree char *path
      = file_of ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n"
                              "http://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n");
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_media_open (path, RATE, TRUE, &error));
  ck_assert (g_str_has_prefix (error->message, path));
}
END_TEST

START_TEST (containers_are_opened)
{
  g_autofree char *path = video (_i ? "clip.mkv" : "clip.mp4");
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsMedia) media = ccs_media_open (path, RATE, FALSE, &error);

  ck_assert_msg (media != NULL, "%s", error ? error->message : "");
}
END_TEST

/* Encrypted files have sample entries of the types encv and enca. */
START_TEST (an_encrypted_file_is_reported)
{
  static const char *const names[][3]
      = { { "avc1", "mp4v", "encv" }, { "mp4a", "mp4a", "enca" } };
  g_autofree char *path = video ("clip.mp4");
  g_autofree char *content = NULL;
  char *stsd, *entry = NULL;
  gsize size;

  ck_assert (g_file_get_contents (path, &content, &size, NULL));
  for (gsize at = 0; entry == NULL; at = (gsize)(stsd - content) + 4) {
    stsd = memmem (content + at, size - at, "stsd", 4);
    ck_assert_ptr_nonnull (stsd);
    if (memcmp (stsd + 16, names[_i][0], 4) == 0
        || memcmp (stsd + 16, names[_i][1], 4) == 0)
      entry = stsd + 16;
  }
  memcpy (entry, names[_i][2], 4);
  ck_assert (g_file_set_contents (path, content, (gssize)size, NULL));
  assert_rejected (path, _i ? "its audio is encrypted (copy protection)"
                            : "its video is encrypted (copy protection)");
}
END_TEST

START_TEST (a_url_is_reported)
{
  g_autoptr (GError) error = NULL;

  assert_rejected ("https://example.org/in.mp4", "is a URL");
  ck_assert_ptr_null (
      ccs_sound_input_open ("https://example.org/in.wav", &error));
  ck_assert_ptr_nonnull (strstr (error->message, "is a URL"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("media-input");
  TCase *inputs = tcase_create ("inputs");

  tcase_add_checked_fixture (inputs, setup, teardown);
  tcase_add_loop_test (inputs, a_file_that_names_others_is_rejected, 0,
                       G_N_ELEMENTS (others));
  tcase_add_test (inputs, a_playlist_is_read_if_that_is_allowed);
  tcase_add_test (inputs, a_playlist_cannot_name_addresses);
  tcase_add_loop_test (inputs, containers_are_opened, 0, 2);
  tcase_add_loop_test (inputs, an_encrypted_file_is_reported, 0, 2);
  tcase_add_test (inputs, a_url_is_reported);
  suite_add_tcase (suite, inputs);
  return run_suite (suite);
}
