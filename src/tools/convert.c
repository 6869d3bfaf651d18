/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo convert`: converts a model or a ResNet to safetensors with this
 * project's metadata. */
#include "tool.h"

#include "checkpoint/checkpoint.h"
#include "content.h"

#define FORMAT_VERSION "1"

static const struct
{
  const char *name;
  CcsDType dtype;
} storages[] = { { "f32", CCS_F32 }, { "f16", CCS_F16 }, { "bf16", CCS_BF16 } };

static gboolean
parse_storage (const char *name, CcsDType *dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (storages); i++) {
    if (g_str_equal (name, storages[i].name)) {
      *dtype = storages[i].dtype;
      return TRUE;
    }
  }
  return FALSE;
}

/* Returns the metadata of the input file, with new entries added or replaced.
 */
static GHashTable *
new_metadata (GHashTable *old, const Content *content, const char *recipe,
              const char *licence)
{
  GHashTable *metadata
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, old);
  while (g_hash_table_iter_next (&iter, &key, &value))
    g_hash_table_insert (metadata, g_strdup (key), g_strdup (value));
  g_hash_table_insert (metadata, g_strdup (CCS_META_FORMAT),
                       g_strdup (FORMAT_VERSION));
  if (content->kind == CONTENT_MODEL)
    g_hash_table_insert (metadata, g_strdup (CCS_META_CONFIG),
                         ccs_model_config_to_string (&content->config));
  if (recipe)
    g_hash_table_insert (metadata, g_strdup (CCS_META_RECIPE),
                         g_strdup (recipe));
  if (licence)
    g_hash_table_insert (metadata, g_strdup (CCS_META_LICENCE),
                         g_strdup (licence));
  return metadata;
}

/* Checks that every value is within the range of @storage. */
static gboolean
check_range (const CcsStateDict *tensors, CcsDType storage, GError **error)
{
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    g_autoptr (CcsTensor) stored = NULL;
    if (tensor->dtype == CCS_S64)
      continue;
    stored = ccs_tensor_try_convert (tensor, storage, error);
    if (!stored)
      return FALSE;
    if (!ccs_tensor_is_finite (stored)) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                   "%s has values beyond the range of %s",
                   ccs_state_dict_name (tensors, i), ccs_dtype_name (storage));
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
convert (const char *from, const char *to, CcsDType storage, const char *recipe,
         const char *licence, CcsOutputFlags flags, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (from, error);
  g_autoptr (GHashTable) metadata = NULL;
  Content content;

  if (!file)
    return FALSE;
  if (!content_detect (file, &content, error)
      || !check_range (file->tensors, storage, error)) {
    g_prefix_error (error, "%s: ", from);
    return FALSE;
  }
  metadata = new_metadata (file->metadata, &content, recipe, licence);
  return ccs_checkpoint_save (to, file->tensors, metadata, storage, flags,
                              error);
}

static ToolExit
run_convert (gint argc, char **argv)
{
  gboolean overwrite = FALSE;
  g_autofree char *storage_name = NULL, *recipe = NULL, *licence = NULL;
  const GOptionEntry entries[] = {
    { "storage", 's', 0, G_OPTION_ARG_STRING, &storage_name,
      "Element type: f32 (default), f16 or bf16", "TYPE" },
    { "recipe", 0, 0, G_OPTION_ARG_STRING, &recipe,
      "How the model was trained, for the metadata", "TEXT" },
    { "licence", 0, 0, G_OPTION_ARG_STRING, &licence,
      "Licence of the model, for the metadata", "TEXT" },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &overwrite,
      "Replace OUT when it exists", NULL },
    { NULL },
  };
  CcsDType storage = CCS_F32;
  CcsOutputFlags flags;
  GError *error = NULL;
  ToolExit exit;

  if (!tool_parse (&tool_convert, entries, &argc, &argv, &exit))
    return exit;
  if (storage_name && !parse_storage (storage_name, &storage))
    return tool_bad_option (&tool_convert,
                            "--storage is f32, f16 or bf16, not \"%s\"",
                            storage_name);
  flags = overwrite ? CCS_OUTPUT_OVERWRITE : CCS_OUTPUT_NEW;
  if (!ccs_output_file_check (argv[2], flags, &error)
      || !convert (argv[1], argv[2], storage, recipe, licence, flags, &error))
    return tool_fail (&tool_convert, error);
  return TOOL_OK;
}

const ToolCommand tool_convert = {
  "convert",
  "IN OUT",
  2,
  "Convert a model to safetensors",
  "IN is a CCStereo model as .pth of the authors' code or as safetensors, or "
  "a\nResNet of torchvision's, which keeps its names. It is checked as a whole "
  "before\nOUT is written; OUT appears complete or not at all.",
  run_convert
};
