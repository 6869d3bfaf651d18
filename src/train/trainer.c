/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "evaluate.h"
#include "dataset-files.h"
#include "model/model-private.h"
#include "report.h"
#include "tensorboard.h"
#include "trainer-private.h"
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Steps between lines if standard error is not a terminal. */
#define PROGRESS_EVERY 50
#define SMOOTHING 0.95 /* smoothing factor of the loss in the progress line */

typedef struct
{
  CcsTraining training;
  const CcsTrainSettings *settings;
  CcsDataset *validation; /* NULL: disabled */
  CcsDataset *test;       /* for the report; NULL: no report */
  char *recipe;
  double best;
  double smooth_loss;
  guint64 first_step;
  guint64 recorded, saved; /* steps in metrics and in the saved state */
  gint64 started;
  CcsTensorBoard *events; /* NULL: disabled */
} Run;

/* -- saving ---------------------------------------------------------------- */

static gboolean
save_state (Run *run, CcsStateDict *params, GError **error)
{
  CcsRunState state = { .step = ccs_train_step_index (run->training.step),
                        .best = run->best,
                        .identity = run->training.identity,
                        .params = params };
  gboolean ok;

  state.optimizer = ccs_train_step_export_optimizer (run->training.step, error);
  if (state.optimizer == NULL)
    return FALSE;
  ok = ccs_run_state_save (&state, run->settings->save_dir, error)
       && ccs_run_save_model (params, &run->training.config, run->recipe,
                              run->settings->save_dir, CCS_RUN_LAST, error);
  ccs_state_dict_unref (state.optimizer);
  if (ok)
    run->saved = state.step;
  return ok;
}

static gboolean
save (Run *run, GError **error)
{
  g_autoptr (CcsStateDict) params
      = ccs_train_step_export (run->training.step, error);

  return params && save_state (run, params, error);
}

/* -- validation ------------------------------------------------------------ */

static gboolean
record_validation (Run *run, const CcsScores *p, const CcsScores *m,
                   GError **error)
{
  guint64 step = ccs_train_step_index (run->training.step);
  g_autofree char *line = g_strdup_printf (
      "{\"step\":%" G_GUINT64_FORMAT
      ",\"validation_stft\":%.6g,\"mono_stft\":%.6g,\"validation_ild\":%.6g}",
      step - 1, p->metrics[CCS_METRIC_STFT], m->metrics[CCS_METRIC_STFT],
      p->ild_error);

  if (run->events
      && !ccs_tensorboard_scalar (run->events, "validation/stft_l2_dist", step,
                                  p->metrics[CCS_METRIC_STFT], error))
    return FALSE;
  return ccs_run_append_metrics (run->settings->save_dir, line, error);
}

static CcsEvaluateOptions
how_to_evaluate (const CcsTrainSettings *settings)
{
  return (CcsEvaluateOptions){
    .official = ccs_data_arguments_official (&settings->data),
    .tdss = TRUE,
    .skip_bad = settings->data.skip_bad,
    .limit = settings->validation_clips,
  };
}

static gboolean
score_validation (Run *run, CcsStateDict *params, CcsScores *prediction,
                  CcsScores *mono, GError **error)
{
  CcsEvaluateOptions how = how_to_evaluate (run->settings);
  g_autoptr (CcsModel) model = ccs_model_new (params, "the model in training",
                                              run->training.backend, error);
  guint clips;

  return model
         && ccs_evaluate (model, run->validation, &how, NULL, NULL, prediction,
                          mono, &clips, error);
}

static gboolean
validate (Run *run, GError **error)
{
  g_autoptr (CcsStateDict) params
      = ccs_train_step_export (run->training.step, error);
  CcsScores prediction, mono;
  double stft;

  if (params == NULL
      || !score_validation (run, params, &prediction, &mono, error)
      || !record_validation (run, &prediction, &mono, error))
    return FALSE;
  stft = prediction.metrics[CCS_METRIC_STFT];
  if (!run->settings->quiet)
    fprintf (stderr,
             "%svalidation after step %" G_GUINT64_FORMAT
             ": STFT %.4f, mono %.4f%s\n",
             isatty (STDERR_FILENO) ? "\r\033[K" : "",
             ccs_train_step_index (run->training.step), stft,
             mono.metrics[CCS_METRIC_STFT], stft < run->best ? " (best)" : "");
  if (!(stft < run->best))
    return TRUE;
  run->best = stft;
  return ccs_run_save_model (params, &run->training.config, run->recipe,
                             run->settings->save_dir, CCS_RUN_BEST, error);
}

/* -- records --------------------------------------------------------------- */

static gboolean
record_step (Run *run, const CcsTrainReport *r, GError **error)
{
  guint64 done = ccs_train_step_index (run->training.step);
  const struct
  {
    const char *tag;
    double value;
  } scalars[] = {
    { "loss/all", r->loss },       { "loss/mse", r->mse },
    { "loss/amp", r->amp },        { "loss/phase", r->phase },
    { "loss/ssl", r->ssl },        { "rate/visual", r->lr_visual },
    { "rate/audio", r->lr_audio },
  };
  g_autofree char *scaling
      = r->loss_scale > 0.
            ? g_strdup_printf (",\"loss_scale\":%.9g,\"skipped\":%s",
                               r->loss_scale, r->skipped ? "true" : "false")
            : g_strdup ("");
  g_autofree char *line = g_strdup_printf (
      "{\"step\":%" G_GUINT64_FORMAT
      ",\"loss\":%.9g,\"mse\":%.9g,\"amp\":%.9g,\"phase\":%.9g,\"ssl\":%.9g,"
      "\"lr_img\":%.9g,\"lr_aud\":%.9g%s,\"seconds\":%.3f}",
      done - 1, r->loss, r->mse, r->amp, r->phase, r->ssl, r->lr_visual,
      r->lr_audio, scaling,
      r->forward_seconds + r->backward_seconds + r->update_seconds);

  for (guint i = 0; run->events && i < G_N_ELEMENTS (scalars); i++)
    if (!ccs_tensorboard_scalar (run->events, scalars[i].tag, done,
                                 scalars[i].value, error))
      return FALSE;
  if (!ccs_run_append_metrics (run->settings->save_dir, line, error))
    return FALSE;
  run->recorded = done;
  return TRUE;
}

static void
print_progress (Run *run, const CcsTrainReport *r)
{
  guint64 done = ccs_train_step_index (run->training.step);
  double seconds = (g_get_monotonic_time () - run->started) / 1e6;
  double per_step = seconds / (done - run->first_step);
  gint64 left = (gint64)(per_step * (run->training.total_steps - done));
  gboolean terminal = isatty (STDERR_FILENO);

  run->smooth_loss
      = done == run->first_step + 1
            ? r->loss
            : SMOOTHING * run->smooth_loss + (1. - SMOOTHING) * r->loss;
  if (run->settings->quiet || (!terminal && done % PROGRESS_EVERY))
    return;
  fprintf (stderr,
           "%sstep %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
           "  loss %.4f  %.2f clips/s  %" G_GINT64_FORMAT ":%02d:%02d left%s",
           terminal ? "\r\033[K" : "", done, run->training.total_steps,
           run->smooth_loss, run->settings->batch_size / per_step, left / 3600,
           (int)(left / 60 % 60), (int)(left % 60), terminal ? "" : "\n");
}

/* -- the run --------------------------------------------------------------- */

static gboolean
open_state (const CcsTrainSettings *settings, CcsRunState *state,
            GError **error)
{
  g_autofree char *path
      = g_build_filename (settings->save_dir, CCS_RUN_STATE, NULL);

  ccs_run_drop_unfinished (settings->save_dir);
  if (settings->resume)
    return ccs_run_state_load (state, settings->save_dir, error);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_ARGUMENT,
      "%s: there is a run in this folder already (--resume goes on with it)",
      settings->save_dir);
  return FALSE;
}

/* Opens the lists of validation and test before the first step, so that a
 * missing list does not end a long run. */
static gboolean
open_lists (Run *run, GError **error)
{
  const CcsTrainSettings *settings = run->settings;
  CcsDatasetOptions validation
      = ccs_train_settings_dataset (settings, CCS_SPLIT_VAL);
  CcsDatasetOptions test
      = ccs_train_settings_dataset (settings, CCS_SPLIT_TEST);

  if (settings->validation_freq > 0) {
    run->validation = ccs_dataset_open (&validation, error);
    if (run->validation == NULL) {
      g_prefix_error (error, "for validation (--validation_freq 0: none): ");
      return FALSE;
    }
  }
  if (!settings->no_report) {
    run->test = ccs_dataset_open (&test, error);
    if (run->test == NULL) {
      g_prefix_error (error, "for the report (--no-report: none): ");
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
begin (Run *run, CcsRunState *state, GError **error)
{
  run->first_step = run->recorded = run->saved = state->step;
  run->best = state->best;
  run->recipe = ccs_train_settings_recipe (run->settings);
  if (!open_lists (run, error)
      || !ccs_run_cut_metrics (run->settings->save_dir, run->first_step, error))
    return FALSE;
  if (!run->settings->no_tensorboard) {
    run->events = ccs_tensorboard_open (run->settings->save_dir,
                                        run->first_step, error);
    if (run->events == NULL)
      return FALSE;
  }
  run->started = g_get_monotonic_time ();
  return TRUE;
}

static gboolean
is_due (guint64 step, gint every)
{
  return every > 0 && step % every == 0;
}

static gboolean
after_step (Run *run, const CcsTrainReport *report, gboolean last,
            GError **error)
{
  guint64 done = ccs_train_step_index (run->training.step);
  gboolean check = is_due (done, run->settings->validation_freq)
                   || (done == run->training.total_steps
                       && run->settings->validation_freq > 0);

  print_progress (run, report);
  return record_step (run, report, error) && (!check || validate (run, error))
         && (!(last || check || is_due (done, run->settings->checkpoint_every))
             || save (run, error));
}

/* Ends a run after an error. Saves the state if steps have been made since
 * the last save, unless the error occurred in the middle of a step. */
static CcsRunResult
give_up (Run *run, GError **error)
{
  guint64 done = ccs_train_step_index (run->training.step);

  if (run->training.intact && done == run->recorded && done > run->saved
      && save (run, NULL))
    g_prefix_error (error, "saved after step %" G_GUINT64_FORMAT ": ", done);
  return CCS_RUN_FAILED;
}

static CcsRunResult
run_steps (Run *run, const volatile gint *stop, GError **error)
{
  guint64 total = run->training.total_steps;

  while (ccs_train_step_index (run->training.step) < total) {
    CcsTrainReport report;
    gboolean last;

    if (!ccs_training_advance (&run->training, &report, error))
      return give_up (run, error);
    last = *stop || ccs_train_step_index (run->training.step) == total;
    if (!after_step (run, &report, last, error))
      return give_up (run, error);
    /* The signal may also have arrived during a validation, which takes
     * long. */
    if (*stop && run->saved == ccs_train_step_index (run->training.step))
      return CCS_RUN_INTERRUPTED;
  }
  return CCS_RUN_DONE;
}

static gboolean
write_report (Run *run, GError **error)
{
  const CcsTrainSettings *settings = run->settings;
  CcsBackendOptions where = ccs_compute_arguments_backend (&settings->compute);
  g_autofree char *best
      = g_build_filename (settings->save_dir, CCS_RUN_BEST, NULL);
  g_autofree char *last
      = g_build_filename (settings->save_dir, CCS_RUN_LAST, NULL);
  CcsReportOptions options
      = { .dir = settings->save_dir,
          .title = run->training.identity,
          .model_path = g_file_test (best, G_FILE_TEST_EXISTS) ? best : last,
          .backend = settings->compute.backend,
          .where = &where,
          .dataset = run->test,
          .how = how_to_evaluate (settings) };

  return run->test == NULL || ccs_report_write (&options, error);
}

CcsRunResult
ccs_train (const CcsTrainSettings *settings, const volatile gint *stop,
           GError **error)
{
  Run run = { .settings = settings };
  CcsRunState state = { .best = INFINITY };
  CcsRunResult result = CCS_RUN_FAILED;
  int folder = ccs_folder_occupy (settings->save_dir, error);

  if (folder >= 0 && open_state (settings, &state, error)
      && ccs_training_open (&run.training, settings, &state, error)
      && begin (&run, &state, error))
    result = run_steps (&run, stop, error);
  if (!settings->quiet && isatty (STDERR_FILENO))
    fputc ('\n', stderr);
  if (result == CCS_RUN_DONE && !write_report (&run, error))
    result = CCS_RUN_FAILED;
  g_clear_pointer (&run.events, ccs_tensorboard_close);
  ccs_run_state_clear (&state);
  g_clear_pointer (&run.validation, ccs_dataset_free);
  g_clear_pointer (&run.test, ccs_dataset_free);
  ccs_training_close (&run.training);
  g_free (run.recipe);
  if (folder >= 0)
    close (folder);
  return result;
}
