/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program of a training step (specification section 6). */
#include "step-private.h"
#include "model/net.h"
#include "nn/gradient.h"

#define VISUAL_PREFIX "net_visual."
#define MOMENT_NAME "%s.%s" /* "m" or "v", parameter */
#define L2_EPS 1e-12f

static const char *const term_names[CCS_N_TERMS]
    = { "mse", "amp", "phase", "ssl" };

/* -- the program: forward and losses --------------------------------------- */

/* Values of the forward pass that the losses need. */
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

/* Concatenates the features of anchor, positive and negative (specification
 * section 6). */
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
  CcsValueId visual = ccs_net_visual (
      p, config, ccs_net_frames (p, self->frames), scl ? 2 : 1);
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
  CcsValueId raw[CCS_N_TERMS] = {
    [CCS_TERM_MSE] = ccs_mse_loss (p, f->predicted, f->truth),
    [CCS_TERM_AMP] = ccs_amp_loss (p, f->predicted, f->truth),
    [CCS_TERM_PHASE] = build_phase_loss (self, f),
    [CCS_TERM_SSL]
    = o->scl ? build_contrastive_loss (self, f->fused) : CCS_NONE,
  };
  const double weights[CCS_N_TERMS]
      = { 1., o->amp_weight, o->phase_weight, o->scl_weight };

  self->loss = CCS_NONE;
  for (guint t = 0; t < CCS_N_TERMS; t++) {
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
    CcsTrained trained = { (CcsValueId)i, CCS_NONE, CCS_NONE, CCS_NONE };

    if (ccs_program_value (self->program, i)->kind == CCS_VALUE_PARAM)
      g_array_append_val (self->trained, trained);
  }
}

/* Returns the value that is differentiated: the loss, or its product with the
 * loss scale, which is an input of each step. */
static CcsValueId
build_scaled_loss (CcsTrainStep *self)
{
  self->loss_scale = CCS_NONE;
  if (self->options.loss_scale == 0.)
    return self->loss;
  self->loss_scale
      = ccs_program_input (self->program, "loss_scale", CCS_F32, CCS_SHAPE (1));
  return ccs_mul (self->program, self->loss, self->loss_scale);
}

static gboolean
build_gradients (CcsTrainStep *self, GError **error)
{
  guint n = self->trained->len;
  CcsValueId loss = build_scaled_loss (self);
  g_autofree CcsValueId *wrt = g_new (CcsValueId, n);
  g_autofree CcsValueId *grads = g_new (CcsValueId, n);

  for (guint i = 0; i < n; i++)
    wrt[i] = g_array_index (self->trained, CcsTrained, i).param;
  if (!ccs_program_gradient (self->program, loss, wrt, n, grads, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf (
        "gradient.%s", ccs_program_value (self->program, wrt[i])->name);

    g_array_index (self->trained, CcsTrained, i).grad
        = ccs_program_output (self->program, name, grads[i]);
  }
  return TRUE;
}

/* Appends the squared norm of the gradient, for clipping and to check that it
 * is finite. The ops SQUARE_SUM are consecutive, so that a backend may run them
 * together. */
static void
build_gradient_square (CcsTrainStep *self)
{
  CcsProgram *p = self->program;
  g_autoptr (GArray) squares = g_array_new (FALSE, FALSE, sizeof (CcsValueId));
  CcsValueId sum = CCS_NONE;

  for (guint i = 0; i < self->trained->len; i++) {
    CcsValueId grad = g_array_index (self->trained, CcsTrained, i).grad;
    CcsValueId square;

    if (grad == CCS_NONE)
      continue;
    square = ccs_program_append (p, CCS_OP_SQUARE_SUM, &grad, 1, NULL);
    g_array_append_val (squares, square);
  }
  for (guint i = 0; i < squares->len; i++) {
    CcsValueId square = g_array_index (squares, CcsValueId, i);

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
    CcsTrained *t = &g_array_index (self->trained, CcsTrained, i);
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

gboolean
ccs_train_step_build (CcsTrainStep *self, const CcsModelConfig *config,
                      GError **error)
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
      p, "frames", CCS_U8,
      CCS_SHAPE (frames, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));
  self->permutation = ccs_program_input (p, "permutation", CCS_S32,
                                         CCS_SHAPE (CCS_VISUAL_TOKENS));
  self->hyper_visual = ccs_program_input (p, "hyper.visual", CCS_F32,
                                          CCS_SHAPE (CCS_STEP_N_HYPER));
  self->hyper_audio = ccs_program_input (p, "hyper.audio", CCS_F32,
                                         CCS_SHAPE (CCS_STEP_N_HYPER));
  forward = build_forward (self, config);
  build_losses (self, &forward);
  if (!ccs_program_check (p, error))
    return FALSE;
  list_trained (self);
  if (!build_gradients (self, error))
    return FALSE;
  self->gradient_square = CCS_NONE;
  if (self->options.clip_norm > 0. || self->loss_scale != CCS_NONE)
    build_gradient_square (self);
  build_update (self);
  return ccs_program_check (p, error);
}
