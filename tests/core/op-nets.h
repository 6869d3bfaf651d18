/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small random nets for test-ops.c: layers on a map, followed by attention
 * between the cells of the map. */
#pragma once

#include "op-cases.h"

/* Fills in filters that keep values near 1 through many layers, so that no
 * activation saturates. */
static void
fill_filter (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = g_rand_double_range (net->rand, -0.3, 0.3);
}

static CcsValueId
net_conv (Net *net, CcsValueId x, gint64 out, gint kernel, CcsAct act)
{
  gint64 in = ccs_program_value (net->program, x)->shape.dim[3];

  return ccs_conv2d (
      net->program, x,
      net_weight (net, CCS_SHAPE (out, kernel, kernel, in), fill_filter),
      net_bias (net, out), 1, kernel / 2, 1, act);
}

/* Adds layers that halve and double the size of the map. */
static CcsValueId
net_hourglass (Net *net, CcsValueId x)
{
  CcsShape shape = ccs_program_value (net->program, x)->shape;
  gint64 c = shape.dim[3], inner = pick (net, 2, 5);
  CcsValueId half
      = ccs_conv2d (net->program, x,
                    net_weight (net, CCS_SHAPE (inner, 4, 4, c), fill_filter),
                    CCS_NONE, 2, 1, 1, CCS_NO_ACT);

  return ccs_conv_transpose2d (
      net->program, append_batch_norm (net, half, net->round % 2 + 1),
      net_weight (net, CCS_SHAPE (inner, 4, 4, c), fill_filter),
      net_bias (net, c), 2, 1, 1, shape.dim[1], shape.dim[2], pick_act (net));
}

/* Adds a layer that keeps the size of a map, but may change its channels. */
static CcsValueId
net_layer (Net *net, CcsValueId x, CcsValueId skip)
{
  CcsProgram *p = net->program;
  gint64 c = ccs_program_value (p, x)->shape.dim[3];

  switch (pick (net, 0, 8)) {
  case 0:
    return net_conv (net, x, pick (net, 2, 6), 3, pick_act (net));
  case 1:
    return append_batch_norm (
        net, net_conv (net, x, pick (net, 2, 6), 1, CCS_NO_ACT),
        net->round % 2 + 1);
  case 2:
    return ccs_add (p, x, net_conv (net, x, c, 3, CCS_NO_ACT), pick_act (net));
  case 3:
    return ccs_concat (p, (CcsValueId[]){ x, skip }, 2, 3);
  case 4:
    return ccs_modulate (p, x, net_conv (net, x, c, 1, pick_act (net)),
                         net_conv (net, x, c, 1, CCS_NO_ACT), pick_act (net));
  case 5:
    return ccs_slice (p, x, 3, c / 2, c - c / 2);
  case 6: /* reads x a second time, through a slice of it */
    return ccs_add (p, x, ccs_slice (p, x, 3, 0, 1), pick_act (net));
  case 7: /* reads x after an op that could have worked in place */
    return ccs_add (p, ccs_affine (p, x, 0.5f, 0.1f), x, CCS_NO_ACT);
  default:
    return net_hourglass (net, x);
  }
}

/* Adds self-attention over the map's cells. */
static CcsValueId
net_attend (Net *net, CcsValueId map)
{
  CcsProgram *p = net->program;
  CcsShape shape = ccs_program_value (p, map)->shape;
  gint64 dim = 8;
  CcsValueId x = ccs_reshape (
      p, map,
      CCS_SHAPE (shape.dim[0], shape.dim[1] * shape.dim[2], shape.dim[3]));
  CcsValueId parts[3];

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    parts[i] = ccs_linear (
        p, x, net_weight (net, CCS_SHAPE (dim, shape.dim[3]), fill_filter),
        net_bias (net, dim), CCS_NO_ACT);
  CcsValueId y = ccs_add (p, ccs_attention (p, parts[0], parts[1], parts[2], 2),
                          parts[2], CCS_NO_ACT);
  return ccs_layer_norm (p, y, net_weight (net, CCS_SHAPE (dim), fill_apart),
                         net_weight (net, CCS_SHAPE (dim), fill_noise), 1e-5f);
}

static CcsValueId
build_net (Net *net)
{
  /* The batch is even, so that it can be divided into two groups. */
  CcsShape shape
      = CCS_SHAPE (2, pick (net, 4, 7), pick (net, 4, 7), pick (net, 2, 6));
  CcsValueId x = net_input (net, shape, fill_noise), skip = x;
  gint layers = pick (net, 3, 7);

  for (gint i = 0; i < layers; i++) {
    CcsValueId y = net_layer (net, x, skip);
    skip = x;
    x = y;
  }
  if (!net->smooth && net->round % 2)
    x = ccs_max_pool (net->program, x, 3, 2, 1);
  return net_attend (net, x);
}
