/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a valid data set of one clip in FAIR-Play's layout for each test,
 * which the test then damages. Runs programs without the privileges of root. */
#pragma once

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dataset-layout.h"
#include "dataset-support.h"
#include "program-support.h"

#define RATE 48000
#define SAMPLES RATE
#define FRAMES 10
#define PICTURE_WIDTH 24
#define PICTURE_HEIGHT 12

static char *root;

static inline char *
in_root (const char *name)
{
  return g_build_filename (root, name, NULL);
}

static inline void
write_frames (const char *id)
{
  g_autofree char *folder = ccs_layout_frames (root, id);
  g_autofree guint8 *grey = g_malloc (3 * PICTURE_WIDTH * PICTURE_HEIGHT);

  memset (grey, 128, 3 * PICTURE_WIDTH * PICTURE_HEIGHT);
  ck_assert_int_eq (g_mkdir_with_parents (folder, 0777), 0);
  for (guint k = 1; k <= FRAMES; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", folder, k);
    g_autoptr (GError) error = NULL;

    assert_ok (
        ccs_frame_write (path, PICTURE_WIDTH, PICTURE_HEIGHT, grey, &error),
        error);
  }
}

static inline void
make_data (void)
{
  static const char *const splits[] = { "train", "val", "test" };
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *sound = NULL;

  root = make_folder ();
  g_ptr_array_add (ids, ccs_layout_id (1));
  assert_ok (ccs_layout_make (root, &error), error);
  sound = ccs_layout_sound (root, ids->pdata[0]);
  write_sweep (sound, RATE, SAMPLES);
  write_frames (ids->pdata[0]);
  for (guint i = 0; i < G_N_ELEMENTS (splits); i++)
    assert_ok (ccs_layout_write_lists (root, splits[i], ids, &error), error);
}

static inline void
drop_data (void)
{
  remove_tree (root);
  g_clear_pointer (&root, g_free);
}

static inline void
write_text (const char *name, const char *text)
{
  g_autofree char *path = in_root (name);

  ck_assert (g_file_set_contents (path, text, -1, NULL));
}

/* Drops root's privilege to ignore file permissions. Called in the child
 * process before it executes a program. */
static inline void
obey_file_modes (gpointer unused)
{
  if (geteuid () == 0
      && (prctl (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) != 0
          || prctl (PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) != 0))
    _exit (99);
}
