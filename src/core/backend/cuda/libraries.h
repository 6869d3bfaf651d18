/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA libraries, opened at run time: no file of this project names them
 * in its dynamic section, so that everything loads where they are missing. */
#pragma once

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn_graph.h>
#include <glib.h>

G_BEGIN_DECLS

/* Their files. The major versions are those of the headers. */
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

/* What the runtime has no word for: contexts that are not its own. */
#define CCS_DRIVER_FUNCTIONS(X)                                                \
  X (cuCtxGetCurrent)                                                          \
  X (cuCtxSetCurrent)

/* Each function by its own name. */
typedef struct
{
#define X(function) __typeof__ (function) *function;
  CCS_CUDNN_FUNCTIONS (X)
  CCS_CUBLASLT_FUNCTIONS (X)
  CCS_DRIVER_FUNCTIONS (X)
#undef X
} CcsCudaLibraries;

/* The libraries, opened once a process and kept; NULL with CCS_ERROR_BACKEND
 * naming the first that is missing or of another version. Thread-safe.
 * (transfer none) */
const CcsCudaLibraries *ccs_cuda_libraries (GError **error);

G_END_DECLS
