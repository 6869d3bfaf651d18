/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares three training steps with the published implementation in
 * float64, for every train-*.json and both host backends: the trainer's own
 * step, its loss terms, every gradient of step 0, and the state_dict
 * afterwards. The steps of each backend run once, before its tests. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/registry.h"
#include "../core/reference-support.h"

#include "step.h"

#define STEPS 3
#define INPUT_LEVEL 0.3

#define LOSS_TOLERANCE_FIRST 1e-4
#define LOSS_TOLERANCE 3e-4
#define SSL_TOLERANCE 2e-3
#define RATE_TOLERANCE 1e-9
#define NORM_TOLERANCE 5e-3
#define PROBE_TOLERANCE 3e-2
#define ZERO_GRADIENT 1e-6
#define STATISTICS_TOLERANCE 3e-3
/* Maximum and median error of the parameters after the steps, divided by the
 * learning rate of their parameter group. */
#define FARTHEST 4.0
#define MEDIAN 0.03
#define OUTLIER 0.1
#define OUTLIER_SHARE 0.05

/* The three steps of a file on one backend. */
typedef struct
{
  JsonNode *file;
  JsonObject *want; /* root object of the file */
  CcsStateDict *before, *after;
  CcsStateDict *gradients; /* of step 0, by name */
  CcsTrainReport reports[STEPS];
} Run;

static char **files;
static guint n_files;
static Run *runs; /* by loop index */

/* -- the run ------------------------------------------------------------- */

static gint
want_int (const Run *run, const char *member)
{
  return (gint)json_object_get_int_member (run->want, member);
}

/* Fills in the permutation of the shuffle, which the file describes as in
 * "(i*37+11)%98". */
static void
fill_permutation (const Run *run, gint32 permutation[CCS_VISUAL_TOKENS])
{
  const char *text = json_object_get_string_member (run->want, "perm");
  gint factor, offset, modulus;

  ck_assert_int_eq (sscanf (text, "(i*%d+%d)%%%d", &factor, &offset, &modulus),
                    3);
  ck_assert_int_eq (modulus, CCS_VISUAL_TOKENS);
  for (gint i = 0; i < CCS_VISUAL_TOKENS; i++)
    permutation[i] = (i * factor + offset) % modulus;
}

/* Normalises the mix of each clip's two channels to the training level. */
static void
bring_to_level (float *left, float *right, gint batch)
{
  for (gint b = 0; b < batch; b++) {
    float *channels[] = { left + b * CCS_WINDOW, right + b * CCS_WINDOW };
    double square = 0, gain;

    for (guint c = 0; c < 2; c++)
      for (guint i = 0; i < CCS_WINDOW; i++)
        square += (double)channels[c][i] * channels[c][i];
    gain = CCS_TRAIN_LEVEL
           / fmax (CCS_LEVEL_FLOOR, sqrt (square / (2 * CCS_WINDOW)));
    for (guint c = 0; c < 2; c++)
      for (guint i = 0; i < CCS_WINDOW; i++)
        channels[c][i] = (float)(channels[c][i] * gain);
  }
}

static guint8 *
make_frames (const char *seed, gint batch)
{
  static const char *const names[] = { "train.frame", "train.prev_frame" };
  gsize bytes = (gsize)batch * 3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT;
  guint8 *frames = g_malloc (2 * bytes);

  for (guint k = 0; k < 2; k++) {
    g_autofree guint8 *pictures = reference_frames (seed, names[k], batch);

    memcpy (frames + k * bytes, pictures, bytes);
  }
  return frames;
}

static void
keep_gradients (Run *run, CcsTrainStep *step)
{
  JsonObject *grads = json_object_get_object_member (run->want, "grads_step0");
  g_autoptr (GList) names = json_object_get_members (grads);
  g_autoptr (GError) error = NULL;

  run->gradients = ccs_state_dict_new ();
  for (GList *l = names; l != NULL; l = l->next) {
    CcsTensor *gradient = ccs_train_step_gradient (step, l->data, &error);

    if (gradient == NULL)
      ck_abort_msg ("no gradient of %s: %s", (char *)l->data,
                    error != NULL ? error->message : "the loss ignores it");
    ccs_state_dict_set (run->gradients, l->data, gradient);
  }
}

static void
run_steps (Run *run, CcsTrainStep *step, const char *seed, gint batch)
{
  gsize n = (gsize)batch * CCS_WINDOW;
  g_autofree float *left = reference_noise (seed, "train.left", n, INPUT_LEVEL);
  g_autofree float *right
      = reference_noise (seed, "train.right", n, INPUT_LEVEL);
  g_autofree guint8 *frames = make_frames (seed, batch);
  g_autoptr (GError) error = NULL;
  CcsTrainBatch clips = { .left = left, .right = right, .frames = frames };

  bring_to_level (left, right, batch);
  fill_permutation (run, clips.permutation);
  for (guint s = 0; s < STEPS; s++) {
    assert_ok (ccs_train_step_run (step, &clips, &run->reports[s], &error),
               error);
    if (s == 0)
      keep_gradients (run, step);
  }
  run->after = ccs_train_step_export (step, &error);
  assert_ok (run->after != NULL, error);
}

static void
run_file (int index)
{
  Run *run = &runs[index];
  CcsTrainOptions options = CCS_TRAIN_OPTIONS_PUBLISHED;
  g_autoptr (CcsBackend) backend = reference_backend (files, index);
  g_autoptr (CcsTrainStep) step = NULL;
  g_autoptr (GError) error = NULL;
  CcsModelConfig config;
  const char *seed;

  run->file = reference_load_json (reference_file (files, index));
  run->want = json_node_get_object (run->file);
  seed = json_object_get_string_member (run->want, "seed");
  config = reference_config (want_int (run, "backbone"),
                             want_int (run, "dim_scale"));
  ck_assert_int_eq (want_int (run, "samples"), CCS_WINDOW);
  options.batch = want_int (run, "B");
  options.total_steps = want_int (run, "total_iters");
  run->before = reference_state_dict (&config, seed);
  step = ccs_train_step_new (run->before, &config, &options, NULL, backend,
                             &error);
  assert_ok (step != NULL, error);
  run_steps (run, step, seed, options.batch);
}

static void
run_files_on_reference (void)
{
  for (guint i = 0; i < n_files; i++)
    run_file (i);
}

static void
run_files_on_cpu (void)
{
  for (guint i = 0; i < n_files; i++)
    run_file (n_files + i);
}

/* -- reading ------------------------------------------------------------- */

/* Returns the learning rate at step 0 for the parameter group of @name. */
static double
group_rate (const Run *run, const char *name)
{
  return g_str_has_prefix (name, "net_visual.") ? run->reports[0].lr_visual
                                                : run->reports[0].lr_audio;
}

/* -- losses -------------------------------------------------------------- */

static void
assert_term (guint step, JsonObject *want, const char *name, double got,
             double tolerance)
{
  g_autofree char *what = g_strdup_printf ("step %u, %s", step, name);

  reference_assert_near (what, got, json_object_get_double_member (want, name),
                         tolerance);
}

START_TEST (loss_terms_follow_the_published_steps)
{
  const Run *run = &runs[_i];
  JsonArray *steps = json_object_get_array_member (run->want, "steps");

  ck_assert_uint_eq (json_array_get_length (steps), STEPS);
  for (guint s = 0; s < STEPS; s++) {
    JsonObject *want = json_array_get_object_element (steps, s);
    double tolerance = s == 0 ? LOSS_TOLERANCE_FIRST : LOSS_TOLERANCE;

    assert_term (s, want, "mse", run->reports[s].mse, tolerance);
    assert_term (s, want, "amp", run->reports[s].amp, tolerance);
    assert_term (s, want, "phase", run->reports[s].phase, tolerance);
    assert_term (s, want, "ssl", run->reports[s].ssl,
                 s == 0 ? tolerance : SSL_TOLERANCE);
    assert_term (s, want, "loss", run->reports[s].loss, tolerance);
  }
}
END_TEST

START_TEST (learning_rates_follow_the_published_schedule)
{
  const Run *run = &runs[_i];
  JsonArray *steps = json_object_get_array_member (run->want, "steps");

  for (guint s = 0; s < STEPS; s++) {
    JsonObject *want = json_array_get_object_element (steps, s);

    assert_term (s, want, "lr_img", run->reports[s].lr_visual, RATE_TOLERANCE);
    assert_term (s, want, "lr_aud", run->reports[s].lr_audio, RATE_TOLERANCE);
  }
}
END_TEST

/* -- gradients ----------------------------------------------------------- */

/* Returns whether @name is a bias before a batch norm. The norm subtracts it
 * again, so its gradient is zero. */
static gboolean
is_cancelled_bias (const char *name)
{
  static const char *const patterns[]
      = { "net_audio.audionet_convlayer*.0.bias",
          "net_audio.audionet_upconvlayer1.upconv.bias",
          "net_audio.audionet_upconvlayer2.upconv.bias",
          "net_audio.audionet_upconvlayer3.upconv.bias",
          "net_audio.audionet_upconvlayer4.upconv.bias",
          "net_audio.conv1x1_rgb.0.bias" };

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (g_pattern_match_simple (patterns[i], name))
      return TRUE;
  return FALSE;
}

/* Returns the range of elements of @name whose gradient is zero up to
 * rounding: the whole of a bias before a batch norm, and the part for keys
 * of an attention's input bias, because a softmax does not change if its
 * inputs are shifted. */
static void
zero_range (const char *name, gsize n, gsize *from, gsize *to)
{
  *from = *to = 0;
  if (is_cancelled_bias (name)) {
    *to = n;
  } else if (g_str_has_suffix (name, "in_proj_bias")) {
    *from = n / 3;
    *to = 2 * (n / 3);
  }
}

/* Calls @check for each parameter that has a gradient. */
static void
foreach_gradient (const Run *run,
                  void (*check) (const char *name, JsonObject *want,
                                 const float *got, gsize n, gsize zero_from,
                                 gsize zero_to))
{
  JsonObject *grads = json_object_get_object_member (run->want, "grads_step0");
  g_autoptr (GList) names = json_object_get_members (grads);

  ck_assert_ptr_nonnull (names);
  for (GList *l = names; l != NULL; l = l->next) {
    gsize n, from, to;
    const float *got = reference_floats (run->gradients, l->data, &n);

    zero_range (l->data, n, &from, &to);
    check (l->data, json_object_get_object_member (grads, l->data), got, n,
           from, to);
  }
}

static void
check_norm (const char *name, JsonObject *want, const float *got, gsize n,
            gsize zero_from, gsize zero_to)
{
  double square = 0;

  if (zero_to - zero_from == n)
    return;
  for (gsize i = 0; i < n; i++)
    square += (double)got[i] * got[i];
  reference_assert_near (name, sqrt (square),
                         json_object_get_double_member (want, "l2"),
                         NORM_TOLERANCE);
}

static void
check_probes (const char *name, JsonObject *want, const float *got, gsize n,
              gsize zero_from, gsize zero_to)
{
  JsonArray *probes = json_object_get_array_member (want, "probes");
  gsize n_probes = json_array_get_length (probes);
  double error = 0, largest = 0;

  if (zero_to - zero_from == n)
    return;
  for (gsize i = 0; i < n_probes; i++) {
    gsize at = reference_probe_index (n, n_probes, i);
    double value = json_array_get_double_element (probes, i);

    largest = fmax (largest, fabs (value));
    if (at < zero_from || at >= zero_to)
      error = fmax (error, fabs (got[at] - value));
  }
  if (!(error <= PROBE_TOLERANCE * largest))
    ck_abort_msg ("gradient of %s: a probe is %.3g of the largest away", name,
                  error / largest);
}

static void
check_zeros (const char *name, JsonObject *want, const float *got, gsize n,
             gsize zero_from, gsize zero_to)
{
  for (gsize i = zero_from; i < zero_to; i++)
    if (!(fabsf (got[i]) < ZERO_GRADIENT))
      ck_abort_msg ("gradient of %s: element %" G_GSIZE_FORMAT
                    " is %g, not zero",
                    name, i, got[i]);
}

START_TEST (gradient_norms_are_the_published_ones)
{
  const Run *run = &runs[_i];
  foreach_gradient (run, check_norm);
}
END_TEST

START_TEST (gradient_probes_are_the_published_ones)
{
  const Run *run = &runs[_i];
  foreach_gradient (run, check_probes);
}
END_TEST

START_TEST (gradients_that_cancel_are_zero)
{
  const Run *run = &runs[_i];
  foreach_gradient (run, check_zeros);
}
END_TEST

/* -- state after the steps ----------------------------------------------- */

static gboolean
is_buffer (const char *name)
{
  return g_str_has_suffix (name, "running_mean")
         || g_str_has_suffix (name, "running_var");
}

static gboolean
is_counter (const char *name)
{
  return g_str_has_suffix (name, "num_batches_tracked");
}

START_TEST (running_statistics_are_the_published_ones)
{
  const Run *run = &runs[_i];
  JsonObject *state = json_object_get_object_member (run->want, "params_after");
  g_autoptr (GList) names = json_object_get_members (state);
  guint compared = 0;

  for (GList *l = names; l != NULL; l = l->next) {
    JsonArray *probes = json_object_get_array_member (state, l->data);
    guint n_probes = json_array_get_length (probes);
    double got[8], want[8];
    gsize n;
    const float *values;

    if (!is_buffer (l->data))
      continue;
    values = reference_floats (run->after, l->data, &n);
    ck_assert_uint_le (n_probes, G_N_ELEMENTS (got));
    for (guint i = 0; i < n_probes; i++) {
      got[i] = values[reference_probe_index (n, n_probes, i)];
      want[i] = json_array_get_double_element (probes, i);
    }
    g_debug ("%.3g of %.3g: %s", reference_error (got, want, n_probes),
             STATISTICS_TOLERANCE, (char *)l->data);
    if (!(reference_error (got, want, n_probes) <= STATISTICS_TOLERANCE))
      ck_abort_msg ("%s: relative error %.3g", (char *)l->data,
                    reference_error (got, want, n_probes));
    compared++;
  }
  ck_assert_uint_gt (compared, 0);
}
END_TEST

START_TEST (batch_norms_count_their_runs)
{
  const Run *run = &runs[_i];
  JsonObject *state = json_object_get_object_member (run->want, "params_after");
  g_autoptr (GList) names = json_object_get_members (state);
  guint compared = 0;

  for (GList *l = names; l != NULL; l = l->next) {
    JsonArray *probes = json_object_get_array_member (state, l->data);
    CcsTensor *tensor = ccs_state_dict_lookup (run->after, l->data);

    if (!is_counter (l->data))
      continue;
    ck_assert_ptr_nonnull (tensor);
    ck_assert_int_eq (tensor->dtype, CCS_S64);
    if (*(const gint64 *)tensor->data
        != json_array_get_double_element (probes, 0))
      ck_abort_msg ("%s is %" G_GINT64_FORMAT ", not %g", (char *)l->data,
                    *(const gint64 *)tensor->data,
                    json_array_get_double_element (probes, 0));
    compared++;
  }
  ck_assert_uint_gt (compared, 0);
}
END_TEST

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Returns the distance of each probe of each parameter from the expected
 * value, divided by the learning rate. (transfer full) */
static GArray *
parameter_distances (const Run *run)
{
  JsonObject *state = json_object_get_object_member (run->want, "params_after");
  g_autoptr (GList) names = json_object_get_members (state);
  GArray *distances = g_array_new (FALSE, FALSE, sizeof (double));

  for (GList *l = names; l != NULL; l = l->next) {
    JsonArray *probes = json_object_get_array_member (state, l->data);
    guint n_probes = json_array_get_length (probes);
    const float *values;
    gsize n;

    if (is_buffer (l->data) || is_counter (l->data))
      continue;
    values = reference_floats (run->after, l->data, &n);
    for (guint i = 0; i < n_probes; i++) {
      double distance = fabs (values[reference_probe_index (n, n_probes, i)]
                              - json_array_get_double_element (probes, i))
                        / group_rate (run, l->data);

      if (!(distance <= FARTHEST))
        ck_abort_msg ("%s, probe %u: %.3g learning rates away", (char *)l->data,
                      i, distance);
      g_array_append_val (distances, distance);
    }
  }
  return distances;
}

START_TEST (parameters_move_as_published)
{
  const Run *run = &runs[_i];
  g_autoptr (GArray) distances = parameter_distances (run);
  double median;
  guint outliers = 0;

  ck_assert_uint_gt (distances->len, 0);
  qsort (distances->data, distances->len, sizeof (double), compare_doubles);
  median = g_array_index (distances, double, distances->len / 2);
  for (guint i = 0; i < distances->len; i++)
    outliers += g_array_index (distances, double, i) > OUTLIER;
  if (!(median < MEDIAN && outliers <= OUTLIER_SHARE * distances->len))
    ck_abort_msg ("median distance %.3g, %u of %u beyond %g learning rates",
                  median, outliers, distances->len, OUTLIER);
}
END_TEST

START_TEST (parameters_without_gradient_stay_to_the_bit)
{
  const Run *run = &runs[_i];
  JsonArray *names
      = json_object_get_array_member (run->want, "no_grad_parameters");

  ck_assert_uint_gt (json_array_get_length (names), 0);
  for (guint i = 0; i < json_array_get_length (names); i++) {
    const char *name = json_array_get_string_element (names, i);
    gsize n, n_before;
    const float *now = reference_floats (run->after, name, &n);
    const float *then = reference_floats (run->before, name, &n_before);

    if (n != n_before || memcmp (now, then, n * sizeof *now) != 0)
      ck_abort_msg ("%s has changed", name);
  }
}
END_TEST

START_TEST (state_dict_keeps_every_name_and_shape)
{
  const Run *run = &runs[_i];
  ck_assert_uint_eq (ccs_state_dict_size (run->after),
                     ccs_state_dict_size (run->before));
  for (guint i = 0; i < ccs_state_dict_size (run->before); i++) {
    const char *name = ccs_state_dict_name (run->before, i);
    CcsTensor *tensor = ccs_state_dict_lookup (run->after, name);

    if (tensor == NULL
        || !ccs_shape_equal (&tensor->shape,
                             &ccs_state_dict_tensor (run->before, i)->shape))
      ck_abort_msg ("%s is missing or has another shape", name);
  }
}
END_TEST

START_TEST (the_folder_holds_a_training_file)
{
  ck_assert_msg (files[0] != NULL, "no train-*.json");
}
END_TEST

static void
free_runs (void)
{
  for (guint i = 0; i < REFERENCE_BACKENDS * n_files; i++) {
    g_clear_pointer (&runs[i].gradients, ccs_state_dict_unref);
    g_clear_pointer (&runs[i].before, ccs_state_dict_unref);
    g_clear_pointer (&runs[i].after, ccs_state_dict_unref);
    g_clear_pointer (&runs[i].file, json_node_unref);
  }
  g_free (runs);
  g_strfreev (files);
}

int
main (void)
{
  const TTest *const tests[] = { loss_terms_follow_the_published_steps,
                                 learning_rates_follow_the_published_schedule,
                                 gradient_norms_are_the_published_ones,
                                 gradient_probes_are_the_published_ones,
                                 gradients_that_cancel_are_zero,
                                 running_statistics_are_the_published_ones,
                                 batch_norms_count_their_runs,
                                 parameters_move_as_published,
                                 parameters_without_gradient_stay_to_the_bit,
                                 state_dict_keeps_every_name_and_shape };
  const SFun setups[REFERENCE_BACKENDS]
      = { run_files_on_reference, run_files_on_cpu };
  Suite *suite = suite_create ("reference-train");
  TCase *folder = tcase_create ("folder");
  int status;

  files = reference_files ("train-*.json");
  n_files = g_strv_length (files);
  runs = g_new0 (Run, REFERENCE_BACKENDS * n_files);
  tcase_add_test (folder, the_folder_holds_a_training_file);
  suite_add_tcase (suite, folder);
  reference_add_cases (suite, n_files, tests, G_N_ELEMENTS (tests), setups);
  status = reference_run (suite);
  free_runs ();
  return status;
}
