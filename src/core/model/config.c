/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists the parameters of a configuration: names, shapes and order of the
 * published state_dict (specification sections 2 to 4). */
#include "config.h"

#include <ccstereo/error.h>

#define REDUCE_CHANNELS 48

#define TRUNK CCS_NET_TRUNK "."
#define ASPP CCS_NET_ASPP "."
#define REDUCE "net_visual.segment.reduce."
#define AUDIO CCS_NET_AUDIO "."

gboolean
ccs_model_config_equal (const CcsModelConfig *a, const CcsModelConfig *b)
{
  if (a->backbone != b->backbone || a->dim_scale != b->dim_scale)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (a->avad); i++)
    if (!a->avad[i] != !b->avad[i])
      return FALSE;
  return TRUE;
}

gboolean
ccs_model_config_check (const CcsModelConfig *self, GError **error)
{
  if (!ccs_resnet_find (self->backbone)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "backbone %d: there are 18 and 50", self->backbone);
    return FALSE;
  }
  if (self->dim_scale < 1 || self->dim_scale > CCS_MAX_DIM_SCALE) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "dim_scale %d: from 1 to %d are possible", self->dim_scale,
                 CCS_MAX_DIM_SCALE);
    return FALSE;
  }
  return TRUE;
}

gint
ccs_model_config_dim (const CcsModelConfig *self)
{
  return CCS_DIM_PER_SCALE * self->dim_scale;
}

/* The audio tokens at the bottleneck have as many channels as the visual ones.
 */
gint
ccs_model_config_ngf (const CcsModelConfig *self)
{
  return ccs_model_config_dim (self) / ccs_encoder_width[CCS_N_UPCONV - 1];
}

/* -- the list of parameters -- */

typedef struct
{
  GPtrArray *params; /* CcsParamInfo */
  gboolean unused;   /* entries added now are unused by the net */
} List;

static void
param_info_free (gpointer data)
{
  CcsParamInfo *info = data;

  g_free (info->name);
  g_free (info);
}

/* Adds an entry. @name (transfer full) */
static void
add (List *list, char *name, CcsShape shape, CcsDType dtype, CcsParamRole role)
{
  CcsParamInfo *info = g_new (CcsParamInfo, 1);

  *info = (CcsParamInfo){ name, shape, dtype,
                          list->unused ? CCS_PARAM_UNUSED : role };
  g_ptr_array_add (list->params, info);
}

static void
add_weight (List *list, const char *prefix, const char *name, CcsShape shape)
{
  add (list, g_strconcat (prefix, name, NULL), shape, CCS_F32,
       CCS_PARAM_WEIGHT);
}

static void
add_conv (List *list, const char *prefix, gint out, gint in, gint kernel)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (out, in, kernel, kernel));
}

static void
add_bias (List *list, const char *prefix, gint channels)
{
  add_weight (list, prefix, ".bias", CCS_SHAPE (channels));
}

static void
add_conv_bias (List *list, const char *prefix, gint out, gint in, gint kernel)
{
  add_conv (list, prefix, out, in, kernel);
  add_bias (list, prefix, out);
}

static void
add_linear (List *list, const char *prefix, gint out, gint in)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (out, in));
  add_bias (list, prefix, out);
}

static void
add_affine (List *list, const char *prefix, gint channels)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (channels));
  add_bias (list, prefix, channels);
}

static void
add_statistics (List *list, const char *prefix, gint channels)
{
  add (list, g_strconcat (prefix, ".running_mean", NULL), CCS_SHAPE (channels),
       CCS_F32, CCS_PARAM_BUFFER);
  add (list, g_strconcat (prefix, CCS_NET_RUNNING_VAR, NULL),
       CCS_SHAPE (channels), CCS_F32, CCS_PARAM_BUFFER);
  add (list, g_strconcat (prefix, ".num_batches_tracked", NULL),
       CCS_SHAPE_SCALAR, CCS_S64, CCS_PARAM_COUNTER);
}

static void
add_batch_norm (List *list, const char *prefix, gint channels)
{
  add_affine (list, prefix, channels);
  add_statistics (list, prefix, channels);
}

static void
add_attention (List *list, const char *prefix, gint dim)
{
  g_autofree char *out = g_strconcat (prefix, ".out_proj", NULL);

  add_weight (list, prefix, ".in_proj_weight", CCS_SHAPE (3 * dim, dim));
  add_weight (list, prefix, ".in_proj_bias", CCS_SHAPE (3 * dim));
  add_linear (list, out, dim, dim);
}

/* -- net_visual -- */

/* Adds convK and bnK of a block. */
static void
add_conv_norm (List *list, const char *block, guint k, gint out, gint in,
               gint kernel)
{
  g_autofree char *conv = g_strdup_printf ("%s.conv%u", block, k);
  g_autofree char *norm = g_strdup_printf ("%s.bn%u", block, k);

  add_conv (list, conv, out, in, kernel);
  add_batch_norm (list, norm, out);
}

static void
add_block (List *list, const CcsResNet *resnet, const char *block, gint width,
           gint in, gint stride)
{
  gint out = width * resnet->expansion;

  if (resnet->expansion == 1) {
    add_conv_norm (list, block, 1, width, in, 3);
    add_conv_norm (list, block, 2, out, width, 3);
  } else {
    add_conv_norm (list, block, 1, width, in, 1);
    add_conv_norm (list, block, 2, width, width, 3);
    add_conv_norm (list, block, 3, out, width, 1);
  }
  if (stride != 1 || in != out) {
    g_autofree char *conv = g_strconcat (block, ".downsample.0", NULL);
    g_autofree char *norm = g_strconcat (block, ".downsample.1", NULL);

    add_conv (list, conv, out, in, 1);
    add_batch_norm (list, norm, out);
  }
}

/* Returns the channels of the trunk's result. */
static gint
add_trunk (List *list, const CcsResNet *resnet)
{
  gint channels = CCS_RESNET_STEM;

  add_conv (list, TRUNK "0", channels, 3, 7);
  add_batch_norm (list, TRUNK "1", channels);
  for (gint stage = 0; stage < CCS_RESNET_STAGES; stage++)
    for (gint i = 0; i < resnet->blocks[stage]; i++) {
      g_autofree char *block
          = g_strdup_printf (TRUNK "%d.%d", CCS_RESNET_FIRST_STAGE + stage, i);
      gint width = CCS_RESNET_STEM << stage;

      add_block (list, resnet, block, width, channels,
                 stage > 0 && i == 0 ? 2 : 1);
      channels = width * resnet->expansion;
    }
  return channels;
}

static void
add_aspp (List *list, gint in, gint dim)
{
  for (gint i = 0; i < CCS_ASPP_BRANCHES; i++) {
    g_autofree char *branch = g_strdup_printf (ASPP "map_convs.%d", i);

    add_conv (list, branch, CCS_ASPP_CHANNELS, in, i == 0 ? 1 : 3);
  }
  add_batch_norm (list, ASPP "map_bn", CCS_ASPP_BRANCHES * CCS_ASPP_CHANNELS);
  add_conv (list, ASPP "global_pooling_conv", CCS_ASPP_CHANNELS, in, 1);
  add_batch_norm (list, ASPP "global_pooling_bn", CCS_ASPP_CHANNELS);
  add_conv (list, ASPP "red_conv", dim, CCS_ASPP_BRANCHES * CCS_ASPP_CHANNELS,
            1);
  add_conv (list, ASPP "pool_red_conv", dim, CCS_ASPP_CHANNELS, 1);
  add_batch_norm (list, ASPP "red_bn", dim);
}

static void
add_reduce (List *list, gint dim)
{
  list->unused = TRUE;
  add_conv (list, REDUCE "0", REDUCE_CHANNELS, dim, 1);
  add_batch_norm (list, REDUCE "1", REDUCE_CHANNELS);
  list->unused = FALSE;
}

/* -- net_audio -- */

static void
add_fusion (List *list, gint dim)
{
  static const struct
  {
    const char *attention, *norm;
  } layers[] = {
    { AUDIO "transformer_self_attention_layers.0.self_attn",
      AUDIO "transformer_self_attention_layers.0.norm" },
    { AUDIO "transformer_cross_attention_layers.0.multihead_attn",
      AUDIO "transformer_cross_attention_layers.0.norm" },
  };

  add_weight (list, AUDIO "img_pos_embed", ".weight",
              CCS_SHAPE (CCS_VISUAL_TOKENS, dim));
  add_weight (list, AUDIO "aud_pos_embed", ".weight",
              CCS_SHAPE (CCS_AUDIO_TOKENS, dim));
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++) {
    add_attention (list, layers[i].attention, dim);
    add_affine (list, layers[i].norm, dim);
  }
  add_linear (list, AUDIO "transformer_ffn_layers.0.linear1", dim, dim);
  add_linear (list, AUDIO "transformer_ffn_layers.0.linear2", dim, dim);
  add_affine (list, AUDIO "transformer_ffn_layers.0.norm", dim);
}

static void
add_encoder (List *list, gint ngf)
{
  gint in = CCS_SPECTRUM_CHANNELS;

  for (guint k = 0; k < CCS_N_UPCONV; k++) {
    gint out = ccs_encoder_width[k] * ngf;
    g_autofree char *conv
        = g_strdup_printf (AUDIO "audionet_convlayer%u.0", k + 1);
    g_autofree char *norm
        = g_strdup_printf (AUDIO "audionet_convlayer%u.1", k + 1);

    add_conv_bias (list, conv, out, in, CCS_AUDIO_KERNEL);
    add_batch_norm (list, norm, out);
    in = out;
  }
}

/* Adds the entries of one convolution called @prefix followed by @name. */
static void
add_avad_conv (List *list, const char *prefix, const char *name, gint out,
               gint in, gint kernel)
{
  g_autofree char *conv = g_strconcat (prefix, name, NULL);

  add_conv_bias (list, conv, out, in, kernel);
}

/* Adds AVAD (specification section 4) of a decoder layer whose map has @cells
 * cells. Its attention and its flow convolution are in the state_dict and never
 * used. */
static void
add_avad (List *list, const char *prefix, gint channels, gint cells, gint dim)
{
  g_autofree char *norm = g_strconcat (prefix, ".param_free_norm", NULL);
  g_autofree char *attention = g_strconcat (prefix, ".attn_layer", NULL);

  add_weight (list, prefix, ".pos_embed_v",
              CCS_SHAPE (1, CCS_VISUAL_TOKENS, channels));
  add_weight (list, prefix, ".pos_embed_a", CCS_SHAPE (1, cells, channels));
  add_statistics (list, norm, channels);
  add_avad_conv (list, prefix, ".mlp_shared.0", channels, CCS_VISUAL_TOKENS,
                 CCS_AVAD_KERNEL);
  add_avad_conv (list, prefix, ".mlp_gamma", channels, channels,
                 CCS_AVAD_KERNEL);
  add_avad_conv (list, prefix, ".mlp_beta", channels, channels,
                 CCS_AVAD_KERNEL);
  list->unused = TRUE;
  add_attention (list, attention, channels);
  list->unused = FALSE;
  add_avad_conv (list, prefix, ".visual_conv", channels, dim, 1);
  list->unused = TRUE;
  add_avad_conv (list, prefix, ".flow_conv", channels, dim, 1);
  list->unused = FALSE;
}

/* Returns the input channels of decoder layer @k in units of ngf: those of the
 * layer before it and of the skip connection. */
static gint
decoder_input (guint k)
{
  gint before = k == 0 ? 0 : ccs_decoder_width[k - 1];

  return before + ccs_encoder_width[CCS_N_UPCONV - 1 - k];
}

static void
add_decoder (List *list, const CcsModelConfig *config, gint ngf)
{
  gint dim = ccs_model_config_dim (config);
  gint cells = CCS_AUDIO_TOKENS;

  for (guint k = 0; k < CCS_N_UPCONV; k++) {
    gboolean outermost = k == CCS_N_UPCONV - 1;
    gint in = decoder_input (k) * ngf;
    gint out = outermost ? CCS_SPECTRUM_CHANNELS : ccs_decoder_width[k] * ngf;
    g_autofree char *conv = g_strdup_printf (CCS_NET_UPCONV "%u.upconv", k + 1);
    g_autofree char *norm = g_strdup_printf (CCS_NET_UPCONV "%u.upnorm", k + 1);

    /* the filter of a transposed convolution has the input channels first */
    add_conv (list, conv, in, out, CCS_AUDIO_KERNEL);
    add_bias (list, conv, out);
    if (outermost)
      break;
    cells *= 4; /* the next map has twice the height and width */
    if (config->avad[k])
      add_avad (list, norm, out, cells, dim);
    else
      add_batch_norm (list, norm, out);
  }
}

GPtrArray *
ccs_model_config_params (const CcsModelConfig *self)
{
  List list = { g_ptr_array_new_with_free_func (param_info_free), FALSE };
  const CcsResNet *resnet = ccs_resnet_find (self->backbone);
  gint dim = ccs_model_config_dim (self);
  gint ngf = ccs_model_config_ngf (self);

  g_return_val_if_fail (resnet != NULL, list.params);
  add_aspp (&list, add_trunk (&list, resnet), dim);
  add_reduce (&list, dim);
  add_fusion (&list, dim);
  add_encoder (&list, ngf);
  add_decoder (&list, self, ngf);
  add_conv_bias (&list, AUDIO "conv1x1_rgb.0", dim, dim, 1);
  add_batch_norm (&list, AUDIO "conv1x1_rgb.1", dim);
  return list.params;
}
