/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and names of the published net (specification sections 1 to 4) from
 * which both the list of its parameters and its programs are made. Public
 * numbers are in <ccstereo/constants.h>. */
#pragma once

#include <ccstereo/constants.h>
#include <glib.h>

G_BEGIN_DECLS

/* -- signal front end (section 1) -- */
#define CCS_FFT 512
#define CCS_STFT_HOP 160
#define CCS_STFT_WINDOW 400
#define CCS_STFT_PAD (CCS_FFT / 2)
#define CCS_BINS (CCS_FFT / 2 + 1)                 /* 257 */
#define CCS_FRAMES (CCS_WINDOW / CCS_STFT_HOP + 1) /* 64 */
#define CCS_SPEC_EPS 1e-12f
#define CCS_LEVEL_TARGET 0.1f
#define CCS_LEVEL_FLOOR 1e-4f
/* -- pictures (section 2) -- */
#define CCS_VISUAL_TOKENS (CCS_FEATURE_HEIGHT * CCS_FEATURE_WIDTH) /* 98 */
#define CCS_AUDIO_TOKENS 16                                        /* 8 x 2 */
/* -- all norms -- */
#define CCS_NORM_EPS 1e-5f
#define CCS_NORM_MOMENTUM 0.1f

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
  gint blocks[CCS_RESNET_STAGES]; /* per stage */
  gint expansion; /* output channels of a block / its width; 1: a basic block */
} CcsResNet;

/* Returns the ResNet with @backbone layers, or NULL. (transfer none) */
const CcsResNet *ccs_resnet_find (gint backbone);

/* -- ASPP -- */
#define CCS_ASPP_BRANCHES 4
#define CCS_ASPP_CHANNELS 256 /* of each branch */

/* -- audio net; channels in ngf -- */
#define CCS_N_UPCONV 5          /* decoder layers */
#define CCS_SPECTRUM_CHANNELS 2 /* re, im */
#define CCS_AUDIO_KERNEL 4      /* kernel size of encoder and decoder */
#define CCS_AVAD_KERNEL 5

/* Output channels of each encoder layer, in units of ngf. */
extern const gint ccs_encoder_width[CCS_N_UPCONV];
/* Output channels of each decoder layer except the last, whose output has the
 * two channels of the spectrum. */
extern const gint ccs_decoder_width[CCS_N_UPCONV - 1];

G_END_DECLS
