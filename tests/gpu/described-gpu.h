/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU that is only described: cuDNN reports the engines that support a graph,
 * and compiles plans, which cannot be run. */
#pragma once

#include "backend/cuda/gpu.h"

G_BEGIN_DECLS

/* Sets cuDNN and the description of an H100 in @gpu; later calls reuse them.
 * Returns why that is not possible, or NULL. */
const char *ccs_describe_gpu (CcsGpu *gpu);

G_END_DECLS
