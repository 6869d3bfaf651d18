/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What distinguishes one CCStereo model from another, and the list of a
 * configuration's parameters. What all models share is in architecture.h. */
#pragma once

#include "../nn/program.h"
#include "architecture.h"

G_BEGIN_DECLS

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

/* Checks that a model with this configuration can exist. CCS_ERROR_ARGUMENT
 * names the invalid value. */
gboolean ccs_model_config_check (const CcsModelConfig *self, GError **error);
/* Returns D: 128 x dim_scale. */
gint ccs_model_config_dim (const CcsModelConfig *self);
/* Returns ngf, the unit of the audio net's channels: 16 x dim_scale. */
gint ccs_model_config_ngf (const CcsModelConfig *self);
gboolean ccs_model_config_equal (const CcsModelConfig *a,
                                 const CcsModelConfig *b);
/* Formats the configuration as in the metadata of model files: "backbone=18
 * dim_scale=1 avad=1000". (transfer full) */
char *ccs_model_config_to_string (const CcsModelConfig *self);
/* Derives the configuration from names and shapes of the tensors, then checks
 * every tensor: none missing, none extra, shapes, floating types, finite
 * values. CCS_ERROR_MODEL names the tensor and the reason. */
gboolean ccs_model_config_detect (const CcsStateDict *params,
                                  CcsModelConfig *config, GError **error);
/* Checks that the configuration in a file's @metadata (string -> string), if it
 * has one, is @self; else CCS_ERROR_MODEL. */
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

/* Returns all entries of the state_dict in published order. (element-type
 * CcsParamInfo*) (transfer full): free with g_ptr_array_unref() */
GPtrArray *ccs_model_config_params (const CcsModelConfig *self);

G_END_DECLS
