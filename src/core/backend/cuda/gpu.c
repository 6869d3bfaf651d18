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

/* What a device's tensor cores multiply; cuDNN would say less, and later. */
static gboolean
check_precision (const CcsGpu *self, CcsPrecision precision, GError **error)
{
  static const int least[CCS_N_PRECISIONS] = {
    [CCS_PRECISION_TF32] = 8, [CCS_PRECISION_BF16] = 8, [CCS_PRECISION_FP16] = 7
  };
  int major = 0;

  if (!ccs_gpu_check (cudaDeviceGetAttribute (&major,
                                              cudaDevAttrComputeCapabilityMajor,
                                              self->device),
                      "asking the GPU", error))
    return FALSE;
  if (major >= least[precision])
    return TRUE;
  ccs_backend_refuse_precision (&ccs_backend_cuda, precision,
                                "the GPU is too old for it", error);
  return FALSE;
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
  g_rec_mutex_clear (&self->lock);
  g_free (self->base.failure);
  g_free (self);
}

static CcsBackend *
gpu_open (const CcsBackendOptions *options, GError **error)
{
  CcsGpu *self;

  self = g_new0 (CcsGpu, 1);
  self->base.base.precision = options->precision;
  self->base.base.klass = &ccs_backend_cuda;
  self->base.base.n_threads = 1;
  g_rec_mutex_init (&self->lock);
  self->lib = ccs_cuda_libraries (error);
  if (self->lib == NULL || !check_driver (error)
      || !choose_device (self, options->device_id, error)
      || !check_precision (self, options->precision, error)
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

/* Enters the device on the caller's thread; the pair to leave(). While a
 * kernel is prepared its constants are allocated, inside. */
static CcsGpu *
enter (CcsBackend *backend)
{
  CcsGpu *self = (CcsGpu *)backend;

  g_rec_mutex_lock (&self->lock);
  cudaSetDevice (self->device);
  return self;
}

static void
leave (CcsGpu *self)
{
  g_rec_mutex_unlock (&self->lock);
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

/* What is kept between runs of one list: first the list alone, so that
 * libraries load their code outside a capture; then its graph. */
typedef struct
{
  CcsCudaList *list;
  cudaGraphExec_t graph;
  gboolean refused; /* the list cannot be captured */
} Capture;

static gboolean
gpu_prepare (CcsBackend *backend, CcsKernel *kernel,
             const CcsKernelHints *hints, GError **error)
{
  CcsGpu *self = enter (backend);
  const gboolean ok = ccs_cuda_prepare (&self->base, kernel, hints, error);

  leave (self);
  return ok;
}

/* NULL where the list cannot be captured. */
static cudaGraphExec_t
capture_list (CcsGpu *self, const CcsCudaList *list, void *scratch)
{
  g_autoptr (GError) why = NULL;
  cudaGraphExec_t executable = NULL;
  cudaGraph_t graph = NULL;
  gboolean ok;

  if (!ccs_gpu_check (cudaStreamBeginCapture (self->stream,
                                              cudaStreamCaptureModeThreadLocal),
                      "capture", &why))
    goto out;
  ok = ccs_cuda_list_run (list, scratch, &why);
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
    g_info ("cuda: a list of kernels runs without a graph: %s", why->message);
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
    CcsCudaList *list = ccs_cuda_list_new (&self->base, kernels, n, error);

    if (list == NULL)
      return FALSE;
    *capture = kept = g_new0 (Capture, 1);
    kept->list = list;
    return ccs_cuda_list_run (list, scratch, error);
  }
  if (kept->graph == NULL && !kept->refused) {
    kept->graph = capture_list (self, kept->list, scratch);
    kept->refused = kept->graph == NULL;
  }
  if (kept->refused)
    return ccs_cuda_list_run (kept->list, scratch, error);
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
  ccs_cuda_list_free (kept->list);
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
