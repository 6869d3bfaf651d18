/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo export`: writes a model as ONNX files, for other runtimes. */
#include "tool.h"

#include <string.h>

#include "backend/registry.h"
#include "checkpoint/checkpoint.h"
#include "content.h"
#include "file-write.h"
#include "model/model-private.h"
#include "onnx/model-file.h"

#define META_MODEL_ID "ccstereo.model_id"
#define ONNX_SUFFIX ".onnx"

/* Returns the metadata of the model file, with the model's id and configuration
 * added. */
static GHashTable *
new_metadata (GHashTable *old, const CcsModelConfig *config, const char *id)
{
  GHashTable *metadata
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, old);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!g_str_equal (key, CCS_META_FORMAT)) /* of safetensors files */
      g_hash_table_insert (metadata, g_strdup (key), g_strdup (value));
  g_hash_table_insert (metadata, g_strdup (CCS_META_CONFIG),
                       ccs_model_config_to_string (config));
  g_hash_table_insert (metadata, g_strdup (META_MODEL_ID), g_strdup (id));
  return metadata;
}

/* Returns the model's id. Uses the reference backend, which opens at once; the
 * id does not depend on the backend. */
static char *
model_id (CcsStateDict *params, const char *path, GError **error)
{
  g_autoptr (CcsBackend) backend = ccs_backend_open ("reference", NULL, error);
  g_autoptr (CcsModel) model
      = backend ? ccs_model_new (params, path, backend, error) : NULL;

  return model ? g_strdup (ccs_model_id (model)) : NULL;
}

static gboolean
detect_model (const CcsCheckpoint *file, const char *path, Content *content,
              GError **error)
{
  if (!content_detect (file, content, error)) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  if (content->kind == CONTENT_MODEL)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
               "%s: is a ResNet, not a whole CCStereo model", path);
  return FALSE;
}

/* Makes all files before it writes the first. */
static gboolean export(const char *from, char *const to[ONNX_N_PARTS],
                       CcsOutputFlags flags, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (from, error);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GByteArray) encoder = NULL;
  g_autoptr (GByteArray) audio = NULL;
  g_autofree char *id = NULL;
  Content content;

  if (!file || !detect_model (file, from, &content, error))
    return FALSE;
  id = model_id (file->tensors, from, error);
  if (!id)
    return FALSE;
  metadata = new_metadata (file->metadata, &content.config, id);
  encoder = onnx_model_file (ONNX_ENCODER, file->tensors, &content.config,
                             metadata, error);
  if (encoder)
    audio = onnx_model_file (ONNX_AUDIO, file->tensors, &content.config,
                             metadata, error);
  if (!audio) {
    g_prefix_error (error, "%s: ", from);
    return FALSE;
  }
  return ccs_file_write (to[ONNX_ENCODER], (const char *)encoder->data,
                         encoder->len, flags, error)
         && ccs_file_write (to[ONNX_AUDIO], (const char *)audio->data,
                            audio->len, flags, error);
}

/* "OUT" and "OUT.onnx" both mean OUT-encoder.onnx and OUT-audio.onnx. */
static void
name_results (const char *out, char *to[ONNX_N_PARTS])
{
  gsize length = strlen (out);

  if (g_str_has_suffix (out, ONNX_SUFFIX))
    length -= strlen (ONNX_SUFFIX);
  for (guint part = 0; part < ONNX_N_PARTS; part++)
    to[part] = g_strdup_printf ("%.*s-%s" ONNX_SUFFIX, (int)length, out,
                                onnx_part_name[part]);
}

static ToolExit
run_export (gint argc, char **argv)
{
  gboolean overwrite = FALSE, ok = TRUE;
  g_autofree char *out = NULL;
  const GOptionEntry entries[] = {
    { "onnx", 0, 0, G_OPTION_ARG_FILENAME, &out,
      "Write OUT-encoder.onnx and OUT-audio.onnx", "OUT" },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &overwrite,
      "Replace these files when they exist", NULL },
    { NULL },
  };
  char *to[ONNX_N_PARTS];
  CcsOutputFlags flags;
  GError *error = NULL;
  ToolExit exit;

  if (!tool_parse (&tool_export, entries, &argc, &argv, &exit))
    return exit;
  if (!out)
    return tool_bad_option (&tool_export, "--onnx OUT is missing: it names the "
                                          "files to write");
  name_results (out, to);
  flags = overwrite ? CCS_OUTPUT_OVERWRITE : CCS_OUTPUT_NEW;
  for (guint part = 0; ok && part < ONNX_N_PARTS; part++)
    ok = ccs_output_file_check (to[part], flags, &error)
         && ccs_file_writable (to[part], &error);
  ok = ok && export(argv[1], to, flags, &error);
  for (guint part = 0; part < ONNX_N_PARTS; part++)
    g_free (to[part]);
  return ok ? TOOL_OK : tool_fail (&tool_export, error);
}

const ToolCommand tool_export = {
  "export",
  "MODEL",
  1,
  "Write a model as ONNX, for other runtimes",
  "Writes two files, opset 17 with float32 weights and a dynamic batch N:\n"
  "  OUT-encoder.onnx  frames uint8 [N,224,448,3]\n"
  "                    -> features float32 [N,7,14,D]\n"
  "  OUT-audio.onnx    mix float32 [N,10080], features\n"
  "                    -> difference float32 [N,10080]\n"
  "frames are RGB, resized to 480x240 and cropped to 448x224. mix is left + "
  "right\nat 16 kHz, at any level; difference is left - right. features are "
  "those of the\nframe at the centre of the mix; D is 128 to 512. Both files "
  "contain the metadata\nof MODEL and its id. Both are made before the first "
  "is written, and each appears\ncomplete or not at all.",
  run_export
};
