/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target on the files of a folder, for builds without a fuzzer,
 * so that errors that were found once are noticed if they return. Reports
 * each file in TAP. */
#include "fuzz-checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = NULL;
  const char *name;
  guint n = 0;

  if (argc != 2) {
    fprintf (stderr, "usage: %s FOLDER\n", argv[0]);
    return EXIT_FAILURE;
  }
  folder = g_dir_open (argv[1], 0, &error);
  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *path = g_build_filename (argv[1], name, NULL);
    g_autofree char *data = NULL;
    gsize size;

    if (!g_file_get_contents (path, &data, &size, &error))
      break;
    LLVMFuzzerTestOneInput ((const uint8_t *)data, size);
    printf ("ok %u - %s\n", ++n, name);
  }
  printf ("1..%u\n", n);
  if (error != NULL)
    fprintf (stderr, "%s\n", error->message);
  return error == NULL && n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
