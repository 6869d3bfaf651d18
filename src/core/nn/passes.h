/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes: rewrites that make a program faster and keep its results. Each is
 * correct alone; ccs_program_optimize() runs those that apply, in order. A pass
 * rewrites the program in place. Value ids remain valid; a value whose producer
 * was folded has no producer and no storage. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* Folds BATCH_NORM after CONV2D or CONV_TRANSPOSE2D (whose result has no other
 * reader and is not an output) into filter and bias. For inference. */
void ccs_pass_fold_batch_norm (CcsProgram *self);
/* Fuses ADD of a residual and ACTIVATION into the op that computed the operand.
 */
void ccs_pass_fuse_epilogues (CcsProgram *self);
/* Replaces RESHAPE, SLICE and CONCAT by views if producer and readers allow it.
 */
void ccs_pass_views (CcsProgram *self);
/* Removes ops without side effects whose results are not used. Unused results
 * of other ops become CCS_NONE. */
void ccs_pass_dead_ops (CcsProgram *self);
/* Runs all of these that apply. */
void ccs_program_optimize (CcsProgram *self);
/* 16-bit channels per vector load. */
#define CCS_PASS_NARROW_CHANNELS 8
/* Changes results of convolutions and pooling that only such ops read to @dtype
 * (CCS_F16, CCS_BF16), if their channels are a multiple of
 * CCS_PASS_NARROW_CHANNELS. For inference, after the passes above, on backends
 * that would round these values on reading. */
void ccs_pass_narrow (CcsProgram *self, CcsDType dtype);

G_END_DECLS
