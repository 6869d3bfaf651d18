/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AVAD (specification section 4): normalises the audio map, then scales and
 * shifts each point by its similarity to each of the 98 visual tokens. */
#include "architecture.h"
#include "net-layer.h"

#define NORMALIZE_EPS 1e-12f /* for both token sets, over channels */

/* Adds the position table to tokens x [B,T,C] and normalises each to length 1.
 */
static CcsValueId
placed_unit_tokens (CcsProgram *p, CcsValueId x, const char *module,
                    const char *table)
{
  g_autofree char *name = g_strconcat (module, table, NULL);
  CcsShape s = ccs_net_shape (p, x);
  CcsValueId pos = ccs_program_param (
      p, name, CCS_SHAPE (1, s.dim[1], s.dim[2]), CCS_LAYOUT_PLAIN);

  return ccs_l2_normalize (p, ccs_add (p, x, pos, CCS_NO_ACT), NORMALIZE_EPS);
}

/* Appends a 5x5 convolution that keeps the size, and the channels unless @out
 * is given. */
static CcsValueId
mlp (CcsProgram *p, CcsValueId x, const char *module, const char *leaf,
     gint out, CcsAct act)
{
  g_autofree char *name = g_strconcat (module, leaf, NULL);
  CcsNetConv spec = { .out = out,
                      .kernel = CCS_AVAD_KERNEL,
                      .stride = 1,
                      .pad = CCS_AVAD_KERNEL / 2,
                      .bias = TRUE,
                      .act = act };

  return ccs_net_conv (p, x, name, spec);
}

CcsValueId
ccs_net_avad (CcsProgram *p, CcsValueId x, CcsValueId visual_feat,
              const char *module)
{
  g_autofree char *norm = g_strconcat (module, ".param_free_norm", NULL);
  g_autofree char *visual_conv = g_strconcat (module, ".visual_conv", NULL);
  CcsShape s = ccs_net_shape (p, x);
  gint channels = s.dim[3];
  CcsNetConv to_channels
      = { .out = channels, .kernel = 1, .stride = 1, .bias = TRUE };
  CcsValueId normed, audio, visual, score, hidden, gamma, beta;

  normed = ccs_net_batch_norm (p, x, norm, CCS_NET_NORM_PLAIN, 1, CCS_NO_ACT);
  visual = ccs_net_conv (p, visual_feat, visual_conv, to_channels);
  audio = placed_unit_tokens (p, ccs_net_tokens (p, normed), module,
                              ".pos_embed_a");
  visual = placed_unit_tokens (p, ccs_net_tokens (p, visual), module,
                               ".pos_embed_v");
  /* [B,H W,98]: the map with one channel for each visual token. */
  score = ccs_matmul (p, audio, visual, CCS_NONE, FALSE, TRUE, 1.f, CCS_NO_ACT);
  score = ccs_reshape (
      p, score, CCS_SHAPE (s.dim[0], s.dim[1], s.dim[2], CCS_VISUAL_TOKENS));
  hidden = mlp (p, score, module, ".mlp_shared.0", channels, CCS_RELU);
  gamma = mlp (p, hidden, module, ".mlp_gamma", channels, CCS_NO_ACT);
  beta = mlp (p, hidden, module, ".mlp_beta", channels, CCS_NO_ACT);
  return ccs_modulate (p, normed, gamma, beta, CCS_RELU);
}
