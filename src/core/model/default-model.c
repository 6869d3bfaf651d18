/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which model file is meant when a user names none. */
#include "model.h"

#include "../error.h"

#define MODEL_VARIABLE "CCSTEREO_MODEL"
#define DEFAULT_MODEL CCS_MODELS_DIR "/default.safetensors"

char *
ccs_model_default_path (GError **error)
{
  const char *named = g_getenv (MODEL_VARIABLE);

  if (named && *named)
    return g_strdup (named);
  if (g_file_test (DEFAULT_MODEL, G_FILE_TEST_EXISTS))
    return g_strdup (DEFAULT_MODEL);
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "no model is named and none is installed as %s: name a file, or "
               "set " MODEL_VARIABLE " to one (\"ccstereo convert\" makes one "
               "from the authors' .pth)",
               DEFAULT_MODEL);
  return NULL;
}
