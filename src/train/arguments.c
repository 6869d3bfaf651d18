/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arguments.h"
#include "backend/registry.h"
#include "command-line.h"
#include <ccstereo/error.h>
#include <string.h>

static const char official[] = "official";

void
ccs_data_arguments_init (CcsDataArguments *self, gint scene_count)
{
  const CcsDatasetOptions data = CCS_DATASET_OPTIONS_INIT;

  *self = (CcsDataArguments){ .dataset = g_strdup (data.kind),
                              .setup = g_strdup (data.setup),
                              .split_dir = g_strdup ("split1"),
                              .protocol = g_strdup ("corrected"),
                              .scene_count = scene_count,
                              .scene_seed = data.scene_seed };
}

void
ccs_compute_arguments_init (CcsComputeArguments *self)
{
  *self = (CcsComputeArguments){ .backend = g_strdup ("auto"),
                                 .precision = g_strdup (
                                     ccs_precision_name (CCS_PRECISION_FP32)),
                                 .device_id = -1 };
}

void
ccs_data_arguments_list (CcsDataArguments *self, GArray *to)
{
  const GOptionEntry entries[] = {
    { "dataset", 0, 0, G_OPTION_ARG_STRING, &self->dataset,
      "fairplay, yt_clean or scenes (default scenes)", "NAME" },
    { "data-root", 0, 0, G_OPTION_ARG_FILENAME, &self->data_root,
      "Folder of the data set", "DIR" },
    { "setup", 0, 0, G_OPTION_ARG_STRING, &self->setup,
      "fairplay: 10splits (default) or 5splits", "NAME" },
    { "hdf5FolderPath", 0, 0, G_OPTION_ARG_STRING, &self->split_dir,
      "fairplay: which split (default split1)", "splitN" },
    { "protocol", 0, 0, G_OPTION_ARG_STRING, &self->protocol,
      "corrected (default), or official: with the faults of the published code",
      "NAME" },
    { "scene-count", 0, 0, G_OPTION_ARG_INT, &self->scene_count,
      "scenes: number of scenes (default 2000 for training, 50 for evaluation)",
      "N" },
    { "scene-seed", 0, 0, G_OPTION_ARG_INT64, &self->scene_seed,
      "scenes: seed (default 1)", "N" },
    { "sofa", 0, 0, G_OPTION_ARG_FILENAME, &self->sofa,
      "scenes: SOFA file of head-related impulse responses", "FILE" },
    { "skip-bad", 0, 0, G_OPTION_ARG_NONE, &self->skip_bad,
      "Skip files that cannot be read, with a warning", NULL },
  };

  g_array_append_vals (to, entries, G_N_ELEMENTS (entries));
}

void
ccs_compute_arguments_list (CcsComputeArguments *self, GArray *to)
{
  const GOptionEntry entries[] = {
    { "backend", 0, 0, G_OPTION_ARG_STRING, &self->backend,
      "auto, cpu, cuda or reference (default auto)", "NAME" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &self->precision,
      "Arithmetic precision: fp32, tf32, bf16 or fp16 (default fp32)", "NAME" },
    { "gpu_ids", 0, 0, G_OPTION_ARG_INT, &self->device_id,
      "GPU index (default -1: choose automatically)", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &self->threads,
      "Number of CPU threads (default 0: one per core)", "N" },
  };

  g_array_append_vals (to, entries, G_N_ELEMENTS (entries));
}

gboolean
ccs_data_arguments_check (const CcsDataArguments *self, GError **error)
{
  const char *const datasets[] = { "scenes", "fairplay", "yt_clean", NULL };
  const char *const protocols[] = { "corrected", official, NULL };
  const char *const setups[] = { "10splits", "5splits", NULL };
  guint split;

  if (!ccs_command_line_one_of ("dataset", self->dataset, datasets, error)
      || !ccs_command_line_one_of ("protocol", self->protocol, protocols, error)
      || !ccs_command_line_one_of ("setup", self->setup, setups, error)
      || !ccs_command_line_split (self->split_dir, &split, error)
      || !ccs_command_line_within ("scene-count", self->scene_count, 1,
                                   G_MAXINT, error))
    return FALSE;
  if (strcmp (self->dataset, "scenes") == 0 || self->data_root)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "--dataset %s needs --data-root", self->dataset);
  return FALSE;
}

gboolean
ccs_compute_arguments_check (const CcsComputeArguments *self, GError **error)
{
  CcsPrecision precision;

  if (!ccs_backend_name_check (self->backend, error)) {
    g_prefix_error (error, "--backend: ");
    return FALSE;
  }
  if (!ccs_precision_from_name (self->precision, &precision, error)) {
    g_prefix_error (error, "--precision: ");
    return FALSE;
  }
  return ccs_command_line_within ("gpu_ids", self->device_id, -1, G_MAXINT,
                                  error)
         && ccs_command_line_within ("threads", self->threads, 0,
                                     CCS_BACKEND_MAX_THREADS, error);
}

gboolean
ccs_data_arguments_official (const CcsDataArguments *self)
{
  return strcmp (self->protocol, official) == 0;
}

CcsDatasetOptions
ccs_data_arguments_dataset (const CcsDataArguments *self, CcsSplit split)
{
  CcsDatasetOptions options
      = { .kind = self->dataset,
          .root = self->data_root,
          .setup = self->setup,
          .split = split,
          .official = ccs_data_arguments_official (self),
          .on_bad = self->skip_bad ? CCS_ON_BAD_SKIP : CCS_ON_BAD_FATAL,
          .scene_seed = self->scene_seed,
          .scene_count = self->scene_count,
          .sofa = self->sofa };

  ccs_command_line_split (self->split_dir, &options.split_number, NULL);
  return options;
}

CcsBackendOptions
ccs_compute_arguments_backend (const CcsComputeArguments *self)
{
  CcsBackendOptions options
      = { .n_threads = self->threads, .device_id = self->device_id };

  ccs_precision_from_name (self->precision, &options.precision, NULL);
  return options;
}
