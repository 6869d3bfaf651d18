/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and names of the published net (specification sections 2 to 4) from
 * which both the list of its parameters and its programs are made. Private to
 * the model. */
#pragma once

#include "config.h"

G_BEGIN_DECLS

/* -- names of the published modules -- */
#define CCS_NET_TRUNK "net_visual.backbone.feature_extraction"
#define CCS_NET_ASPP "net_visual.segment.aspp"
#define CCS_NET_AUDIO "net_audio"
#define CCS_NET_RUNNING_VAR ".running_var"
#define CCS_NET_UPCONV CCS_NET_AUDIO ".audionet_upconvlayer"

/* -- widths -- */
#define CCS_DIM_PER_SCALE 128
#define CCS_MAX_DIM_SCALE 4

/* -- ResNet -- */
#define CCS_RESNET_STAGES 4
#define CCS_RESNET_FIRST_STAGE 4 /* the trunk's modules 4 to 7 */
#define CCS_RESNET_STEM 64       /* channels */

typedef struct
{
  gint backbone;                  /* 18, 50 */
  gint blocks[CCS_RESNET_STAGES]; /* of each stage */
  gint expansion; /* a block's channels out, in its width; 1: a basic block */
} CcsResNet;

/* NULL for another number. (transfer none) */
const CcsResNet *ccs_resnet_find (gint backbone);

/* -- ASPP -- */
#define CCS_ASPP_BRANCHES 4
#define CCS_ASPP_CHANNELS 256 /* of each branch */

/* -- audio net; channels in ngf -- */
#define CCS_SPECTRUM_CHANNELS 2 /* re, im */
#define CCS_AUDIO_KERNEL 4      /* of both its encoder and its decoder */
#define CCS_AVAD_KERNEL 5

/* Behind each encoder layer. */
extern const gint ccs_encoder_width[CCS_N_UPCONV];
/* Behind each decoder layer but the last, which gives the spectrum's two. */
extern const gint ccs_decoder_width[CCS_N_UPCONV - 1];
/* Channels of one unit: 16 x dim_scale. */
gint ccs_model_config_ngf (const CcsModelConfig *self);

G_END_DECLS
