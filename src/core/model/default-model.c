/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the model that is used if the user names none. */
#include <ccstereo/error.h>
#include <ccstereo/model.h>

#include "../install-path.h"

#define MODEL_VARIABLE "CCSTEREO_MODEL"
#define DEFAULT_FILE "ccstereo-default.safetensors"

char *
ccs_model_default_path (GError **error)
{
  const char *chosen = g_getenv (MODEL_VARIABLE);
  g_autofree char *folder = NULL, *installed = NULL;

  if (chosen && *chosen)
    return g_strdup (chosen);
  folder = ccs_install_path (CCS_MODELS_DIR);
  installed = g_build_filename (folder, DEFAULT_FILE, NULL);
  if (g_file_test (installed, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&installed);
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_IO,
      "no model was named and no default model is installed (%s): name a file, "
      "or set " MODEL_VARIABLE "; \"ccstereo convert\" makes one from a "
      "published checkpoint",
      installed);
  return NULL;
}
