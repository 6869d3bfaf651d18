/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Emulates the kernels of the CUDA backend on the CPU, block by block, to test
 * their index arithmetic and use of shared memory; library calls run reference
 * code. */
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

/* The GPU thread that a thread of the host currently emulates. */
typedef struct
{
  const CcsLaunch *launch; /* NULL: no emulation */
  guint number;            /* index of the launch, from 1 */
  const CcsPlace *at;
  gint phase;
} CcsEmulatedNow;

extern _Thread_local CcsEmulatedNow ccs_emulated_now;

/* Makes a backend without a device, but with everything that library calls
 * need. Returns NULL if that is not possible. (transfer full) */
CcsCuda *ccs_emulated_new (GError **error);
/* Runs a launch. Returns an error message if it uses shared memory wrongly,
 * or NULL. (transfer full) */
char *ccs_emulated_launch (const CcsLaunch *launch);
/* Makes a call for a convolution or a matrix product. */
void ccs_emulated_call (const CcsCuda *cuda, const CcsCallSite *site,
                        CcsCall *call);

G_END_DECLS
