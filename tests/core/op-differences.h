/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares gradients with central differences. */
#pragma once

#include "op-runs.h"

/* Step of the differences: an element changes by one or two steps. */
#define STEP (1. / 64)
/* Step for nets, whose functions are steeper. With a much smaller step
 * rounding errors would dominate. */
#define NET_STEP (1. / 256)
/* Errors are relative to at least this norm: smaller gradients are below the
 * rounding errors of the results. In a net, a bias before a batch norm has a
 * gradient of zero. */
#define NORM_FLOOR 1e-2
#define NET_NORM_FLOOR 1.
/* Tolerance relative to the gradient's norm. Results are rounded to float32,
 * which gives an error of 6e-8 for values near 1. Differences divide it by
 * the step: about 1e-5 for a few hundred elements. The error of the
 * five-point formula, STEP^4, is smaller for smooth functions. A wrong term
 * in one of N elements gives 1/sqrt (N) > 0.03. */
#define DIFFERENCE_TOLERANCE 2e-3

typedef struct
{
  Net *net;
  CcsPlan *plan;
  CcsValueId y;
  const float *weights;
  double step, norm_floor;
  const char *label;
} Probe;

/* Returns the loss with @feed changed by @step along @direction. */
static double
probe_loss (Probe *probe, const Feed *feed, const float *direction, double step)
{
  g_autoptr (GError) error = NULL;
  gsize n = feed->bytes / sizeof (float);
  g_autofree float *moved = g_memdup2 (feed->data, feed->bytes);
  Feed there = { feed->id, moved, feed->bytes, TRUE };
  CcsShape shape = ccs_program_value (probe->net->program, probe->y)->shape;
  double loss = 0;

  for (gsize i = 0; i < n; i++)
    moved[i] += step * direction[i];
  plan_feed (probe->plan, &there, probe->label);
  assert_ok (ccs_plan_run (probe->plan, CCS_PHASE_FORWARD, &error), error,
             probe->label);
  g_autofree float *y = plan_read (probe->plan, probe->y, probe->label);
  for (gint64 i = 0; i < ccs_shape_elements (&shape); i++)
    loss += (double)probe->weights[i] * y[i];
  return loss;
}

/* Computes d loss / d step at 0 from five points. */
static double
probe_slope (Probe *probe, const Feed *feed, const float *direction)
{
  double h = probe->step;
  double near = probe_loss (probe, feed, direction, h)
                - probe_loss (probe, feed, direction, -h);
  double far = probe_loss (probe, feed, direction, 2 * h)
               - probe_loss (probe, feed, direction, -2 * h);

  plan_feed (probe->plan, feed, probe->label);
  return (8 * near - far) / (12 * h);
}

static void
check_feed (Probe *probe, const Feed *feed, CcsValueId grad)
{
  gsize n = feed->bytes / sizeof (float);
  g_autofree float *direction = g_new (float, n);
  double slope = 0, norm = 0;

  ck_assert_msg (grad != CCS_NONE, "%s: operand %d has no gradient",
                 probe->label, feed->id);
  g_autofree float *gradient = plan_read (probe->plan, grad, probe->label);
  for (gsize i = 0; i < n; i++) {
    direction[i] = g_rand_boolean (probe->net->rand) ? 1.f : -1.f;
    slope += gradient[i] * direction[i];
    norm += (double)gradient[i] * gradient[i];
  }
  norm = MAX (sqrt (norm), probe->norm_floor);
  double measured = probe_slope (probe, feed, direction);
  ck_assert_msg (fabs (measured - slope) <= DIFFERENCE_TOLERANCE * norm,
                 "%s: operand %d: slope %.7g, by differences %.7g, norm %.3g",
                 probe->label, feed->id, slope, measured, norm);
}

/* @grads: gradients of the differentiable feeds, in the order of the feeds. */
static void
check_differences (Net *net, CcsValueId y, const float *weights,
                   const CcsValueId *grads, double step, double norm_floor,
                   const char *label)
{
  g_autoptr (CcsPlan) plan = run_guarded ("reference", net, label);
  Probe probe = { net, plan, y, weights, step, norm_floor, label };
  guint n_feeds = net->feeds->len - 1; /* the last feed is the weights */

  for (guint i = 0; i < n_feeds; i++) {
    const Feed *feed = &g_array_index (net->feeds, Feed, i);
    if (feed->differentiable)
      check_feed (&probe, feed, *grads++);
  }
}
