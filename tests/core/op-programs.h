/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds the programs of the cases in op-cases.h: forward, and with gradients.
 */
#pragma once

#include "nn/gradient.h"
#include "op-cases.h"
#include "op-runs.h"

#define MAX_FEEDS 128

/* Makes @y part of a value with wider rows. */
static CcsValueId
widen_result (Net *net, CcsValueId y)
{
  CcsProgram *p = net->program;
  CcsShape shape = ccs_program_value (p, y)->shape;

  if (shape.rank < 2 || ccs_program_value (p, y)->dtype != CCS_F32)
    return y;
  CcsValueId other = net_dense_input (net, shape, fill_noise);
  CcsValueId parts[] = { ccs_affine (p, other, 1.f, 1.f), y };
  return ccs_concat (p, parts, 2, shape.rank - 1);
}

/* Builds the program of a case for one round; its result is an output. */
static Net *
build_forward (const OpCase *op_case, guint round, gboolean pitched)
{
  Net *net = net_new (op_case->name, round, op_case->training);

  net->pitched = pitched;
  CcsValueId y = op_case->build (net);
  if (pitched && y != CCS_NONE)
    y = widen_result (net, y);
  ccs_program_output (net->program, "y", y);
  return net;
}

/* Appends to @net the loss, the sum of y x weights, and its gradient for
 * every differentiable feed. The gradients are outputs and are stored in
 * @grads. Returns the weights. */
static const float *
append_gradient (Net *net, CcsValueId y, CcsValueId *grads, const char *label)
{
  g_autoptr (GError) error = NULL;
  CcsProgram *p = net->program;
  CcsValueId wrt[MAX_FEEDS];
  guint n = 0, n_feeds = net->feeds->len;

  assert_ok (ccs_program_check (p, &error), error, label);
  CcsValueId weights
      = net_dense_input (net, ccs_program_value (p, y)->shape, fill_apart);
  CcsValueId loss = ccs_reduce (p, ccs_mul (p, y, weights), CCS_SHAPE (1), 1.f);
  ccs_program_name (p, "loss", loss);
  for (guint i = 0; i < n_feeds; i++)
    if (g_array_index (net->feeds, Feed, i).differentiable)
      wrt[n++] = g_array_index (net->feeds, Feed, i).id;
  g_assert (n <= G_N_ELEMENTS (wrt));
  assert_ok (ccs_program_gradient (p, loss, wrt, n, grads, &error), error,
             label);
  return g_array_index (net->feeds, Feed, n_feeds).data;
}

static gboolean
has_gradient (const OpCase *op_case)
{
  return ccs_op_row (op_case->kind)->gradient != NULL;
}

/* Builds the program of a case with its gradient. In every case, feeds that
 * are not differentiable come last, so the indices of gradients and feeds
 * agree. */
static Net *
build_gradient (const OpCase *op_case, guint round, gboolean smooth,
                CcsValueId *y, const float **weights, CcsValueId *grads)
{
  g_autofree char *name = g_strconcat (op_case->name, " gradient", NULL);
  Net *net = net_new (name, round, TRUE);

  net->smooth = smooth;
  *y = op_case->build (net);
  *weights = append_gradient (net, *y, grads, op_case->name);
  return net;
}
