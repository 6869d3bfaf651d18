/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"
#include "nn/passes.h"
#include "step-private.h"
#include <math.h>
#include <string.h>

/* -- life ------------------------------------------------------------------ */

static gboolean
check_options (const CcsTrainOptions *o, GError **error)
{
  if (o->batch >= 1 && o->total_steps >= 1 && o->clip_norm >= 0.
      && o->loss_scale >= 0.)
    return TRUE;
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_ARGUMENT,
      "training needs a batch and a number of steps of at least 1, a clipping "
      "norm and a loss scale that are not negative");
  return FALSE;
}

/* Restores a moment from its published layout, which is that of its parameter.
 */
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
    const CcsTrained *t = &g_array_index (self->trained, CcsTrained, i);

    if (t->grad != CCS_NONE
        && (!restore_moment (self, optimizer, t->param, t->m, error)
            || !restore_moment (self, optimizer, t->param, t->v, error)))
      return FALSE;
  }
  self->index = self->first_index = *(const gint64 *)step->data;
  return self->loss_scale == CCS_NONE
         || ccs_loss_scale_restore (&self->scale, optimizer, error);
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
  self->scale.scale = options->loss_scale;
  self->params = ccs_state_dict_ref (params);
  self->program = ccs_program_new (params, TRUE);
  self->trained = g_array_new (FALSE, FALSE, sizeof (CcsTrained));
  if (!ccs_train_step_build (self, config, error))
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

/* -- a step ---------------------------------------------------------------- */

static gboolean
write_batch (CcsTrainStep *self, const CcsTrainBatch *batch, GError **error)
{
  gsize samples = self->options.batch * CCS_WINDOW * sizeof (float);
  gsize pixels = (self->options.scl ? 2 : 1) * self->options.batch
                 * CCS_CROP_HEIGHT * CCS_CROP_WIDTH * 3;

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
  double *const terms[CCS_N_TERMS]
      = { &report->mse, &report->amp, &report->phase, &report->ssl };

  for (guint t = 0; t < CCS_N_TERMS; t++)
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

/* Computes the factor on the gradient that undoes the loss scale and limits the
 * norm. If the gradient is not finite, sets *@finite to FALSE if a smaller
 * scale may help, else returns an error. */
static gboolean
gradient_factor (CcsTrainStep *self, CcsTrainReport *report, double *factor,
                 gboolean *finite, GError **error)
{
  double scale = self->loss_scale == CCS_NONE ? 1. : self->scale.scale;
  double square;

  *factor = 1. / scale;
  *finite = TRUE;
  report->gradient_norm = NAN;
  if (self->gradient_square == CCS_NONE)
    return TRUE;
  if (!read_scalar (self, self->gradient_square, &square, error))
    return FALSE;
  report->gradient_norm = sqrt (square) / scale;
  *finite = isfinite (square);
  if (!*finite
      && (self->loss_scale == CCS_NONE
          || ccs_loss_scale_is_least (&self->scale))) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                 "the gradient of step %" G_GUINT64_FORMAT " is not finite",
                 self->index);
    return FALSE;
  }
  if (self->options.clip_norm > 0.)
    *factor
        *= MIN (1., self->options.clip_norm / (report->gradient_norm + 1e-6));
  return TRUE;
}

static gboolean
write_hyper (CcsTrainStep *self, const CcsTrainReport *report, double factor,
             GError **error)
{
  const CcsTrainOptions *o = &self->options;
  double update = (double)self->index - self->scale.skipped + 1.;
  double bias1 = 1. - pow (o->beta1, update);
  double bias2 = 1. - pow (o->beta2, update);
  float visual[CCS_STEP_N_HYPER] = { report->lr_visual, bias1, bias2, factor };
  float audio[CCS_STEP_N_HYPER] = { report->lr_audio, bias1, bias2, factor };

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

static gboolean
write_loss_scale (CcsTrainStep *self, GError **error)
{
  float scale = self->scale.scale;

  return self->loss_scale == CCS_NONE
         || ccs_plan_write (self->plan, self->loss_scale, &scale, sizeof scale,
                            error);
}

static gboolean
update (CcsTrainStep *self, CcsTrainReport *report, GError **error)
{
  double factor;
  gboolean finite;

  if (!gradient_factor (self, report, &factor, &finite, error)
      || (finite
          && (!write_hyper (self, report, factor, error)
              || !ccs_plan_run (self->plan, CCS_PHASE_UPDATE, error))))
    return FALSE;
  report->skipped = !finite;
  if (self->loss_scale != CCS_NONE)
    ccs_loss_scale_count (&self->scale, finite);
  self->index++;
  return TRUE;
}

gboolean
ccs_train_step_run (CcsTrainStep *self, const CcsTrainBatch *batch,
                    CcsTrainReport *report, GError **error)
{
  gint64 clock;

  if (!write_loss_scale (self, error)
      || !ccs_train_step_losses (self, batch, report, error))
    return FALSE;
  report->loss_scale = self->scale.scale;
  clock = g_get_monotonic_time ();
  if (!ccs_plan_run (self->plan, CCS_PHASE_BACKWARD, error))
    return FALSE;
  report->backward_seconds = seconds_since (&clock);
  if (!update (self, report, error))
    return FALSE;
  report->update_seconds = seconds_since (&clock);
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

/* -- export ---------------------------------------------------------------- */

static void
add_count (CcsStateDict *dict, const char *name, gint64 count)
{
  gint64 *value = g_new (gint64, 1);
  CcsShape shape = CCS_SHAPE_SCALAR;

  *value = count;
  ccs_state_dict_set (dict, name, ccs_tensor_new_take (CCS_S64, &shape, value));
}

/* Updates num_batches_tracked: a norm with groups counts each group. */
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

/* Returns the content of @id in the published layout of @param. (transfer full)
 */
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
  if (self->loss_scale != CCS_NONE)
    ccs_loss_scale_export (&self->scale, dict);
  for (guint i = 0; i < self->trained->len; i++) {
    const CcsTrained *t = &g_array_index (self->trained, CcsTrained, i);
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
    const CcsTrained *t = &g_array_index (self->trained, CcsTrained, i);

    if (strcmp (ccs_program_value (self->program, t->param)->name, name) == 0)
      return t->grad == CCS_NONE ? NULL
                                 : export_like (self, t->grad, t->param, error);
  }
  return NULL;
}
