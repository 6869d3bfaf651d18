/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU that is only described: cuDNN says for it which engines serve a graph,
 * and compiles their plans, which nothing can run. */
#pragma once

#include "backend/cuda/gpu.h"

G_BEGIN_DECLS

/* Gives @gpu cuDNN and an H100 to compile for, which are kept for the next. Why
 * that cannot be, or NULL. */
const char *ccs_describe_gpu (CcsGpu *gpu);

G_END_DECLS
