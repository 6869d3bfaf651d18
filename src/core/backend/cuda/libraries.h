/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA libraries, which are opened at run time: no file of this project
 * links them, so that all files load without them. */
#pragma once

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn_graph.h>
#include <glib.h>

G_BEGIN_DECLS

/* File names, with the major versions of the headers. */
#define CCS_DRIVER_FILE "libcuda.so.1"
#define CCS_CUDNN_FILE "libcudnn.so." G_STRINGIFY (CUDNN_MAJOR)
#define CCS_CUBLASLT_FILE "libcublasLt.so." G_STRINGIFY (CUBLAS_VER_MAJOR)

#define CCS_CUDNN_FUNCTIONS(X)                                                 \
  X (cudnnGetVersion)                                                          \
  X (cudnnGetErrorString)                                                      \
  X (cudnnCreate)                                                              \
  X (cudnnDestroy)                                                             \
  X (cudnnSetStream)                                                           \
  X (cudnnBackendCreateDescriptor)                                             \
  X (cudnnBackendDestroyDescriptor)                                            \
  X (cudnnBackendSetAttribute)                                                 \
  X (cudnnBackendGetAttribute)                                                 \
  X (cudnnBackendFinalize)                                                     \
  X (cudnnBackendExecute)

#define CCS_CUBLASLT_FUNCTIONS(X)                                              \
  X (cublasLtGetVersion)                                                       \
  X (cublasLtGetStatusString)                                                  \
  X (cublasLtCreate)                                                           \
  X (cublasLtDestroy)                                                          \
  X (cublasLtMatmulDescCreate)                                                 \
  X (cublasLtMatmulDescDestroy)                                                \
  X (cublasLtMatmulDescSetAttribute)                                           \
  X (cublasLtMatrixLayoutCreate)                                               \
  X (cublasLtMatrixLayoutDestroy)                                              \
  X (cublasLtMatrixLayoutSetAttribute)                                         \
  X (cublasLtMatmulPreferenceCreate)                                           \
  X (cublasLtMatmulPreferenceDestroy)                                          \
  X (cublasLtMatmulPreferenceSetAttribute)                                     \
  X (cublasLtMatmulAlgoGetHeuristic)                                           \
  X (cublasLtMatmul)

/* Driver functions on contexts, which the runtime API lacks. */
#define CCS_DRIVER_FUNCTIONS(X)                                                \
  X (cuCtxGetCurrent)                                                          \
  X (cuCtxSetCurrent)

/* A pointer for each function. */
typedef struct
{
#define X(function) __typeof__ (function) *function;
  CCS_CUDNN_FUNCTIONS (X)
  CCS_CUBLASLT_FUNCTIONS (X)
  CCS_DRIVER_FUNCTIONS (X)
#undef X
} CcsCudaLibraries;

/* Opens the libraries at the first call and returns them. CCS_ERROR_BACKEND
 * names the first that is missing or has a wrong version. Thread-safe.
 * (transfer none) */
const CcsCudaLibraries *ccs_cuda_libraries (GError **error);

G_END_DECLS
