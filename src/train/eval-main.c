/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-eval: see --help. */
#include "command-line.h"
#include "evaluate.h"
#include "lateral.h"
#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum
{
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
};

typedef struct
{
  char *dataset, *data_root, *setup, *split_dir, *split, *checkpoint;
  char *protocol, *json, *save_audio, *backend, *sofa;
  gint limit, threads, scene_count, device_id;
  gint64 scene_seed;
  gboolean no_tdss, skip_bad, quiet, version;
} Arguments;

typedef struct
{
  const Arguments *arguments;
  GString *clips; /* JSON */
  guint done, total;
  CcsLateral *lateral; /* of scenes; else NULL */
} Evaluation;

static void
set_defaults (Arguments *a)
{
  *a = (Arguments){ .dataset = g_strdup ("scenes"),
                    .setup = g_strdup ("10splits"),
                    .split_dir = g_strdup ("split1"),
                    .split = g_strdup ("test"),
                    .protocol = g_strdup ("corrected"),
                    .backend = g_strdup ("auto"),
                    .scene_count = 50,
                    .scene_seed = 1,
                    .device_id = -1 };
}

static GOptionEntry *
entries (Arguments *a)
{
  const GOptionEntry table[]
      = { { "dataset", 0, 0, G_OPTION_ARG_STRING, &a->dataset,
            "fairplay, yt_clean or scenes (default scenes)", "NAME" },
          { "data-root", 0, 0, G_OPTION_ARG_FILENAME, &a->data_root,
            "The data set's folder", "DIR" },
          { "setup", 0, 0, G_OPTION_ARG_STRING, &a->setup,
            "fairplay: 10splits (default) or 5splits", "NAME" },
          { "hdf5FolderPath", 0, 0, G_OPTION_ARG_STRING, &a->split_dir,
            "fairplay: which split (default split1)", "splitN" },
          { "split", 0, 0, G_OPTION_ARG_STRING, &a->split,
            "train, val or test (default test)", "NAME" },
          { "checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &a->checkpoint,
            "The model: safetensors or .pth (default: the installed one)",
            "FILE" },
          { "protocol", 0, 0, G_OPTION_ARG_STRING, &a->protocol,
            "corrected (default), or official: as the published code", "NAME" },
          { "no-tdss", 0, 0, G_OPTION_ARG_NONE, &a->no_tdss,
            "Centre crops in place of moving ones", NULL },
          { "limit", 0, 0, G_OPTION_ARG_INT, &a->limit,
            "Clips at most (default 0: all)", "N" },
          { "json", 0, 0, G_OPTION_ARG_FILENAME, &a->json,
            "Write prediction, mono and clips", "FILE" },
          { "save-audio", 0, 0, G_OPTION_ARG_FILENAME, &a->save_audio,
            "Write each clip's prediction as WAV", "DIR" },
          { "scene-count", 0, 0, G_OPTION_ARG_INT, &a->scene_count,
            "scenes: how many (default 50)", "N" },
          { "scene-seed", 0, 0, G_OPTION_ARG_INT64, &a->scene_seed,
            "scenes: their seed (default 1)", "N" },
          { "sofa", 0, 0, G_OPTION_ARG_FILENAME, &a->sofa,
            "scenes: head-related impulse responses", "FILE" },
          { "skip-bad", 0, 0, G_OPTION_ARG_NONE, &a->skip_bad,
            "Warn about unreadable files and go on", NULL },
          { "backend", 0, 0, G_OPTION_ARG_STRING, &a->backend,
            "auto, cpu, cuda or reference (default auto)", "NAME" },
          { "gpu_ids", 0, 0, G_OPTION_ARG_INT, &a->device_id,
            "Which GPU (default -1: choose)", "N" },
          { "threads", 0, 0, G_OPTION_ARG_INT, &a->threads,
            "CPU threads (default 0: one a core)", "N" },
          { "quiet", 'q', 0, G_OPTION_ARG_NONE, &a->quiet,
            "No progress, no table", NULL },
          { "version", 0, 0, G_OPTION_ARG_NONE, &a->version,
            "Print the version", NULL },
          { NULL } };

  return g_memdup2 (table, sizeof table);
}

static void
clear (Arguments *a)
{
  g_autofree GOptionEntry *table = entries (a);

  ccs_command_line_clear (table);
}

static gboolean
check (const Arguments *a, GError **error)
{
  static const char *const protocols[] = { "corrected", "official", NULL };
  guint split;

  if (!ccs_command_line_one_of ("protocol", a->protocol, protocols, error)
      || !ccs_command_line_split (a->split_dir, &split, error))
    return FALSE;
  if (a->limit >= 0 && a->scene_count >= 1 && a->threads >= 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "--limit and --threads are at least 0, --scene-count at least "
               "1");
  return FALSE;
}

static gboolean
parse (Arguments *a, int *argc, char ***argv, GError **error)
{
  g_autofree GOptionEntry *table = entries (a);

  return ccs_command_line_parse (table,
                                 "- judge a CCStereo model on a data set",
                                 "Exit status: 0 done, 1 failed, 2 wrong "
                                 "usage.",
                                 argc, argv, error)
         && (a->version || check (a, error));
}

/* -- output
 * ----------------------------------------------------------------------------
 */

static void
json_scores (GString *to, const CcsScores *s, const char *indent)
{
  g_string_append (to, "{\n");
  for (guint m = 0; m < CCS_N_METRICS; m++)
    g_string_append_printf (to, "%s  \"%s\": %.9g,\n", indent,
                            ccs_metric_name (m), s->metrics[m]);
  g_string_append_printf (to,
                          "%s  \"ild_error_db\": %.9g,\n%s  "
                          "\"itd_error_us\": %.9g\n%s}",
                          indent, s->ild_error, indent, s->itd_error, indent);
}

static void
json_string (GString *to, const char *text)
{
  g_string_append_c (to, '"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_printf (to, "\\%c", *text);
    else if ((guchar)*text < 0x20)
      g_string_append_printf (to, "\\u%04x", *text);
    else
      g_string_append_c (to, *text);
  }
  g_string_append_c (to, '"');
}

static gboolean
write_json (const Evaluation *e, const CcsScores *prediction,
            const CcsScores *mono, GError **error)
{
  g_autoptr (GString) text = g_string_new ("{\n  \"protocol\": ");

  json_string (text, e->arguments->protocol);
  g_string_append_printf (text,
                          ",\n  \"tdss\": %s,\n  \"count\": %u,\n"
                          "  \"prediction\": ",
                          e->arguments->no_tdss ? "false" : "true", e->done);
  json_scores (text, prediction, "  ");
  g_string_append (text, ",\n  \"mono\": ");
  json_scores (text, mono, "  ");
  if (e->lateral) {
    const CcsLateralScores *lateral = ccs_lateral_scores (e->lateral);

    g_string_append_printf (
        text,
        ",\n  \"lateral\": {\n    \"clips\": %u,"
        "\n    \"louder_ear_right\": %u,\n    \"level_error_db\": %.9g\n"
        "  }",
        lateral->clips, lateral->right_side, lateral->level_error);
  }
  g_string_append_printf (text, ",\n  \"clips\": [%s\n  ]\n}\n", e->clips->str);
  return g_file_set_contents (e->arguments->json, text->str, text->len, error);
}

static gboolean
save_wav (const CcsEvaluatedClip *clip, const char *dir, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s.wav", clip->item->name);
  g_autofree char *path = NULL;
  g_autofree float *frames = g_new (float, 2 * clip->n);
  SF_INFO info = { .samplerate = CCS_MODEL_RATE,
                   .channels = 2,
                   .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
  SNDFILE *file;
  gboolean ok;

  g_strdelimit (name, G_DIR_SEPARATOR_S, '_');
  path = g_build_filename (dir, name, NULL);
  for (gsize i = 0; i < clip->n; i++) {
    frames[2 * i] = clip->prediction[0][i];
    frames[2 * i + 1] = clip->prediction[1][i];
  }
  file = sf_open (path, SFM_WRITE, &info);
  ok = file && sf_writef_float (file, frames, clip->n) == (sf_count_t)clip->n;
  if (!ok)
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot write: %s", path,
                 sf_strerror (file));
  if (file)
    sf_close (file);
  return ok;
}

static gboolean
record_clip (const CcsEvaluatedClip *clip, gpointer user_data, GError **error)
{
  Evaluation *e = user_data;

  g_string_append (e->clips, e->done ? ",\n    {\n      \"name\": "
                                     : "\n    {\n      \"name\": ");
  json_string (e->clips, clip->item->name);
  g_string_append (e->clips, ",\n      \"prediction\": ");
  json_scores (e->clips, &clip->scores, "      ");
  g_string_append (e->clips, ",\n      \"mono\": ");
  json_scores (e->clips, &clip->mono, "      ");
  g_string_append (e->clips, "\n    }");
  e->done++;
  if (e->lateral)
    ccs_lateral_add (e->lateral, clip);
  if (!e->arguments->quiet && isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[Kclip %u of %u", e->done, e->total);
  return e->arguments->save_audio == NULL
         || save_wav (clip, e->arguments->save_audio, error);
}

static void
print_table (const CcsScores *p, const CcsScores *m, guint clips)
{
  printf ("%u clips        prediction         mono\n", clips);
  for (guint i = 0; i < CCS_N_METRICS; i++)
    printf ("%-14s %11.4f  %11.4f\n", ccs_metric_name (i), p->metrics[i],
            m->metrics[i]);
  printf ("%-14s %11.4f  %11.4f\n%-14s %11.1f  %11.1f\n", "ild_error_db",
          p->ild_error, m->ild_error, "itd_error_us", p->itd_error,
          m->itd_error);
}

static void
print_lateral (CcsLateral *lateral)
{
  const CcsLateralScores *scores = ccs_lateral_scores (lateral);

  printf ("%u clips of one source beyond %g degrees: the louder ear right in "
          "%u, level error %.2f dB\n",
          scores->clips, CCS_LATERAL_DEGREES, scores->right_side,
          scores->level_error);
}

/* -- the work
 * -------------------------------------------------------------------------- */

static CcsModel *
open_model (const Arguments *a, GError **error)
{
  CcsBackendOptions options = { a->threads, a->device_id };
  g_autofree char *path = a->checkpoint ? g_strdup (a->checkpoint)
                                        : ccs_model_default_path (error);

  return path ? ccs_model_load (path, a->backend, &options, error) : NULL;
}

static gboolean
dataset_options (const Arguments *a, CcsDatasetOptions *options, GError **error)
{
  *options = CCS_DATASET_OPTIONS_INIT;
  if (!ccs_split_from_name (a->split, &options->split, error))
    return FALSE;
  options->kind = a->dataset;
  options->root = a->data_root;
  options->setup = a->setup;
  ccs_command_line_split (a->split_dir, &options->split_number, NULL);
  options->official = strcmp (a->protocol, "official") == 0;
  options->on_bad = a->skip_bad ? CCS_ON_BAD_SKIP : CCS_ON_BAD_FATAL;
  options->scene_seed = a->scene_seed;
  options->scene_count = a->scene_count;
  options->sofa = a->sofa;
  return TRUE;
}

/* Data set, model and, for scenes, the look at their single sources. */
static gboolean
open_all (const Arguments *a, CcsDataset **dataset, CcsModel **model,
          CcsLateral **lateral, GError **error)
{
  CcsDatasetOptions options;

  if (!dataset_options (a, &options, error)
      || (*dataset = ccs_dataset_open (&options, error)) == NULL
      || (*model = open_model (a, error)) == NULL)
    return FALSE;
  if (strcmp (a->dataset, "scenes") == 0)
    *lateral = ccs_lateral_new (&options, error);
  return *lateral != NULL || strcmp (a->dataset, "scenes") != 0;
}

static gboolean
evaluate (const Arguments *a, GError **error)
{
  CcsEvaluateOptions options
      = { .official = strcmp (a->protocol, "official") == 0,
          .tdss = !a->no_tdss,
          .limit = a->limit,
          .skip_bad = a->skip_bad };
  g_autoptr (GString) clips = g_string_new (NULL);
  g_autoptr (CcsDataset) dataset = NULL;
  g_autoptr (CcsModel) model = NULL;
  g_autoptr (CcsLateral) lateral = NULL;
  Evaluation e = { .arguments = a, .clips = clips };
  CcsScores prediction, mono;
  guint done;

  if (!open_all (a, &dataset, &model, &lateral, error))
    return FALSE;
  e.lateral = lateral;
  e.total = (guint)ccs_dataset_length (dataset);
  if (a->limit > 0)
    e.total = MIN (e.total, (guint)a->limit);
  if (a->save_audio && g_mkdir_with_parents (a->save_audio, 0777) != 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be made: %s",
                 a->save_audio, g_strerror (errno));
    return FALSE;
  }
  if (!ccs_evaluate (model, dataset, &options, record_clip, &e, &prediction,
                     &mono, &done, error))
    return FALSE;
  if (!a->quiet && isatty (STDERR_FILENO))
    fputc ('\n', stderr);
  if (!a->quiet)
    print_table (&prediction, &mono, done);
  if (!a->quiet && lateral)
    print_lateral (lateral);
  return a->json == NULL || write_json (&e, &prediction, &mono, error);
}

int
main (int argc, char **argv)
{
  Arguments a;
  GError *error = NULL;
  int status = EXIT_DONE;

  set_defaults (&a);
  if (!parse (&a, &argc, &argv, &error))
    status = EXIT_USAGE;
  else if (a.version)
    puts ("ccstereo-eval " CCS_VERSION);
  else if (!evaluate (&a, &error))
    status = EXIT_FAILED;
  if (error)
    fprintf (stderr, "ccstereo-eval: %s\n", error->message);
  g_clear_error (&error);
  clear (&a);
  return status;
}
