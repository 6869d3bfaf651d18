/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layers that the parts of the network are composed of, each with its
 * parameters found by the published name of its PyTorch module. Private to
 * net-*.c. */
#pragma once

#include "net.h"

G_BEGIN_DECLS

/* What a convolution is made of besides its names; input channels come from
 * the value it reads. */
typedef struct
{
  gint out; /* channels */
  gint kernel, stride, pad;
  gint dilation; /* 0 is read as 1 */
  gboolean bias;
  CcsAct act;
} CcsNetConv;

/* x [B,H,W,I] -> [B,H',W',out]; parameters @module.weight and .bias. */
CcsValueId ccs_net_conv (CcsProgram *p, CcsValueId x, const char *module,
                         CcsNetConv spec);
/* The decoder's transposed convolution, 4x4 stride 2 with bias:
 * x [B,H,W,A] -> [B,2H,2W,out]. */
CcsValueId ccs_net_upconv (CcsProgram *p, CcsValueId x, const char *module,
                           gint out, CcsAct act);

typedef enum
{
  CCS_NET_NORM_AFFINE,
  CCS_NET_NORM_PLAIN, /* no weight and bias */
} CcsNetNorm;

/* Batch norm over x's channels with @module's running statistics. */
CcsValueId ccs_net_batch_norm (CcsProgram *p, CcsValueId x, const char *module,
                               CcsNetNorm kind, gint groups, CcsAct act);
CcsValueId ccs_net_layer_norm (CcsProgram *p, CcsValueId x, const char *module);
/* Appends a linear layer: x [..,K] -> [..,out] with @module.weight [out,K] and
 * .bias. */
CcsValueId ccs_net_linear (CcsProgram *p, CcsValueId x, const char *module,
                           gint out, CcsAct act);

/* AVAD (specification section 4), with the ReLU that follows it in the decoder:
 * x [B,H,W,C] and the encoder's visual_feat [B,7,14,D] -> [B,H,W,C]. */
CcsValueId ccs_net_avad (CcsProgram *p, CcsValueId x, CcsValueId visual_feat,
                         const char *module);

/* Returns the shape of a value. For CCS_NONE all dimensions are 1, so that
 * building can continue after an error (the program keeps the first one). */
CcsShape ccs_net_shape (const CcsProgram *p, CcsValueId id);
/* [B,H,W,C] -> [B,H W,C] */
CcsValueId ccs_net_tokens (CcsProgram *p, CcsValueId map);

G_END_DECLS
