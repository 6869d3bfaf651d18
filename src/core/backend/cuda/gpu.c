/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA backend: finds a device, owns its memory and its stream, and runs
 * lists of kernels, from the second run of a list on as one captured graph. */
#include "gpu.h"

#include <string.h>

#define STAGING_BYTES (4 * 1024 * 1024)
/* CUDA's version numbers: 1000 major + 10 minor. A driver serves every runtime
 * of its major version. */
#define CUDA_VERSION_MAJOR 1000

extern const CcsBackendClass ccs_backend_cuda;

gboolean
ccs_gpu_check (cudaError_t status, const char *what, GError **error)
{
  if (status == cudaSuccess)
    return TRUE;
  g_set_error (error, CCS_ERROR,
               status == cudaErrorMemoryAllocation ? CCS_ERROR_MEMORY
                                                   : CCS_ERROR_BACKEND,
               "CUDA: %s: %s", what, cudaGetErrorString (status));
  return FALSE;
}

void
ccs_gpu_fail (CcsCuda *cuda, char *message)
{
  if (cuda->failure)
    g_free (message);
  else
    cuda->failure = message;
}

void
ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch)
{
  CcsGpu *self = (CcsGpu *)cuda;
  const cudaError_t status
      = ccs_kernel_launch (launch->kernel, launch->blocks, launch->shared,
                           (void *)&launch->params, self->stream);

  if (status != cudaSuccess)
    ccs_gpu_fail (cuda, g_strdup_printf ("kernel %s: %s",
                                         ccs_kernel_name (launch->kernel),
                                         cudaGetErrorString (status)));
}

/* -- opening --------------------------------------------------------------- */

static gboolean
check_driver (GError **error)
{
  int version = 0;

  if (!ccs_gpu_check (cudaDriverGetVersion (&version), "driver", error))
    return FALSE;
  if (version / CUDA_VERSION_MAJOR >= CUDART_VERSION / CUDA_VERSION_MAJOR)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
               "NVIDIA's driver serves CUDA %d.%d at most, this module needs "
               "%d.x",
               version / CUDA_VERSION_MAJOR, version % CUDA_VERSION_MAJOR / 10,
               CUDART_VERSION / CUDA_VERSION_MAJOR);
  return FALSE;
}

static gboolean
choose_device (CcsGpu *self, gint wanted, GError **error)
{
  struct cudaDeviceProp props;
  int count = 0;

  if (!ccs_gpu_check (cudaGetDeviceCount (&count), "looking for a GPU", error))
    return FALSE;
  self->device = MAX (wanted, 0);
  if (self->device >= count) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "there is no CUDA device %d (%d in all)", self->device, count);
    return FALSE;
  }
  if (!ccs_gpu_check (cudaGetDeviceProperties (&props, self->device),
                      "asking the GPU", error))
    return FALSE;
  if (!ccs_gpu_check (cudaSetDevice (self->device), props.name, error))
    return FALSE;
  if (ccs_kernel_check_device () != cudaSuccess) {
    cudaGetLastError ();
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "the CUDA module was built without code for %s, of compute "
                 "capability %d.%d",
                 props.name, props.major, props.minor);
    return FALSE;
  }
  g_info ("cuda: device %d is %s", self->device, props.name);
  return TRUE;
}

static gboolean
make_staging (CcsGpu *self, GError **error)
{
  if (!ccs_gpu_check (cudaHostAlloc ((void **)&self->staging,
                                     CCS_STAGING_HALVES * STAGING_BYTES,
                                     cudaHostAllocDefault),
                      "pinned memory", error))
    return FALSE;
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (!ccs_gpu_check (
            cudaEventCreateWithFlags (&self->staged[i], cudaEventDisableTiming),
            "event", error))
      return FALSE;
  return TRUE;
}

static gboolean
make_handles (CcsGpu *self, GError **error)
{
  cudnnStatus_t cudnn = self->lib->cudnnCreate (&self->cudnn);
  cublasStatus_t cublas;

  if (cudnn == CUDNN_STATUS_SUCCESS)
    cudnn = self->lib->cudnnSetStream (self->cudnn, self->stream);
  if (cudnn != CUDNN_STATUS_SUCCESS) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "cuDNN: %s",
                 self->lib->cudnnGetErrorString (cudnn));
    return FALSE;
  }
  cublas = self->lib->cublasLtCreate (&self->cublaslt);
  if (cublas == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "cuBLASLt: %s",
               self->lib->cublasLtGetStatusString (cublas));
  return FALSE;
}

static void
gpu_close (CcsBackend *backend)
{
  CcsGpu *self = (CcsGpu *)backend;

  if (self->cublaslt)
    self->lib->cublasLtDestroy (self->cublaslt);
  if (self->cudnn)
    self->lib->cudnnDestroy (self->cudnn);
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (self->staged[i])
      cudaEventDestroy (self->staged[i]);
  if (self->staging)
    cudaFreeHost (self->staging);
  if (self->stream)
    cudaStreamDestroy (self->stream);
  g_mutex_clear (&self->lock);
  g_free (self->base.failure);
  g_free (self);
}

static CcsBackend *
gpu_open (const CcsBackendOptions *options, GError **error)
{
  CcsGpu *self;

  if (options->precision > CCS_PRECISION_TF32) {
    ccs_backend_refuse_precision (&ccs_backend_cuda, options->precision,
                                  "it offers fp32 and tf32", error);
    return NULL;
  }
  self = g_new0 (CcsGpu, 1);
  self->base.base.precision = options->precision;
  self->base.base.klass = &ccs_backend_cuda;
  self->base.base.n_threads = 1;
  g_mutex_init (&self->lock);
  self->lib = ccs_cuda_libraries (error);
  if (self->lib == NULL || !check_driver (error)
      || !choose_device (self, options->device_id, error)
      || !ccs_gpu_check (
          cudaStreamCreateWithFlags (&self->stream, cudaStreamNonBlocking),
          "stream", error)
      || !make_staging (self, error) || !make_handles (self, error)) {
    gpu_close (&self->base.base);
    return NULL;
  }
  return &self->base.base;
}

/* -- memory ---------------------------------------------------------------- */

/* Enters the device on the caller's thread; the pair to leave(). */
static CcsGpu *
enter (CcsBackend *backend)
{
  CcsGpu *self = (CcsGpu *)backend;

  g_mutex_lock (&self->lock);
  cudaSetDevice (self->device);
  return self;
}

static void
leave (CcsGpu *self)
{
  g_mutex_unlock (&self->lock);
}

static void *
gpu_alloc (CcsBackend *backend, gsize bytes, GError **error)
{
  CcsGpu *self = enter (backend);
  void *memory = NULL;

  if (ccs_gpu_check (cudaMalloc (&memory, bytes), "memory", error)
      && !(ccs_gpu_check (cudaMemsetAsync (memory, 0, bytes, self->stream),
                          "clearing", error)
           && ccs_gpu_check (cudaStreamSynchronize (self->stream), "clearing",
                             error))) {
    cudaFree (memory);
    memory = NULL;
  }
  leave (self);
  return memory;
}

static void
gpu_release (CcsBackend *backend, void *memory)
{
  CcsGpu *self = enter (backend);

  cudaFree (memory);
  leave (self);
}

/* One piece that fits a half of the staging memory; returns before the copy is
 * done, which the stream orders before what follows. */
static gboolean
upload_piece (CcsGpu *self, char *to, const char *from, gsize bytes,
              GError **error)
{
  const guint half = self->next_half++ % CCS_STAGING_HALVES;
  char *staging = self->staging + half * STAGING_BYTES;

  if (!ccs_gpu_check (cudaEventSynchronize (self->staged[half]), "upload",
                      error))
    return FALSE;
  memcpy (staging, from, bytes);
  return ccs_gpu_check (cudaMemcpyAsync (to, staging, bytes,
                                         cudaMemcpyHostToDevice, self->stream),
                        "upload", error)
         && ccs_gpu_check (cudaEventRecord (self->staged[half], self->stream),
                           "upload", error);
}

static gboolean
gpu_upload (CcsBackend *backend, void *to, gconstpointer from, gsize bytes,
            GError **error)
{
  CcsGpu *self = enter (backend);
  gboolean ok = TRUE;

  for (gsize at = 0; ok && at < bytes; at += STAGING_BYTES)
    ok = upload_piece (self, (char *)to + at, (const char *)from + at,
                       MIN (STAGING_BYTES, bytes - at), error);
  leave (self);
  return ok;
}

/* What an upload left in the first half is gone once the stream has run. */
static gboolean
gpu_download (CcsBackend *backend, void *to, gconstpointer from, gsize bytes,
              GError **error)
{
  CcsGpu *self = enter (backend);
  gboolean ok = TRUE;

  for (gsize at = 0; ok && at < bytes; at += STAGING_BYTES) {
    const gsize piece = MIN (STAGING_BYTES, bytes - at);

    ok = ccs_gpu_check (cudaMemcpyAsync (self->staging, (const char *)from + at,
                                         piece, cudaMemcpyDeviceToHost,
                                         self->stream),
                        "download", error)
         && ccs_gpu_check (cudaStreamSynchronize (self->stream), "download",
                           error);
    if (ok)
      memcpy ((char *)to + at, self->staging, piece);
  }
  leave (self);
  return ok;
}

/* -- runs ------------------------------------------------------------------ */

/* What is kept between runs of one list: nothing at first, so that libraries
 * load their code outside a capture; then its graph. */
typedef struct
{
  cudaGraphExec_t graph;
  gboolean refused; /* the list cannot be captured */
} Capture;

static gboolean
gpu_prepare (CcsBackend *backend, CcsKernel *kernel,
             const CcsKernelHints *hints, GError **error)
{
  CcsGpu *self = enter (backend);
  const gboolean ok = ccs_cuda_prepare (&self->base, kernel, error);

  leave (self);
  return ok;
}

static gboolean
run_kernels (CcsGpu *self, const CcsKernel *kernels, guint n, void *scratch,
             GError **error)
{
  for (guint i = 0; i < n; i++) {
    kernels[i].run (&self->base.base, kernels[i].state, scratch);
    if (self->base.failure) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s: %s",
                   kernels[i].row->name, self->base.failure);
      g_clear_pointer (&self->base.failure, g_free);
      return FALSE;
    }
  }
  return TRUE;
}

/* NULL where the list cannot be captured. */
static cudaGraphExec_t
capture_kernels (CcsGpu *self, const CcsKernel *kernels, guint n, void *scratch)
{
  g_autoptr (GError) why = NULL;
  cudaGraphExec_t executable = NULL;
  cudaGraph_t graph = NULL;
  gboolean ok;

  if (!ccs_gpu_check (cudaStreamBeginCapture (self->stream,
                                              cudaStreamCaptureModeThreadLocal),
                      "capture", &why))
    goto out;
  ok = run_kernels (self, kernels, n, scratch, &why);
  /* The capture must end even where it failed. */
  if (!ccs_gpu_check (cudaStreamEndCapture (self->stream, &graph), "capture",
                      why ? NULL : &why)
      || !ok)
    goto out;
  ccs_gpu_check (cudaGraphInstantiate (&executable, graph, 0), "graph", &why);
out:
  if (graph)
    cudaGraphDestroy (graph);
  if (why) {
    g_info ("cuda: %u kernels run without a graph: %s", n, why->message);
    cudaGetLastError ();
  }
  return executable;
}

static gboolean
run_list (CcsGpu *self, const CcsKernel *kernels, guint n, void *scratch,
          gpointer *capture, GError **error)
{
  Capture *kept = *capture;

  if (kept == NULL) {
    *capture = g_new0 (Capture, 1);
    return run_kernels (self, kernels, n, scratch, error);
  }
  if (kept->graph == NULL && !kept->refused) {
    kept->graph = capture_kernels (self, kernels, n, scratch);
    kept->refused = kept->graph == NULL;
  }
  if (kept->refused)
    return run_kernels (self, kernels, n, scratch, error);
  return ccs_gpu_check (cudaGraphLaunch (kept->graph, self->stream), "graph",
                        error);
}

static gboolean
gpu_run (CcsBackend *backend, const CcsKernel *kernels, guint n, void *scratch,
         gpointer *capture, GError **error)
{
  CcsGpu *self = enter (backend);
  const gboolean ok
      = run_list (self, kernels, n, scratch, capture, error)
        && ccs_gpu_check (cudaStreamSynchronize (self->stream), "run", error);

  leave (self);
  return ok;
}

static void
gpu_drop_capture (CcsBackend *backend, gpointer capture)
{
  CcsGpu *self = enter (backend);
  Capture *kept = capture;

  if (kept->graph)
    cudaGraphExecDestroy (kept->graph);
  g_free (kept);
  leave (self);
}

const CcsBackendClass ccs_backend_cuda = {
  .name = "cuda",
  .host_memory = FALSE,
  .open = gpu_open,
  .close = gpu_close,
  .alloc = gpu_alloc,
  .release = gpu_release,
  .upload = gpu_upload,
  .download = gpu_download,
  .prepare = gpu_prepare,
  .run = gpu_run,
  .drop_capture = gpu_drop_capture,
};
