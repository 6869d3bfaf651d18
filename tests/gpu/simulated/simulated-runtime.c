/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A simulation of the CUDA runtime in host memory. It uses all freedom that
 * CUDA has: work on a stream runs only when a thread waits for it, device
 * memory starts with random content, and only the device may access it. It
 * ends the process at everything that CUDA forbids, such as a call during a
 * capture, a call in another context, or a copy outside allocated memory.
 * Kernels and library calls are those of the emulation. */
#include <cuda_runtime_api.h>
#include <string.h>
#include <sys/mman.h>

#include "../emulated-ops.h"
#include "backend/cuda/gpu.h"
#include "simulated-runtime.h"

#define RUBBISH 0xff
#define PAGE ((gsize)4096)
#define ARENA_BYTES ((gsize)4 << 30)
#define DRIVER_VERSION CUDART_VERSION

/* Held while a thread uses the device. */
static GRecMutex device;

G_NORETURN static void
forbidden (const char *what)
{
  g_printerr ("simulated CUDA: %s\n", what);
  abort ();
}

/* -- contexts -------------------------------------------------------------- */

static int primary; /* its address serves as primary context */
static _Thread_local CUcontext current;

static CUresult
get_current (CUcontext *context)
{
  *context = current;
  return CUDA_SUCCESS;
}

static CUresult
set_current (CUcontext context)
{
  current = context;
  return CUDA_SUCCESS;
}

static void
need_context (void)
{
  if (current != (CUcontext)&primary)
    forbidden ("a call outside the device's context");
}

cudaError_t
cudaSetDevice (int ordinal)
{
  current = (CUcontext)&primary;
  return cudaSuccess;
}

/* -- streams --------------------------------------------------------------- */

typedef struct _Work Work;

struct CUstream_st
{
  GQueue waiting; /* Work */
  guint64 issued, done;
  GThread *capturing; /* thread that started the capture */
  GPtrArray *captured;
};

struct CUevent_st
{
  cudaStream_t stream; /* NULL: never recorded */
  guint64 number;      /* index of the work before it */
};

struct CUgraph_st
{
  GPtrArray *work;
};

struct _Work
{
  gatomicrefcount references;
  void (*run) (Work *work);
  CcsLaunch launch;         /* of a kernel */
  CcsCuda *cuda;            /* of a library call */
  CcsCall call;             /* of a library call */
  void *to;                 /* of a copy or memset; a call's scratch */
  gconstpointer from;       /* NULL: zeros */
  gsize bytes;              /* of a copy or memset */
  struct CUevent_st waited; /* of a wait */
};

static GPtrArray *allocated; /* element type Block */
static cudaStream_t captured_stream;

static void
work_unref (Work *self)
{
  if (g_atomic_ref_count_dec (&self->references))
    g_free (self);
}

static Work *
work_new (void (*run) (Work *work))
{
  Work *self = g_new0 (Work, 1);

  g_atomic_ref_count_init (&self->references);
  self->run = run;
  return self;
}

static void
need_no_capture (void)
{
  if (captured_stream && captured_stream->capturing == g_thread_self ())
    forbidden ("a call that a capture does not allow");
}

/* Adds work to a stream. Called with the device lock held. */
static void
put (cudaStream_t stream, Work *work)
{
  need_context ();
  if (stream->capturing) {
    if (stream->capturing != g_thread_self ())
      forbidden ("work from another thread in a capture");
    g_ptr_array_add (stream->captured, work);
    return;
  }
  g_queue_push_tail (&stream->waiting, work);
  stream->issued++;
}

/* Executes the work on @stream up to index @number. */
static void
reach (cudaStream_t stream, guint64 number)
{
  while (stream->done < number) {
    Work *work = g_queue_pop_head (&stream->waiting);

    work->run (work);
    work_unref (work);
    stream->done++;
  }
}

/* -- memory ---------------------------------------------------------------- */

typedef struct
{
  char *data;
  gsize bytes;
  gboolean on_host;
} Block;

/* Device memory. Its use starts again from the beginning when everything has
 * been freed. */
static char *arena;
static gsize arena_used, device_blocks;

/* Makes device memory accessible while the device works, and inaccessible
 * otherwise. */
static void
open_arena (gboolean open)
{
  if (arena_used)
    mprotect (arena, arena_used, open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

static void
reach_as_device (cudaStream_t stream, guint64 number)
{
  if (stream->done >= number)
    return;
  open_arena (TRUE);
  reach (stream, number);
  open_arena (FALSE);
}

static char *
take_pages (gsize bytes)
{
  char *taken;

  if (!arena)
    arena = mmap (NULL, ARENA_BYTES, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (device_blocks++ == 0)
    arena_used = 0;
  taken = arena + arena_used;
  arena_used += (bytes + PAGE - 1) / PAGE * PAGE;
  if (arena == MAP_FAILED || arena_used > ARENA_BYTES)
    forbidden ("more memory than is simulated");
  open_arena (TRUE);
  memset (taken, RUBBISH, bytes);
  open_arena (FALSE);
  return taken;
}

static cudaError_t
allocate (void **memory, gsize bytes, gboolean on_host)
{
  Block *block = g_new (Block, 1);

  g_rec_mutex_lock (&device);
  need_context ();
  need_no_capture ();
  if (bytes == 0)
    forbidden ("an allocation of nothing");
  *block = (Block){ on_host ? g_malloc (bytes) : take_pages (bytes), bytes,
                    on_host };
  if (!allocated)
    allocated = g_ptr_array_new ();
  g_ptr_array_add (allocated, block);
  *memory = block->data;
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

static Block *
find_block (gconstpointer memory, gsize bytes)
{
  for (guint i = 0; allocated && i < allocated->len; i++) {
    Block *block = allocated->pdata[i];

    if ((const char *)memory >= block->data
        && (const char *)memory + bytes <= block->data + block->bytes)
      return block;
  }
  return NULL;
}

static void
need_memory (gconstpointer memory, gsize bytes, gboolean on_host)
{
  const Block *block = find_block (memory, bytes);

  if (!block || block->on_host != on_host)
    forbidden ("a copy outside memory of its kind");
}

cudaError_t
cudaMalloc (void **memory, size_t bytes)
{
  return allocate (memory, bytes, FALSE);
}

cudaError_t
cudaHostAlloc (void **memory, size_t bytes, unsigned flags)
{
  return allocate (memory, bytes, TRUE);
}

static GPtrArray *streams; /* cudaStream_t */

/* Frees memory after all work on all streams is done, as the driver does. */
static cudaError_t
release (void *memory)
{
  Block *block;

  g_rec_mutex_lock (&device);
  need_context ();
  need_no_capture ();
  for (guint i = 0; i < streams->len; i++)
    reach_as_device (streams->pdata[i],
                     ((cudaStream_t)streams->pdata[i])->issued);
  block = find_block (memory, 1);
  if (!block || block->data != memory)
    forbidden ("free of memory that was not allocated");
  g_ptr_array_remove_fast (allocated, block);
  if (block->on_host)
    g_free (block->data);
  else
    device_blocks--;
  g_free (block);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
cudaFree (void *memory)
{
  return memory ? release (memory) : cudaSuccess;
}

cudaError_t
cudaFreeHost (void *memory)
{
  return release (memory);
}

static void
run_copy (Work *work)
{
  if (work->from)
    memcpy (work->to, work->from, work->bytes);
  else
    memset (work->to, 0, work->bytes);
}

static cudaError_t
put_copy (void *to, gconstpointer from, gsize bytes, cudaStream_t stream)
{
  Work *work = work_new (run_copy);

  work->to = to;
  work->from = from;
  work->bytes = bytes;
  put (stream, work);
  return cudaSuccess;
}

cudaError_t
cudaMemcpyAsync (void *to, const void *from, size_t bytes,
                 enum cudaMemcpyKind kind, cudaStream_t stream)
{
  g_rec_mutex_lock (&device);
  need_memory (to, bytes, kind == cudaMemcpyDeviceToHost);
  need_memory (from, bytes, kind == cudaMemcpyHostToDevice);
  put_copy (to, from, bytes, stream);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
cudaMemsetAsync (void *memory, int value, size_t bytes, cudaStream_t stream)
{
  g_rec_mutex_lock (&device);
  need_memory (memory, bytes, FALSE);
  put_copy (memory, NULL, bytes, stream);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

/* -- API of streams and events --------------------------------------------- */

cudaError_t
cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned flags)
{
  need_context ();
  if (flags != cudaStreamNonBlocking)
    forbidden ("a stream that waits for everybody's default one");
  *stream = g_new0 (struct CUstream_st, 1);
  g_queue_init (&(*stream)->waiting);
  if (!streams)
    streams = g_ptr_array_new ();
  g_ptr_array_add (streams, *stream);
  return cudaSuccess;
}

cudaError_t
cudaStreamDestroy (cudaStream_t stream)
{
  need_context ();
  if (stream->done != stream->issued)
    forbidden ("a stream destroyed with work on it");
  g_ptr_array_remove_fast (streams, stream);
  g_free (stream);
  return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize (cudaStream_t stream)
{
  g_rec_mutex_lock (&device);
  need_context ();
  need_no_capture ();
  reach_as_device (stream, stream->issued);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t *event, unsigned flags)
{
  need_context ();
  *event = g_new0 (struct CUevent_st, 1);
  return cudaSuccess;
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  g_free (event);
  return cudaSuccess;
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  g_rec_mutex_lock (&device);
  need_no_capture ();
  event->stream = stream;
  event->number = stream->issued;
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  g_rec_mutex_lock (&device);
  need_context ();
  need_no_capture ();
  if (event->stream)
    reach_as_device (event->stream, event->number);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

static void
run_wait (Work *work)
{
  reach (work->waited.stream, work->waited.number);
}

cudaError_t
cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
  g_rec_mutex_lock (&device);
  need_no_capture ();
  if (event->stream) {
    Work *work = work_new (run_wait);

    work->waited = *event;
    put (stream, work);
  }
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

/* -- graphs ---------------------------------------------------------------- */

static guint breaking, launched;

void
simulated_break_captures (guint n)
{
  breaking = n;
}

guint
simulated_launched_graphs (void)
{
  return launched;
}

cudaError_t
cudaStreamBeginCapture (cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
  g_rec_mutex_lock (&device);
  need_context ();
  if (mode != cudaStreamCaptureModeThreadLocal)
    forbidden ("a capture that hinders other threads");
  stream->capturing = g_thread_self ();
  stream->captured
      = g_ptr_array_new_with_free_func ((GDestroyNotify)work_unref);
  captured_stream = stream;
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph)
{
  g_autoptr (GPtrArray) work = NULL;
  gboolean broken;

  g_rec_mutex_lock (&device);
  work = g_steal_pointer (&stream->captured);
  stream->capturing = NULL;
  captured_stream = NULL;
  broken = breaking > 0;
  breaking -= broken;
  g_rec_mutex_unlock (&device);
  *graph = NULL;
  if (broken)
    return cudaErrorStreamCaptureInvalidated;
  *graph = g_new (struct CUgraph_st, 1);
  (*graph)->work = g_steal_pointer (&work);
  return cudaSuccess;
}

/* An executable graph is a list of work. */
cudaError_t
cudaGraphInstantiate (cudaGraphExec_t *executable, cudaGraph_t graph,
                      unsigned long long flags)
{
  *executable = (cudaGraphExec_t)g_ptr_array_ref (graph->work);
  return cudaSuccess;
}

cudaError_t
cudaGraphDestroy (cudaGraph_t graph)
{
  g_ptr_array_unref (graph->work);
  g_free (graph);
  return cudaSuccess;
}

cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t executable)
{
  g_ptr_array_unref ((GPtrArray *)executable);
  return cudaSuccess;
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t executable, cudaStream_t stream)
{
  GPtrArray *work = (GPtrArray *)executable;

  g_rec_mutex_lock (&device);
  launched++;
  for (guint i = 0; i < work->len; i++) {
    g_atomic_ref_count_inc (&((Work *)work->pdata[i])->references);
    put (stream, work->pdata[i]);
  }
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

/* -- kernels and calls ----------------------------------------------------- */

static guint kernels_done;

guint
simulated_done_kernels (void)
{
  return kernels_done;
}

static void
run_launch (Work *work)
{
  const char *failure = ccs_emulated_launch (&work->launch);

  if (failure)
    forbidden (failure);
  kernels_done++;
}

static const gsize params_bytes[CCS_N_KERNELS] = {
#define X(name, Params, phases) sizeof (Params),
  CCS_KERNEL_LIST (X)
#undef X
};

cudaError_t
ccs_kernel_launch (CcsKernelId kernel, unsigned blocks, unsigned shared,
                   void *params, cudaStream_t stream)
{
  Work *work = work_new (run_launch);

  if (blocks == 0)
    forbidden ("a launch without blocks");
  work->launch = (CcsLaunch){ .kernel = kernel, blocks, shared };
  memcpy (&work->launch.params, params, params_bytes[kernel]);
  g_rec_mutex_lock (&device);
  put (stream, work);
  g_rec_mutex_unlock (&device);
  return cudaSuccess;
}

cudaError_t
ccs_kernel_check_device (void)
{
  return cudaSuccess;
}

const char *
ccs_kernel_name (CcsKernelId kernel)
{
  return "simulated";
}

static void
run_call (Work *work)
{
  work->call.run (work->cuda, work->call.state, work->to);
}

/* Adds a library call to the stream. */
static void
put_call (CcsCuda *cuda, gpointer state, void *scratch)
{
  Work *work = work_new (run_call);

  work->cuda = cuda;
  work->call = *(CcsCall *)state;
  work->to = scratch;
  g_rec_mutex_lock (&device);
  put (((CcsGpu *)cuda)->stream, work);
  g_rec_mutex_unlock (&device);
}

static void
free_call (gpointer state)
{
  CcsCall *call = state;

  call->free_state (call->state);
  g_free (call);
}

static void
make_call (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call)
{
  CcsCall *emulated = g_new (CcsCall, 1);

  ccs_emulated_call (cuda, site, emulated);
  *call = *emulated;
  call->run = put_call;
  call->state = emulated;
  call->free_state = free_call;
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                    GError **error)
{
  make_call (cuda, site, call);
  return TRUE;
}

gboolean
ccs_cuda_call_matmul (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                      GError **error)
{
  make_call (cuda, site, call);
  return TRUE;
}

/* -- other functions of the runtime ---------------------------------------- */

const char *
cudaGetErrorString (cudaError_t error)
{
  return "simulated error";
}

cudaError_t
cudaGetLastError (void)
{
  return cudaSuccess;
}

cudaError_t
cudaDriverGetVersion (int *version)
{
  *version = DRIVER_VERSION;
  return cudaSuccess;
}

cudaError_t
cudaGetDeviceCount (int *count)
{
  *count = 1;
  return cudaSuccess;
}

cudaError_t
cudaGetDeviceProperties (struct cudaDeviceProp *props, int ordinal)
{
  *props = (struct cudaDeviceProp){ .name = "simulated", .major = 9 };
  return cudaSuccess;
}

cudaError_t
cudaDeviceGetAttribute (int *value, enum cudaDeviceAttr attribute, int ordinal)
{
  *value = 9; /* only the major compute capability is queried */
  return cudaSuccess;
}

static cudnnStatus_t
cudnn_create (cudnnHandle_t *handle)
{
  need_context ();
  *handle = NULL;
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t
cudnn_set_stream (cudnnHandle_t handle, cudaStream_t stream)
{
  return CUDNN_STATUS_SUCCESS;
}

static cublasStatus_t
cublaslt_create (cublasLtHandle_t *handle)
{
  need_context ();
  *handle = NULL;
  return CUBLAS_STATUS_SUCCESS;
}

const CcsCudaLibraries *
ccs_cuda_libraries (GError **error)
{
  static const CcsCudaLibraries libraries = {
    .cuCtxGetCurrent = get_current,
    .cuCtxSetCurrent = set_current,
    .cudnnCreate = cudnn_create,
    .cudnnSetStream = cudnn_set_stream,
    .cublasLtCreate = cublaslt_create,
  };

  return &libraries;
}
