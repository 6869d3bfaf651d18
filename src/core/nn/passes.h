/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rewrites that keep what a program computes and make it cheaper. Each is
 * correct alone; ccs_program_optimize() runs those that apply, in order. A
 * pass rewrites the program in place: value ids stay valid, a value whose
 * producer is folded away has no producer and no storage. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* Inference: BATCH_NORM behind CONV2D or CONV_TRANSPOSE2D (whose result has
 * no other reader and is no output) goes into the filter and the bias. */
void ccs_pass_fold_batch_norm (CcsProgram *self);
/* ADD of a residual, then ACTIVATION, into the op that produced the operand. */
void ccs_pass_fuse_epilogues (CcsProgram *self);
/* RESHAPE, SLICE and CONCAT become views where both sides allow it. */
void ccs_pass_views (CcsProgram *self);
/* Ops whose results nobody reads, without side effects, go; results nobody
 * reads of ops that stay become CCS_NONE. */
void ccs_pass_dead_ops (CcsProgram *self);
/* All of these, as far as they apply. */
void ccs_program_optimize (CcsProgram *self);
/* Channels of 16 bits that vector loads take at a time. */
#define CCS_PASS_NARROW_CHANNELS 8
/* Inference, after that: results of convolutions and pooling that only such ops
 * read become @dtype (CCS_F16, CCS_BF16), where their channels come in
 * multiples of CCS_PASS_NARROW_CHANNELS. What is computed changes by their
 * rounding: for backends that would round them on reading. */
void ccs_pass_narrow (CcsProgram *self, CcsDType dtype);

G_END_DECLS
