/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What distinguishes one CCStereo model from another, the numbers that all of
 * them share (specification sections 1 to 4; public ones are in
 * <ccstereo/constants.h>, and every other file takes the rest from here), and
 * the list of a configuration's parameters. */
#pragma once

#include <ccstereo/constants.h>

#include "../nn/program.h"

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

#define CCS_N_UPCONV 5 /* decoder layers */

/**
 * CcsModelConfig:
 * @backbone: 18 or 50
 * @dim_scale: 1 to 4; ngf = 16 x dim_scale, D = 128 x dim_scale
 * @avad: for decoder layers 1 to 4, whether it carries AVAD (layer 5 has no
 *   norm); published: the first only. @avad[0] is layer 1.
 */
typedef struct
{
  gint backbone;
  gint dim_scale;
  gboolean avad[CCS_N_UPCONV - 1];
} CcsModelConfig;

#define CCS_MODEL_CONFIG_PUBLISHED                                             \
  ((CcsModelConfig){ 18, 1, { TRUE, FALSE, FALSE, FALSE } })

/* Whether there is such a model; CCS_ERROR_ARGUMENT naming what is not. */
gboolean ccs_model_config_check (const CcsModelConfig *self, GError **error);
/* 128 x dim_scale */
gint ccs_model_config_dim (const CcsModelConfig *self);
gboolean ccs_model_config_equal (const CcsModelConfig *a,
                                 const CcsModelConfig *b);
/* "backbone=18 dim_scale=1 avad=1000", as model files declare it.
 * (transfer full) */
char *ccs_model_config_to_string (const CcsModelConfig *self);
/* Reads backbone, dim_scale and AVAD flags off the tensors' names and shapes,
 * then checks every tensor: all there, none too many, shapes, floating types,
 * finite. Error: CCS_ERROR_MODEL naming the tensor and the reason. */
gboolean ccs_model_config_detect (const CcsStateDict *params,
                                  CcsModelConfig *config, GError **error);
/* Whether what @metadata of a file (string -> string) declares as its
 * configuration, if it does, is @self; else CCS_ERROR_MODEL. */
gboolean ccs_model_config_check_declared (const CcsModelConfig *self,
                                          GHashTable *metadata, GError **error);

typedef enum
{
  CCS_PARAM_WEIGHT,  /* trained */
  CCS_PARAM_BUFFER,  /* running_mean, running_var */
  CCS_PARAM_COUNTER, /* num_batches_tracked, int64 scalar */
  CCS_PARAM_UNUSED,  /* in the state_dict, never in the forward pass */
} CcsParamRole;

typedef struct
{
  char *name;     /* as in the published state_dict */
  CcsShape shape; /* published */
  CcsDType dtype;
  CcsParamRole role;
} CcsParamInfo;

/* Every entry of the state_dict in published order; (element-type
 * CcsParamInfo*) (transfer full), freed with g_ptr_array_unref(). */
GPtrArray *ccs_model_config_params (const CcsModelConfig *self);

G_END_DECLS
