/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend on a real GPU: one device, one stream, and handles of the
 * libraries on it. Only the files that need the toolkit's headers include
 * this. */
#pragma once

#include "cuda.h"
#include "kernels.h"
#include "libraries.h"

G_BEGIN_DECLS

/* Copies pass through pinned memory, in turn through each of two halves. */
#define CCS_STAGING_HALVES 2

typedef struct
{
  CcsCuda base;
  gint device;
  const CcsCudaLibraries *lib;
  GRecMutex lock; /* one run, copy or preparation at a time */
  cudaStream_t stream;
  cudnnHandle_t cudnn;
  /* Tests without a GPU: the device that plans are compiled for, finalised;
   * else NULL, and plans are for the handle's. */
  cudnnBackendDescriptor_t described;
  cublasLtHandle_t cublaslt;
  char *staging; /* pinned, CCS_STAGING_HALVES of them */
  cudaEvent_t staged[CCS_STAGING_HALVES]; /* a half can be written again */
  guint next_half;
} CcsGpu;

/* FALSE with CCS_ERROR_BACKEND naming @what unless @status is success. */
gboolean ccs_gpu_check (cudaError_t status, const char *what, GError **error);
/* Keeps the first failure of a run; (transfer full) @message. */
void ccs_gpu_fail (CcsCuda *cuda, char *message);

G_END_DECLS
