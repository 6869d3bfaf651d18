/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "install-path.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Returns the file that this code was loaded from. (transfer full)
 * (nullable) */
static char *
own_file (void)
{
  Dl_info info;

  /* A program's name is what it was called by. */
  if (dladdr ((gpointer)ccs_install_path, &info) != 0
      && g_path_is_absolute (info.dli_fname))
    return realpath (info.dli_fname, NULL);
  return realpath ("/proc/self/exe", NULL);
}

char *
ccs_install_path (const char *folder)
{
  static const char *const places[]
      = { "/" CCS_LIB_DIR, "/" CCS_BIN_DIR, "/" CCS_PROGRAMS_DIR };
  char *file = own_file ();
  g_autofree char *own_folder = file ? g_path_get_dirname (file) : NULL;

  free (file);
  for (guint i = 0; own_folder && i < G_N_ELEMENTS (places); i++)
    if (g_str_has_suffix (own_folder, places[i])) {
      own_folder[strlen (own_folder) - strlen (places[i])] = '\0';
      return g_build_filename ("/", own_folder, folder, NULL);
    }
  return g_build_filename (CCS_PREFIX, folder, NULL);
}
