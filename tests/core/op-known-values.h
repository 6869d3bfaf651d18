/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results computed by hand or from published formulas, for ops whose definition
 * has a choice: a scale, an order, a side, a mask. Random shapes cannot show
 * that a reference function is wrong everywhere in the same way. */
#pragma once

#include "op-net.h"

#define MAX_KNOWN 12

/* A case: appends an op to @net and returns the value whose content is
 * known. */
typedef struct
{
  const char *name;
  CcsValueId (*build) (Net *net);
  guint n;
  float want[MAX_KNOWN];
} KnownValue;

static CcsValueId
known_input (Net *net, CcsShape shape, const float *values)
{
  float *data;
  CcsValueId id = net_raw_input (net, shape, &data);

  memcpy (data, values, ccs_shape_elements (&shape) * sizeof (float));
  return id;
}

#define KNOWN(net, shape, ...)                                                 \
  known_input (net, shape, (const float[]){ __VA_ARGS__ })

/* The product is multiplied by alpha, then the bias is added, then the
 * activation applied. */
static CcsValueId
known_matmul (Net *net)
{
  CcsValueId a = KNOWN (net, CCS_SHAPE (2, 3), 1, 2, 3, 4, 5, 6);
  CcsValueId b = KNOWN (net, CCS_SHAPE (3, 2), 1, 0, 2, 1, -1, -9);

  return ccs_matmul (net->program, a, b, KNOWN (net, CCS_SHAPE (2), 1, 1),
                     FALSE, FALSE, 0.5f, CCS_LEAKY_RELU (0.1f));
}

static CcsValueId
known_matmul_transposed (Net *net)
{
  CcsValueId a = KNOWN (net, CCS_SHAPE (3, 2), 1, 4, 2, 5, 3, 6);
  CcsValueId b = KNOWN (net, CCS_SHAPE (2, 3), 1, 2, -1, 0, 1, -9);

  return ccs_matmul (net->program, a, b, CCS_NONE, TRUE, TRUE, 1.f, CCS_NO_ACT);
}

static CcsValueId
known_attention (Net *net)
{
  CcsValueId q = KNOWN (net, CCS_SHAPE (1, 1, 4), 1, 2, 0.5f, -1);
  CcsValueId k = KNOWN (net, CCS_SHAPE (1, 2, 4), 1, 0, 2, 0, 0, 1, 1, 1);
  CcsValueId v = KNOWN (net, CCS_SHAPE (1, 2, 4), 1, 2, 3, 4, 5, 6, 7, 8);

  return ccs_attention (net->program, q, k, v, 2);
}

static CcsValueId
known_probabilities (Net *net)
{
  return ccs_program_result (net->program, known_attention (net), 1);
}

/* Padding is never the maximum, even if all samples are negative. */
static CcsValueId
known_max_pool (Net *net)
{
  return ccs_max_pool (
      net->program, KNOWN (net, CCS_SHAPE (1, 2, 3, 1), -1, -2, -3, -4, -5, -6),
      3, 2, 1);
}

/* The first of equal samples in a window gets the whole gradient. */
static CcsValueId
known_max_pool_grad (Net *net)
{
  CcsValueId x = KNOWN (net, CCS_SHAPE (1, 2, 3, 1), 1, 7, 7, 7, 7, 0);
  CcsValueId dy = KNOWN (net, CCS_SHAPE (1, 1, 2, 1), 10, 1);
  CcsAttrs attrs = { .pool = { 2, 1, 0 } };
  CcsValueId y = ccs_max_pool (net->program, x, 2, 1, 0);
  CcsValueId in[] = { dy, ccs_program_result (net->program, y, 1) };

  return ccs_program_append_shaped (net->program, CCS_OP_MAX_POOL_GRAD, in, 2,
                                    &attrs, CCS_SHAPE (1, 2, 3, 1));
}

/* Corners are aligned: the last row maps to the last row. */
static CcsValueId
known_resize_rows (Net *net)
{
  return ccs_resize_rows (
      net->program, KNOWN (net, CCS_SHAPE (1, 3, 1, 2), 0, 10, 3, 40, 9, 10),
      5);
}

static CcsValueId
known_frame_zero (Net *net)
{
  return ccs_frame (net->program, KNOWN (net, CCS_SHAPE (1, 4), 1, 2, 3, 4), 4,
                    2, 2, CCS_PAD_ZERO);
}

/* The edge sample is not repeated. */
static CcsValueId
known_frame_reflect (Net *net)
{
  return ccs_frame (net->program, KNOWN (net, CCS_SHAPE (1, 4), 1, 2, 3, 4), 4,
                    2, 2, CCS_PAD_REFLECT);
}

static CcsValueId
known_overlap_add (Net *net)
{
  return ccs_overlap_add (
      net->program,
      KNOWN (net, CCS_SHAPE (1, 3, 4), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
      4, 2, 2, CCS_PAD_ZERO);
}

/* The input's rms is 5; it is scaled to 0.1. */
static CcsValueId
known_level (Net *net)
{
  return ccs_level (net->program, KNOWN (net, CCS_SHAPE (1, 2), 1, 7), 0.1f,
                    1e-4f);
}

/* The gain of silence is limited by the floor. */
static CcsValueId
known_level_gain (Net *net)
{
  CcsValueId y = ccs_level (
      net->program, KNOWN (net, CCS_SHAPE (2, 2), 1, 7, 0, 0), 0.1f, 1e-4f);

  return ccs_program_result (net->program, y, 1);
}

static CcsValueId
known_mse_loss (Net *net)
{
  return ccs_mse_loss (net->program, KNOWN (net, CCS_SHAPE (2, 2), 1, 2, 3, 4),
                       KNOWN (net, CCS_SHAPE (2, 2), 1, 0, 0, 5));
}

/* Norms are over time, not over (re, im). */
static CcsValueId
known_amp_loss (Net *net)
{
  return ccs_amp_loss (net->program,
                       KNOWN (net, CCS_SHAPE (1, 1, 2, 2), 3, 1, 4, -2),
                       KNOWN (net, CCS_SHAPE (1, 1, 2, 2), 0, 2, 2, 2));
}

/* The real part of one point is below the threshold. One angle difference is
 * more than pi. */
static CcsValueId
known_phase_loss (Net *net)
{
  CcsShape shape = CCS_SHAPE (1, 2, 4);

  return ccs_phase_loss (
      net->program,
      KNOWN (net, shape, 1, 0.5f, -0.8f, 0.3f, 0.01f, 0.02f, 0.2f, -2),
      KNOWN (net, shape, 0.5f, 1, -0.5f, -0.9f, 1, 1, -0.3f, -1.5f), 0.2f);
}

static CcsValueId
known_phase_stat (Net *net)
{
  return ccs_program_result (net->program, known_phase_loss (net), 1);
}

/* All points are below the threshold: the loss is zero, without a division
 * by zero. */
static CcsValueId
known_phase_of_silence (Net *net)
{
  return ccs_phase_loss (net->program, KNOWN (net, CCS_SHAPE (1, 1, 2), 1, 1),
                         KNOWN (net, CCS_SHAPE (1, 1, 2), 0, 0), 0.2f);
}

/* Two pairs; negatives are in the denominator and have no loss themselves. */
static CcsValueId
known_info_nce (Net *net)
{
  return ccs_info_nce (net->program,
                       KNOWN (net, CCS_SHAPE (6, 2), 1, 0, 0.6f, 0.8f, 0.8f,
                              0.6f, 0, 1, -1, 0, 0, -1),
                       0.5f);
}

static CcsValueId
known_square_sum (Net *net)
{
  CcsValueId x = KNOWN (net, CCS_SHAPE (2, 2), 1, -2, 3, 4);
  return ccs_program_append (net->program, CCS_OP_SQUARE_SUM, &x, 1, NULL);
}

/* Step 3 of PyTorch's Adam. Weight decay is added to the gradient, which is
 * scaled by 2. The values after the parameter are the moments. */
static CcsValueId
known_adam (Net *net)
{
  static const float first[] = { 1, -2 }, mean[] = { 0.1f, 0 };
  static const float square[] = { 0.04f, 0 };
  CcsShape shape = CCS_SHAPE (2);
  CcsValueId param = net_state (net, shape, fill_noise);
  CcsValueId m = net_state (net, shape, fill_noise);
  CcsValueId v = net_state (net, shape, fill_noise);

  memcpy (g_array_index (net->feeds, Feed, 0).data, first, sizeof first);
  memcpy (g_array_index (net->feeds, Feed, 1).data, mean, sizeof mean);
  memcpy (g_array_index (net->feeds, Feed, 2).data, square, sizeof square);
  ccs_adam (net->program, param, KNOWN (net, shape, 0.5f, -0.1f), m, v,
            KNOWN (net, CCS_SHAPE (4), 0.1f, 0.271f, 0.002997001f, 2), 0.9f,
            0.999f, 1e-8f, 0.01f);
  return param;
}

static const KnownValue known_values[] = {
  { "matmul", known_matmul, 4, { 2, -1.15f, 5, -2.35f } },
  { "matmul, transposed", known_matmul_transposed, 4, { 2, -25, 8, -49 } },
  { "attention",
    known_attention,
    4,
    { 3.6790462f, 4.6790462f, 4.0287333f, 5.0287333f } },
  { "attention's probabilities",
    known_probabilities,
    4,
    { 0.33023845f, 0.66976155f, 0.74281668f, 0.25718332f } },
  { "max_pool", known_max_pool, 2, { -1, -2 } },
  { "max_pool_grad", known_max_pool_grad, 6, { 0, 11, 0, 0, 0, 0 } },
  { "resize_rows",
    known_resize_rows,
    10,
    { 0, 10, 1.5f, 25, 3, 40, 6, 25, 9, 10 } },
  { "frame, zero",
    known_frame_zero,
    12,
    { 0, 0, 1, 2, 1, 2, 3, 4, 3, 4, 0, 0 } },
  { "frame, reflect",
    known_frame_reflect,
    12,
    { 3, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 2 } },
  { "overlap_add", known_overlap_add, 4, { 8, 10, 16, 18 } },
  { "level", known_level, 2, { 0.02f, 0.14f } },
  { "level's gain", known_level_gain, 2, { 50, 1e-3f } },
  { "mse_loss", known_mse_loss, 1, { 3.5f } },
  { "amp_loss", known_amp_loss, 1, { 1.7961796f } },
  { "phase_loss", known_phase_loss, 1, { 0.78767794f } },
  { "phase_loss' bound and count", known_phase_stat, 2, { 0.335f, 3 } },
  { "phase_loss of silence", known_phase_of_silence, 1, { 0 } },
  { "info_nce", known_info_nce, 1, { 0.6299042f } },
  { "square_sum", known_square_sum, 1, { 30 } },
  { "adam", known_adam, 2, { 0.98094008f, -1.9361186f } },
};
