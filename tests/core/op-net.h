/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small program with random operands, for test-ops.c. A round is one random
 * draw; flags, modes and ranks that must all occur depend on the round's index.
 */
#pragma once

#include <math.h>
#include <string.h>

#include "nn/op-table.h"
#include "nn/program.h"

/* Values of an operand before a run. */
typedef struct
{
  CcsValueId id;
  gpointer data;
  gsize bytes;
  gboolean differentiable;
} Feed;

typedef struct
{
  GRand *rand;
  guint round;
  /* For central differences: values are not near kinks, and no operand is
   * constant. */
  gboolean smooth;
  /* Operands are views of wider rows, and so is the result. */
  gboolean pitched;
  CcsProgram *program;
  GArray *feeds; /* Feed */
} Net;

/* A perturbed value changes by at most this; kinks are further away. */
#define KINK_MARGIN 0.1

typedef void (*Fill) (Net *net, float *x, gsize n);

/* Makes an empty net. Its random values depend on @label and @round alone. */
static Net *
net_new (const char *label, guint round, gboolean training)
{
  Net *net = g_new0 (Net, 1);

  net->round = round;
  net->rand = g_rand_new_with_seed (g_str_hash (label) + round);
  net->program = ccs_program_new (NULL, training);
  net->feeds = g_array_new (FALSE, TRUE, sizeof (Feed));
  return net;
}

static void
net_free (Net *net)
{
  for (guint i = 0; i < net->feeds->len; i++)
    g_free (g_array_index (net->feeds, Feed, i).data);
  g_array_unref (net->feeds);
  g_rand_free (net->rand);
  ccs_program_unref (net->program);
  g_free (net);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Net, net_free)

/* -- operands -------------------------------------------------------------- */

static gint
pick (Net *net, gint low, gint high)
{
  return g_rand_int_range (net->rand, low, high + 1);
}

static void
fill_noise (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = g_rand_double_range (net->rand, -1, 1);
}

/* Fills in values that are not near zero. */
static void
fill_apart (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = g_rand_double_range (net->rand, KINK_MARGIN, 1)
           * (g_rand_boolean (net->rand) ? 1 : -1);
}

static void
fill_positive (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = g_rand_double_range (net->rand, 0.5, 1.5);
}

/* Fills in few different values, so that some maxima are equal. */
static void
fill_ties (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = pick (net, -2, 2);
}

/* Fills in values that are KINK_MARGIN apart, in random order. */
static void
fill_shuffled (Net *net, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    gsize j = pick (net, 0, i);
    x[i] = x[j];
    x[j] = (i - n / 2.) * KINK_MARGIN;
  }
}

static gpointer
net_add_feed (Net *net, CcsValueId id, gsize bytes, gboolean differentiable)
{
  Feed feed = { id, g_malloc (bytes), bytes, differentiable };
  g_array_append_val (net->feeds, feed);
  return feed.data;
}

static char *
net_new_name (Net *net)
{
  return g_strdup_printf ("operand.%u", ccs_program_n_values (net->program));
}

/* An input whose values the caller sets. */
static CcsValueId
net_raw_input (Net *net, CcsShape shape, float **values)
{
  g_autofree char *name = net_new_name (net);
  CcsValueId id = ccs_program_input (net->program, name, CCS_F32, shape);
  *values = net_add_feed (net, id, ccs_shape_elements (&shape) * sizeof (float),
                          TRUE);
  return id;
}

static CcsValueId
net_dense_input (Net *net, CcsShape shape, Fill fill)
{
  float *values;
  CcsValueId id = net_raw_input (net, shape, &values);
  fill (net, values, ccs_shape_elements (&shape));
  return id;
}

/* Adds an activation. In a pitched net it is a view of wider rows. Otherwise
 * it may be the result of an op, whose memory the op under test may reuse. */
static CcsValueId
net_input (Net *net, CcsShape shape, Fill fill)
{
  gint64 channels = ccs_shape_channels (&shape);

  if (!net->pitched)
    return net_dense_input (net, shape, fill);
  if (shape.rank < 2 || g_rand_boolean (net->rand))
    return ccs_affine (net->program, net_dense_input (net, shape, fill), 1.f,
                       0.f);
  gint before = pick (net, 0, 5), after = pick (net, before ? 0 : 1, 5);
  shape.dim[shape.rank - 1] += before + after;
  return ccs_slice (net->program, net_dense_input (net, shape, fill),
                    shape.rank - 1, before, channels);
}

/* Adds a parameter. In every second pair of rounds all parameters are
 * constants, which can be folded; in the other rounds half of them are. A
 * parameter that is to be perturbed is never constant. */
static CcsValueId
net_weight (Net *net, CcsShape shape, Fill fill)
{
  if (net->smooth || (!(net->round & 2) && g_rand_boolean (net->rand)))
    return net_dense_input (net, shape, fill);

  g_autofree char *name = net_new_name (net);
  gsize n = ccs_shape_elements (&shape);
  float *values = g_new (float, n);
  fill (net, values, n);
  return ccs_program_const (net->program, name,
                            ccs_tensor_new_take (CCS_F32, &shape, values));
}

static CcsValueId
net_bias (Net *net, gint64 channels)
{
  return pick (net, 0, 2) ? net_weight (net, CCS_SHAPE (channels), fill_noise)
                          : CCS_NONE;
}

/* Adds persistent storage, which ops write. */
static CcsValueId
net_state (Net *net, CcsShape shape, Fill fill)
{
  g_autofree char *name = net_new_name (net);
  CcsValueId id = ccs_program_state (net->program, name, shape);
  gsize n = ccs_shape_elements (&shape);
  fill (net, net_add_feed (net, id, n * sizeof (float), FALSE), n);
  return id;
}

/* Length of a sum that exceeds the threads of a block. */
#define LONG_SUM 300

/* Returns whether this round has sums that are longer than the threads of a
 * block, or divided into parts. */
static gboolean
net_is_large (const Net *net)
{
  return !net->smooth && net->round == 7;
}

/* Picks an odd, even or vector-sized number of channels. */
static gint64
pick_channels (Net *net)
{
  static const gint64 channels[] = { 1, 2, 3, 4, 5, 7, 8, 16, 17, 24, 33 };
  if (net_is_large (net))
    return pick (net, 40, 80);
  return channels[pick (net, 0, net->smooth ? 4 : 10)];
}

/* Picks a larger number of channels: with few channels, derivatives of norms
 * are steep. */
static gint64
pick_norm_channels (Net *net)
{
  return net->smooth          ? pick (net, 4, 9)
         : net_is_large (net) ? LONG_SUM
                              : pick_channels (net);
}

static CcsShape
pick_map (Net *net, gint64 channels)
{
  gint least = net_is_large (net) ? 8 : 1, size = net->smooth ? 4 : 11;
  return CCS_SHAPE (pick (net, 1, 3), pick (net, least, size),
                    pick (net, least, size), channels);
}

static CcsShape
pick_shape (Net *net)
{
  CcsShape map = pick_map (net, pick_channels (net));
  CcsShape shape = { .rank = net->round % CCS_MAX_RANK + 1 };

  for (guint i = 0; i < shape.rank; i++)
    shape.dim[i] = map.dim[CCS_MAX_RANK - shape.rank + i];
  return shape;
}

static CcsAct
pick_act (Net *net)
{
  const CcsAct acts[]
      = { CCS_NO_ACT, CCS_SIGMOID, CCS_RELU, CCS_LEAKY_RELU (0.2f) };
  return acts[pick (net, 0, net->smooth ? 1 : 3)];
}
