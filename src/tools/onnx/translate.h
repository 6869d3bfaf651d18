/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Translates an inference program, op by op, to an ONNX graph. Independent of
 * CCStereo. */
#pragma once

#include "graph.h"
#include "nn/program.h"

G_BEGIN_DECLS

/* Batch size with which a program must be built: a prime that divides no other
 * dimension, so that the batch can be recognised in shapes. */
#define ONNX_PROGRAM_BATCH 10007

/* How one of the program's inputs or outputs appears in the file. */
typedef struct
{
  CcsValueId id;
  const char *name;
  const char *doc; /* one line */
} OnnxBinding;

typedef struct
{
  const OnnxBinding *inputs;
  guint n_inputs;
  OnnxBinding output;
} OnnxInterface;

/* Appends @program to @graph. The program has parameters, a batch of
 * ONNX_PROGRAM_BATCH in the first dimension of its inputs and output, and has
 * not been optimized; batch norms are folded into it. CCS_ERROR_ARGUMENT for an
 * op without an ONNX form. */
gboolean onnx_translate (CcsProgram *program, const OnnxInterface *interface,
                         OnnxGraph *graph, GError **error);

G_END_DECLS
