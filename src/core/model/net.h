/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CCStereo network as programs (specification sections 1 to 4): each
 * function appends one part of the network to a program and returns the value
 * that holds its result. Inference and training use the same functions. Parts
 * name their intermediate values as the published implementation does, so that
 * tests can compare them with the reference values of that name. */
#pragma once

#include "config.h"

G_BEGIN_DECLS

/* Front end (section 1). mono [B,10080] -> spectrum [B,257,64,2]; the 1e-12 is
 * added. */
CcsValueId ccs_net_stft (CcsProgram *p, CcsValueId samples);
/* Inverse of ccs_net_stft(): spectrum [B,257,64,2] -> [B,10080]. */
CcsValueId ccs_net_istft (CcsProgram *p, CcsValueId spectrum);
/* Reflect-centred STFT for the phase loss: [B,10080] -> [B,64,514]: (re, im)
 * pairs last. */
CcsValueId ccs_net_stft_reflect (CcsProgram *p, CcsValueId samples);

/* Normalises pixels: [B,224,448,3] in 8 bits -> frames. Runs on the backend, so
 * that only a quarter of the bytes is copied there. */
CcsValueId ccs_net_frames (CcsProgram *p, CcsValueId pictures);
/* Section 2. frames [B,224,448,3], normalised -> visual_feat [B,7,14,D]. In a
 * training program @groups equal parts of the batch have batch statistics of
 * their own. */
CcsValueId ccs_net_visual (CcsProgram *p, const CcsModelConfig *config,
                           CcsValueId frames, gint groups);

/* Section 3, the encoder: spectrum [B,257,64,2] -> skips[k] = the activated
 * output of convlayer k + 1; skips[4] is the bottleneck [B,8,2,8 ngf]. */
void ccs_net_audio_encode (CcsProgram *p, const CcsModelConfig *config,
                           CcsValueId spectrum, CcsValueId skips[CCS_N_UPCONV]);
/* Fusion: bottleneck [B,8,2,D] and visual_feat [G B,7,14,D] -> tokens
 * [G B,16,D]; the bottleneck serves each of the @groups parts. */
CcsValueId ccs_net_fuse (CcsProgram *p, const CcsModelConfig *config,
                         CcsValueId bottleneck, CcsValueId visual_feat,
                         gint groups);
/* Decoder: tokens [B,16,D] -> mask [B,257,64,2] in (-1,1). */
CcsValueId ccs_net_audio_decode (CcsProgram *p, const CcsModelConfig *config,
                                 CcsValueId tokens, CcsValueId visual_feat,
                                 const CcsValueId skips[CCS_N_UPCONV]);

/* What inference runs per frame; see ccs_net_encoder(). */
typedef struct
{
  CcsValueId pictures;    /* input [B,224,448,3], 8 bits */
  CcsValueId visual_feat; /* output [B,7,14,D] */
} CcsNetEncoder;

/* Appends the inference of features from B frames. The program's input is
 * called "pictures", the output "visual_feat". */
CcsNetEncoder ccs_net_encoder (CcsProgram *p, const CcsModelConfig *config,
                               gint batch);

/* What inference runs per window; see ccs_net_window(). */
typedef struct
{
  CcsValueId mono;        /* input [B,10080]: the mix, any level */
  CcsValueId visual_feat; /* input [B,7,14,D] */
  CcsValueId difference;  /* output [B,10080]: at the mix's level */
} CcsNetWindow;

/* The whole of inference for B windows: level, STFT, net, mask, inverse, level
 * back. Program inputs are called "mono" and "visual_feat", the output
 * "difference". */
CcsNetWindow ccs_net_window (CcsProgram *p, const CcsModelConfig *config,
                             gint batch);

G_END_DECLS
