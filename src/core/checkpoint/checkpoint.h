/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions on parameter files for this project's programs: tensors, writing,
 * and torchvision's names. The public part is <ccstereo/checkpoint.h>. */
#pragma once

#include <ccstereo/checkpoint.h>

#include "../nn/tensor.h"
#include "../output-file.h"

G_BEGIN_DECLS

struct _CcsCheckpoint
{
  gatomicrefcount ref_count;
  CcsFileKind kind;
  CcsStateDict *tensors;
  GHashTable *metadata; /* string -> string; empty for .pth */
};

/* Writes a safetensors file, complete or not at all (CcsOutputFile). Stores
 * floating tensors as @storage (CCS_F32, CCS_F16, CCS_BF16) and others
 * unchanged. @metadata (nullable): string -> string. CCS_ERROR_ARGUMENT for
 * tensors that the format or @storage cannot represent, CCS_ERROR_IO; both name
 * @path, and an existing file is unchanged. */
gboolean ccs_checkpoint_save (const char *path, const CcsStateDict *tensors,
                              GHashTable *metadata, CcsDType storage,
                              CcsOutputFlags flags, GError **error);

/* Renames the parameters of a torchvision ResNet ("conv1.weight",
 * "layer1.0.conv1.weight" ...) to those of the visual trunk
 * ("net_visual.backbone.feature_extraction.0.weight" ...) and drops fc.*.
 * Returns NULL with CCS_ERROR_MODEL if @resnet is not such a state_dict.
 * (transfer full) */
CcsStateDict *ccs_checkpoint_resnet_trunk (const CcsStateDict *resnet,
                                           GError **error);

G_END_DECLS
