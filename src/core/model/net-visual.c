/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The visual encoder (specification section 2): the trunk of ResNet-18 or
 * ResNet-50, and ASPP: four parallel convolutions of its map and a global mean.
 */
#include "architecture.h"
#include "../vision/frame.h"
#include "net-layer.h"

#define TRUNK CCS_NET_TRUNK
#define ASPP CCS_NET_ASPP
#define ASPP_SLOPE 0.01f

static const gint aspp_dilation[CCS_ASPP_BRANCHES] = { 1, 6, 12, 18 };

CcsValueId
ccs_net_frames (CcsProgram *p, CcsValueId pictures)
{
  const CcsShape shape = CCS_SHAPE (3, CCS_RGB_LEVELS);
  float *table = g_new (float, ccs_shape_elements (&shape));

  ccs_normalize_table ((float (*)[CCS_RGB_LEVELS])table);
  return ccs_lookup (
      p, pictures,
      ccs_program_const (p, "normalised",
                         ccs_tensor_new_take (CCS_F32, &shape, table)));
}

/* Appends a convolution without bias and its batch norm. */
static CcsValueId
conv_norm (CcsProgram *p, CcsValueId x, const char *block, const char *conv,
           const char *norm, CcsNetConv spec, gint groups, CcsAct act)
{
  g_autofree char *conv_name = g_strdup_printf ("%s.%s", block, conv);
  g_autofree char *norm_name = g_strdup_printf ("%s.%s", block, norm);
  CcsValueId y = ccs_net_conv (p, x, conv_name, spec);

  return ccs_net_batch_norm (p, y, norm_name, CCS_NET_NORM_AFFINE, groups, act);
}

/* Returns the shortcut of a block: its input, or a projection of it if the
 * shapes differ. */
static CcsValueId
shortcut (CcsProgram *p, CcsValueId x, const char *block, gint out, gint stride,
          gint groups)
{
  CcsShape s = ccs_net_shape (p, x);

  if (stride == 1 && s.dim[3] == out)
    return x;
  return conv_norm (p, x, block, "downsample.0", "downsample.1",
                    (CcsNetConv){ .out = out, .kernel = 1, .stride = stride },
                    groups, CCS_NO_ACT);
}

static CcsValueId
basic_block (CcsProgram *p, CcsValueId x, const char *block, gint width,
             gint stride, gint groups)
{
  CcsNetConv first = { .out = width, .kernel = 3, .stride = stride, .pad = 1 };
  CcsNetConv second = { .out = width, .kernel = 3, .stride = 1, .pad = 1 };
  CcsValueId side, y;

  y = conv_norm (p, x, block, "conv1", "bn1", first, groups, CCS_RELU);
  y = conv_norm (p, y, block, "conv2", "bn2", second, groups, CCS_NO_ACT);
  side = shortcut (p, x, block, width, stride, groups);
  return ccs_add (p, y, side, CCS_RELU);
}

static CcsValueId
bottleneck_block (CcsProgram *p, CcsValueId x, const char *block, gint width,
                  gint out, gint stride, gint groups)
{
  CcsNetConv reduce = { .out = width, .kernel = 1, .stride = 1 };
  CcsNetConv middle = { .out = width, .kernel = 3, .stride = stride, .pad = 1 };
  CcsNetConv expand = { .out = out, .kernel = 1, .stride = 1 };
  CcsValueId side, y;

  y = conv_norm (p, x, block, "conv1", "bn1", reduce, groups, CCS_RELU);
  y = conv_norm (p, y, block, "conv2", "bn2", middle, groups, CCS_RELU);
  y = conv_norm (p, y, block, "conv3", "bn3", expand, groups, CCS_NO_ACT);
  side = shortcut (p, x, block, out, stride, groups);
  return ccs_add (p, y, side, CCS_RELU);
}

static CcsValueId
trunk (CcsProgram *p, gint backbone, CcsValueId frames, gint groups)
{
  const CcsResNet *resnet = ccs_resnet_find (backbone);
  CcsNetConv stem
      = { .out = CCS_RESNET_STEM, .kernel = 7, .stride = 2, .pad = 3 };
  CcsValueId x;

  x = conv_norm (p, frames, TRUNK, "0", "1", stem, groups, CCS_RELU);
  x = ccs_max_pool (p, x, 3, 2, 1);
  for (gint stage = 0; stage < CCS_RESNET_STAGES; stage++) {
    g_autofree char *name = g_strdup_printf ("resnet.layer%d", stage + 1);
    for (gint i = 0; i < resnet->blocks[stage]; i++) {
      g_autofree char *block
          = g_strdup_printf (TRUNK ".%d.%d", CCS_RESNET_FIRST_STAGE + stage, i);
      gint width = CCS_RESNET_STEM << stage;
      gint stride = stage > 0 && i == 0 ? 2 : 1;
      if (resnet->expansion > 1)
        x = bottleneck_block (p, x, block, width, width * resnet->expansion,
                              stride, groups);
      else
        x = basic_block (p, x, block, width, stride, groups);
    }
    ccs_program_name (p, name, x);
  }
  return x;
}

/* Appends the four convolution branches of ASPP: [B,7,14,C] -> [B,7,14,D],
 * before red_bn. */
static CcsValueId
aspp_map (CcsProgram *p, CcsValueId x, gint dim, gint groups)
{
  CcsValueId branch[CCS_ASPP_BRANCHES], y;

  for (gint i = 0; i < CCS_ASPP_BRANCHES; i++) {
    g_autofree char *name = g_strdup_printf (ASPP ".map_convs.%d", i);
    gboolean local = i > 0;
    CcsNetConv spec = { .out = CCS_ASPP_CHANNELS,
                        .kernel = local ? 3 : 1,
                        .stride = 1,
                        .pad = local ? aspp_dilation[i] : 0,
                        .dilation = aspp_dilation[i] };
    branch[i] = ccs_net_conv (p, x, name, spec);
  }
  y = ccs_concat (p, branch, CCS_ASPP_BRANCHES, 3);
  y = ccs_net_batch_norm (p, y, ASPP ".map_bn", CCS_NET_NORM_AFFINE, groups,
                          CCS_LEAKY_RELU (ASPP_SLOPE));
  return ccs_net_conv (p, y, ASPP ".red_conv",
                       (CcsNetConv){ .out = dim, .kernel = 1, .stride = 1 });
}

/* Appends the global branch of ASPP: [B,7,14,C] -> [B,1,1,D]. */
static CcsValueId
aspp_pool (CcsProgram *p, CcsValueId x, gint dim, gint groups)
{
  CcsShape s = ccs_net_shape (p, x);
  CcsNetConv hidden = { .out = CCS_ASPP_CHANNELS, .kernel = 1, .stride = 1 };
  CcsNetConv reduce = { .out = dim, .kernel = 1, .stride = 1 };
  CcsValueId y = ccs_reduce (p, x, CCS_SHAPE (s.dim[0], 1, 1, s.dim[3]),
                             1.f / CCS_VISUAL_TOKENS);

  y = conv_norm (p, y, ASPP, "global_pooling_conv", "global_pooling_bn", hidden,
                 groups, CCS_LEAKY_RELU (ASPP_SLOPE));
  return ccs_net_conv (p, y, ASPP ".pool_red_conv", reduce);
}

CcsValueId
ccs_net_visual (CcsProgram *p, const CcsModelConfig *config, CcsValueId frames,
                gint groups)
{
  gint dim = ccs_model_config_dim (config);
  CcsValueId x = trunk (p, config->backbone, frames, groups);
  CcsValueId map = aspp_map (p, x, dim, groups);
  CcsValueId pool = aspp_pool (p, x, dim, groups);
  CcsValueId sum = ccs_add (p, map, pool, CCS_NO_ACT);
  CcsValueId feat
      = ccs_net_batch_norm (p, sum, ASPP ".red_bn", CCS_NET_NORM_AFFINE, groups,
                            CCS_LEAKY_RELU (ASPP_SLOPE));

  return ccs_program_name (p, "visual_feat", feat);
}

CcsNetEncoder
ccs_net_encoder (CcsProgram *p, const CcsModelConfig *config, gint batch)
{
  CcsNetEncoder io;
  CcsValueId feature;

  io.pictures = ccs_program_input (
      p, "pictures", CCS_U8,
      CCS_SHAPE (batch, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));
  feature = ccs_net_visual (p, config, ccs_net_frames (p, io.pictures), 1);
  io.visual_feat = ccs_program_output (p, "visual_feat", feature);
  return io;
}
