/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU of which only a description exists: cuDNN reports the engines that
 * support a graph, and compiles plans, which cannot be run. */
#pragma once

#include "backend/cuda/gpu.h"

G_BEGIN_DECLS

/* Sets cuDNN and the description of an H100 in @gpu. Later calls reuse both.
 * Returns the reason if that is not possible, or NULL. */
const char *ccs_describe_gpu (CcsGpu *gpu);

G_END_DECLS
