/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-eval: see --help. */
#include "arguments.h"
#include "command-line.h"
#include "dataset-files.h"
#include "file-write.h"
#include "evaluate.h"
#include "lateral.h"
#include "output-file.h"
#include "program-locale.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum
{
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
};

#define JUDGING_SCENES 50

typedef struct
{
  CcsDataArguments data;
  CcsComputeArguments compute;
  char *split, *checkpoint, *json, *save_audio;
  gint limit;
  gboolean no_tdss, quiet, version;
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
  *a = (Arguments){ .split = g_strdup ("test") };
  ccs_data_arguments_init (&a->data, JUDGING_SCENES);
  ccs_compute_arguments_init (&a->compute);
}

/* (element-type GOptionEntry) (transfer full) */
static GArray *
entries (Arguments *a)
{
  const GOptionEntry table[] = {
    { "split", 0, 0, G_OPTION_ARG_STRING, &a->split,
      "train, val or test (default test)", "NAME" },
    { "checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &a->checkpoint,
      "Model file (default: $CCSTEREO_MODEL, then the installed model)",
      "FILE" },
    { "no-tdss", 0, 0, G_OPTION_ARG_NONE, &a->no_tdss,
      "Use centre crops instead of moving ones", NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT, &a->limit,
      "Largest number of clips (default 0: all)", "N" },
    { "json", 0, 0, G_OPTION_ARG_FILENAME, &a->json, "Write all scores to FILE",
      "FILE" },
    { "save-audio", 0, 0, G_OPTION_ARG_FILENAME, &a->save_audio,
      "Write the predicted audio of each clip to DIR, as WAV", "DIR" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &a->quiet,
      "Print no progress and no table", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &a->version, "Print the version",
      NULL },
  };
  GArray *all = g_array_new (TRUE, FALSE, sizeof (GOptionEntry));

  ccs_data_arguments_list (&a->data, all);
  g_array_append_vals (all, table, G_N_ELEMENTS (table));
  ccs_compute_arguments_list (&a->compute, all);
  return all;
}

static void
clear (Arguments *a)
{
  g_autoptr (GArray) all = entries (a);

  ccs_command_line_clear ((const GOptionEntry *)all->data);
}

static gboolean
check (const Arguments *a, GError **error)
{
  CcsSplit split;

  return ccs_data_arguments_check (&a->data, error)
         && ccs_compute_arguments_check (&a->compute, error)
         && ccs_split_from_name (a->split, &split, error)
         && ccs_command_line_within ("limit", a->limit, 0, G_MAXINT, error);
}

static gboolean
parse (Arguments *a, int *argc, char ***argv, GError **error)
{
  g_autoptr (GArray) all = entries (a);

  return ccs_command_line_parse ((const GOptionEntry *)all->data,
                                 "- evaluate a CCStereo model on a data set",
                                 "Exit status: 0 done, 1 failed, 2 wrong "
                                 "usage.",
                                 argc, argv, error)
         && (a->version || check (a, error));
}

/* -- output ---------------------------------------------------------------- */

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
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  g_string_append_c (to, '"');
  for (const char *c = valid; *c; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_printf (to, "\\%c", *c);
    else if ((guchar)*c < 0x20)
      g_string_append_printf (to, "\\u%04x", *c);
    else
      g_string_append_c (to, *c);
  }
  g_string_append_c (to, '"');
}

/* Writes the scores. @failure (nullable): the error that ended the evaluation
 * early. */
static gboolean
write_json (const Evaluation *e, const CcsScores *prediction,
            const CcsScores *mono, const GError *failure, GError **error)
{
  g_autoptr (GString) text = g_string_new ("{\n  \"protocol\": ");

  json_string (text, e->arguments->data.protocol);
  g_string_append_printf (text,
                          ",\n  \"tdss\": %s,\n  \"precision\": \"%s\",\n"
                          "  \"count\": %u,\n  \"of\": %u,\n",
                          e->arguments->no_tdss ? "false" : "true",
                          e->arguments->compute.precision, e->done, e->total);
  if (failure) {
    g_string_append (text, "  \"error\": ");
    json_string (text, failure->message);
    g_string_append (text, ",\n");
  }
  g_string_append (text, "  \"prediction\": ");
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
  return ccs_file_write (e->arguments->json, text->str, text->len,
                         CCS_OUTPUT_OVERWRITE, error);
}

static gboolean
save_wav (const CcsEvaluatedClip *clip, const char *dir, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s.wav", clip->item->name);
  g_autofree char *path = NULL;

  g_strdelimit (name, G_DIR_SEPARATOR_S, '_');
  path = g_build_filename (dir, name, NULL);
  return ccs_sound_write_float (path, CCS_MODEL_RATE, clip->n,
                                clip->prediction[0], clip->prediction[1],
                                error);
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
  g_autofree char *count
      = g_strdup_printf ("%u clip%s", clips, clips == 1 ? "" : "s");

  printf ("%-14s  prediction         mono\n", count);
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

/* -- the work -------------------------------------------------------------- */

static CcsModel *
open_model (const Arguments *a, GError **error)
{
  CcsBackendOptions options = ccs_compute_arguments_backend (&a->compute);
  g_autofree char *path = a->checkpoint ? g_strdup (a->checkpoint)
                                        : ccs_model_default_path (error);

  return path ? ccs_model_load (path, a->compute.backend, &options, error)
              : NULL;
}

/* Checks before the evaluation that its results can be written. */
static gboolean
check_outputs (const Arguments *a, GError **error)
{
  if (a->json && !ccs_file_writable (a->json, error))
    return FALSE;
  return a->save_audio == NULL
         || (ccs_folder_make (a->save_audio, error)
             && ccs_folder_writable (a->save_audio, error));
}

/* Opens the data set and the model and, for scenes, the evaluation of single
 * sources. */
static gboolean
open_all (const Arguments *a, CcsDataset **dataset, CcsModel **model,
          CcsLateral **lateral, GError **error)
{
  gboolean scenes = strcmp (a->data.dataset, "scenes") == 0;
  CcsDatasetOptions options;
  CcsSplit split;

  if (!ccs_split_from_name (a->split, &split, error))
    return FALSE;
  options = ccs_data_arguments_dataset (&a->data, split);
  *dataset = ccs_dataset_open (&options, error);
  if (*dataset == NULL || (*model = open_model (a, error)) == NULL)
    return FALSE;
  if (scenes)
    *lateral = ccs_lateral_new (&options, error);
  return *lateral != NULL || !scenes;
}

/* Writes the scores so far, even if @failure (transfer full, nullable) ended
 * the evaluation early. */
static gboolean
finish (const Evaluation *e, const CcsScores *prediction, const CcsScores *mono,
        GError *failure, GError **error)
{
  g_autoptr (GError) unwritten = NULL;
  gboolean wanted = e->arguments->json && (failure == NULL || e->done > 0);

  if (failure == NULL)
    return !wanted || write_json (e, prediction, mono, NULL, error);
  g_propagate_error (error, failure);
  if (wanted && !write_json (e, prediction, mono, failure, &unwritten))
    g_prefix_error (error, "%s; ", unwritten->message);
  return FALSE;
}

static gboolean
evaluate (const Arguments *a, GError **error)
{
  CcsEvaluateOptions options
      = { .official = ccs_data_arguments_official (&a->data),
          .tdss = !a->no_tdss,
          .limit = a->limit,
          .skip_bad = a->data.skip_bad };
  g_autoptr (GString) clips = g_string_new (NULL);
  g_autoptr (CcsDataset) dataset = NULL;
  g_autoptr (CcsModel) model = NULL;
  g_autoptr (CcsLateral) lateral = NULL;
  Evaluation e = { .arguments = a, .clips = clips };
  CcsScores prediction, mono;
  GError *failure = NULL;
  guint done;

  if (!check_outputs (a, error)
      || !open_all (a, &dataset, &model, &lateral, error))
    return FALSE;
  e.lateral = lateral;
  e.total = (guint)ccs_dataset_length (dataset);
  if (a->limit > 0)
    e.total = MIN (e.total, (guint)a->limit);
  ccs_evaluate (model, dataset, &options, record_clip, &e, &prediction, &mono,
                &done, &failure);
  if (!a->quiet && isatty (STDERR_FILENO))
    fputc ('\n', stderr);
  if (!a->quiet && failure == NULL) {
    print_table (&prediction, &mono, done);
    if (lateral)
      print_lateral (lateral);
  }
  return finish (&e, &prediction, &mono, failure, error);
}

int
main (int argc, char **argv)
{
  Arguments a;
  GError *error = NULL;
  int status = EXIT_DONE;

  ccs_program_set_locale ();
  ccs_output_files_guard (NULL);
  set_defaults (&a);
  if (!parse (&a, &argc, &argv, &error))
    status = EXIT_USAGE;
  else if (a.version)
    puts ("ccstereo-eval " CCS_VERSION_STRING);
  else if (!evaluate (&a, &error))
    status = EXIT_FAILED;
  if (error)
    fprintf (stderr, "ccstereo-eval: %s\n", error->message);
  g_clear_error (&error);
  clear (&a);
  return status;
}
