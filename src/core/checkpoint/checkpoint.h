/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of parameter files only this project's own programs use: the tensors,
 * writing, and torchvision's names. The rest is public:
 * <ccstereo/checkpoint.h>. */
#pragma once

#include <ccstereo/checkpoint.h>

#include "../nn/tensor.h"

G_BEGIN_DECLS

struct _CcsCheckpoint
{
  gatomicrefcount ref_count;
  CcsFileKind kind;
  CcsStateDict *tensors;
  GHashTable *metadata; /* string -> string; empty for .pth */
};

/* Writes safetensors atomically (temporary file beside, fsync, rename). Tensors
 * of floating type are stored as @storage (CCS_F32, CCS_F16, CCS_BF16); others
 * as they are. @metadata (nullable): string -> string. CCS_ERROR_ARGUMENT for
 * what the format or @storage cannot hold, CCS_ERROR_IO; both name @path, and
 * what was there stays. */
gboolean ccs_checkpoint_save (const char *path, const CcsStateDict *tensors,
                              GHashTable *metadata, CcsDType storage,
                              GError **error);

/* What the temporary file's name ends in, behind the name that it is to take, a
 * dot and a few random letters. */
#define CCS_CHECKPOINT_UNFINISHED ".part"

/* A torchvision ResNet state_dict ("conv1.weight", "layer1.0.conv1.weight" ..)
 * under the names of the visual trunk ("net_visual.backbone.
 * feature_extraction.0.weight" ..); fc.* is dropped. NULL with
 * CCS_ERROR_MODEL when it is not one. (transfer full) */
CcsStateDict *ccs_checkpoint_resnet_trunk (const CcsStateDict *resnet,
                                           GError **error);

G_END_DECLS
