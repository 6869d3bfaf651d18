/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that ccstereo-train and ccstereo-eval share: the data set, and
 * the backend. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "dataset.h"

G_BEGIN_DECLS

typedef struct
{
  char *dataset, *data_root, *setup, *split_dir, *sofa, *protocol;
  gint scene_count;
  gint64 scene_seed;
  gboolean skip_bad;
} CcsDataArguments;

typedef struct
{
  char *backend, *precision;
  gint threads, device_id;
} CcsComputeArguments;

/* Sets the defaults. Strings are allocated; ccs_command_line_clear() frees
 * them.
 */
void ccs_data_arguments_init (CcsDataArguments *self, gint scene_count);
void ccs_compute_arguments_init (CcsComputeArguments *self);

/* Appends the options to the table @to. (element-type GOptionEntry) */
void ccs_data_arguments_list (CcsDataArguments *self, GArray *to);
void ccs_compute_arguments_list (CcsComputeArguments *self, GArray *to);

/* Checks the values. CCS_ERROR_ARGUMENT names the invalid option. */
gboolean ccs_data_arguments_check (const CcsDataArguments *self,
                                   GError **error);
gboolean ccs_compute_arguments_check (const CcsComputeArguments *self,
                                      GError **error);

/* Return what the options mean, after they have been checked. Strings are
 * (transfer none). */
gboolean ccs_data_arguments_official (const CcsDataArguments *self);
CcsDatasetOptions ccs_data_arguments_dataset (const CcsDataArguments *self,
                                              CcsSplit split);
CcsBackendOptions
ccs_compute_arguments_backend (const CcsComputeArguments *self);

G_END_DECLS
