/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes lists in HDF5 files. libhdf5 reads them in a child process, which
 * may crash, loop or corrupt its memory; the parent must not. The time limit
 * is short: an intact list takes a hundredth of it. */
#include "fuzz-checkpoint.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataset-hdf5.h"
#include "dataset-layout.h"

#define SECONDS 0.1

static char *path;

/* A crash of the child is not a finding, so the child must not write a crash
 * file. */
extern void __sanitizer_set_death_callback (void (*callback) (void))
    __attribute__ ((weak));

static void
forget_fuzzer (void)
{
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback (NULL);
}

static void
remove_file (void)
{
  g_unlink (path);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GByteArray) said = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) error = NULL;

  if (path == NULL) {
    close (g_file_open_tmp ("ccstereo-fuzz-XXXXXX.h5", &path, NULL));
    atexit (remove_file);
    pthread_atfork (NULL, NULL, forget_fuzzer);
  }
  g_assert_true (g_file_set_contents_full (
      path, (const char *)data, size, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
  said = ccs_hdf5_ask (path, CCS_LAYOUT_LIST, SECONDS);
  entries = ccs_hdf5_understand (said, path, CCS_LAYOUT_LIST, &error);
  g_assert_true ((entries == NULL) == (error != NULL));
  return 0;
}
