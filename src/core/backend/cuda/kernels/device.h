/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subset of C in which kernels are written: nvcc compiles it for the GPU,
 * any C compiler for the emulation on the CPU. A kernel is a function of the
 * thread's place (CcsPlace), the parameters and a phase. All threads of a block
 * synchronize between two phases. Shared memory that a thread wrote in one
 * phase can be read by all in the next; local variables do not survive a phase.
 */
#pragma once

#include <math.h>

#ifdef __CUDACC__
#define CCS_DEVICE static __device__ __forceinline__
#else
#define CCS_DEVICE static inline
#endif

/* Threads per block; a power of two. */
#define CCS_BLOCK_THREADS 256
/* Phases of a sum over a block: log2 of its threads. */
#define CCS_TREE_PHASES 8

typedef struct
{
  unsigned block, thread;
  char *shared; /* shared memory of the block; the launch sets its size */
} CcsPlace;

/* The activations, numbered as CcsActKind. */
enum
{
  CCS_DEVICE_ACT_NONE,
  CCS_DEVICE_ACT_RELU,
  CCS_DEVICE_ACT_LEAKY_RELU,
  CCS_DEVICE_ACT_SIGMOID
};

typedef struct
{
  int kind;
  float slope;
} CcsDeviceAct;

CCS_DEVICE float
ccs_device_act (CcsDeviceAct act, float x)
{
  switch (act.kind) {
  case CCS_DEVICE_ACT_RELU:
    return x < 0.f ? 0.f : x; /* preserves NaN */
  case CCS_DEVICE_ACT_LEAKY_RELU:
    return x < 0.f ? act.slope * x : x;
  case CCS_DEVICE_ACT_SIGMOID:
    return 1.f / (1.f + expf (-x));
  default:
    return x;
  }
}

/* Returns the derivative for y = act (x). */
CCS_DEVICE float
ccs_device_act_derivative (CcsDeviceAct act, float y)
{
  switch (act.kind) {
  case CCS_DEVICE_ACT_RELU:
    return y > 0.f ? 1.f : 0.f;
  case CCS_DEVICE_ACT_LEAKY_RELU:
    return y > 0.f ? 1.f : act.slope;
  case CCS_DEVICE_ACT_SIGMOID:
    return y * (1.f - y);
  default:
    return 1.f;
  }
}

CCS_DEVICE unsigned
ccs_device_index (const CcsPlace *at)
{
  return at->block * CCS_BLOCK_THREADS + at->thread;
}

/* Computes step @step of a tree sum over the lanes of a block, for each of
 * @across columns. Thread t belongs to lane t/@across. After CCS_TREE_PHASES
 * steps the sums are in the first @across elements. The order of the additions
 * is fixed. */
CCS_DEVICE void
ccs_device_tree_add (const CcsPlace *at, double *values, unsigned across,
                     int step)
{
  const unsigned half = (CCS_BLOCK_THREADS / across) >> (step + 1);

  if (at->thread / across < half)
    values[at->thread] += values[at->thread + half * across];
}

/* Computes step @step of a tree maximum, with one column. */
CCS_DEVICE void
ccs_device_tree_max (const CcsPlace *at, double *values, int step)
{
  const unsigned half = CCS_BLOCK_THREADS >> (step + 1);

  if (at->thread < half && values[at->thread + half] > values[at->thread])
    values[at->thread] = values[at->thread + half];
}
