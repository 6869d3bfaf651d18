/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"
#include <stdlib.h>
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
  s->device_id = -1;
  s->num_workers = 1;
  s->checkpoint_every = 200;
  s->validation_freq = 500;
  s->validation_clips = 20;
}

/* The table of options; also what the key file may hold. */
static GOptionEntry *
entries (CcsTrainSettings *s)
{
  const GOptionEntry table[] = {
    {"config", 0, 0, G_OPTION_ARG_FILENAME, &s->config,
        "Key file with any of these options in group [train]", "FILE"},
    {"dataset", 0, 0, G_OPTION_ARG_STRING, &s->dataset,
        "fairplay, yt_clean or scenes (default scenes)", "NAME"},
    {"data-root", 0, 0, G_OPTION_ARG_FILENAME, &s->data_root,
        "The data set's folder", "DIR"},
    {"setup", 0, 0, G_OPTION_ARG_STRING, &s->setup,
        "fairplay: 10splits or 5splits", "NAME"},
    {"hdf5FolderPath", 0, 0, G_OPTION_ARG_STRING, &s->split_dir,
        "fairplay: which split (default split1)", "splitN"},
    {"scene-count", 0, 0, G_OPTION_ARG_INT, &s->scene_count,
        "scenes: how many make the training set (default 2000)", "N"},
    {"scene-seed", 0, 0, G_OPTION_ARG_INT64, &s->scene_seed,
        "scenes: their seed (default 1)", "N"},
    {"sofa", 0, 0, G_OPTION_ARG_FILENAME, &s->sofa,
        "scenes: head-related impulse responses", "FILE"},
    {"skip-bad", 0, 0, G_OPTION_ARG_NONE, &s->skip_bad,
        "Warn about unreadable files and go on", NULL},
    {"backbone", 0, 0, G_OPTION_ARG_INT, &s->backbone,
        "ResNet: 18 or 50 (default 18)", "N"},
    {"dim_scale", 0, 0, G_OPTION_ARG_INT, &s->dim_scale,
        "Width of the nets, 1 to 4 (default 1)", "N"},
    {"avad", 0, 0, G_OPTION_ARG_STRING, &s->avad,
        "Decoder layers 1 to 4 with AVAD (default 1000)", "BITS"},
    {"weights_visual", 0, 0, G_OPTION_ARG_FILENAME, &s->weights,
        "Initial ResNet weights (torchvision .pth or safetensors)", "FILE"},
    {"pretrained_ckpt_path", 0, 0, G_OPTION_ARG_FILENAME, &s->pretrained,
        "Start from this model's parameters", "FILE"},
    {"batch_size", 0, 0, G_OPTION_ARG_INT, &s->batch_size,
        "Clips a step (default 16; published 128)", "N"},
    {"epochs", 0, 0, G_OPTION_ARG_INT, &s->epochs,
        "Passes over the training set (default 400)", "N"},
    {"max-steps", 0, 0, G_OPTION_ARG_INT, &s->max_steps,
        "Steps in all, in place of epochs", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &s->seed,
        "Of initial values, order and augmentation (default 42)", "N"},
    {"lr_img", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_img,
        "Learning rate of the visual net (default 5e-5)", "X"},
    {"lr_aud", 0, 0, G_OPTION_ARG_DOUBLE, &s->lr_aud,
        "Learning rate of the audio net (default 5e-4)", "X"},
    {"weight_decay", 0, 0, G_OPTION_ARG_DOUBLE, &s->weight_decay,
        "Coupled weight decay (default 5e-4)", "X"},
    {"gradient_clip_val", 0, 0, G_OPTION_ARG_DOUBLE, &s->gradient_clip_val,
        "Largest norm of the gradient (default 0: any)", "X"},
    {"no-scl", 0, 0, G_OPTION_ARG_NONE, &s->no_scl,
        "Leave out spatially shuffled negatives and frame t-1", NULL},
    {"no-augmentation", 0, 0, G_OPTION_ARG_NONE, &s->no_augmentation,
        "Centre crops, unchanged colours", NULL},
    {"protocol", 0, 0, G_OPTION_ARG_STRING, &s->protocol,
        "corrected (default) or official: select on the test set", "NAME"},
    {"save_dir", 0, 0, G_OPTION_ARG_FILENAME, &s->save_dir,
        "Folder of this run (default run)", "DIR"},
    {"resume", 0, 0, G_OPTION_ARG_NONE, &s->resume,
        "Go on from the run's last checkpoint", NULL},
    {"checkpoint_every", 0, 0, G_OPTION_ARG_INT, &s->checkpoint_every,
        "Steps between checkpoints (default 200)", "N"},
    {"validation_freq", 0, 0, G_OPTION_ARG_INT, &s->validation_freq,
        "Steps between validations (default 500; 0: never)", "N"},
    {"validation-clips", 0, 0, G_OPTION_ARG_INT, &s->validation_clips,
        "Clips in a validation (default 20; 0: all)", "N"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &s->backend,
        "auto, cpu, cuda or reference (default auto)", "NAME"},
    {"gpu_ids", 0, 0, G_OPTION_ARG_INT, &s->device_id,
        "Which GPU (default -1: choose)", "N"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &s->threads,
        "CPU threads for computing (default 0: one a core)", "N"},
    {"num_workers", 0, 0, G_OPTION_ARG_INT, &s->num_workers,
        "Threads that prepare batches (default 1)", "N"},
    {"no-tensorboard", 0, 0, G_OPTION_ARG_NONE, &s->no_tensorboard,
        "Write no TensorBoard event file", NULL},
    {"no-report", 0, 0, G_OPTION_ARG_NONE, &s->no_report,
        "Write no report.html", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &s->quiet, "No progress line", NULL},
    {"benchmark", 0, 0, G_OPTION_ARG_INT, &s->benchmark,
        "Time N steps and stop; nothing is saved", "N"},
    {"json", 0, 0, G_OPTION_ARG_FILENAME, &s->json,
        "Where --benchmark writes its figures", "FILE"},
    {"version", 0, 0, G_OPTION_ARG_NONE, &s->version, "Print the version",
        NULL},
    {NULL}
  };

  return g_memdup2 (table, sizeof table);
}

/* "--Batch-size" and "--batch_size" are spelled as the table spells it. */
static void
respell (const GOptionEntry *table, char *word)
{
  gsize length = strcspn (word, "=");

  if (!g_str_has_prefix (word, "--"))
    return;
  for (; table->long_name; table++) {
    gsize i = 0;

    if (strlen (table->long_name) + 2 != length)
      continue;
    while (i + 2 < length && (word[i + 2] == table->long_name[i]
            || (strchr ("-_", word[i + 2]) && strchr ("-_",
                    table->long_name[i]))))
      i++;
    if (i + 2 == length)
      memcpy (word + 2, table->long_name, length - 2);
  }
}

static gboolean
read_key (GKeyFile *file, const char *key, const GOptionEntry *entry,
    GError **error)
{
  GError *own = NULL;

  switch (entry->arg) {
    case G_OPTION_ARG_NONE:
      *(gboolean *) entry->arg_data =
          g_key_file_get_boolean (file, GROUP, key, &own);
      break;
    case G_OPTION_ARG_INT:
      *(gint *) entry->arg_data =
          g_key_file_get_integer (file, GROUP, key, &own);
      break;
    case G_OPTION_ARG_INT64:
      *(gint64 *) entry->arg_data =
          g_key_file_get_int64 (file, GROUP, key, &own);
      break;
    case G_OPTION_ARG_DOUBLE:
      *(double *) entry->arg_data =
          g_key_file_get_double (file, GROUP, key, &own);
      break;
    default:
      g_free (*(char **) entry->arg_data);
      *(char **) entry->arg_data =
          g_key_file_get_string (file, GROUP, key, &own);
  }
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, own);
  return FALSE;
}

static const GOptionEntry *
find_entry (const GOptionEntry *table, const char *key)
{
  g_autofree char *word = g_strconcat ("--", key, NULL);

  respell (table, word);
  for (; table->long_name; table++)
    if (strcmp (table->long_name, word + 2) == 0)
      return table;
  return NULL;
}

static gboolean
read_config (const GOptionEntry *table, const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_auto (GStrv) keys = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error)
      || (keys = g_key_file_get_keys (file, GROUP, NULL, error)) == NULL) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  for (guint i = 0; keys[i]; i++) {
    const GOptionEntry *entry = find_entry (table, keys[i]);

    if (entry == NULL) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
          "%s: there is no option \"%s\"", path, keys[i]);
      return FALSE;
    }
    if (!read_key (file, keys[i], entry, error)) {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
is_one_of (const char *option, const char *value, const char *const *allowed,
    GError **error)
{
  g_autofree char *list = g_strjoinv (", ", (char **) allowed);

  if (g_strv_contains (allowed, value))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
      "--%s is \"%s\"; it may be one of %s", option, value, list);
  return FALSE;
}

static gboolean
check (const CcsTrainSettings *s, GError **error)
{
  const char *const datasets[] = { "scenes", "fairplay", "yt_clean", NULL };
  const char *const protocols[] = { "corrected", "official", NULL };
  const char *const setups[] = { "10splits", "5splits", NULL };

  if (!is_one_of ("dataset", s->dataset, datasets, error)
      || !is_one_of ("protocol", s->protocol, protocols, error)
      || !is_one_of ("setup", s->setup, setups, error))
    return FALSE;
  if (s->batch_size < 1 || s->epochs < 1 || s->max_steps < 0
      || s->num_workers < 1 || s->checkpoint_every < 1
      || s->validation_freq < 0 || s->validation_clips < 0
      || s->scene_count < 1 || s->benchmark < 0 || s->threads < 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "batch size, epochs, workers, checkpoint interval and scene count are "
        "at least 1, the other counts at least 0");
    return FALSE;
  }
  if (strcmp (s->dataset, "scenes") != 0 && s->data_root == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "--dataset %s needs --data-root", s->dataset);
    return FALSE;
  }
  return TRUE;
}

static char *
find_config_argument (int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    if (g_str_has_prefix (argv[i], "--config="))
      return g_strdup (argv[i] + strlen ("--config="));
    if (strcmp (argv[i], "--config") == 0 && i + 1 < argc)
      return g_strdup (argv[i + 1]);
  }
  return NULL;
}

gboolean
ccs_train_settings_parse (CcsTrainSettings *self, int *argc, char ***argv,
    GError **error)
{
  g_autoptr (GOptionContext) context =
      g_option_context_new ("- train a CCStereo model");
  g_autofree GOptionEntry *table = NULL;
  g_autofree char *config = find_config_argument (*argc, *argv);

  set_defaults (self);
  table = entries (self);
  g_option_context_set_description (context,
      "The run's folder receives state.safetensors (to resume from), "
      "model-last.safetensors,\nmodel-best.safetensors, metrics.jsonl, "
      "TensorBoard events and report.html.\nSIGINT and SIGTERM save and end "
      "the run.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 130 "
      "interrupted.");
  g_option_context_add_main_entries (context, table, NULL);
  for (int i = 1; i < *argc; i++)
    respell (table, (*argv)[i]);
  if (config && !read_config (table, config, error))
    return FALSE;
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
        "\"%s\" is no option (see --help)", (*argv)[1]);
    return FALSE;
  }
  return self->version || check (self, error);
}

void
ccs_train_settings_clear (CcsTrainSettings *self)
{
  char **const strings[] = { &self->dataset, &self->data_root, &self->setup,
    &self->split_dir, &self->sofa, &self->avad, &self->weights,
    &self->pretrained, &self->protocol, &self->save_dir, &self->backend,
    &self->json, &self->config
  };

  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_clear_pointer (strings[i], g_free);
}

gboolean
ccs_train_settings_model (const CcsTrainSettings *self,
    CcsModelConfig *config, GError **error)
{
  *config = (CcsModelConfig) {.backbone = self->backbone,
    .dim_scale = self->dim_scale
  };
  if ((self->backbone != 18 && self->backbone != 50) || self->dim_scale < 1
      || self->dim_scale > 4
      || strspn (self->avad, "01") != CCS_N_UPCONV - 1
      || strlen (self->avad) != CCS_N_UPCONV - 1) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
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
  const char *number = self->split_dir + strcspn (self->split_dir,
      "0123456789");

  options.kind = self->dataset;
  options.root = self->data_root;
  options.setup = self->setup;
  options.split_number = (guint) MAX (1, atoi (number));
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

char *
ccs_train_settings_recipe (const CcsTrainSettings *self)
{
  return g_strdup_printf ("dataset=%s batch=%d lr_img=%g lr_aud=%g "
      "weight_decay=%g clip=%g scl=%d seed=%" G_GINT64_FORMAT, self->dataset,
      self->batch_size, self->lr_img, self->lr_aud, self->weight_decay,
      self->gradient_clip_val, !self->no_scl, self->seed);
}
