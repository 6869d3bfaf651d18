/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-files.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "file-write.h"

#define OPTIMIZER_PREFIX "optimizer."
#define META_BEST "ccstereo.train.best"
#define META_IDENTITY "ccstereo.train.identity"

void
ccs_run_state_clear (CcsRunState *self)
{
  g_clear_pointer (&self->params, ccs_state_dict_unref);
  g_clear_pointer (&self->optimizer, ccs_state_dict_unref);
  g_clear_pointer (&self->identity, g_free);
}

static void
copy_entries (const CcsStateDict *from, CcsStateDict *to, const char *prefix)
{
  for (guint i = 0; i < ccs_state_dict_size (from); i++) {
    g_autofree char *name
        = g_strconcat (prefix, ccs_state_dict_name (from, i), NULL);

    ccs_state_dict_insert (to, name,
                           ccs_tensor_ref (ccs_state_dict_tensor (from, i)));
  }
}

static GHashTable *
new_metadata (void)
{
  GHashTable *metadata
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  g_hash_table_insert (metadata, g_strdup (CCS_META_FORMAT), g_strdup ("1"));
  return metadata;
}

gboolean
ccs_run_state_save (const CcsRunState *self, const char *dir, GError **error)
{
  g_autoptr (CcsStateDict) all = ccs_state_dict_new ();
  g_autoptr (GHashTable) metadata = new_metadata ();
  g_autofree char *path = g_build_filename (dir, CCS_RUN_STATE, NULL);
  char best[G_ASCII_DTOSTR_BUF_SIZE];

  copy_entries (self->params, all, "");
  copy_entries (self->optimizer, all, OPTIMIZER_PREFIX);
  g_hash_table_insert (
      metadata, g_strdup (META_BEST),
      g_strdup (g_ascii_dtostr (best, sizeof best, self->best)));
  g_hash_table_insert (metadata, g_strdup (META_IDENTITY),
                       g_strdup (self->identity));
  return ccs_checkpoint_save (path, all, metadata, CCS_F32,
                              CCS_OUTPUT_OVERWRITE, error);
}

gboolean
ccs_run_state_load (CcsRunState *self, const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_STATE, NULL);
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (path, error);
  const char *best;
  CcsTensor *step;

  if (file == NULL)
    return FALSE;
  self->params = ccs_state_dict_new ();
  self->optimizer = ccs_state_dict_new ();
  for (guint i = 0; i < ccs_state_dict_size (file->tensors); i++) {
    const char *name = ccs_state_dict_name (file->tensors, i);
    CcsTensor *tensor
        = ccs_tensor_ref (ccs_state_dict_tensor (file->tensors, i));

    if (g_str_has_prefix (name, OPTIMIZER_PREFIX))
      ccs_state_dict_insert (self->optimizer, name + strlen (OPTIMIZER_PREFIX),
                             tensor);
    else
      ccs_state_dict_insert (self->params, name, tensor);
  }
  best = g_hash_table_lookup (file->metadata, META_BEST);
  self->best = best ? g_ascii_strtod (best, NULL) : INFINITY;
  self->identity
      = g_strdup (g_hash_table_lookup (file->metadata, META_IDENTITY));
  step = ccs_state_dict_lookup (self->optimizer, "step");
  if (step && step->dtype == CCS_S64 && step->shape.rank == 0
      && self->identity) {
    self->step = (guint64) * (const gint64 *)step->data;
    return TRUE;
  }
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: this is no state of a training run", path);
  return FALSE;
}

/* Deletes only unfinished files of this program, not files that the user put
 * there, such as a copy of a state. */
void
ccs_run_drop_unfinished (const char *dir)
{
  static const char *const finished[]
      = { CCS_RUN_STATE, CCS_RUN_LAST, CCS_RUN_BEST };
  g_autoptr (GDir) open = g_dir_open (dir, 0, NULL);
  const char *name;

  while (open && (name = g_dir_read_name (open)))
    for (guint i = 0; i < G_N_ELEMENTS (finished); i++)
      if (ccs_output_file_is_partial (name, finished[i])) {
        g_autofree char *path = g_build_filename (dir, name, NULL);

        g_unlink (path);
      }
}

gboolean
ccs_run_save_model (CcsStateDict *params, const CcsModelConfig *config,
                    const char *recipe, const char *dir, const char *file,
                    GError **error)
{
  g_autoptr (GHashTable) metadata = new_metadata ();
  g_autofree char *path = g_build_filename (dir, file, NULL);

  g_hash_table_insert (metadata, g_strdup (CCS_META_CONFIG),
                       ccs_model_config_to_string (config));
  g_hash_table_insert (metadata, g_strdup (CCS_META_RECIPE), g_strdup (recipe));
  return ccs_checkpoint_save (path, params, metadata, CCS_F32,
                              CCS_OUTPUT_OVERWRITE, error);
}

/* -- metrics.jsonl --------------------------------------------------------- */

static gboolean
io_error (const char *path, const char *doing, GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot %s: %s", path, doing,
               g_strerror (errno));
  return FALSE;
}

gboolean
ccs_run_append_metrics (const char *dir, const char *line, GError **error)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_METRICS, NULL);
  FILE *file = fopen (path, "a");
  gboolean ok;

  if (file == NULL)
    return io_error (path, "open", error);
  ok = fprintf (file, "%s\n", line) >= 0;
  if (fclose (file) != 0 || !ok)
    return io_error (path, "write", error);
  return TRUE;
}

static guint64
line_step (const char *line)
{
  const char *key = strstr (line, "\"step\":");

  return key ? g_ascii_strtoull (key + strlen ("\"step\":"), NULL, 10) : 0;
}

gboolean
ccs_run_cut_metrics (const char *dir, guint64 step, GError **error)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_METRICS, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GString) kept = g_string_new (NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    if (g_str_has_suffix (lines[i], "}") && line_step (lines[i]) < step)
      g_string_append_printf (kept, "%s\n", lines[i]);
  return ccs_file_write (path, kept->str, kept->len, CCS_OUTPUT_OVERWRITE,
                         error);
}
