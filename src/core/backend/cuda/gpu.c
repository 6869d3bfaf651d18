/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA backend: opens a device, manages its memory and its stream, and runs
 * lists of kernels, as a captured graph from the second run of a list on. */
#include "gpu.h"

/* CUDA version numbers are 1000 major + 10 minor. A driver supports every
 * runtime of its major version. */
#define CUDA_VERSION_MAJOR 1000
/* A capture can be invalidated by another thread. After this many failures it
 * is not tried again. */
#define CAPTURE_ATTEMPTS 3

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
  self->lib->cuCtxGetCurrent (&self->context);
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

/* Checks that the device's tensor cores support the precision. cuDNN would
 * report that later and less clearly. */
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
  ccs_cuda_host->refuse_precision (&ccs_backend_cuda, precision,
                                   "the GPU is too old for it", error);
  return FALSE;
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
close_device (CcsGpu *self)
{
  const CUcontext outer = ccs_gpu_enter (self);

  if (self->stream)
    cudaStreamSynchronize (self->stream);
  if (self->cublaslt)
    self->lib->cublasLtDestroy (self->cublaslt);
  if (self->cudnn)
    self->lib->cudnnDestroy (self->cudnn);
  if (self->stream) {
    ccs_gpu_copies_clear (&self->copies);
    cudaStreamDestroy (self->stream);
  }
  ccs_gpu_leave (self, outer);
}

static void
gpu_close (CcsBackend *backend)
{
  CcsGpu *self = (CcsGpu *)backend;

  if (self->context)
    close_device (self);
  g_rec_mutex_clear (&self->lock);
  g_free (self->base.failure);
  g_free (self);
}

/* Opens streams and libraries. The device's context must be current. */
static gboolean
open_device (CcsGpu *self, CcsPrecision precision, GError **error)
{
  return check_precision (self, precision, error)
         && ccs_gpu_check (
             cudaStreamCreateWithFlags (&self->stream, cudaStreamNonBlocking),
             "stream", error)
         && ccs_gpu_copies_init (&self->copies, error)
         && make_handles (self, error);
}

static CcsBackend *
gpu_open (const CcsBackendOptions *options, GError **error)
{
  CcsGpu *self;
  CUcontext outer = NULL;
  gboolean ok;

  self = g_new0 (CcsGpu, 1);
  self->base.base.precision = options->precision;
  self->base.base.klass = &ccs_backend_cuda;
  self->base.base.n_threads = 1;
  g_rec_mutex_init (&self->lock);
  self->lib = ccs_cuda_libraries (error);
  ok = self->lib && check_driver (error);
  if (ok)
    self->lib->cuCtxGetCurrent (&outer);
  ok = ok && choose_device (self, options->device_id, error)
       && open_device (self, options->precision, error);
  if (self->lib)
    self->lib->cuCtxSetCurrent (outer);
  if (ok)
    return &self->base.base;
  gpu_close (&self->base.base);
  return NULL;
}

/* -- memory ---------------------------------------------------------------- */

CUcontext
ccs_gpu_enter (CcsGpu *self)
{
  CUcontext outer = NULL;

  self->lib->cuCtxGetCurrent (&outer);
  if (outer != self->context)
    self->lib->cuCtxSetCurrent (self->context);
  return outer;
}

void
ccs_gpu_leave (CcsGpu *self, CUcontext outer)
{
  if (outer != self->context)
    self->lib->cuCtxSetCurrent (outer);
}

static void *
gpu_alloc (CcsBackend *backend, gsize bytes, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  void *memory = NULL;

  bytes = MAX (bytes, 1); /* an empty allocation would have no address */
  if (ccs_gpu_check (cudaMalloc (&memory, bytes), "memory", error)
      && !ccs_gpu_copies_zero (&self->copies, memory, bytes, error)) {
    cudaFree (memory);
    memory = NULL;
  }
  ccs_gpu_leave (self, outer);
  return memory;
}

/* Frees memory. Waits for all work of the device. */
static void
gpu_release (CcsBackend *backend, void *memory)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);

  cudaFree (memory);
  ccs_gpu_leave (self, outer);
}

static gboolean
gpu_upload (CcsBackend *backend, void *to, const gconstpointer *rows, guint n,
            gsize bytes, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  const gboolean ok
      = ccs_gpu_copies_upload (&self->copies, to, rows, n, bytes, error);

  ccs_gpu_leave (self, outer);
  return ok;
}

static gboolean
gpu_download (CcsBackend *backend, const gpointer *rows, guint n, gsize bytes,
              gconstpointer from, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  const gboolean ok
      = ccs_gpu_copies_download (&self->copies, rows, n, bytes, from, error);

  ccs_gpu_leave (self, outer);
  return ok;
}

/* -- runs ------------------------------------------------------------------ */

/* State between runs of a list: after the first run the list, which runs
 * outside a capture so that libraries load their code; then its graph. */
typedef struct
{
  CcsCudaList *list;
  cudaGraphExec_t graph;
  guint attempts;   /* attempts to capture the list */
  cudaEvent_t done; /* end of the last run */
} Capture;

/* Prepares a kernel, which may read constants that are being uploaded. */
static gboolean
gpu_prepare (CcsBackend *backend, CcsKernel *kernel,
             const CcsKernelHints *hints, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  gboolean ok;

  g_rec_mutex_lock (&self->lock);
  ok = ccs_gpu_copies_join (&self->copies, self->stream, error)
       && ccs_cuda_prepare (&self->base, kernel, hints, error);
  g_rec_mutex_unlock (&self->lock);
  ccs_gpu_leave (self, outer);
  return ok;
}

/* Captures the list as a graph. Returns NULL if that fails. */
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
  /* The capture must be ended even if it failed. */
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
  }
  return executable;
}

static void
capture_free (Capture *self)
{
  if (self->graph)
    cudaGraphExecDestroy (self->graph);
  if (self->done)
    cudaEventDestroy (self->done);
  if (self->list)
    ccs_cuda_list_free (self->list);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Capture, capture_free)

static Capture *
capture_new (CcsGpu *self, const CcsKernel *kernels, guint n, GError **error)
{
  g_autoptr (Capture) made = g_new0 (Capture, 1);

  made->list = ccs_cuda_list_new (&self->base, kernels, n, error);
  if (made->list == NULL
      || !ccs_gpu_check (
          cudaEventCreateWithFlags (&made->done, cudaEventDisableTiming),
          "event", error))
    return NULL;
  return g_steal_pointer (&made);
}

/* Issues the list on the stream: as a graph if it is @kept and has run before.
 */
static gboolean
issue_list (CcsGpu *self, Capture *kept, gboolean has_run, void *scratch,
            GError **error)
{
  if (has_run && kept->graph == NULL && kept->attempts < CAPTURE_ATTEMPTS) {
    kept->graph = capture_list (self, kept->list, scratch);
    kept->attempts++;
  }
  if (kept->graph == NULL)
    return ccs_cuda_list_run (kept->list, scratch, error);
  return ccs_gpu_check (cudaGraphLaunch (kept->graph, self->stream), "graph",
                        error);
}

/* Called with the lock held. */
static gboolean
issue_run (CcsGpu *self, const CcsKernel *kernels, guint n, void *scratch,
           gpointer *capture, GError **error)
{
  const gboolean has_run = *capture != NULL;

  if (!has_run)
    *capture = capture_new (self, kernels, n, error);
  if (*capture == NULL)
    return FALSE;
  if (ccs_gpu_copies_join (&self->copies, self->stream, error)
      && issue_list (self, *capture, has_run, scratch, error)
      && ccs_gpu_check (
          cudaEventRecord (((Capture *)*capture)->done, self->stream), "run",
          error))
    return TRUE;
  /* Waits, so that no kernel still uses memory that the caller may free. */
  cudaStreamSynchronize (self->stream);
  return FALSE;
}

static gboolean
gpu_run (CcsBackend *backend, const CcsKernel *kernels, guint n, void *scratch,
         gpointer *capture, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  gboolean ok;

  g_rec_mutex_lock (&self->lock);
  ok = issue_run (self, kernels, n, scratch, capture, error);
  g_rec_mutex_unlock (&self->lock);
  ccs_gpu_leave (self, outer);
  return ok;
}

/* Waits without the lock, so that other threads can copy and issue runs in the
 * meantime. */
static gboolean
gpu_wait (CcsBackend *backend, gpointer capture, GError **error)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);
  const gboolean ok = ccs_gpu_check (
      cudaEventSynchronize (((Capture *)capture)->done), "run", error);

  ccs_gpu_leave (self, outer);
  return ok;
}

static void
gpu_drop_capture (CcsBackend *backend, gpointer capture)
{
  CcsGpu *self = (CcsGpu *)backend;
  const CUcontext outer = ccs_gpu_enter (self);

  capture_free (capture);
  ccs_gpu_leave (self, outer);
}

const CcsBackendClass ccs_backend_cuda = {
  .name = "cuda",
  .host_memory = FALSE,
  .bulk = CCS_CUDA_BULK,
  .joint = CCS_CUDA_JOINT,
  .takes_narrow = TRUE,
  .open = gpu_open,
  .close = gpu_close,
  .alloc = gpu_alloc,
  .release = gpu_release,
  .upload = gpu_upload,
  .download = gpu_download,
  .prepare = gpu_prepare,
  .run = gpu_run,
  .wait = gpu_wait,
  .drop_capture = gpu_drop_capture,
};
