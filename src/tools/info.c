/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo info`: prints the content of a parameter file, or why it is not a
 * model. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "content.h"

#define N_DTYPES (CCS_S64 + 1)

static void
print_metadata (GHashTable *metadata)
{
  g_autoptr (GList) keys = g_hash_table_get_keys (metadata);

  keys = g_list_sort (keys, (GCompareFunc)strcmp);
  for (GList *at = keys; at; at = at->next)
    printf ("  %-14s %s = %s\n", at == keys ? "metadata" : "",
            (const char *)at->data,
            (const char *)g_hash_table_lookup (metadata, at->data));
}

/* Prints the number of tensors of each element type. */
static void
print_storage (const CcsStateDict *tensors)
{
  guint count[N_DTYPES] = { 0 };
  guint64 bytes = 0;

  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    count[tensor->dtype]++;
    bytes += ccs_tensor_size (tensor);
  }
  printf ("  %-14s %u, %.1f MB:", "tensors", ccs_state_dict_size (tensors),
          bytes / 1e6);
  for (guint type = 0; type < N_DTYPES; type++)
    if (count[type] > 0)
      printf (" %u %s", count[type], ccs_dtype_name (type));
  putchar ('\n');
}

static void
print_parameter_counts (const CcsModelConfig *config)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (config);
  gint64 visual = 0, audio = 0, unused = 0, buffers = 0;

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (params, i);
    gint64 n = ccs_shape_elements (&info->shape);
    if (info->role == CCS_PARAM_UNUSED)
      unused += n;
    else if (info->role != CCS_PARAM_WEIGHT)
      buffers += n;
    else if (g_str_has_prefix (info->name, "net_visual."))
      visual += n;
    else
      audio += n;
  }
  printf ("  %-14s net_visual %" G_GINT64_FORMAT ", net_audio %" G_GINT64_FORMAT
          "; never used %" G_GINT64_FORMAT "; in buffers %" G_GINT64_FORMAT
          "\n",
          "parameters", visual, audio, unused, buffers);
}

static void
print_tensors (const CcsStateDict *tensors)
{
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    g_autofree char *shape = ccs_shape_to_string (&tensor->shape);
    printf ("  %s\t%s\t%s\n", ccs_state_dict_name (tensors, i), shape,
            ccs_dtype_name (tensor->dtype));
  }
}

static void
print_content (const Content *content)
{
  g_autofree char *text = NULL;

  if (content->kind == CONTENT_RESNET) {
    printf ("  %-14s ResNet-%d: loads into the visual trunk only\n", "content",
            content->config.backbone);
    return;
  }
  text = ccs_model_config_to_string (&content->config);
  printf ("  %-14s CCStereo model\n", "content");
  printf ("  %-14s %s\n", "configuration", text);
  print_parameter_counts (&content->config);
}

static ToolExit
run_info (gint argc, char **argv)
{
  gboolean verbose = FALSE;
  const GOptionEntry entries[] = {
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose,
      "List every tensor: name, shape, element type", NULL },
    { NULL },
  };
  g_autoptr (CcsCheckpoint) file = NULL;
  GError *error = NULL;
  Content content;
  gboolean known;
  ToolExit exit;

  if (!tool_parse (&tool_info, entries, &argc, &argv, &exit))
    return exit;
  file = ccs_checkpoint_load (argv[1], &error);
  if (!file)
    return tool_fail (&tool_info, error);

  printf ("%s\n  %-14s %s\n", argv[1], "format",
          ccs_file_kind_name (file->kind));
  known = content_detect (file, &content, &error);
  if (known)
    print_content (&content);
  else
    printf ("  %-14s no model\n", "content");
  print_storage (file->tensors);
  print_metadata (file->metadata);
  if (verbose)
    print_tensors (file->tensors);
  if (known)
    return TOOL_OK;
  fflush (stdout);
  g_prefix_error (&error, "%s: ", argv[1]);
  return tool_fail (&tool_info, error);
}

const ToolCommand tool_info = {
  "info",
  "FILE",
  1,
  "Show what a parameter file contains",
  "Reads safetensors and PyTorch's .pth. The exit status is 1 when FILE is "
  "damaged\nor contains neither a CCStereo model nor a ResNet.",
  run_info
};
