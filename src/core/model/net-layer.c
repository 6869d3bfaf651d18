/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers with their published parameter names: the equivalents of PyTorch's
 * Conv2d, ConvTranspose2d, BatchNorm2d, LayerNorm and Linear. */
#include "net-layer.h"

#include "architecture.h"

static CcsValueId
param (CcsProgram *p, const char *module, const char *leaf, CcsShape shape,
       CcsLayout layout)
{
  g_autofree char *name = g_strconcat (module, leaf, NULL);
  return ccs_program_param (p, name, shape, layout);
}

static CcsValueId
buffer (CcsProgram *p, const char *module, const char *leaf, CcsShape shape)
{
  g_autofree char *name = g_strconcat (module, leaf, NULL);
  return ccs_program_buffer (p, name, shape);
}

CcsShape
ccs_net_shape (const CcsProgram *p, CcsValueId id)
{
  if (id == CCS_NONE)
    return CCS_SHAPE (1, 1, 1, 1);
  return ccs_program_value (p, id)->shape;
}

static gint64
channels (const CcsProgram *p, CcsValueId id)
{
  CcsShape shape = ccs_net_shape (p, id);
  return ccs_shape_channels (&shape);
}

CcsValueId
ccs_net_tokens (CcsProgram *p, CcsValueId map)
{
  CcsShape s = ccs_net_shape (p, map);
  return ccs_reshape (p, map,
                      CCS_SHAPE (s.dim[0], s.dim[1] * s.dim[2], s.dim[3]));
}

CcsValueId
ccs_net_conv (CcsProgram *p, CcsValueId x, const char *module, CcsNetConv spec)
{
  CcsValueId w
      = param (p, module, ".weight",
               CCS_SHAPE (spec.out, channels (p, x), spec.kernel, spec.kernel),
               CCS_LAYOUT_FILTER);
  CcsValueId b = CCS_NONE;

  if (spec.bias)
    b = param (p, module, ".bias", CCS_SHAPE (spec.out), CCS_LAYOUT_PLAIN);
  return ccs_conv2d (p, x, w, b, spec.stride, spec.pad, MAX (spec.dilation, 1),
                     spec.act);
}

CcsValueId
ccs_net_upconv (CcsProgram *p, CcsValueId x, const char *module, gint out,
                CcsAct act)
{
  CcsShape s = ccs_net_shape (p, x);
  CcsValueId w = param (
      p, module, ".weight",
      CCS_SHAPE (channels (p, x), out, CCS_AUDIO_KERNEL, CCS_AUDIO_KERNEL),
      CCS_LAYOUT_FILTER);
  CcsValueId b = param (p, module, ".bias", CCS_SHAPE (out), CCS_LAYOUT_PLAIN);

  return ccs_conv_transpose2d (p, x, w, b, 2, 1, 1, 2 * s.dim[1], 2 * s.dim[2],
                               act);
}

CcsValueId
ccs_net_batch_norm (CcsProgram *p, CcsValueId x, const char *module,
                    CcsNetNorm kind, gint groups, CcsAct act)
{
  CcsShape per_channel = CCS_SHAPE (channels (p, x));
  CcsValueId w = CCS_NONE, b = CCS_NONE;
  CcsValueId mean = buffer (p, module, ".running_mean", per_channel);
  CcsValueId var = buffer (p, module, ".running_var", per_channel);

  if (kind == CCS_NET_NORM_AFFINE) {
    w = param (p, module, ".weight", per_channel, CCS_LAYOUT_PLAIN);
    b = param (p, module, ".bias", per_channel, CCS_LAYOUT_PLAIN);
  }
  return ccs_batch_norm (p, x, w, b, mean, var, groups, CCS_NORM_EPS,
                         CCS_NORM_MOMENTUM, act);
}

CcsValueId
ccs_net_layer_norm (CcsProgram *p, CcsValueId x, const char *module)
{
  CcsShape per_channel = CCS_SHAPE (channels (p, x));
  CcsValueId w = param (p, module, ".weight", per_channel, CCS_LAYOUT_PLAIN);
  CcsValueId b = param (p, module, ".bias", per_channel, CCS_LAYOUT_PLAIN);

  return ccs_layer_norm (p, x, w, b, CCS_NORM_EPS);
}

CcsValueId
ccs_net_linear (CcsProgram *p, CcsValueId x, const char *module, gint out,
                CcsAct act)
{
  CcsValueId w = param (p, module, ".weight", CCS_SHAPE (out, channels (p, x)),
                        CCS_LAYOUT_PLAIN);
  CcsValueId b = param (p, module, ".bias", CCS_SHAPE (out), CCS_LAYOUT_PLAIN);

  return ccs_linear (p, x, w, b, act);
}
