/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes a CCStereo model as ONNX: one file for the visual encoder, one for the
 * audio net. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

typedef enum
{
  ONNX_ENCODER, /* frames -> features */
  ONNX_AUDIO,   /* mix, features -> difference */
  ONNX_N_PARTS,
} OnnxPart;

/* Names of the parts in file names and metadata: "encoder" and so on. */
extern const char *const onnx_part_name[ONNX_N_PARTS];

/* Returns @part of the model with @params and @config as the content of an ONNX
 * file. The batch of every input and output is dynamic. @metadata (string ->
 * string) goes into the file. (transfer full) */
GByteArray *onnx_model_file (OnnxPart part, CcsStateDict *params,
                             const CcsModelConfig *config, GHashTable *metadata,
                             GError **error);

G_END_DECLS
