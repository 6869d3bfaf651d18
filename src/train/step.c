/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"
#include "nn/gradient.h"
#include "nn/passes.h"
#include "nn/plan.h"
#include "model/net.h"
#include <math.h>
#include <string.h>

#define VISUAL_PREFIX "net_visual."
#define N_HYPER 4
#define MOMENT_NAME "%s.%s" /* "m" or "v", parameter */
#define L2_EPS 1e-12f

enum
{
  TERM_MSE,
  TERM_AMP,
  TERM_PHASE,
  TERM_SSL,
  N_TERMS
};

static const char *const term_names[N_TERMS] = { "mse", "amp", "phase", "ssl" };

typedef struct
{
  CcsValueId param, grad; /* grad is CCS_NONE: the loss ignores it */
  CcsValueId m, v;
} Trained;

struct _CcsTrainStep
{
  CcsTrainOptions options;
  CcsStateDict *params; /* as they were at the start */
  CcsProgram *program;
  CcsPlan *plan;
  GArray *trained; /* Trained */
  CcsValueId left, right, frames, permutation;
  CcsValueId terms[N_TERMS]; /* weighted scalars; CCS_NONE: left out */
  CcsValueId loss, gradient_square;
  CcsValueId hyper_visual, hyper_audio;
  guint64 index, first_index;
};

/* -- the program: forward and losses --------------------------------------- */

/* What the losses need of the forward pass. */
typedef struct
{
  CcsValueId predicted, truth; /* difference spectra [B,257,64,2] */
  CcsValueId mix;              /* [B,10080] */
  CcsValueId fused;            /* [B or 3B,16,D] */
} Forward;

static CcsValueId
gather_cells (CcsProgram *p, CcsValueId feature, CcsValueId permutation)
{
  CcsShape map, tokens;

  if (feature == CCS_NONE)
    return CCS_NONE;
  map = ccs_program_value (p, feature)->shape;
  tokens = CCS_SHAPE (map.dim[0], CCS_VISUAL_TOKENS, map.dim[3]);
  return ccs_reshape (
      p, ccs_gather_tokens (p, ccs_reshape (p, feature, tokens), permutation),
      map);
}

/* Anchor, positive and negative features, one after another (section 6). */
static CcsValueId
contrast_features (CcsTrainStep *self, CcsValueId visual)
{
  CcsProgram *p = self->program;
  gint batch = self->options.batch;
  CcsValueId now = ccs_slice (p, visual, 0, 0, batch);
  CcsValueId before = ccs_slice (p, visual, 0, batch, batch);
  CcsValueId shuffled = gather_cells (p, now, self->permutation);

  return ccs_concat (p, (CcsValueId[]){ now, before, shuffled }, 3, 0);
}

static Forward
build_forward (CcsTrainStep *self, const CcsModelConfig *config)
{
  CcsProgram *p = self->program;
  gint batch = self->options.batch;
  gboolean scl = self->options.scl;
  CcsValueId skips[CCS_N_UPCONV];
  CcsValueId mix = ccs_add (p, self->left, self->right, CCS_NO_ACT);
  CcsValueId spectrum = ccs_net_stft (p, mix);
  CcsValueId visual = ccs_net_visual (p, config, self->frames, scl ? 2 : 1);
  CcsValueId features = scl ? contrast_features (self, visual) : visual;
  CcsValueId now = scl ? ccs_slice (p, visual, 0, 0, batch) : visual;
  CcsValueId fused, mask;

  ccs_net_audio_encode (p, config, spectrum, skips);
  fused = ccs_net_fuse (p, config, skips[CCS_N_UPCONV - 1], features,
                        scl ? 3 : 1);
  mask = ccs_net_audio_decode (
      p, config, scl ? ccs_slice (p, fused, 0, 0, batch) : fused, now, skips);
  return (Forward){
    .predicted = ccs_complex_mul (p, spectrum, mask, FALSE),
    .truth = ccs_net_stft (p, ccs_sub (p, self->left, self->right)),
    .mix = mix,
    .fused = fused,
  };
}

static CcsValueId
build_phase_loss (CcsTrainStep *self, const Forward *f)
{
  CcsProgram *p = self->program;
  CcsValueId difference = ccs_net_istft (p, f->predicted);
  CcsValueId left
      = ccs_affine (p, ccs_add (p, f->mix, difference, CCS_NO_ACT), 0.5f, 0.f);
  CcsValueId right = ccs_affine (p, ccs_sub (p, f->mix, difference), 0.5f, 0.f);
  CcsValueId real
      = ccs_concat (p, (CcsValueId[]){ self->left, self->right }, 2, 0);
  CcsValueId generated = ccs_concat (p, (CcsValueId[]){ left, right }, 2, 0);

  return ccs_phase_loss (p, ccs_net_stft_reflect (p, real),
                         ccs_net_stft_reflect (p, generated),
                         self->options.phase_threshold);
}

static CcsValueId
build_contrastive_loss (CcsTrainStep *self, CcsValueId fused)
{
  CcsProgram *p = self->program;
  CcsShape tokens;
  CcsValueId mean;

  if (fused == CCS_NONE)
    return CCS_NONE;
  tokens = ccs_program_value (p, fused)->shape;
  mean = ccs_reduce (p, fused, CCS_SHAPE (tokens.dim[0], 1, tokens.dim[2]),
                     1.f / tokens.dim[1]);
  mean = ccs_reshape (p, mean, CCS_SHAPE (tokens.dim[0], tokens.dim[2]));
  return ccs_info_nce (p, ccs_l2_normalize (p, mean, L2_EPS),
                       self->options.temperature);
}

static void
build_losses (CcsTrainStep *self, const Forward *f)
{
  CcsProgram *p = self->program;
  const CcsTrainOptions *o = &self->options;
  CcsValueId raw[N_TERMS] = {
    [TERM_MSE] = ccs_mse_loss (p, f->predicted, f->truth),
    [TERM_AMP] = ccs_amp_loss (p, f->predicted, f->truth),
    [TERM_PHASE] = build_phase_loss (self, f),
    [TERM_SSL] = o->scl ? build_contrastive_loss (self, f->fused) : CCS_NONE,
  };
  const double weights[N_TERMS]
      = { 1., o->amp_weight, o->phase_weight, o->scl_weight };

  self->loss = CCS_NONE;
  for (guint t = 0; t < N_TERMS; t++) {
    self->terms[t] = CCS_NONE;
    if (raw[t] == CCS_NONE)
      continue;
    self->terms[t] = ccs_program_output (
        p, term_names[t], ccs_affine (p, raw[t], weights[t], 0.f));
    self->loss = self->loss == CCS_NONE
                     ? self->terms[t]
                     : ccs_add (p, self->loss, self->terms[t], CCS_NO_ACT);
  }
  ccs_program_output (p, "loss", self->loss);
}

/* -- the program: gradients and update ------------------------------------- */

static void
list_trained (CcsTrainStep *self)
{
  for (guint i = 0; i < ccs_program_n_values (self->program); i++) {
    Trained trained = { (CcsValueId)i, CCS_NONE, CCS_NONE, CCS_NONE };

    if (ccs_program_value (self->program, i)->kind == CCS_VALUE_PARAM)
      g_array_append_val (self->trained, trained);
  }
}

static gboolean
build_gradients (CcsTrainStep *self, GError **error)
{
  guint n = self->trained->len;
  g_autofree CcsValueId *wrt = g_new (CcsValueId, n);
  g_autofree CcsValueId *grads = g_new (CcsValueId, n);

  for (guint i = 0; i < n; i++)
    wrt[i] = g_array_index (self->trained, Trained, i).param;
  if (!ccs_program_gradient (self->program, self->loss, wrt, n, grads, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf (
        "gradient.%s", ccs_program_value (self->program, wrt[i])->name);

    g_array_index (self->trained, Trained, i).grad
        = ccs_program_output (self->program, name, grads[i]);
  }
  return TRUE;
}

/* The squared norm of the whole gradient, when it is to be clipped. */
static void
build_gradient_square (CcsTrainStep *self)
{
  CcsProgram *p = self->program;
  CcsValueId sum = CCS_NONE;

  for (guint i = 0; i < self->trained->len; i++) {
    CcsValueId grad = g_array_index (self->trained, Trained, i).grad;
    CcsValueId square;

    if (grad == CCS_NONE)
      continue;
    square = ccs_program_append (p, CCS_OP_SQUARE_SUM, &grad, 1, NULL);
    sum = sum == CCS_NONE ? square : ccs_add (p, sum, square, CCS_NO_ACT);
  }
  self->gradient_square = ccs_program_output (p, "gradient_square", sum);
}

static gboolean
is_visual (const char *name)
{
  return g_str_has_prefix (name, VISUAL_PREFIX);
}

static void
build_update (CcsTrainStep *self)
{
  CcsProgram *p = self->program;
  const CcsTrainOptions *o = &self->options;

  ccs_program_set_phase (p, CCS_PHASE_UPDATE);
  for (guint i = 0; i < self->trained->len; i++) {
    Trained *t = &g_array_index (self->trained, Trained, i);
    const CcsValue *value = ccs_program_value (p, t->param);
    g_autofree char *name = g_strdup (value->name);
    g_autofree char *m_name = g_strdup_printf (MOMENT_NAME, "m", name);
    g_autofree char *v_name = g_strdup_printf (MOMENT_NAME, "v", name);
    CcsShape shape = value->shape;

    if (t->grad == CCS_NONE)
      continue;
    t->m = ccs_program_state (p, m_name, shape);
    t->v = ccs_program_state (p, v_name, shape);
    ccs_adam (p, t->param, t->grad, t->m, t->v,
              is_visual (name) ? self->hyper_visual : self->hyper_audio,
              o->beta1, o->beta2, o->eps, o->weight_decay);
  }
}

static gboolean
build_program (CcsTrainStep *self, const CcsModelConfig *config, GError **error)
{
  CcsProgram *p = self->program;
  gint batch = self->options.batch;
  gint frames = self->options.scl ? 2 * batch : batch;
  Forward forward;

  self->left
      = ccs_program_input (p, "left", CCS_F32, CCS_SHAPE (batch, CCS_WINDOW));
  self->right
      = ccs_program_input (p, "right", CCS_F32, CCS_SHAPE (batch, CCS_WINDOW));
  self->frames = ccs_program_input (
      p, "frames", CCS_F32,
      CCS_SHAPE (frames, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));
  self->permutation = ccs_program_input (p, "permutation", CCS_S32,
                                         CCS_SHAPE (CCS_VISUAL_TOKENS));
  self->hyper_visual
      = ccs_program_input (p, "hyper.visual", CCS_F32, CCS_SHAPE (N_HYPER));
  self->hyper_audio
      = ccs_program_input (p, "hyper.audio", CCS_F32, CCS_SHAPE (N_HYPER));
  forward = build_forward (self, config);
  build_losses (self, &forward);
  if (!ccs_program_check (p, error))
    return FALSE;
  list_trained (self);
  if (!build_gradients (self, error))
    return FALSE;
  self->gradient_square = CCS_NONE;
  if (self->options.clip_norm > 0.)
    build_gradient_square (self);
  build_update (self);
  return ccs_program_check (p, error);
}

/* -- life ------------------------------------------------------------------ */

static gboolean
check_options (const CcsTrainOptions *o, GError **error)
{
  if (o->batch >= 1 && o->total_steps >= 1 && o->clip_norm >= 0.)
    return TRUE;
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_ARGUMENT,
      "training needs a batch and a number of steps of at least 1 and a "
      "clipping norm that is not negative");
  return FALSE;
}

/* Moments come back in published layout, which is the parameter's. */
static gboolean
restore_moment (CcsTrainStep *self, CcsStateDict *optimizer, CcsValueId param,
                CcsValueId moment, GError **error)
{
  const CcsValue *value = ccs_program_value (self->program, moment);
  const CcsValue *owner = ccs_program_value (self->program, param);
  g_autoptr (CcsProgram) layout = ccs_program_new (optimizer, TRUE);
  CcsShape shape = owner->shape;
  const CcsValue *bound;

  if (owner->layout == CCS_LAYOUT_FILTER)
    shape = CCS_SHAPE (owner->shape.dim[0], owner->shape.dim[3],
                       owner->shape.dim[1], owner->shape.dim[2]);
  ccs_program_param (layout, value->name, shape, owner->layout);
  if (!ccs_program_check (layout, error)) {
    g_prefix_error (error, "optimiser state: ");
    return FALSE;
  }
  bound = ccs_program_value (layout, 0);
  return ccs_plan_write (self->plan, moment, bound->data->data,
                         ccs_tensor_size (bound->data), error);
}

static gboolean
restore_optimizer (CcsTrainStep *self, CcsStateDict *optimizer, GError **error)
{
  CcsTensor *step = ccs_state_dict_lookup (optimizer, "step");

  if (step == NULL || step->dtype != CCS_S64 || step->shape.rank != 0
      || *(const gint64 *)step->data < 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                 "optimiser state: the step counter is missing or no count");
    return FALSE;
  }
  for (guint i = 0; i < self->trained->len; i++) {
    const Trained *t = &g_array_index (self->trained, Trained, i);

    if (t->grad != CCS_NONE
        && (!restore_moment (self, optimizer, t->param, t->m, error)
            || !restore_moment (self, optimizer, t->param, t->v, error)))
      return FALSE;
  }
  self->index = self->first_index = *(const gint64 *)step->data;
  return TRUE;
}

CcsTrainStep *
ccs_train_step_new (CcsStateDict *params, const CcsModelConfig *config,
                    const CcsTrainOptions *options, CcsStateDict *optimizer,
                    CcsBackend *backend, GError **error)
{
  g_autoptr (CcsTrainStep) self = NULL;

  if (!check_options (options, error))
    return NULL;
  self = g_new0 (CcsTrainStep, 1);
  self->options = *options;
  self->params = ccs_state_dict_ref (params);
  self->program = ccs_program_new (params, TRUE);
  self->trained = g_array_new (FALSE, FALSE, sizeof (Trained));
  if (!build_program (self, config, error))
    return NULL;
  ccs_program_optimize (self->program);
  self->plan = ccs_plan_new (backend, self->program, CCS_PLAN_NONE, error);
  if (self->plan == NULL
      || (optimizer && !restore_optimizer (self, optimizer, error)))
    return NULL;
  return g_steal_pointer (&self);
}

void
ccs_train_step_free (CcsTrainStep *self)
{
  g_clear_pointer (&self->plan, ccs_plan_free);
  g_array_unref (self->trained);
  ccs_program_unref (self->program);
  ccs_state_dict_unref (self->params);
  g_free (self);
}

/* -- a step -----------------------------------------------------------------
 */

static gboolean
write_batch (CcsTrainStep *self, const CcsTrainBatch *batch, GError **error)
{
  gsize samples = self->options.batch * CCS_WINDOW * sizeof (float);
  gsize pixels = (self->options.scl ? 2 : 1) * self->options.batch
                 * CCS_CROP_HEIGHT * CCS_CROP_WIDTH * 3 * sizeof (float);

  return ccs_plan_write (self->plan, self->left, batch->left, samples, error)
         && ccs_plan_write (self->plan, self->right, batch->right, samples,
                            error)
         && ccs_plan_write (self->plan, self->frames, batch->frames, pixels,
                            error)
         && ccs_plan_write (self->plan, self->permutation, batch->permutation,
                            sizeof batch->permutation, error);
}

static gboolean
read_scalar (CcsTrainStep *self, CcsValueId id, double *value, GError **error)
{
  float scalar = 0.f;

  if (id != CCS_NONE
      && !ccs_plan_read (self->plan, id, &scalar, sizeof scalar, error))
    return FALSE;
  *value = scalar;
  return TRUE;
}

static gboolean
read_losses (CcsTrainStep *self, CcsTrainReport *report, GError **error)
{
  double *const terms[N_TERMS]
      = { &report->mse, &report->amp, &report->phase, &report->ssl };

  for (guint t = 0; t < N_TERMS; t++)
    if (!read_scalar (self, self->terms[t], terms[t], error))
      return FALSE;
  if (!read_scalar (self, self->loss, &report->loss, error))
    return FALSE;
  if (isfinite (report->loss))
    return TRUE;
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_MODEL,
      "the loss of step %" G_GUINT64_FORMAT " is not finite (mse %g, amp %g, "
      "phase %g, ssl %g)",
      self->index, report->mse, report->amp, report->phase, report->ssl);
  return FALSE;
}

/* The factor on the gradient that keeps its norm within the limit. */
static gboolean
clip_factor (CcsTrainStep *self, CcsTrainReport *report, double *factor,
             GError **error)
{
  double square;

  *factor = 1.;
  report->gradient_norm = NAN;
  if (self->gradient_square == CCS_NONE)
    return TRUE;
  if (!read_scalar (self, self->gradient_square, &square, error))
    return FALSE;
  report->gradient_norm = sqrt (square);
  if (!isfinite (square)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                 "the gradient of step %" G_GUINT64_FORMAT " is not finite",
                 self->index);
    return FALSE;
  }
  *factor = MIN (1., self->options.clip_norm / (report->gradient_norm + 1e-6));
  return TRUE;
}

static gboolean
write_hyper (CcsTrainStep *self, const CcsTrainReport *report, double factor,
             GError **error)
{
  const CcsTrainOptions *o = &self->options;
  double bias1 = 1. - pow (o->beta1, self->index + 1.);
  double bias2 = 1. - pow (o->beta2, self->index + 1.);
  float visual[N_HYPER] = { report->lr_visual, bias1, bias2, factor };
  float audio[N_HYPER] = { report->lr_audio, bias1, bias2, factor };

  return ccs_plan_write (self->plan, self->hyper_visual, visual, sizeof visual,
                         error)
         && ccs_plan_write (self->plan, self->hyper_audio, audio, sizeof audio,
                            error);
}

static void
decay_rates (const CcsTrainStep *self, CcsTrainReport *report)
{
  const CcsTrainOptions *o = &self->options;
  double left = MAX (0., 1. - (double)self->index / o->total_steps);
  double decay = pow (left, o->decay_power);

  report->lr_visual = o->lr_visual * decay;
  report->lr_audio = o->lr_audio * decay;
}

static double
seconds_since (gint64 *then)
{
  gint64 now = g_get_monotonic_time ();
  double seconds = (now - *then) / (double)G_USEC_PER_SEC;

  *then = now;
  return seconds;
}

gboolean
ccs_train_step_losses (CcsTrainStep *self, const CcsTrainBatch *batch,
                       CcsTrainReport *report, GError **error)
{
  gint64 clock = g_get_monotonic_time ();

  memset (report, 0, sizeof *report);
  decay_rates (self, report);
  if (!write_batch (self, batch, error)
      || !ccs_plan_run (self->plan, CCS_PHASE_FORWARD, error))
    return FALSE;
  report->forward_seconds = seconds_since (&clock);
  return read_losses (self, report, error);
}

gboolean
ccs_train_step_run (CcsTrainStep *self, const CcsTrainBatch *batch,
                    CcsTrainReport *report, GError **error)
{
  gint64 clock;
  double factor;

  if (!ccs_train_step_losses (self, batch, report, error))
    return FALSE;
  clock = g_get_monotonic_time ();
  if (!ccs_plan_run (self->plan, CCS_PHASE_BACKWARD, error))
    return FALSE;
  report->backward_seconds = seconds_since (&clock);
  if (!clip_factor (self, report, &factor, error)
      || !write_hyper (self, report, factor, error)
      || !ccs_plan_run (self->plan, CCS_PHASE_UPDATE, error))
    return FALSE;
  report->update_seconds = seconds_since (&clock);
  self->index++;
  return TRUE;
}

guint64
ccs_train_step_index (const CcsTrainStep *self)
{
  return self->index;
}

gsize
ccs_train_step_memory (const CcsTrainStep *self)
{
  return ccs_plan_memory (self->plan);
}

/* -- export ------------------------------------------------------------------
 */

static void
add_count (CcsStateDict *dict, const char *name, gint64 count)
{
  gint64 *value = g_new (gint64, 1);
  CcsShape shape = CCS_SHAPE_SCALAR;

  *value = count;
  ccs_state_dict_set (dict, name, ccs_tensor_new_take (CCS_S64, &shape, value));
}

/* num_batches_tracked: every run of a norm counts, so a norm in groups counts
 * each of them. */
static void
advance_counters (CcsTrainStep *self, CcsStateDict *dict)
{
  gint64 steps = self->index - self->first_index;

  for (guint i = 0; i < ccs_program_n_ops (self->program); i++) {
    const CcsOp *op = ccs_program_op (self->program, i);
    g_autoptr (GString) name = NULL;
    CcsTensor *before;

    if (op->kind != CCS_OP_BATCH_NORM_TRAIN)
      continue;
    name = g_string_new (ccs_program_value (self->program, op->in[3])->name);
    g_string_replace (name, "running_mean", "num_batches_tracked", 1);
    before = ccs_state_dict_lookup (dict, name->str);
    if (before && before->dtype == CCS_S64)
      add_count (dict, name->str,
                 *(const gint64 *)before->data + steps * op->attrs.norm.groups);
  }
}

CcsStateDict *
ccs_train_step_export (CcsTrainStep *self, GError **error)
{
  g_autoptr (CcsStateDict) dict = ccs_state_dict_new ();

  for (guint i = 0; i < ccs_state_dict_size (self->params); i++) {
    const char *name = ccs_state_dict_name (self->params, i);
    CcsValueId id = ccs_program_find (self->program, name);
    CcsTensor *tensor
        = id == CCS_NONE
              ? ccs_tensor_ref (ccs_state_dict_tensor (self->params, i))
              : ccs_plan_export (self->plan, id, error);

    if (tensor == NULL)
      return NULL;
    ccs_state_dict_insert (dict, name, tensor);
  }
  advance_counters (self, dict);
  return g_steal_pointer (&dict);
}

/* @id's content in the published layout of @param. (transfer full) */
static CcsTensor *
export_like (CcsTrainStep *self, CcsValueId id, CcsValueId param,
             GError **error)
{
  return ccs_plan_export_as (
      self->plan, id, ccs_program_value (self->program, param)->layout, error);
}

CcsStateDict *
ccs_train_step_export_optimizer (CcsTrainStep *self, GError **error)
{
  g_autoptr (CcsStateDict) dict = ccs_state_dict_new ();

  add_count (dict, "step", (gint64)self->index);
  for (guint i = 0; i < self->trained->len; i++) {
    const Trained *t = &g_array_index (self->trained, Trained, i);
    const CcsValueId moments[] = { t->m, t->v };

    for (guint k = 0; t->grad != CCS_NONE && k < G_N_ELEMENTS (moments); k++) {
      CcsTensor *tensor = export_like (self, moments[k], t->param, error);

      if (tensor == NULL)
        return NULL;
      ccs_state_dict_insert (
          dict, ccs_program_value (self->program, moments[k])->name, tensor);
    }
  }
  return g_steal_pointer (&dict);
}

CcsTensor *
ccs_train_step_gradient (CcsTrainStep *self, const char *name, GError **error)
{
  for (guint i = 0; i < self->trained->len; i++) {
    const Trained *t = &g_array_index (self->trained, Trained, i);

    if (strcmp (ccs_program_value (self->program, t->param)->name, name) == 0)
      return t->grad == CCS_NONE ? NULL
                                 : export_like (self, t->grad, t->param, error);
  }
  return NULL;
}
