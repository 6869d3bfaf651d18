/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameter files: safetensors (native, read and written, with metadata) and
 * PyTorch's .pth (read by a bounded reader that executes nothing; the zip form
 * and the older pre-zip form). Files are hostile until proven otherwise: every
 * length is checked against the file before it is believed, and nothing is
 * allocated beyond the file's size class. */
#pragma once

#include "../nn/tensor.h"

G_BEGIN_DECLS

typedef enum
{
  CCS_FILE_SAFETENSORS,
  CCS_FILE_PTH_ZIP,
  CCS_FILE_PTH_LEGACY,
} CcsFileKind;

typedef struct
{
  CcsFileKind kind;
  CcsStateDict *tensors;
  GHashTable *metadata; /* string -> string; empty for .pth */
} CcsCheckpoint;

/* Maps @path and reads it; the kind is told from the content. Tensors point
 * into the mapping. Names lose the prefixes "module." that DataParallel adds;
 * in a .pth the tensors may stand under the key "state_dict" or at the top.
 * Errors name the file, the tensor and the reason: CCS_ERROR_IO,
 * CCS_ERROR_FORMAT. (transfer full) */
CcsCheckpoint *ccs_checkpoint_load (const char *path, GError **error);
/* The same from memory; @label stands for the file in messages. */
CcsCheckpoint *ccs_checkpoint_parse (GBytes *bytes, const char *label,
                                     GError **error);
void ccs_checkpoint_free (CcsCheckpoint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsCheckpoint, ccs_checkpoint_free)
/* "safetensors" and so on, for users. */
const char *ccs_file_kind_name (CcsFileKind kind);

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

/* Keys of the metadata that this project writes. */
#define CCS_META_FORMAT "ccstereo.format" /* "1" */
#define CCS_META_CONFIG                                                        \
  "ccstereo.config" /* "backbone=18 dim_scale=1 avad=1000" */
#define CCS_META_RECIPE "ccstereo.recipe"
#define CCS_META_LICENCE "ccstereo.licence"

G_END_DECLS
