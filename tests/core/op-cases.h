/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cases of test-ops.c: for every op a function that appends it to a net
 * with operands of random shapes, and the table of them. */
#pragma once

#include "op-net.h"

/* -- convolution ----------------------------------------------------------- */

/* Picks the size of a map that is large enough for @kernel filter taps with
 * @dilation. */
static CcsShape
pick_map_for (Net *net, gint kernel, gint dilation, gint pad)
{
  CcsShape map = pick_map (net, pick_channels (net));
  gint64 least = MAX (1, dilation * (kernel - 1) + 1 - 2 * pad);

  map.dim[1] = MAX (map.dim[1], least);
  map.dim[2] = MAX (map.dim[2], least);
  return map;
}

static CcsValueId
append_conv2d (Net *net, CcsShape x, gint64 out, gint kernel, gint stride,
               gint pad, gint dilation, CcsAct act)
{
  CcsProgram *p = net->program;
  CcsValueId input = net_input (net, x, fill_noise);
  CcsValueId w
      = net_weight (net, CCS_SHAPE (out, kernel, kernel, x.dim[3]), fill_noise);
  CcsAttrs attrs = { .conv = { stride, pad, dilation, 0, 0, act } };
  CcsValueId in[] = { input, w, net_bias (net, out), CCS_NONE };

  if (net->round % 3 == 0) {
    gint64 taken = dilation * (kernel - 1) + 1 - 2 * pad;
    in[3] = net_input (net,
                       CCS_SHAPE (x.dim[0], (x.dim[1] - taken) / stride + 1,
                                  (x.dim[2] - taken) / stride + 1, out),
                       fill_noise);
  }
  return ccs_program_append (p, CCS_OP_CONV2D, in, 4, &attrs);
}

static CcsValueId
build_conv2d (Net *net)
{
  gint kernel = pick (net, 1, 5), pad = pick (net, 0, kernel / 2);
  gint dilation = pick (net, 1, 2);

  return append_conv2d (net, pick_map_for (net, kernel, dilation, pad),
                        pick_channels (net), kernel, pick (net, 1, 3), pad,
                        dilation, pick_act (net));
}

/* The filter has rows that are always in the padding. */
static CcsValueId
build_conv2d_wide (Net *net)
{
  gint dilation = 6 * (1 + net->round % 3);
  CcsShape x = CCS_SHAPE (pick (net, 1, 2), 7, net->smooth ? 5 : 14,
                          pick_channels (net));

  return append_conv2d (net, x, pick_channels (net), 3, 1, dilation, dilation,
                        pick_act (net));
}

static CcsValueId
build_conv2d_stem (Net *net)
{
  gint size = net->smooth ? 6 : 21;
  CcsShape x = CCS_SHAPE (pick (net, 1, 2), pick (net, 2, size),
                          pick (net, 2, size), 3);

  return append_conv2d (net, x, net->smooth ? 2 : 16, 7, 2, 3, 1,
                        pick_act (net));
}

/* Some filter taps are always in the padding; in some rounds all of them
 * are. */
static CcsValueId
build_conv2d_of_padding (Net *net)
{
  gint kernel = 2 + net->round % 4;
  CcsShape x = CCS_SHAPE (pick (net, 1, 2), 2 * kernel - 3, pick (net, 8, 10),
                          pick_channels (net));

  return append_conv2d (net, x, pick_channels (net), kernel, 2, 1, 2,
                        pick_act (net));
}

/* Enough channels for fast algorithms, and filter sizes that have one. There
 * is no sigmoid: for sums as large as these it would only leave rounding
 * errors. */
static CcsValueId
build_conv2d_fast (Net *net)
{
  static const struct
  {
    gint kernel, stride;
  } filters[] = { { 3, 1 }, { 5, 1 }, { 3, 2 }, { 4, 2 } };
  const gint which = pick (net, 0, G_N_ELEMENTS (filters) - 1);
  const gint kernel = filters[which].kernel;
  const gint least = net->smooth ? 2 : 32, most = net->smooth ? 4 : 70;
  CcsShape x = pick_map (net, pick (net, least, most));

  x.dim[1] += kernel;
  x.dim[2] += kernel;
  return append_conv2d (net, x, pick (net, least, most), kernel,
                        filters[which].stride, pick (net, 0, kernel - 1), 1,
                        net->round % 2 && !net->smooth ? CCS_RELU : CCS_NO_ACT);
}

/* Several blocks, and columns longer than one part. Not in the table, because
 * it takes longer than all other cases together. */
static CcsValueId
build_conv2d_in_blocks (Net *net)
{
  const gint stride = 1 + net->round % 2, dilation = 1 + net->round / 2 % 2;

  return append_conv2d (net, CCS_SHAPE (3, 21, 34, 40), 70, 3, stride, dilation,
                        dilation, CCS_NO_ACT);
}

static CcsValueId
build_conv_transpose2d (Net *net)
{
  gboolean published = net->round % 2;
  gint kernel = published ? 4 : pick (net, 1, 5);
  gint stride = published ? 2 : pick (net, 1, 3);
  gint pad = published ? 1 : pick (net, 0, (kernel - 1) / 2);
  gint dilation = published ? 1 : pick (net, 1, 2);
  CcsShape x = pick_map (net, pick_channels (net));
  gint64 out = pick_channels (net);
  gint64 more = dilation * (kernel - 1) + 1 - 2 * pad;

  return ccs_conv_transpose2d (
      net->program, net_input (net, x, fill_noise),
      net_weight (net, CCS_SHAPE (x.dim[3], kernel, kernel, out), fill_noise),
      net_bias (net, out), stride, pad, dilation,
      (x.dim[1] - 1) * stride + more + pick (net, 0, stride - 1),
      (x.dim[2] - 1) * stride + more + pick (net, 0, stride - 1),
      pick_act (net));
}

/* -- normalisation --------------------------------------------------------- */

static CcsValueId
append_batch_norm (Net *net, CcsValueId x, gint groups)
{
  CcsProgram *p = net->program;
  CcsShape shape = ccs_program_value (p, x)->shape;
  CcsShape channels = CCS_SHAPE (ccs_shape_channels (&shape));
  gboolean affine = net->round % 3 != 2;
  gboolean constant = !ccs_program_is_training (p) && net->round % 2;
  CcsValueId mean = constant ? net_weight (net, channels, fill_noise)
                             : net_state (net, channels, fill_noise);
  CcsValueId var = constant ? net_weight (net, channels, fill_positive)
                            : net_state (net, channels, fill_positive);

  return ccs_batch_norm (
      p, x, affine ? net_weight (net, channels, fill_apart) : CCS_NONE,
      affine ? net_weight (net, channels, fill_noise) : CCS_NONE, mean, var,
      groups, 1e-5f, 0.1f, pick_act (net));
}

static CcsValueId
build_batch_norm (Net *net)
{
  return append_batch_norm (
      net, net_input (net, pick_map (net, pick_channels (net)), fill_noise), 1);
}

/* In inference, a batch norm after a convolution is folded into it when the
 * program is optimised. */
static CcsValueId
build_conv_batch_norm (Net *net)
{
  CcsShape x = pick_map (net, pick_channels (net));
  gint64 out = pick_channels (net);
  CcsValueId y = ccs_conv2d (
      net->program, net_input (net, x, fill_noise),
      net_weight (net, CCS_SHAPE (out, 3, 3, x.dim[3]), fill_noise),
      net_bias (net, out), 1, 1, 1, CCS_NO_ACT);

  return append_batch_norm (net, y, 1);
}

/* Each channel and each group has at least 8 values. */
static CcsValueId
build_batch_norm_train (Net *net)
{
  gint groups = net->round % 3 + 1, larger = net_is_large (net) ? 8 : 1;
  CcsShape x = CCS_SHAPE (groups * pick (net, 1, 2), larger * pick (net, 2, 5),
                          larger * pick (net, 4, 5), pick_channels (net));

  return append_batch_norm (net, net_input (net, x, fill_noise), groups);
}

static CcsValueId
build_layer_norm (Net *net)
{
  CcsShape x = CCS_SHAPE (pick (net, 1, 3), pick (net, 1, 9),
                          pick_norm_channels (net));
  CcsShape channels = CCS_SHAPE (x.dim[2]);

  /* A single channel has no variance. */
  if (x.dim[2] == 1)
    x.dim[2] = channels.dim[0] = 6;
  return ccs_layer_norm (net->program, net_input (net, x, fill_noise),
                         net_weight (net, channels, fill_apart),
                         net_weight (net, channels, fill_noise), 1e-5f);
}

static CcsValueId
build_l2_normalize (Net *net)
{
  CcsShape x = CCS_SHAPE (pick (net, 1, 3), pick (net, 1, 9),
                          pick_norm_channels (net));
  CcsValueId input = net_input (net, x, fill_apart);
  Feed *feed = &g_array_index (net->feeds, Feed, net->feeds->len - 1);

  /* Makes a row of zeros. */
  if (!net->smooth && net->round % 2)
    memset (feed->data, 0, (feed->bytes / ccs_shape_rows (&x)));
  return ccs_l2_normalize (net->program, input, 1e-12f);
}

/* -- pointwise ------------------------------------------------------------- */

static CcsValueId
build_activation (Net *net)
{
  const CcsAct acts[] = { CCS_RELU, CCS_LEAKY_RELU (0.01f),
                          CCS_LEAKY_RELU (0.2f), CCS_SIGMOID };

  return ccs_activation (net->program,
                         net_input (net, pick_shape (net), fill_apart),
                         acts[net->round % 4]);
}

/* Picks a shape that broadcasts to @a: equal, some dimensions 1, leading ones
 * missing, or one element. */
static CcsShape
pick_broadcast (Net *net, const CcsShape *a)
{
  CcsShape b = *a;
  guint absent = 0;

  switch (net->round % 5) {
  case 0:
    return b;
  case 1:
    return CCS_SHAPE (1);
  case 2:
    absent = pick (net, 0, a->rank - 1);
    break;
  default:
    break;
  }
  b = (CcsShape){ .rank = a->rank - absent };
  for (guint i = 0; i < b.rank; i++)
    b.dim[i] = g_rand_boolean (net->rand) ? 1 : a->dim[i + absent];
  return b;
}

static CcsValueId
build_add (Net *net)
{
  CcsShape a = pick_shape (net), b = pick_broadcast (net, &a);
  CcsValueId x = net_input (net, a, fill_noise);

  return ccs_add (net->program, x, net_input (net, b, fill_noise),
                  pick_act (net));
}

static CcsValueId
build_sub (Net *net)
{
  CcsShape a = pick_shape (net), b = pick_broadcast (net, &a);
  CcsValueId x = net_input (net, a, fill_noise);

  return ccs_sub (net->program, x, net_input (net, b, fill_noise));
}

static CcsValueId
build_mul (Net *net)
{
  CcsShape a = pick_shape (net), b = pick_broadcast (net, &a);
  CcsValueId x = net_input (net, a, fill_noise);

  return ccs_mul (net->program, x, net_input (net, b, fill_noise));
}

static CcsValueId
build_affine (Net *net)
{
  return ccs_affine (net->program,
                     net_input (net, pick_shape (net), fill_noise),
                     g_rand_double_range (net->rand, -2, 2),
                     g_rand_double_range (net->rand, -2, 2));
}

static CcsValueId
build_modulate (Net *net)
{
  CcsShape shape = pick_shape (net);
  CcsValueId x = net_input (net, shape, fill_noise);
  CcsValueId gamma = net_input (net, shape, fill_noise);

  return ccs_modulate (net->program, x, gamma,
                       net_input (net, shape, fill_noise), pick_act (net));
}

static CcsValueId
build_complex_mul (Net *net)
{
  CcsShape shape = pick_shape (net);

  shape.dim[shape.rank - 1] = 2 * pick (net, 1, 4);
  CcsValueId a = net_input (net, shape, fill_noise);
  return ccs_complex_mul (net->program, a, net_input (net, shape, fill_noise),
                          net->round / CCS_MAX_RANK % 2);
}

/* -- shape ----------------------------------------------------------------- */

static CcsValueId
build_reshape (Net *net)
{
  CcsShape x = pick_map (net, pick_channels (net));
  CcsValueId input = net_input (net, x, fill_noise);
  const CcsShape shapes[] = {
    CCS_SHAPE (x.dim[0], x.dim[1] * x.dim[2], x.dim[3]),
    CCS_SHAPE (x.dim[0] * x.dim[1], x.dim[2] * x.dim[3]),
    CCS_SHAPE (ccs_shape_elements (&x)),
    CCS_SHAPE (x.dim[3], x.dim[1], x.dim[0] * x.dim[2]),
  };

  return ccs_reshape (net->program, input,
                      shapes[net->round % G_N_ELEMENTS (shapes)]);
}

static CcsValueId
build_transpose (Net *net)
{
  static const gint perms[][CCS_MAX_RANK] = {
    { 1, 0, -1, -1 }, { 0, 2, 1, -1 }, { 0, 3, 1, 2 }, { 0, 2, 3, 1 },
    { 2, 0, 1, -1 },  { 3, 1, 2, 0 },  { 1, 0, 2, 3 }, { 0, 2, 1, 3 },
  };
  const gint *perm = perms[net->round % G_N_ELEMENTS (perms)];
  CcsShape shape = pick_map (net, pick_channels (net));

  shape.rank = perm[2] < 0 ? 2 : perm[3] < 0 ? 3 : 4;
  for (guint i = shape.rank; i < CCS_MAX_RANK; i++)
    shape.dim[i] = 0;
  return ccs_transpose (net->program, net_input (net, shape, fill_noise),
                        perm[0], perm[1], perm[2], perm[3]);
}

/* Concatenates results of ops, which may be computed in place, with inputs,
 * which may not. */
static CcsValueId
build_concat (Net *net)
{
  CcsShape shape = pick_shape (net);
  gint axis = net->round / CCS_MAX_RANK % 2 ? 0 : shape.rank - 1;
  guint n = pick (net, 1, CCS_MAX_INPUTS);
  CcsValueId parts[CCS_MAX_INPUTS];

  for (guint i = 0; i < n; i++) {
    shape.dim[axis] = pick (net, 1, 9);
    parts[i] = net_input (net, shape, fill_noise);
    if (g_rand_boolean (net->rand))
      parts[i] = ccs_affine (net->program, parts[i], 2.f, 1.f);
  }
  return ccs_concat (net->program, parts, n, axis);
}

static CcsValueId
build_slice (Net *net)
{
  CcsShape shape = pick_shape (net);
  gint axis = net->round / CCS_MAX_RANK % 2 ? 0 : shape.rank - 1;
  gint64 start = pick (net, 0, shape.dim[axis] - 1);

  return ccs_slice (net->program, net_input (net, shape, fill_noise), axis,
                    start, pick (net, 1, shape.dim[axis] - start));
}

static CcsValueId
build_copy (Net *net)
{
  CcsValueId x = net_input (net, pick_shape (net), fill_noise);
  return ccs_program_append (net->program, CCS_OP_COPY, &x, 1, NULL);
}

static CcsValueId
build_broadcast (Net *net)
{
  CcsShape to = pick_shape (net), from = pick_broadcast (net, &to);

  return ccs_broadcast (net->program, net_input (net, from, fill_noise), to,
                        0.7f);
}

static CcsValueId
build_reduce (Net *net)
{
  CcsShape from = pick_shape (net), to = pick_broadcast (net, &from);

  return ccs_reduce (net->program, net_input (net, from, fill_noise), to, 0.7f);
}

/* Indices are a permutation in even rounds. In odd rounds some tokens are
 * used several times, others not at all. */
static CcsValueId
build_gather_tokens (Net *net)
{
  CcsShape x
      = CCS_SHAPE (pick (net, 1, 3), pick (net, 1, 11), pick_channels (net));
  gint tokens = x.dim[1], n = net->round % 2 ? pick (net, 1, 13) : tokens;
  CcsValueId input = net_input (net, x, fill_noise);
  g_autofree char *name = net_new_name (net);
  CcsValueId index
      = ccs_program_input (net->program, name, CCS_S32, CCS_SHAPE (n));
  gint32 *places = net_add_feed (net, index, n * sizeof (gint32), FALSE);

  for (gint i = 0; i < n; i++) {
    gint j = pick (net, 0, i);
    places[i] = net->round % 2 ? pick (net, 0, tokens - 1) : places[j];
    if (net->round % 2 == 0)
      places[j] = i;
  }
  return ccs_gather_tokens (net->program, input, index);
}

static CcsValueId
build_lookup (Net *net)
{
  CcsShape x = pick_shape (net);
  const gint64 n = ccs_shape_elements (&x), channels = ccs_shape_channels (&x);
  g_autofree char *name = net_new_name (net);
  CcsValueId input = ccs_program_input (net->program, name, CCS_U8, x);
  guint8 *bytes = net_add_feed (net, input, n, FALSE);

  for (gint64 i = 0; i < n; i++)
    bytes[i] = pick (net, 0, G_MAXUINT8);
  return ccs_lookup (
      net->program, input,
      net_input (net, (CcsShape)CCS_SHAPE (channels, CCS_LOOKUP_LEVELS),
                 fill_noise));
}

/* -- products -------------------------------------------------------------- */

static CcsValueId
build_matmul (Net *net)
{
  gboolean ta = net->round & 1, tb = net->round >> 1 & 1;
  guint rank = 2 + net->round / 4 % 3;
  gint size = net->smooth ? 5 : net_is_large (net) ? 300 : 40;
  gint64 m = pick (net, 1, size), n = pick (net, 1, size);
  gint64 k = net_is_large (net) ? 514 : pick (net, 1, size);
  CcsShape a = { .rank = rank }, b = { .rank = rank };

  for (guint i = 0; i + 2 < rank; i++)
    a.dim[i] = b.dim[i] = pick (net, 1, 3);
  a.dim[rank - 2] = ta ? k : m;
  a.dim[rank - 1] = ta ? m : k;
  b.dim[rank - 2] = tb ? n : k;
  b.dim[rank - 1] = tb ? k : n;
  CcsValueId x = net_input (net, a, fill_noise);
  CcsValueId y = g_rand_boolean (net->rand) ? net_weight (net, b, fill_noise)
                                            : net_input (net, b, fill_noise);
  return ccs_matmul (net->program, x, y, net_bias (net, n), ta, tb, 0.7f,
                     pick_act (net));
}

static CcsValueId
build_linear (Net *net)
{
  CcsShape x = pick_shape (net);
  gint64 out = pick_channels (net);

  if (x.rank == 1)
    x = CCS_SHAPE (pick (net, 1, 9), x.dim[0]);
  return ccs_linear (
      net->program, net_input (net, x, fill_noise),
      net_weight (net, CCS_SHAPE (out, ccs_shape_channels (&x)), fill_noise),
      net_bias (net, out), pick_act (net));
}

/* More tokens than the reference functions process in a tile. Used in round
 * 0, even if operands are perturbed. */
#define MANY_TOKENS 36

/* In odd rounds keys and queries are the same value, as in self-attention. */
static CcsValueId
build_attention (Net *net)
{
  gint heads = pick (net, 1, 8), tokens = net->smooth ? 5 : 120;
  gint64 batch = pick (net, 1, 2);
  gint64 channels = heads * pick (net, 1, net->smooth ? 3 : 40);
  CcsShape to = CCS_SHAPE (batch, pick (net, 1, tokens), channels);
  CcsShape from = CCS_SHAPE (batch, pick (net, 1, tokens), channels);
  gboolean self = net->round % 2;

  if (net->round == 0)
    to.dim[1] = from.dim[1] = MANY_TOKENS;
  if (net_is_large (net))
    to.dim[1] = from.dim[1] = LONG_SUM;

  CcsValueId q = net_input (net, to, fill_noise);
  CcsValueId k = self ? q : net_input (net, from, fill_noise);
  CcsValueId v = net_input (net, self ? to : from, fill_noise);
  return ccs_attention (net->program, q, k, v, heads);
}

/* -- pooling and sampling -------------------------------------------------- */

static CcsValueId
build_max_pool (Net *net)
{
  gboolean published = net->round % 2;
  gint kernel = published ? 3 : pick (net, 1, 5);
  gint stride = published ? 2 : pick (net, 1, 3);
  gint pad = published ? 1 : pick (net, 0, kernel / 2);
  CcsShape x = pick_map_for (net, kernel, 1, pad);

  return ccs_max_pool (net->program,
                       net_input (net, x,
                                  net->smooth      ? fill_shuffled
                                  : net->round & 2 ? fill_ties
                                                   : fill_noise),
                       kernel, stride, pad);
}

static CcsValueId
build_resize_rows (Net *net)
{
  CcsShape x = pick_map (net, pick_channels (net));
  gint64 rows[] = { x.dim[1] + 1, 1, x.dim[1], pick (net, 1, 25) };

  return ccs_resize_rows (net->program, net_input (net, x, fill_noise),
                          rows[net->round % G_N_ELEMENTS (rows)]);
}

/* -- signal ---------------------------------------------------------------- */

/* Picks a number of samples that frames of @window cover completely or not,
 * with padding @pad smaller than it. */
static gint64
pick_samples (Net *net, gint *window, gint *hop, gint *pad)
{
  gint size = net->smooth ? 12 : 90;

  *window = pick (net, 1, size);
  *hop = pick (net, 1, size);
  *pad = pick (net, 0, size);
  return MAX (*pad + 1, *window) + pick (net, 0, 2 * size);
}

static CcsValueId
build_frame (Net *net)
{
  gint window, hop, pad;
  gint64 n = pick_samples (net, &window, &hop, &pad);

  return ccs_frame (
      net->program,
      net_input (net, CCS_SHAPE (pick (net, 1, 3), n), fill_noise), window, hop,
      pad, net->round % 2 ? CCS_PAD_REFLECT : CCS_PAD_ZERO);
}

static CcsValueId
build_overlap_add (Net *net)
{
  gint window, hop, pad;
  gint64 n = pick_samples (net, &window, &hop, &pad);
  CcsShape frames
      = CCS_SHAPE (pick (net, 1, 3), 1 + (n + 2 * pad - window) / hop, window);

  return ccs_overlap_add (net->program, net_input (net, frames, fill_noise), n,
                          hop, pad,
                          net->round % 2 ? CCS_PAD_REFLECT : CCS_PAD_ZERO);
}

/* In odd rounds the input is silence, below the floor. */
static CcsValueId
build_level (Net *net)
{
  CcsValueId x = net_input (
      net, CCS_SHAPE (pick (net, 1, 3), pick (net, 1, 300)), fill_noise);

  if (net->round % 2)
    x = ccs_affine (net->program, x, 1e-6f, 0.f);
  return ccs_level (net->program, x, 0.1f, 1e-4f);
}

/* -- losses ---------------------------------------------------------------- */

static CcsValueId
build_mse_loss (Net *net)
{
  CcsShape shape = pick_shape (net);
  CcsValueId a = net_input (net, shape, fill_noise);

  return ccs_mse_loss (net->program, a, net_input (net, shape, fill_noise));
}

/* One input is louder everywhere, so that no two norms are equal. In odd
 * rounds without perturbation some norms are zero. */
static CcsValueId
build_amp_loss (Net *net)
{
  gint64 bins = net_is_large (net) ? LONG_SUM : pick (net, 1, 9);
  CcsShape shape = CCS_SHAPE (pick (net, 1, 2), bins, pick (net, 1, 7), 2);
  CcsValueId a = net_input (net, shape, fill_apart);
  Feed *feed = &g_array_index (net->feeds, Feed, net->feeds->len - 1);

  if (!net->smooth && net->round % 2)
    memset (feed->data, 0, feed->bytes / (shape.dim[0] * shape.dim[1]));
  CcsValueId b = ccs_affine (net->program, net_input (net, shape, fill_apart),
                             20.f, 0.f);
  return net->round % 3 ? ccs_amp_loss (net->program, a, b)
                        : ccs_amp_loss (net->program, b, a);
}

/* All points are clearly above or below the threshold, and angle differences
 * are neither 0 nor pi. */
static CcsValueId
build_phase_loss (Net *net)
{
  gint64 frames = net_is_large (net) ? LONG_SUM : pick (net, 1, 6);
  CcsShape shape = CCS_SHAPE (pick (net, 1, 3), frames,
                              2 * pick (net, net_is_large (net) ? 8 : 1, 9));
  gsize points = ccs_shape_elements (&shape) / 2;
  float *real, *generated;
  CcsValueId a = net_raw_input (net, shape, &real);
  g_array_index (net->feeds, Feed, net->feeds->len - 1).differentiable = FALSE;
  CcsValueId b = net_raw_input (net, shape, &generated);

  for (gsize i = 0; i < points; i++) {
    double turn = g_rand_double_range (net->rand, -G_PI, G_PI);
    double apart = g_rand_double_range (net->rand, 0.3, G_PI - 0.3)
                   * (g_rand_boolean (net->rand) ? 1 : -1);
    double loud = pick (net, 0, 3) ? 1.5 : 0.01;
    double other = i == 0 || pick (net, 0, 3) ? 1.5 : 0.01;
    real[2 * i] = loud * sin (turn);
    real[2 * i + 1] = loud * cos (turn);
    generated[2 * i] = other * sin (turn + apart);
    generated[2 * i + 1] = other * cos (turn + apart);
  }
  return ccs_phase_loss (net->program, a, b, 0.2f);
}

static CcsValueId
build_info_nce (Net *net)
{
  gint pairs = net->round == 0      ? MANY_TOKENS / 2
               : net_is_large (net) ? LONG_SUM / 3
               : net->smooth        ? pick (net, 1, 3)
                                    : pick (net, 1, 24);
  CcsValueId z = net_input (
      net, CCS_SHAPE (3 * pairs, net->smooth ? 4 : pick (net, 2, 40)),
      fill_apart);

  /* Sharp peaks would make derivatives steep. */
  return ccs_info_nce (net->program, ccs_l2_normalize (net->program, z, 1e-12f),
                       net->smooth ? 0.7f : 0.1f);
}

/* -- optimiser ------------------------------------------------------------- */

static CcsValueId
build_square_sum (Net *net)
{
  CcsValueId x = net_input (net, pick_shape (net), fill_noise);
  return ccs_program_append (net->program, CCS_OP_SQUARE_SUM, &x, 1, NULL);
}

/* A learning rate of 1, so that the update is as large as the parameter. */
static CcsValueId
build_adam (Net *net)
{
  CcsShape shape = pick_shape (net);
  CcsValueId param = net_state (net, shape, fill_noise);
  CcsValueId grad = net_dense_input (net, shape, fill_noise);
  CcsValueId m = net_state (net, shape, fill_noise);
  CcsValueId v = net_state (net, shape, fill_positive);
  float *hyper;
  CcsValueId id = net_raw_input (net, CCS_SHAPE (4), &hyper);

  hyper[0] = 1.f;
  hyper[1] = 1 - pow (0.9, net->round + 1);
  hyper[2] = 1 - pow (0.999, net->round + 1);
  hyper[3] = net->round % 2 ? 1.f : 0.3f;
  ccs_adam (net->program, param, grad, m, v, id, 0.9f, 0.999f, 1e-8f, 0.1f);
  return CCS_NONE;
}

/* -- the table ------------------------------------------------------------- */

typedef struct
{
  const char *name;
  /* The op under test; its gradient, if it has one, is compared with
   * differences. */
  CcsOpKind kind;
  gboolean training;
  CcsValueId (*build) (Net *net);
} OpCase;

static const OpCase op_cases[] = {
  { "conv2d", CCS_OP_CONV2D, FALSE, build_conv2d },
  { "conv2d wider than the map", CCS_OP_CONV2D, FALSE, build_conv2d_wide },
  { "conv2d of many channels", CCS_OP_CONV2D, FALSE, build_conv2d_fast },
  { "conv2d of padding", CCS_OP_CONV2D, FALSE, build_conv2d_of_padding },
  { "conv2d 7x7", CCS_OP_CONV2D, FALSE, build_conv2d_stem },
  { "conv_transpose2d", CCS_OP_CONV_TRANSPOSE2D, FALSE,
    build_conv_transpose2d },
  { "batch_norm", CCS_OP_BATCH_NORM, FALSE, build_batch_norm },
  { "conv2d, batch_norm", CCS_OP_BATCH_NORM, FALSE, build_conv_batch_norm },
  { "batch_norm_train", CCS_OP_BATCH_NORM_TRAIN, TRUE, build_batch_norm_train },
  { "layer_norm", CCS_OP_LAYER_NORM, FALSE, build_layer_norm },
  { "l2_normalize", CCS_OP_L2_NORMALIZE, FALSE, build_l2_normalize },
  { "activation", CCS_OP_ACTIVATION, FALSE, build_activation },
  { "add", CCS_OP_ADD, FALSE, build_add },
  { "sub", CCS_OP_SUB, FALSE, build_sub },
  { "mul", CCS_OP_MUL, FALSE, build_mul },
  { "affine", CCS_OP_AFFINE, FALSE, build_affine },
  { "modulate", CCS_OP_MODULATE, FALSE, build_modulate },
  { "complex_mul", CCS_OP_COMPLEX_MUL, FALSE, build_complex_mul },
  { "reshape", CCS_OP_RESHAPE, FALSE, build_reshape },
  { "transpose", CCS_OP_TRANSPOSE, FALSE, build_transpose },
  { "concat", CCS_OP_CONCAT, FALSE, build_concat },
  { "slice", CCS_OP_SLICE, FALSE, build_slice },
  { "copy", CCS_OP_COPY, FALSE, build_copy },
  { "broadcast", CCS_OP_BROADCAST, FALSE, build_broadcast },
  { "reduce", CCS_OP_REDUCE, FALSE, build_reduce },
  { "gather_tokens", CCS_OP_GATHER_TOKENS, FALSE, build_gather_tokens },
  { "lookup", CCS_OP_LOOKUP, FALSE, build_lookup },
  { "matmul", CCS_OP_MATMUL, FALSE, build_matmul },
  { "linear", CCS_OP_MATMUL, FALSE, build_linear },
  { "attention", CCS_OP_ATTENTION, FALSE, build_attention },
  { "max_pool", CCS_OP_MAX_POOL, FALSE, build_max_pool },
  { "resize_rows", CCS_OP_RESIZE_ROWS, FALSE, build_resize_rows },
  { "frame", CCS_OP_FRAME, FALSE, build_frame },
  { "overlap_add", CCS_OP_OVERLAP_ADD, FALSE, build_overlap_add },
  { "level", CCS_OP_LEVEL, FALSE, build_level },
  { "mse_loss", CCS_OP_MSE_LOSS, FALSE, build_mse_loss },
  { "amp_loss", CCS_OP_AMP_LOSS, FALSE, build_amp_loss },
  { "phase_loss", CCS_OP_PHASE_LOSS, FALSE, build_phase_loss },
  { "info_nce", CCS_OP_INFO_NCE, FALSE, build_info_nce },
  { "square_sum", CCS_OP_SQUARE_SUM, FALSE, build_square_sum },
  { "adam", CCS_OP_ADAM, FALSE, build_adam },
};

static const OpCase blocks_case
    = { "conv2d in blocks", CCS_OP_CONV2D, FALSE, build_conv2d_in_blocks };
