/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares inference with the published implementation, for every
 * infer-*.safetensors and both host backends: all recorded intermediate
 * values of programs without optimisation, the outputs of optimised
 * programs, and the outputs of CcsModel. */
#include <string.h>

#include "backend/registry.h"
#include "checkpoint/checkpoint.h"
#include "model/model-private.h"
#include "reference-support.h"

#include "model/net.h"
#include "nn/passes.h"
#include "plan/plan.h"

#define TOLERANCE 1e-5
#define INPUT_LEVEL 0.3

static char **files;

/* The model and inputs of a file. */
typedef struct
{
  CcsCheckpoint *file;
  CcsModelConfig config;
  CcsStateDict *params;
  CcsBackend *backend;
  gint batch;
  guint8 *pictures; /* [batch,224,448,3] */
  float *mono;      /* [batch,10080] */
} Fixture;

static float *
make_mono (const char *seed, gint batch)
{
  gsize n = (gsize)batch * CCS_WINDOW;
  float *mono = reference_noise (seed, "input.left", n, INPUT_LEVEL);
  g_autofree float *right
      = reference_noise (seed, "input.right", n, INPUT_LEVEL);

  for (gsize i = 0; i < n; i++)
    mono[i] += right[i];
  return mono;
}

static void
fixture_init (Fixture *self, int index)
{
  const char *seed;

  self->file = reference_load (reference_file (files, index));
  self->config
      = reference_config (reference_metadata_int (self->file, "backbone"),
                          reference_metadata_int (self->file, "dim_scale"));
  self->batch = reference_metadata_int (self->file, "batch");
  seed = reference_metadata (self->file, "seed");
  self->params = reference_state_dict (&self->config, seed);
  self->backend = reference_backend (files, index);
  self->pictures = reference_frames (seed, "input.frame", self->batch);
  self->mono = make_mono (seed, self->batch);
}

static void
fixture_clear (Fixture *self)
{
  ccs_checkpoint_unref (self->file);
  ccs_state_dict_unref (self->params);
  ccs_backend_unref (self->backend);
  g_free (self->pictures);
  g_free (self->mono);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

/* -- running the programs ------------------------------------------------ */

static void
optimise_or_not (CcsProgram *program, gboolean optimised)
{
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_program_check (program, &error), error);
  if (optimised)
    ccs_program_optimize (program);
}

static CcsPlan *
make_plan (const Fixture *self, CcsProgram *program, gboolean optimised)
{
  g_autoptr (GError) error = NULL;
  CcsPlan *plan;

  optimise_or_not (program, optimised);
  plan = ccs_plan_new (self->backend, program,
                       optimised ? CCS_PLAN_NONE : CCS_PLAN_KEEP_ALL, &error);
  assert_ok (plan != NULL, error);
  return plan;
}

static gsize
value_elements (CcsPlan *plan, CcsValueId id)
{
  return ccs_shape_elements (
      &ccs_program_value (ccs_plan_program (plan), id)->shape);
}

static float *
read_value (CcsPlan *plan, CcsValueId id)
{
  g_autoptr (GError) error = NULL;
  gsize n = value_elements (plan, id);
  float *values = g_new (float, n);

  assert_ok (ccs_plan_read (plan, id, values, n * sizeof *values, &error),
             error);
  return values;
}

static void
write_value (CcsPlan *plan, CcsValueId id, gconstpointer values)
{
  const CcsDType dtype = ccs_program_value (ccs_plan_program (plan), id)->dtype;
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_plan_write (plan, id, values,
                             value_elements (plan, id) * ccs_dtype_size (dtype),
                             &error),
             error);
}

static void
run (CcsPlan *plan)
{
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_plan_run (plan, CCS_PHASE_FORWARD, &error), error);
}

/* Runs the visual program on the frames; its result is called "visual_feat". */
static CcsPlan *
run_visual (const Fixture *self, gboolean optimised)
{
  g_autoptr (CcsProgram) program = ccs_program_new (self->params, FALSE);
  CcsValueId pictures, visual_feat;
  CcsPlan *plan;

  pictures = ccs_program_input (
      program, "pictures", CCS_U8,
      CCS_SHAPE (self->batch, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));
  visual_feat = ccs_net_visual (program, &self->config,
                                ccs_net_frames (program, pictures), 1);
  ccs_program_output (program, "visual_feat", visual_feat);
  plan = make_plan (self, program, optimised);
  write_value (plan, pictures, self->pictures);
  run (plan);
  return plan;
}

/* Runs the window program on the mix and @visual_feat. */
static CcsPlan *
run_window (const Fixture *self, const float *visual_feat, gboolean optimised)
{
  g_autoptr (CcsProgram) program = ccs_program_new (self->params, FALSE);
  CcsNetWindow window = ccs_net_window (program, &self->config, self->batch);
  CcsPlan *plan = make_plan (self, program, optimised);

  write_value (plan, window.mono, self->mono);
  write_value (plan, window.visual_feat, visual_feat);
  run (plan);
  return plan;
}

/* -- comparing ----------------------------------------------------------- */

/* Checks the binaural audio [batch,2,10080] that follows from the difference
 * [batch,10080] at the level of the mix. */
static void
assert_binaural (const Fixture *self, const float *difference)
{
  gsize n = (gsize)2 * self->batch * CCS_WINDOW;
  g_autofree float *binaural = g_new (float, n);

  for (gint b = 0; b < self->batch; b++)
    for (gsize i = 0; i < CCS_WINDOW; i++) {
      float m = self->mono[b * CCS_WINDOW + i];
      float d = difference[b * CCS_WINDOW + i];
      float *left = binaural + 2 * b * CCS_WINDOW;

      left[i] = (m + d) / 2;
      left[CCS_WINDOW + i] = (m - d) / 2;
    }
  reference_assert_entry (self->file, "binaural", binaural, n, TOLERANCE);
}

static void
assert_value (const Fixture *self, CcsPlan *plan, CcsValueId id,
              const char *name)
{
  const CcsValue *value = ccs_program_value (ccs_plan_program (plan), id);
  g_autofree float *values = read_value (plan, id);
  g_autofree float *published
      = reference_published_layout (values, &value->shape);

  reference_assert_entry (self->file, name, published,
                          ccs_shape_elements (&value->shape), TOLERANCE);
}

/* Returns the names of entries without the suffixes .probe and .stats, each
 * once. */
static GPtrArray *
entry_names (const CcsCheckpoint *file)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < ccs_state_dict_size (file->tensors); i++) {
    const char *entry = ccs_state_dict_name (file->tensors, i);

    if (g_str_has_suffix (entry, ".stats"))
      continue;
    if (g_str_has_suffix (entry, ".probe"))
      g_ptr_array_add (names,
                       g_strndup (entry, strlen (entry) - strlen (".probe")));
    else
      g_ptr_array_add (names, g_strdup (entry));
  }
  return names;
}

/* -- tests --------------------------------------------------------------- */

START_TEST (every_recorded_value_is_reproduced)
{
  g_auto (Fixture) fixture = { NULL };
  g_autoptr (CcsPlan) visual = NULL, window = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autofree float *visual_feat = NULL, *difference = NULL;

  fixture_init (&fixture, _i);
  visual = run_visual (&fixture, FALSE);
  visual_feat = read_value (
      visual, ccs_program_find (ccs_plan_program (visual), "visual_feat"));
  window = run_window (&fixture, visual_feat, FALSE);
  names = entry_names (fixture.file);
  ck_assert_uint_gt (names->len, 0);

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    CcsValueId id = ccs_program_find (ccs_plan_program (visual), name);
    CcsPlan *plan = visual;

    if (id == CCS_NONE) {
      plan = window;
      id = ccs_program_find (ccs_plan_program (window), name);
    }
    if (id != CCS_NONE)
      assert_value (&fixture, plan, id, name);
    else if (strcmp (name, "binaural") != 0)
      ck_abort_msg ("no value of the programs is called %s", name);
  }
  difference = read_value (
      window, ccs_program_find (ccs_plan_program (window), "difference"));
  assert_binaural (&fixture, difference);
}
END_TEST

START_TEST (optimised_programs_give_the_published_outputs)
{
  g_auto (Fixture) fixture = { NULL };
  g_autoptr (CcsPlan) visual = NULL, window = NULL;
  g_autofree float *visual_feat = NULL, *difference = NULL;
  CcsValueId id;

  fixture_init (&fixture, _i);
  visual = run_visual (&fixture, TRUE);
  id = ccs_program_find (ccs_plan_program (visual), "visual_feat");
  assert_value (&fixture, visual, id, "visual_feat");
  visual_feat = read_value (visual, id);
  window = run_window (&fixture, visual_feat, TRUE);
  difference = read_value (
      window, ccs_program_find (ccs_plan_program (window), "difference"));
  assert_binaural (&fixture, difference);
}
END_TEST

START_TEST (model_gives_the_published_outputs)
{
  g_auto (Fixture) fixture = { NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsModel) model = NULL;
  g_autofree float *features = NULL, *published = NULL, *differences = NULL;
  gsize feature_size, picture = 3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT;
  CcsShape shape;

  fixture_init (&fixture, _i);
  model = ccs_model_new (fixture.params, "reference parameters",
                         fixture.backend, &error);
  assert_ok (model != NULL, error);
  ck_assert (
      ccs_model_config_equal (ccs_model_config (model), &fixture.config));

  feature_size = ccs_model_feature_size (model);
  shape = CCS_SHAPE (fixture.batch, CCS_FEATURE_HEIGHT, CCS_FEATURE_WIDTH,
                     ccs_model_config_dim (&fixture.config));
  ck_assert_uint_eq (fixture.batch * feature_size, ccs_shape_elements (&shape));
  features = g_new (float, fixture.batch *feature_size);
  differences = g_new (float, fixture.batch *CCS_WINDOW);
  {
    g_autofree const guint8 **frames = g_new (const guint8 *, fixture.batch);
    g_autofree const float **mixes = g_new (const float *, fixture.batch);
    g_autofree float **feature = g_new (float *, fixture.batch);
    g_autofree float **difference = g_new (float *, fixture.batch);

    for (gint b = 0; b < fixture.batch; b++) {
      frames[b] = fixture.pictures + b * picture;
      mixes[b] = fixture.mono + b * CCS_WINDOW;
      feature[b] = features + b * feature_size;
      difference[b] = differences + b * CCS_WINDOW;
    }
    assert_ok (ccs_model_encode (model, frames, fixture.batch, feature, &error),
               error);
    assert_ok (ccs_model_separate (model, mixes, (const float *const *)feature,
                                   fixture.batch, difference, &error),
               error);
  }
  published = reference_published_layout (features, &shape);
  reference_assert_entry (fixture.file, "visual_feat", published,
                          fixture.batch * feature_size, TOLERANCE);
  assert_binaural (&fixture, differences);
}
END_TEST

START_TEST (the_folder_holds_an_inference_file)
{
  ck_assert_msg (files[0] != NULL, "no infer-*.safetensors");
}
END_TEST

int
main (void)
{
  const TTest *const tests[] = { every_recorded_value_is_reproduced,
                                 optimised_programs_give_the_published_outputs,
                                 model_gives_the_published_outputs };
  Suite *suite = suite_create ("reference-infer");
  TCase *folder = tcase_create ("folder");
  int status;

  files = reference_files ("infer-*.safetensors");
  tcase_add_test (folder, the_folder_holds_an_inference_file);
  suite_add_tcase (suite, folder);
  reference_add_cases (suite, g_strv_length (files), tests,
                       G_N_ELEMENTS (tests), NULL);
  status = reference_run (suite);
  g_strfreev (files);
  return status;
}
