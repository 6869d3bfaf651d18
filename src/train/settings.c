/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"
#include "command-line.h"
#include "loss-scale.h"
#include <math.h>
#include <string.h>

#define GROUP "train"
#define TRAINING_SCENES 2000
#define MOST_CLIPS 4096 /* largest batch */
#define MOST_WORKERS 256
#define MOST_TIMED_STEPS 1000000

static void
set_defaults (CcsTrainSettings *s)
{
  const CcsTrainOptions recipe = CCS_TRAIN_OPTIONS_PUBLISHED;
  const CcsModelConfig model = CCS_MODEL_CONFIG_PUBLISHED;

  memset (s, 0, sizeof *s);
  ccs_data_arguments_init (&s->data, TRAINING_SCENES);
  ccs_compute_arguments_init (&s->compute);
  s->backbone = model.backbone;
  s->dim_scale = model.dim_scale;
  s->avad = g_strdup ("1000");
  s->batch_size = 16;
  s->epochs = 400;
  s->seed = 42;
  s->lr_img = recipe.lr_visual;
  s->lr_aud = recipe.lr_audio;
  s->weight_decay = recipe.weight_decay;
  s->save_dir = g_strdup ("run");
  s->num_workers = 1;
  s->checkpoint_every = 200;
  s->validation_freq = 500;
  s->validation_clips = 20;
  s->benchmark_steps = 10;
}

/* Returns the table of options, which are also the keys of the key file.
 * (element-type GOptionEntry) (transfer full) */
static GArray *
entries (CcsTrainSettings *s)
{
  GArray *all = g_array_new (TRUE, FALSE, sizeof (GOptionEntry));
  const GOptionEntry table[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &s->config,
      "Key file with any of these options in group [train]", "FILE" },
    { "backbone", 0, 0, G_OPTION_ARG_INT, &s->backbone,
      "ResNet: 18 or 50 (default 18)", "N" },
    { "dim_scale", 0, 0, G_OPTION_ARG_INT, &s->dim_scale,
      "Width of the nets, 1 to 4 (default 1)", "N" },
    { "avad", 0, 0, G_OPTION_ARG_STRING, &s->avad,
      "Decoder layers 1 to 4 with AVAD (default 1000)", "BITS" },
    { "weights_visual", 0, 0, G_OPTION_ARG_FILENAME, &s->weights,
      "Initial ResNet weights (torchvision .pth or safetensors)", "FILE" },
    { "pretrained_ckpt_path", 0, 0, G_OPTION_ARG_FILENAME, &s->pretrained,
      "Model file whose parameters the run starts from", "FILE" },
    { "batch_size", 0, 0, G_OPTION_ARG_INT, &s->batch_size,
      "Clips per step (default 16; published 128)", "N" },
    { "epochs", 0, 0, G_OPTION_ARG_INT, &s->epochs,
      "Passes over the training set (default 400)", "N" },
    { "max-steps", 0, 0, G_OPTION_ARG_INT, &s->max_steps,
      "Number of steps, instead of --epochs", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &s->seed,
      "Seed of initial values, order and augmentation (default 42)", "N" },
    { "lr_img", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_img,
      "Learning rate of the visual net (default 5e-5)", "X" },
    { "lr_aud", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_aud,
      "Learning rate of the audio net (default 5e-4)", "X" },
    { "weight_decay", 0, 0, G_OPTION_ARG_DOUBLE, &s->weight_decay,
      "Weight decay, as L2 in the gradient (default 5e-4)", "X" },
    { "gradient_clip_val", 0, 0, G_OPTION_ARG_DOUBLE, &s->gradient_clip_val,
      "Largest norm of the gradient (default 0: no clipping)", "X" },
    { "no-scl", 0, 0, G_OPTION_ARG_NONE, &s->no_scl,
      "Train without the contrastive loss (SCL), which needs frame t-1", NULL },
    { "no-augmentation", 0, 0, G_OPTION_ARG_NONE, &s->no_augmentation,
      "Train with centre crops and unchanged colours", NULL },
    { "save_dir", 0, 0, G_OPTION_ARG_FILENAME, &s->save_dir,
      "Folder of this run (default run)", "DIR" },
    { "resume", 0, 0, G_OPTION_ARG_NONE, &s->resume,
      "Continue from the last checkpoint in the run's folder", NULL },
    { "checkpoint_every", 0, 0, G_OPTION_ARG_INT, &s->checkpoint_every,
      "Steps between checkpoints (default 200)", "N" },
    { "validation_freq", 0, 0, G_OPTION_ARG_INT, &s->validation_freq,
      "Steps between validations (default 500; 0: never)", "N" },
    { "validation-clips", 0, 0, G_OPTION_ARG_INT, &s->validation_clips,
      "Clips per validation (default 20; 0: all)", "N" },
    { "num_workers", 0, 0, G_OPTION_ARG_INT, &s->num_workers,
      "Threads that prepare batches (default 1)", "N" },
    { "no-tensorboard", 0, 0, G_OPTION_ARG_NONE, &s->no_tensorboard,
      "Write no TensorBoard event file", NULL },
    { "no-report", 0, 0, G_OPTION_ARG_NONE, &s->no_report,
      "Write no report.html", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &s->quiet, "Print no progress",
      NULL },
    { "benchmark", 0, 0, G_OPTION_ARG_NONE, &s->benchmark,
      "Measure the time of some steps, save nothing", NULL },
    { "benchmark-steps", 0, 0, G_OPTION_ARG_INT, &s->benchmark_steps,
      "Steps that --benchmark measures (default 10)", "N" },
    { "json", 0, 0, G_OPTION_ARG_FILENAME, &s->json,
      "Write the results of --benchmark to FILE", "FILE" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &s->version, "Print the version",
      NULL },
  };

  ccs_data_arguments_list (&s->data, all);
  g_array_append_vals (all, table, G_N_ELEMENTS (table));
  ccs_compute_arguments_list (&s->compute, all);
  return all;
}

static gboolean
check_counts (const CcsTrainSettings *s, GError **error)
{
  const struct
  {
    const char *option;
    gint64 value, least, most;
  } counts[] = {
    { "batch_size", s->batch_size, 2, MOST_CLIPS }, /* batch norm needs two */
    { "epochs", s->epochs, 1, G_MAXINT },
    { "max-steps", s->max_steps, 0, G_MAXINT },
    { "num_workers", s->num_workers, 1, MOST_WORKERS },
    { "checkpoint_every", s->checkpoint_every, 1, G_MAXINT },
    { "validation_freq", s->validation_freq, 0, G_MAXINT },
    { "validation-clips", s->validation_clips, 0, G_MAXINT },
    { "benchmark-steps", s->benchmark_steps, 1, MOST_TIMED_STEPS },
  };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    if (!ccs_command_line_within (counts[i].option, counts[i].value,
                                  counts[i].least, counts[i].most, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_rates (const CcsTrainSettings *s, GError **error)
{
  const struct
  {
    const char *option;
    double value;
  } rates[] = {
    { "lr_img", s->lr_img },
    { "lr_aud", s->lr_aud },
    { "weight_decay", s->weight_decay },
    { "gradient_clip_val", s->gradient_clip_val },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++)
    if (!(rates[i].value >= 0. && isfinite (rates[i].value))) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                   "--%s is %g; it must be a number from 0 on", rates[i].option,
                   rates[i].value);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check (const CcsTrainSettings *s, GError **error)
{
  CcsModelConfig model;

  if (s->json && !s->benchmark) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "--json is for --benchmark");
    return FALSE;
  }
  return ccs_data_arguments_check (&s->data, error)
         && ccs_compute_arguments_check (&s->compute, error)
         && ccs_train_settings_model (s, &model, error)
         && check_counts (s, error) && check_rates (s, error);
}

gboolean
ccs_train_settings_parse (CcsTrainSettings *self, int *argc, char ***argv,
                          GError **error)
{
  static const char summary[] = "- train a CCStereo model";
  static const char description[]
      = "Writes into the run's folder: state.safetensors (for --resume), "
        "model-last.safetensors,\nmodel-best.safetensors, metrics.jsonl, "
        "TensorBoard events and report.html.\nSIGINT and SIGTERM save and end "
        "the run.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 130 "
        "interrupted.";
  g_autoptr (GArray) all = NULL;
  g_autofree char *config = ccs_command_line_peek (*argc, *argv, "config");
  const GOptionEntry *table;

  set_defaults (self);
  all = entries (self);
  table = (const GOptionEntry *)all->data;
  if (config && *config && !ccs_command_line_read (table, config, GROUP, error))
    return FALSE;
  return ccs_command_line_parse (table, summary, description, argc, argv, error)
         && (self->version || check (self, error));
}

void
ccs_train_settings_clear (CcsTrainSettings *self)
{
  g_autoptr (GArray) all = entries (self);

  ccs_command_line_clear ((const GOptionEntry *)all->data);
}

gboolean
ccs_train_settings_model (const CcsTrainSettings *self, CcsModelConfig *config,
                          GError **error)
{
  *config = (CcsModelConfig){ .backbone = self->backbone,
                              .dim_scale = self->dim_scale };
  if (!ccs_model_config_check (config, error))
    return FALSE;
  if (strspn (self->avad, "01") != CCS_N_UPCONV - 1
      || strlen (self->avad) != CCS_N_UPCONV - 1) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "avad \"%s\": four times 0 or 1 is expected", self->avad);
    return FALSE;
  }
  for (guint i = 0; i < CCS_N_UPCONV - 1; i++)
    config->avad[i] = self->avad[i] == '1';
  return TRUE;
}

CcsDatasetOptions
ccs_train_settings_dataset (const CcsTrainSettings *self, CcsSplit split)
{
  gboolean official = ccs_data_arguments_official (&self->data);
  CcsDatasetOptions options = ccs_data_arguments_dataset (
      &self->data, split == CCS_SPLIT_VAL && official ? CCS_SPLIT_TEST : split);

  options.official = official && split != CCS_SPLIT_TRAIN;
  return options;
}

CcsTrainOptions
ccs_train_settings_step (const CcsTrainSettings *self, guint64 total_steps)
{
  CcsTrainOptions options = CCS_TRAIN_OPTIONS_PUBLISHED;

  options.batch = self->batch_size;
  options.total_steps = total_steps;
  options.lr_visual = self->lr_img;
  options.lr_audio = self->lr_aud;
  options.weight_decay = self->weight_decay;
  options.clip_norm = self->gradient_clip_val;
  options.scl = !self->no_scl;
  if (ccs_compute_arguments_backend (&self->compute).precision
      == CCS_PRECISION_FP16)
    options.loss_scale = CCS_LOSS_SCALE_FIRST;
  return options;
}

/* Describes the data. Without the folder: moving it does not change the run. */
static char *
describe_data (const CcsDataArguments *s)
{
  g_autofree char *ears = s->sofa ? g_path_get_basename (s->sofa) : NULL;

  if (strcmp (s->dataset, "scenes") == 0)
    return g_strdup_printf (
        "scenes count=%d scene-seed=%" G_GINT64_FORMAT "%s%s", s->scene_count,
        s->scene_seed, ears ? " sofa=" : "", ears ? ears : "");
  if (strcmp (s->dataset, "fairplay") == 0)
    return g_strdup_printf ("fairplay %s %s", s->setup, s->split_dir);
  return g_strdup (s->dataset);
}

char *
ccs_train_settings_recipe (const CcsTrainSettings *self)
{
  g_autofree char *data = describe_data (&self->data);
  GString *recipe = g_string_new (NULL);

  g_string_append_printf (
      recipe,
      "dataset=%s batch=%d lr_img=%g lr_aud=%g weight_decay=%g clip=%g scl=%d "
      "augmentation=%d seed=%" G_GINT64_FORMAT,
      data, self->batch_size, self->lr_img, self->lr_aud, self->weight_decay,
      self->gradient_clip_val, !self->no_scl, !self->no_augmentation,
      self->seed);
  if (ccs_data_arguments_official (&self->data))
    g_string_append (recipe,
                     " protocol=official"); /* the official protocol selects
                                               another best model */
  /* not added for fp32, so that older runs can be resumed */
  if (ccs_compute_arguments_backend (&self->compute).precision
      != CCS_PRECISION_FP32)
    g_string_append_printf (recipe, " precision=%s", self->compute.precision);
  return g_string_free (recipe, FALSE);
}
