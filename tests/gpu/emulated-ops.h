/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every kernel of the CUDA backend on the CPU, block by block, so that its
 * index arithmetic and its use of shared memory can be tested anywhere; and
 * what a library does on the GPU, as reference code. */
#pragma once

#include "backend/cuda/cuda-backend.h"

G_BEGIN_DECLS

typedef struct
{
  const char *name;
  void (*run) (const CcsPlace *at, gconstpointer params, gint phase);
  gint n_phases;
} CcsEmulatedKernel;

extern const CcsEmulatedKernel ccs_emulated_kernels[CCS_N_KERNELS];

/* What a host's thread emulates. */
typedef struct
{
  const CcsLaunch *launch; /* NULL: none */
  guint number;            /* of the launch, from 1 */
  const CcsPlace *at;
  gint phase;
} CcsEmulatedNow;

extern _Thread_local CcsEmulatedNow ccs_emulated_now;

/* A backend's memory, zeroed but for what its library calls want; NULL where
 * they cannot be. (transfer full) */
CcsCuda *ccs_emulated_new (GError **error);
/* What is wrong with the kernel's use of its shared memory, or NULL.
 * (transfer full) */
char *ccs_emulated_launch (const CcsLaunch *launch);
/* A convolution or a matrix product. */
void ccs_emulated_call (const CcsCuda *cuda, const CcsCallSite *site,
                        CcsCall *call);

G_END_DECLS
