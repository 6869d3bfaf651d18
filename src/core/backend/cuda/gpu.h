/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend on a real GPU: a device, a stream for runs and one for copies,
 * and library handles. Only files that need the toolkit's headers include this.
 */
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
  GRecMutex lock;    /* held while work is issued on the stream */
  cudaStream_t stream;
  CcsGpuCopies copies;
  cudnnHandle_t cudnn;
  /* In tests without a GPU: a finalised description of the device for which
   * plans are compiled; else NULL. */
  cudnnBackendDescriptor_t described;
  cublasLtHandle_t cublaslt;
} CcsGpu;

/* Makes the device's context current on this thread. Pass the returned context
 * to ccs_gpu_leave(): the thread may use another context, as GStreamer's
 * elements do. Calls may be nested. */
CUcontext ccs_gpu_enter (CcsGpu *self);
void ccs_gpu_leave (CcsGpu *self, CUcontext outer);
/* Stores the first error of a run. @message (transfer full) */
void ccs_gpu_fail (CcsCuda *cuda, char *message);

G_END_DECLS
