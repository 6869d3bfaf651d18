/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Audio files whose headers leave the size open: every sample is read, from
 * files and from pipes, whatever the header states and whatever surrounds the
 * audio. */
#include <ccstereo/error.h>
#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset-random.h"
#include "sound-input.h"
#include "../folder.h"
#include "../suite.h"

#define RATE 16000
#define SEEDS 300 /* for random headers */
#define MAX_FRAMES 3000

typedef enum
{
  RIFF,
  RF64,
  BW64,
  N_FORMS
} Form;

/* Ways in which a header states the size of the audio. */
typedef enum
{
  TRUE_SIZE,
  ZERO,
  WAVENC, /* 0x7fff0000 */
  SOX,    /* 0x7ffff000 */
  FFMPEG, /* 0xffffffff */
  N_SIZES
} Size;

typedef struct
{
  Form form;
  Size size;
  guint channels, frames;
  guint before; /* bytes of another chunk before the audio; 0: none */
  guint after;  /* bytes of a chunk after it; 0: none */
  gboolean through_pipe;
} Case;

static char *dir;

static void
make_dir (void)
{
  dir = make_folder ();
}

static void
remove_dir (void)
{
  remove_tree (dir);
  g_free (dir);
}

/* -- writing -------------------------------------------------------------- */

static void
put (GByteArray *to, guint64 value, guint n)
{
  for (guint i = 0; i < n; i++, value >>= 8)
    g_byte_array_append (to, &(guint8){ value & 0xff }, 1);
}

static void
put_name (GByteArray *to, const char *name)
{
  g_byte_array_append (to, (const guint8 *)name, 4);
}

/* Content size of a LIST chunk with an empty ISFT text. */
#define EMPTY_LIST 12

static void
put_list (GByteArray *to, guint n)
{
  if (n == 0)
    return;
  put_name (to, "LIST");
  put (to, n, 4);
  put_name (to, "INFO");
  put_name (to, "ISFT");
  put (to, n - EMPTY_LIST, 4);
  for (guint i = EMPTY_LIST; i < n + n % 2; i++)
    put (to, i < n ? 'x' : 0, 1);
}

static gint16
sample_at (guint i)
{
  return (gint16)(i * 7919 + 13);
}

static guint64
stated (Size size, guint64 true_size)
{
  static const guint32 sizes[] = { 0, 0, 0x7fff0000, 0x7ffff000, 0xffffffff };

  return size == TRUE_SIZE ? true_size : sizes[size];
}

static GByteArray *
render (const Case *c)
{
  static const char *const names[] = { "RIFF", "RF64", "BW64" };
  const guint64 audio = (guint64)2 * c->channels * c->frames;
  const guint64 rest = (c->form == RIFF ? 0 : 36) + 24
                       + (c->before ? 8 + c->before + c->before % 2 : 0) + 8
                       + audio + (c->after ? 8 + c->after + c->after % 2 : 0);
  GByteArray *to = g_byte_array_new ();

  put_name (to, names[c->form]);
  put (to, c->form == RIFF ? stated (c->size, 4 + rest) : 0xffffffff, 4);
  put_name (to, "WAVE");
  if (c->form != RIFF) {
    put_name (to, "ds64");
    put (to, 28, 4);
    put (to, stated (c->size, 4 + rest), 8);
    put (to, stated (c->size, audio), 8);
    put (to, 0, 12);
  }
  put_list (to, c->before);
  put_name (to, "fmt ");
  put (to, 16, 4);
  put (to, 1, 2);
  put (to, c->channels, 2);
  put (to, RATE, 4);
  put (to, RATE * 2 * c->channels, 4);
  put (to, 2 * c->channels, 2);
  put (to, 16, 2);
  put_name (to, "data");
  put (to, c->form == RIFF ? stated (c->size, audio) : 0xffffffff, 4);
  for (guint i = 0; i < c->channels * c->frames; i++)
    put (to, (guint16)sample_at (i), 2);
  put_list (to, c->after);
  return to;
}

/* -- reading -------------------------------------------------------------- */

typedef struct
{
  const char *path;
  GByteArray *bytes;
} Pour;

static gpointer
pour (gpointer data)
{
  const Pour *self = data;
  int fd = g_open (self->path, O_WRONLY | O_CLOEXEC, 0);
  gsize done = 0;

  while (fd >= 0 && done < self->bytes->len) {
    gssize n = write (fd, self->bytes->data + done, self->bytes->len - done);

    if (n <= 0)
      break;
    done += n;
  }
  close (fd);
  return NULL;
}

static void
assert_samples (const Case *c, CcsSoundInput *input)
{
  const guint count = c->channels * (c->frames + MAX_FRAMES);
  g_autofree gint16 *samples = g_new (gint16, count);
  const SF_INFO *info = ccs_sound_input_info (input);
  sf_count_t read = sf_readf_short (ccs_sound_input_file (input), samples,
                                    c->frames + MAX_FRAMES);
  /* The length of a pipe is unknown, so data after the audio is read as
   * audio. */
  const gboolean may_be_longer
      = c->through_pipe && c->after > 0 && c->size != TRUE_SIZE;

  ck_assert_int_eq (info->channels, c->channels);
  ck_assert_int_eq (info->samplerate, RATE);
  if (may_be_longer)
    ck_assert_int_ge (read, c->frames);
  else
    ck_assert_int_eq (read, c->frames);
  if (!c->through_pipe)
    ck_assert_int_eq (info->frames, c->frames);
  for (guint i = 0; i < c->channels * c->frames; i++)
    ck_assert_int_eq (samples[i], sample_at (i));
}

static void
check_case (const Case *c)
{
  g_autofree char *path = g_build_filename (dir, "in.wav", NULL);
  g_autoptr (GByteArray) bytes = render (c);
  g_autoptr (CcsSoundInput) input = NULL;
  g_autoptr (GError) error = NULL;
  Pour pouring = { path, bytes };
  GThread *thread = NULL;

  g_unlink (path);
  if (c->through_pipe) {
    ck_assert_int_eq (mkfifo (path, 0600), 0);
    thread = g_thread_new ("pour", pour, &pouring);
  } else {
    ck_assert (g_file_set_contents (path, (const char *)bytes->data, bytes->len,
                                    NULL));
  }
  input = ccs_sound_input_open (path, &error);
  ck_assert_msg (input != NULL,
                 "form %d, size %d, %u channels, %u frames, %u bytes before, "
                 "%u after, pipe %d: %s",
                 c->form, c->size, c->channels, c->frames, c->before, c->after,
                 c->through_pipe, error ? error->message : "");
  assert_samples (c, input);
  if (thread)
    g_thread_join (thread);
}

START_TEST (every_sample_is_read_whatever_size_a_header_states)
{
  for (guint64 seed = 0; seed < SEEDS; seed++) {
    CcsRandom random = ccs_random_named (seed, 0, 0);
    Case c = { .form = (Form)ccs_random_below (&random, N_FORMS),
               .size = (Size)ccs_random_below (&random, N_SIZES),
               .channels = 1 + ccs_random_below (&random, 2),
               .frames = 1 + ccs_random_below (&random, MAX_FRAMES),
               .through_pipe = ccs_random_below (&random, 3) == 0 };

    if (ccs_random_below (&random, 2))
      c.before = EMPTY_LIST + ccs_random_below (&random, 300);
    if (ccs_random_below (&random, 2))
      c.after = EMPTY_LIST + ccs_random_below (&random, 300);
    check_case (&c);
  }
}
END_TEST

START_TEST (a_header_without_audio_holds_none)
{
  const Case c = { .channels = 1, .frames = 0, .after = 20 };

  check_case (&c);
}
END_TEST

START_TEST (audio_that_is_cut_off_is_an_error)
{
  const Case c = { .form = (Form)_i, .channels = 2, .frames = 500 };
  g_autofree char *path = g_build_filename (dir, "cut.wav", NULL);
  g_autoptr (GByteArray) bytes = render (&c);
  g_autoptr (CcsSoundInput) input = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, (const char *)bytes->data,
                                  bytes->len - 100, NULL));
  input = ccs_sound_input_open (path, &error);
  ck_assert_ptr_null (input);
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_FORMAT));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  ck_assert_ptr_nonnull (strstr (error->message, "100 bytes"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sound-input");
  TCase *sizes = tcase_create ("sizes");

  tcase_add_checked_fixture (sizes, make_dir, remove_dir);
  tcase_add_test (sizes, every_sample_is_read_whatever_size_a_header_states);
  tcase_add_test (sizes, a_header_without_audio_holds_none);
  tcase_add_loop_test (sizes, audio_that_is_cut_off_is_an_error, 0, N_FORMS);
  suite_add_tcase (suite, sizes);
  return run_suite (suite);
}
