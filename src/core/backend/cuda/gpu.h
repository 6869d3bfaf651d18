/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend on a real GPU: one device, a stream of runs and one of copies,
 * and handles of the libraries. Only the files that need the toolkit's headers
 * include this. */
#pragma once

#include "copies.h"
#include "cuda-backend.h"
#include "gpu-check.h"
#include "kernels.h"
#include "libraries.h"

G_BEGIN_DECLS

typedef struct
{
  CcsCuda base;
  gint device;
  const CcsCudaLibraries *lib;
  CUcontext context; /* the device's primary context; NULL before open */
  GRecMutex lock;    /* one caller at a time puts work on the stream */
  cudaStream_t stream;
  CcsGpuCopies copies;
  cudnnHandle_t cudnn;
  /* Tests without a GPU: the device that plans are compiled for, finalised;
   * else NULL, and plans are for the handle's. */
  cudnnBackendDescriptor_t described;
  cublasLtHandle_t cublaslt;
} CcsGpu;

/* Makes the device's context current on the caller's thread. Give what it
 * returns to ccs_gpu_leave(): the thread may be at work in a context of its
 * own, as GStreamer's elements are. Pairs may be nested. */
CUcontext ccs_gpu_enter (CcsGpu *self);
void ccs_gpu_leave (CcsGpu *self, CUcontext outer);
/* Keeps the first failure of a run; (transfer full) @message. */
void ccs_gpu_fail (CcsCuda *cuda, char *message);

G_END_DECLS
