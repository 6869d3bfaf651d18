/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration's parameters: their names, shapes and order as in the
 * published state_dict (specification sections 2 to 4), and the way back, from
 * parameters to the configuration that they make. */
#include "config.h"
#include "../error.h"

#define DIM_PER_SCALE 128
#define NGF_PER_SCALE 16
#define MAX_DIM_SCALE 4
#define SPECTRUM_CHANNELS 2 /* re, im */
#define ASPP_BRANCHES 4
#define ASPP_CHANNELS 256 /* of each branch */
#define REDUCE_CHANNELS 48
#define AUDIO_KERNEL 4
#define AVAD_KERNEL 5
/* The first decoder layer's map; each further one is twice as high and wide. */
#define DECODER_HEIGHT 16
#define DECODER_WIDTH 4

#define VISUAL "net_visual.backbone.feature_extraction."
#define ASPP "net_visual.segment.aspp."
#define REDUCE "net_visual.segment.reduce."
#define AUDIO "net_audio."
#define UPCONV AUDIO "audionet_upconvlayer"
#define RUNNING_VAR ".running_var"

gint
ccs_model_config_dim (const CcsModelConfig *self)
{
  return DIM_PER_SCALE * self->dim_scale;
}

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

/* -- the list of parameters -- */

typedef struct
{
  GPtrArray *params; /* CcsParamInfo */
  gboolean unused;   /* entries added now have no part in the net */
} List;

static void
param_info_free (gpointer data)
{
  CcsParamInfo *info = data;

  g_free (info->name);
  g_free (info);
}

/* Takes @name. */
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
  add (list, g_strconcat (prefix, RUNNING_VAR, NULL), CCS_SHAPE (channels),
       CCS_F32, CCS_PARAM_BUFFER);
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

/* ResNet: the four layers' width, blocks and how far a block widens. */
#define N_RESNET_LAYERS 4
#define RESNET_STEM 64

typedef struct
{
  gint backbone;
  gint blocks[N_RESNET_LAYERS];
  gint expansion;
} ResNet;

static const ResNet resnets[] = {
  { 18, { 2, 2, 2, 2 }, 1 },
  { 50, { 3, 4, 6, 3 }, 4 },
};

static const ResNet *
find_resnet (gint backbone)
{
  for (guint i = 0; i < G_N_ELEMENTS (resnets); i++)
    if (resnets[i].backbone == backbone)
      return &resnets[i];
  return NULL;
}

/* convK and bnK of a block. */
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
add_block (List *list, const ResNet *resnet, const char *block, gint width,
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
add_trunk (List *list, const ResNet *resnet)
{
  gint channels = RESNET_STEM;

  add_conv (list, VISUAL "0", channels, 3, 7);
  add_batch_norm (list, VISUAL "1", channels);
  for (gint layer = 0; layer < N_RESNET_LAYERS; layer++)
    for (gint i = 0; i < resnet->blocks[layer]; i++) {
      g_autofree char *block = g_strdup_printf (VISUAL "%d.%d", 4 + layer, i);
      gint width = RESNET_STEM << layer;

      add_block (list, resnet, block, width, channels,
                 layer > 0 && i == 0 ? 2 : 1);
      channels = width * resnet->expansion;
    }
  return channels;
}

static void
add_aspp (List *list, gint in, gint dim)
{
  for (gint i = 0; i < ASPP_BRANCHES; i++) {
    g_autofree char *branch = g_strdup_printf (ASPP "map_convs.%d", i);

    add_conv (list, branch, ASPP_CHANNELS, in, i == 0 ? 1 : 3);
  }
  add_batch_norm (list, ASPP "map_bn", ASPP_BRANCHES * ASPP_CHANNELS);
  add_conv (list, ASPP "global_pooling_conv", ASPP_CHANNELS, in, 1);
  add_batch_norm (list, ASPP "global_pooling_bn", ASPP_CHANNELS);
  add_conv (list, ASPP "red_conv", dim, ASPP_BRANCHES * ASPP_CHANNELS, 1);
  add_conv (list, ASPP "pool_red_conv", dim, ASPP_CHANNELS, 1);
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

/* Channels behind each encoder layer, in ngf. */
static const gint encoder_width[] = { 1, 2, 4, 8, 8 };
/* Channels into and out of each decoder layer, in ngf; the last one gives the
 * mask's two. */
static const struct
{
  gint in, out;
} decoder_width[CCS_N_UPCONV] = {
  { 8, 8 }, { 16, 4 }, { 8, 2 }, { 4, 1 }, { 2, 0 },
};

static void
add_encoder (List *list, gint ngf)
{
  gint in = SPECTRUM_CHANNELS;

  for (guint k = 0; k < G_N_ELEMENTS (encoder_width); k++) {
    gint out = encoder_width[k] * ngf;
    g_autofree char *conv
        = g_strdup_printf (AUDIO "audionet_convlayer%u.0", k + 1);
    g_autofree char *norm
        = g_strdup_printf (AUDIO "audionet_convlayer%u.1", k + 1);

    add_conv_bias (list, conv, out, in, AUDIO_KERNEL);
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

/* Section 4, for a decoder layer whose map has @cells cells: its attention and
 * its flow convolution are there and never used. */
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
                 AVAD_KERNEL);
  add_avad_conv (list, prefix, ".mlp_gamma", channels, channels, AVAD_KERNEL);
  add_avad_conv (list, prefix, ".mlp_beta", channels, channels, AVAD_KERNEL);
  list->unused = TRUE;
  add_attention (list, attention, channels);
  list->unused = FALSE;
  add_avad_conv (list, prefix, ".visual_conv", channels, dim, 1);
  list->unused = TRUE;
  add_avad_conv (list, prefix, ".flow_conv", channels, dim, 1);
  list->unused = FALSE;
}

static void
add_decoder (List *list, const CcsModelConfig *config, gint ngf)
{
  gint dim = ccs_model_config_dim (config);
  gint cells = DECODER_HEIGHT * DECODER_WIDTH;

  for (guint k = 0; k < CCS_N_UPCONV; k++, cells *= 4) {
    gboolean outermost = k == CCS_N_UPCONV - 1;
    gint in = decoder_width[k].in * ngf;
    gint out = outermost ? SPECTRUM_CHANNELS : decoder_width[k].out * ngf;
    g_autofree char *conv = g_strdup_printf (UPCONV "%u.upconv", k + 1);
    g_autofree char *norm = g_strdup_printf (UPCONV "%u.upnorm", k + 1);

    /* a transposed convolution has its inputs first */
    add_conv (list, conv, in, out, AUDIO_KERNEL);
    add_bias (list, conv, out);
    if (outermost)
      break;
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
  const ResNet *resnet = find_resnet (self->backbone);
  gint dim = ccs_model_config_dim (self);
  gint ngf = NGF_PER_SCALE * self->dim_scale;

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

/* -- from parameters to the configuration -- */

static gboolean model_error (GError **error, const char *name,
                             const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
model_error (GError **error, const char *name, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL, "tensor '%s': %s", name,
               reason);
  return FALSE;
}

/* The two entries that tell one model from another by their presence or
 * size. */
#define BOTTLENECK_CONV VISUAL "4.0.conv3.weight"
#define SCALE_SOURCE ASPP "red_bn.weight"

static gboolean
guess (const CcsStateDict *params, CcsModelConfig *config, GError **error)
{
  const CcsTensor *source = ccs_state_dict_lookup (params, SCALE_SOURCE);
  gint64 dim;

  if (source == NULL)
    return model_error (error, SCALE_SOURCE,
                        "is missing, so this is no CCStereo model");
  dim = ccs_shape_elements (&source->shape);
  if (source->shape.rank != 1 || dim % DIM_PER_SCALE != 0 || dim == 0
      || dim > MAX_DIM_SCALE * DIM_PER_SCALE)
    return model_error (error, SCALE_SOURCE,
                        "its %" G_GINT64_FORMAT
                        " elements are not %d times 1 to %d",
                        dim, DIM_PER_SCALE, MAX_DIM_SCALE);
  config->dim_scale = (gint)(dim / DIM_PER_SCALE);
  config->backbone
      = ccs_state_dict_lookup (params, BOTTLENECK_CONV) != NULL ? 50 : 18;
  for (guint k = 0; k < G_N_ELEMENTS (config->avad); k++) {
    g_autofree char *name
        = g_strdup_printf (UPCONV "%u.upnorm.pos_embed_v", k + 1);

    config->avad[k] = ccs_state_dict_lookup (params, name) != NULL;
  }
  return TRUE;
}

static gboolean
is_floating (CcsDType dtype)
{
  return dtype == CCS_F32 || dtype == CCS_F16 || dtype == CCS_BF16
         || dtype == CCS_F64;
}

/* A variance below zero has no root, and the net's values would be NaN. */
static gboolean
has_negative (CcsTensor *tensor)
{
  g_autoptr (CcsTensor) values = ccs_tensor_convert (tensor, CCS_F32);
  const float *v = values->data;
  gint64 n = ccs_shape_elements (&values->shape);

  for (gint64 i = 0; i < n; i++)
    if (v[i] < 0.f)
      return TRUE;
  return FALSE;
}

static gboolean
check_param (const CcsParamInfo *info, CcsTensor *tensor, GError **error)
{
  if (tensor == NULL)
    return model_error (error, info->name, "is missing");
  if (!ccs_shape_equal (&tensor->shape, &info->shape)) {
    g_autofree char *is = ccs_shape_to_string (&tensor->shape);
    g_autofree char *should = ccs_shape_to_string (&info->shape);

    return model_error (error, info->name, "its shape is %s, not %s", is,
                        should);
  }
  if (is_floating (info->dtype) ? !is_floating (tensor->dtype)
                                : tensor->dtype != info->dtype)
    return model_error (error, info->name, "its type is %s, not %s",
                        ccs_dtype_name (tensor->dtype),
                        ccs_dtype_name (info->dtype));
  if (!ccs_tensor_is_finite (tensor))
    return model_error (error, info->name, "has values that are not finite");
  if (g_str_has_suffix (info->name, RUNNING_VAR) && has_negative (tensor))
    return model_error (error, info->name, "has a variance below zero");
  return TRUE;
}

/* Some entry of @params that @expected does not list. */
static const char *
find_unexpected (const CcsStateDict *params, GPtrArray *expected)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < expected->len; i++)
    g_hash_table_add (names, ((CcsParamInfo *)expected->pdata[i])->name);
  for (guint i = 0; i < ccs_state_dict_size (params); i++)
    if (!g_hash_table_contains (names, ccs_state_dict_name (params, i)))
      return ccs_state_dict_name (params, i);
  return NULL;
}

gboolean
ccs_model_config_detect (const CcsStateDict *params, CcsModelConfig *config,
                         GError **error)
{
  g_autoptr (GPtrArray) expected = NULL;
  CcsModelConfig found = { 0 };

  if (!guess (params, &found, error))
    return FALSE;
  expected = ccs_model_config_params (&found);
  for (guint i = 0; i < expected->len; i++) {
    const CcsParamInfo *info = expected->pdata[i];

    if (!check_param (info, ccs_state_dict_lookup (params, info->name), error))
      return FALSE;
  }
  if (ccs_state_dict_size (params) > expected->len) {
    g_autofree char *shown
        = g_strescape (find_unexpected (params, expected), NULL);

    return model_error (
        error, shown,
        "is no part of a CCStereo model with backbone %d and dim_scale %d",
        found.backbone, found.dim_scale);
  }
  *config = found;
  return TRUE;
}
