/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fusion (specification section 3): cross-attention from the 16 audio tokens of
 * the bottleneck to the 98 visual tokens, self-attention, and a feed-forward
 * layer, each followed by a residual and a layer norm. */
#include "architecture.h"
#include "net-layer.h"

#define AUDIO CCS_NET_AUDIO "."
#define CROSS "transformer_cross_attention_layers.0"
#define SELF "transformer_self_attention_layers.0"
#define FFN "transformer_ffn_layers.0"
#define HEADS 8

/* The packed input projection of an attention layer: rows for query, key and
 * value, in this order. */
typedef struct
{
  CcsProgram *p;
  CcsValueId weight; /* [3D,D] */
  CcsValueId bias;   /* [3D] */
  gint dim;
} InProj;

enum
{
  QUERY,
  KEY,
  VALUE,
};

static InProj
in_proj (CcsProgram *p, const char *attention, gint dim)
{
  g_autofree char *weight = g_strconcat (attention, ".in_proj_weight", NULL);
  g_autofree char *bias = g_strconcat (attention, ".in_proj_bias", NULL);

  return (InProj){
    p,
    ccs_program_param (p, weight, CCS_SHAPE (3 * dim, dim), CCS_LAYOUT_PLAIN),
    ccs_program_param (p, bias, CCS_SHAPE (3 * dim), CCS_LAYOUT_PLAIN), dim
  };
}

/* Projects tokens x [..,D] with @n consecutive parts of the projection from
 * @first on -> [..,n D]. */
static CcsValueId
project (const InProj *self, CcsValueId x, gint first, gint n)
{
  CcsValueId w
      = ccs_slice (self->p, self->weight, 0, first * self->dim, n * self->dim);
  CcsValueId b
      = ccs_slice (self->p, self->bias, 0, first * self->dim, n * self->dim);

  return ccs_linear (self->p, x, w, b, CCS_NO_ACT);
}

/* Repeats x @groups times along the batch. */
static CcsValueId
tile (CcsProgram *p, CcsValueId x, gint groups)
{
  CcsValueId parts[CCS_MAX_INPUTS];

  if (groups == 1)
    return x;
  for (gint i = 0; i < groups; i++)
    parts[i] = x;
  return ccs_concat (p, parts, groups, 0);
}

/* Returns the position table @name [n,D], which is shared by the batch. */
static CcsValueId
positions (CcsProgram *p, const char *name, gint n, gint dim)
{
  return ccs_program_param (p, name, CCS_SHAPE (n, dim), CCS_LAYOUT_PLAIN);
}

static CcsValueId
residual_norm (CcsProgram *p, CcsValueId x, CcsValueId update,
               const char *layer)
{
  g_autofree char *module = g_strdup_printf (AUDIO "%s.norm", layer);
  g_autofree char *name = g_strdup_printf ("audio.%s", layer);
  CcsValueId sum = ccs_add (p, update, x, CCS_NO_ACT);

  return ccs_program_name (p, name, ccs_net_layer_norm (p, sum, module));
}

/* Appends attention with queries from audio [B,16,D] and keys and values from
 * visual [G B,98,D] -> [G B,16,D]. */
static CcsValueId
cross_attention (CcsProgram *p, CcsValueId audio, CcsValueId visual,
                 CcsValueId audio_pos, gint dim, gint groups)
{
  static const char attention[] = AUDIO CROSS ".multihead_attn";
  InProj proj = in_proj (p, attention, dim);
  CcsValueId visual_pos
      = positions (p, AUDIO "img_pos_embed.weight", CCS_VISUAL_TOKENS, dim);
  CcsValueId q, k, v, out;

  q = project (&proj, ccs_add (p, audio, audio_pos, CCS_NO_ACT), QUERY, 1);
  k = project (&proj, ccs_add (p, visual, visual_pos, CCS_NO_ACT), KEY, 1);
  v = project (&proj, visual, VALUE, 1);
  out = ccs_attention (p, tile (p, q, groups), k, v, HEADS);
  out = ccs_net_linear (p, out, AUDIO CROSS ".multihead_attn.out_proj", dim,
                        CCS_NO_ACT);
  return residual_norm (p, tile (p, audio, groups), out, CROSS);
}

/* Appends self-attention: x [B,16,D] -> [B,16,D]. */
static CcsValueId
self_attention (CcsProgram *p, CcsValueId x, CcsValueId audio_pos, gint dim)
{
  InProj proj = in_proj (p, AUDIO SELF ".self_attn", dim);
  CcsValueId placed = ccs_add (p, x, audio_pos, CCS_NO_ACT);
  CcsValueId q_and_k = project (&proj, placed, QUERY, 2);
  CcsValueId v = project (&proj, x, VALUE, 1);
  CcsValueId q = ccs_slice (p, q_and_k, 2, 0, dim);
  CcsValueId k = ccs_slice (p, q_and_k, 2, dim, dim);
  CcsValueId out = ccs_attention (p, q, k, v, HEADS);

  out = ccs_net_linear (p, out, AUDIO SELF ".self_attn.out_proj", dim,
                        CCS_NO_ACT);
  return residual_norm (p, x, out, SELF);
}

static CcsValueId
feed_forward (CcsProgram *p, CcsValueId x, gint dim)
{
  CcsValueId y = ccs_net_linear (p, x, AUDIO FFN ".linear1", dim, CCS_RELU);

  y = ccs_net_linear (p, y, AUDIO FFN ".linear2", dim, CCS_NO_ACT);
  return residual_norm (p, x, y, FFN);
}

CcsValueId
ccs_net_fuse (CcsProgram *p, const CcsModelConfig *config,
              CcsValueId bottleneck, CcsValueId visual_feat, gint groups)
{
  gint dim = ccs_model_config_dim (config);
  CcsValueId audio_pos
      = positions (p, AUDIO "aud_pos_embed.weight", CCS_AUDIO_TOKENS, dim);
  CcsNetConv rgb = { .out = dim, .kernel = 1, .stride = 1, .bias = TRUE };
  CcsValueId visual, x;

  visual = ccs_net_conv (p, visual_feat, AUDIO "conv1x1_rgb.0", rgb);
  visual = ccs_net_batch_norm (p, visual, AUDIO "conv1x1_rgb.1",
                               CCS_NET_NORM_AFFINE, groups, CCS_RELU);
  ccs_program_name (p, "audio.conv1x1_rgb", visual);
  x = cross_attention (p, ccs_net_tokens (p, bottleneck),
                       ccs_net_tokens (p, visual), audio_pos, dim, groups);
  x = self_attention (p, x, audio_pos, dim);
  return feed_forward (p, x, dim);
}
