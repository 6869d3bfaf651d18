/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"
#include "command-line.h"
#include <math.h>
#include <string.h>

#define GROUP "train"

static void
set_defaults (CcsTrainSettings *s)
{
  const CcsTrainOptions recipe = CCS_TRAIN_OPTIONS_PUBLISHED;
  const CcsModelConfig model = CCS_MODEL_CONFIG_PUBLISHED;

  memset (s, 0, sizeof *s);
  s->dataset = g_strdup ("scenes");
  s->setup = g_strdup ("10splits");
  s->split_dir = g_strdup ("split1");
  s->scene_count = 2000;
  s->scene_seed = 1;
  s->backbone = model.backbone;
  s->dim_scale = model.dim_scale;
  s->avad = g_strdup ("1000");
  s->batch_size = 16;
  s->epochs = 400;
  s->seed = 42;
  s->lr_img = recipe.lr_visual;
  s->lr_aud = recipe.lr_audio;
  s->weight_decay = recipe.weight_decay;
  s->protocol = g_strdup ("corrected");
  s->save_dir = g_strdup ("run");
  s->backend = g_strdup ("auto");
  s->precision = g_strdup (ccs_precision_name (CCS_PRECISION_FP32));
  s->device_id = -1;
  s->num_workers = 1;
  s->checkpoint_every = 200;
  s->validation_freq = 500;
  s->validation_clips = 20;
  s->benchmark_steps = 10;
}

/* The table of options; also what the key file may hold. */
static GOptionEntry *
entries (CcsTrainSettings *s)
{
  const GOptionEntry table[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &s->config,
      "Key file with any of these options in group [train]", "FILE" },
    { "dataset", 0, 0, G_OPTION_ARG_STRING, &s->dataset,
      "fairplay, yt_clean or scenes (default scenes)", "NAME" },
    { "data-root", 0, 0, G_OPTION_ARG_FILENAME, &s->data_root,
      "The data set's folder", "DIR" },
    { "setup", 0, 0, G_OPTION_ARG_STRING, &s->setup,
      "fairplay: 10splits or 5splits", "NAME" },
    { "hdf5FolderPath", 0, 0, G_OPTION_ARG_STRING, &s->split_dir,
      "fairplay: which split (default split1)", "splitN" },
    { "scene-count", 0, 0, G_OPTION_ARG_INT, &s->scene_count,
      "scenes: how many make the training set (default 2000)", "N" },
    { "scene-seed", 0, 0, G_OPTION_ARG_INT64, &s->scene_seed,
      "scenes: their seed (default 1)", "N" },
    { "sofa", 0, 0, G_OPTION_ARG_FILENAME, &s->sofa,
      "scenes: head-related impulse responses", "FILE" },
    { "skip-bad", 0, 0, G_OPTION_ARG_NONE, &s->skip_bad,
      "Warn about unreadable files and go on", NULL },
    { "backbone", 0, 0, G_OPTION_ARG_INT, &s->backbone,
      "ResNet: 18 or 50 (default 18)", "N" },
    { "dim_scale", 0, 0, G_OPTION_ARG_INT, &s->dim_scale,
      "Width of the nets, 1 to 4 (default 1)", "N" },
    { "avad", 0, 0, G_OPTION_ARG_STRING, &s->avad,
      "Decoder layers 1 to 4 with AVAD (default 1000)", "BITS" },
    { "weights_visual", 0, 0, G_OPTION_ARG_FILENAME, &s->weights,
      "Initial ResNet weights (torchvision .pth or safetensors)", "FILE" },
    { "pretrained_ckpt_path", 0, 0, G_OPTION_ARG_FILENAME, &s->pretrained,
      "Start from this model's parameters", "FILE" },
    { "batch_size", 0, 0, G_OPTION_ARG_INT, &s->batch_size,
      "Clips a step (default 16; published 128)", "N" },
    { "epochs", 0, 0, G_OPTION_ARG_INT, &s->epochs,
      "Passes over the training set (default 400)", "N" },
    { "max-steps", 0, 0, G_OPTION_ARG_INT, &s->max_steps,
      "Steps in all, in place of epochs", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &s->seed,
      "Of initial values, order and augmentation (default 42)", "N" },
    { "lr_img", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_img,
      "Learning rate of the visual net (default 5e-5)", "X" },
    { "lr_aud", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_aud,
      "Learning rate of the audio net (default 5e-4)", "X" },
    { "weight_decay", 0, 0, G_OPTION_ARG_DOUBLE, &s->weight_decay,
      "Coupled weight decay (default 5e-4)", "X" },
    { "gradient_clip_val", 0, 0, G_OPTION_ARG_DOUBLE, &s->gradient_clip_val,
      "Largest norm of the gradient (default 0: any)", "X" },
    { "no-scl", 0, 0, G_OPTION_ARG_NONE, &s->no_scl,
      "Leave out spatially shuffled negatives and frame t-1", NULL },
    { "no-augmentation", 0, 0, G_OPTION_ARG_NONE, &s->no_augmentation,
      "Centre crops, unchanged colours", NULL },
    { "protocol", 0, 0, G_OPTION_ARG_STRING, &s->protocol,
      "corrected (default) or official: select on the test set", "NAME" },
    { "save_dir", 0, 0, G_OPTION_ARG_FILENAME, &s->save_dir,
      "Folder of this run (default run)", "DIR" },
    { "resume", 0, 0, G_OPTION_ARG_NONE, &s->resume,
      "Go on from the run's last checkpoint", NULL },
    { "checkpoint_every", 0, 0, G_OPTION_ARG_INT, &s->checkpoint_every,
      "Steps between checkpoints (default 200)", "N" },
    { "validation_freq", 0, 0, G_OPTION_ARG_INT, &s->validation_freq,
      "Steps between validations (default 500; 0: never)", "N" },
    { "validation-clips", 0, 0, G_OPTION_ARG_INT, &s->validation_clips,
      "Clips in a validation (default 20; 0: all)", "N" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &s->backend,
      "auto, cpu, cuda or reference (default auto)", "NAME" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &s->precision,
      "Of products: fp32, tf32, bf16 or fp16 (default fp32)", "NAME" },
    { "gpu_ids", 0, 0, G_OPTION_ARG_INT, &s->device_id,
      "Which GPU (default -1: choose)", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &s->threads,
      "CPU threads for computing (default 0: one a core)", "N" },
    { "num_workers", 0, 0, G_OPTION_ARG_INT, &s->num_workers,
      "Threads that prepare batches (default 1)", "N" },
    { "no-tensorboard", 0, 0, G_OPTION_ARG_NONE, &s->no_tensorboard,
      "Write no TensorBoard event file", NULL },
    { "no-report", 0, 0, G_OPTION_ARG_NONE, &s->no_report,
      "Write no report.html", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &s->quiet, "No progress line", NULL },
    { "benchmark", 0, 0, G_OPTION_ARG_NONE, &s->benchmark,
      "Time some steps and stop; nothing is saved", NULL },
    { "benchmark-steps", 0, 0, G_OPTION_ARG_INT, &s->benchmark_steps,
      "How many steps --benchmark times (default 10)", "N" },
    { "json", 0, 0, G_OPTION_ARG_FILENAME, &s->json,
      "Where --benchmark writes its figures", "FILE" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &s->version, "Print the version",
      NULL },
    { NULL }
  };

  return g_memdup2 (table, sizeof table);
}

static gboolean
check_counts (const CcsTrainSettings *s, GError **error)
{
  const struct
  {
    const char *option;
    gint64 value, least;
  } counts[] = {
    { "batch_size", s->batch_size, 2 }, /* batch norm needs two */
    { "epochs", s->epochs, 1 },
    { "max-steps", s->max_steps, 0 },
    { "num_workers", s->num_workers, 1 },
    { "checkpoint_every", s->checkpoint_every, 1 },
    { "validation_freq", s->validation_freq, 0 },
    { "validation-clips", s->validation_clips, 0 },
    { "scene-count", s->scene_count, 1 },
    { "benchmark-steps", s->benchmark_steps, 1 },
    { "threads", s->threads, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    if (counts[i].value < counts[i].least) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                   "--%s is %" G_GINT64_FORMAT "; it must be at least "
                   "%" G_GINT64_FORMAT,
                   counts[i].option, counts[i].value, counts[i].least);
      return FALSE;
    }
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
  const char *const datasets[] = { "scenes", "fairplay", "yt_clean", NULL };
  const char *const protocols[] = { "corrected", "official", NULL };
  const char *const setups[] = { "10splits", "5splits", NULL };
  guint split;

  if (!ccs_command_line_one_of ("dataset", s->dataset, datasets, error)
      || !ccs_command_line_one_of ("protocol", s->protocol, protocols, error)
      || !ccs_command_line_one_of ("setup", s->setup, setups, error))
    return FALSE;
  if (!ccs_command_line_split (s->split_dir, &split, error)
      || !check_counts (s, error) || !check_rates (s, error))
    return FALSE;
  if (strcmp (s->dataset, "scenes") != 0 && s->data_root == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "--dataset %s needs --data-root", s->dataset);
    return FALSE;
  }
  return TRUE;
}

gboolean
ccs_train_settings_parse (CcsTrainSettings *self, int *argc, char ***argv,
                          GError **error)
{
  static const char summary[] = "- train a CCStereo model";
  static const char description[]
      = "The run's folder receives state.safetensors (to resume from), "
        "model-last.safetensors,\nmodel-best.safetensors, metrics.jsonl, "
        "TensorBoard events and report.html.\nSIGINT and SIGTERM save and end "
        "the run.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 130 "
        "interrupted.";
  g_autofree GOptionEntry *table = NULL;
  g_autofree char *config = ccs_command_line_peek (*argc, *argv, "config");

  set_defaults (self);
  table = entries (self);
  if (config && !ccs_command_line_read (table, config, GROUP, error))
    return FALSE;
  return ccs_command_line_parse (table, summary, description, argc, argv, error)
         && (self->version || check (self, error));
}

void
ccs_train_settings_clear (CcsTrainSettings *self)
{
  g_autofree GOptionEntry *table = entries (self);

  ccs_command_line_clear (table);
}

gboolean
ccs_train_settings_model (const CcsTrainSettings *self, CcsModelConfig *config,
                          GError **error)
{
  *config = (CcsModelConfig){ .backbone = self->backbone,
                              .dim_scale = self->dim_scale };
  if ((self->backbone != 18 && self->backbone != 50) || self->dim_scale < 1
      || self->dim_scale > 4 || strspn (self->avad, "01") != CCS_N_UPCONV - 1
      || strlen (self->avad) != CCS_N_UPCONV - 1) {
    g_set_error (
        error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "backbone is 18 or 50, dim_scale 1 to 4, avad four times 0 or 1");
    return FALSE;
  }
  for (guint i = 0; i < CCS_N_UPCONV - 1; i++)
    config->avad[i] = self->avad[i] == '1';
  return TRUE;
}

CcsDatasetOptions
ccs_train_settings_dataset (const CcsTrainSettings *self, CcsSplit split)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  gboolean official = strcmp (self->protocol, "official") == 0;

  options.kind = self->dataset;
  options.root = self->data_root;
  options.setup = self->setup;
  ccs_command_line_split (self->split_dir, &options.split_number, NULL);
  options.split = split == CCS_SPLIT_VAL && official ? CCS_SPLIT_TEST : split;
  options.official = official;
  options.on_bad = self->skip_bad ? CCS_ON_BAD_SKIP : CCS_ON_BAD_FATAL;
  options.scene_seed = self->scene_seed;
  options.scene_count = self->scene_count;
  options.sofa = self->sofa;
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
  return options;
}

/* What the data are; the folder's place does not matter. */
static char *
describe_data (const CcsTrainSettings *s)
{
  if (strcmp (s->dataset, "scenes") == 0)
    return g_strdup_printf ("scenes count=%d scene-seed=%" G_GINT64_FORMAT,
                            s->scene_count, s->scene_seed);
  if (strcmp (s->dataset, "fairplay") == 0)
    return g_strdup_printf ("fairplay %s %s", s->setup, s->split_dir);
  return g_strdup (s->dataset);
}

char *
ccs_train_settings_recipe (const CcsTrainSettings *self)
{
  g_autofree char *data = describe_data (self);

  return g_strdup_printf (
      "dataset=%s batch=%d lr_img=%g lr_aud=%g weight_decay=%g clip=%g scl=%d "
      "augmentation=%d seed=%" G_GINT64_FORMAT,
      data, self->batch_size, self->lr_img, self->lr_aud, self->weight_decay,
      self->gradient_clip_val, !self->no_scl, !self->no_augmentation,
      self->seed);
}
