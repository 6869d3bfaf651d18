/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A simulation of NVIDIA's driver for GStreamer's CUDA library, with the host
 * as its device. Work on a stream is done when a thread waits for it, device
 * memory starts with random content and only the device may access it, and a
 * call that uses an object of another context ends the process. The only
 * kernels that it runs are those of tdsscrop. */
#include <cuda.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "picture-kernels.h"
#include "simulated-driver.h"

#define RUBBISH 0xff
#define PAGE ((gsize)4096)
#define PITCH ((gsize)512)
#define DRIVER_VERSION 13000

static GRecMutex device;
static gsize downloaded; /* bytes */

gsize
simulated_downloaded_bytes (void)
{
  return downloaded;
}

G_NORETURN static void
forbidden (const char *what)
{
  fprintf (stderr, "simulated driver: %s\n", what);
  abort ();
}

/* -- contexts: one stack per thread ---------------------------------------- */

struct CUctx_st
{
  guint number;
};

static _Thread_local GSList *stack;

static CUcontext
current (void)
{
  if (stack == NULL)
    forbidden ("a call outside any context");
  return stack->data;
}

CUresult cuCtxCreate_v2 (CUcontext *context, unsigned flags, CUdevice ordinal);
CUresult
cuCtxCreate_v2 (CUcontext *context, unsigned flags, CUdevice ordinal)
{
  static guint made;

  *context = g_new (struct CUctx_st, 1);
  (*context)->number = made++;
  stack = g_slist_prepend (stack, *context);
  return CUDA_SUCCESS;
}

CUresult
cuCtxDestroy_v2 (CUcontext context)
{
  g_free (context);
  return CUDA_SUCCESS;
}

CUresult
cuCtxPushCurrent_v2 (CUcontext context)
{
  stack = g_slist_prepend (stack, context);
  return CUDA_SUCCESS;
}

CUresult
cuCtxPopCurrent_v2 (CUcontext *context)
{
  CUcontext top = current ();

  if (context)
    *context = top;
  stack = g_slist_delete_link (stack, stack);
  return CUDA_SUCCESS;
}

/* -- memory ---------------------------------------------------------------- */

typedef struct
{
  char *data;
  gsize bytes;
  gboolean on_host;
  CUcontext context;
} Block;

static GPtrArray *blocks; /* Block */

static void
protect (const Block *block, int how)
{
  if (!block->on_host)
    mprotect (block->data, (block->bytes + PAGE - 1) / PAGE * PAGE, how);
}

static void
open_memory (gboolean open)
{
  for (guint i = 0; blocks && i < blocks->len; i++)
    protect (blocks->pdata[i], open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

static void *
allocate (gsize bytes, gboolean on_host)
{
  Block *block = g_new (Block, 1);

  g_rec_mutex_lock (&device);
  *block = (Block){ NULL, bytes, on_host, current () };
  block->data
      = mmap (NULL, (bytes + PAGE - 1) / PAGE * PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset (block->data, RUBBISH, bytes);
  protect (block, PROT_NONE);
  if (!blocks)
    blocks = g_ptr_array_new ();
  g_ptr_array_add (blocks, block);
  g_rec_mutex_unlock (&device);
  return block->data;
}

/* Returns the block of device memory that contains @memory, or NULL. */
static Block *
find_block (gconstpointer memory)
{
  for (guint i = 0; blocks && i < blocks->len; i++) {
    Block *block = blocks->pdata[i];

    if ((const char *)memory >= block->data
        && (const char *)memory < block->data + block->bytes)
      return block;
  }
  return NULL;
}

static void
need_device_memory (gconstpointer memory)
{
  const Block *block = find_block (memory);

  if (!block || block->on_host)
    forbidden ("an address that is not the device's");
  if (block->context != current ())
    forbidden ("an address of another context");
}

CUresult
cuMemAlloc_v2 (CUdeviceptr *memory, gsize bytes)
{
  *memory = (CUdeviceptr)(guintptr)allocate (bytes, FALSE);
  return CUDA_SUCCESS;
}

CUresult
cuMemAllocPitch_v2 (CUdeviceptr *memory, gsize *pitch, gsize width,
                    gsize height, unsigned element)
{
  *pitch = (width + PITCH - 1) / PITCH * PITCH;
  return cuMemAlloc_v2 (memory, *pitch * height);
}

CUresult
cuMemAllocHost_v2 (void **memory, gsize bytes)
{
  *memory = allocate (bytes, TRUE);
  return CUDA_SUCCESS;
}

static CUresult
release (gpointer memory)
{
  Block *block;

  g_rec_mutex_lock (&device);
  block = find_block (memory);
  if (!block || block->data != memory || block->context != current ())
    forbidden ("free of memory that was not allocated in this context");
  g_ptr_array_remove_fast (blocks, block);
  munmap (block->data, (block->bytes + PAGE - 1) / PAGE * PAGE);
  g_free (block);
  g_rec_mutex_unlock (&device);
  return CUDA_SUCCESS;
}

CUresult
cuMemFree_v2 (CUdeviceptr memory)
{
  return release ((gpointer)(guintptr)memory);
}

CUresult
cuMemFreeHost (void *memory)
{
  return release (memory);
}

/* -- streams --------------------------------------------------------------- */

typedef struct
{
  gint kernel; /* index of a kernel; -1: a copy */
  guint blocks;
  union
  {
#define X(name, Params) Params name;
    CCS_PICTURE_KERNEL_LIST (X)
#undef X
  } params;
  CUDA_MEMCPY2D copy;
} Work;

struct CUstream_st
{
  CUcontext context;
  GQueue waiting; /* Work */
};

static const char *
side (CUmemorytype type, const void *host, CUdeviceptr on_device)
{
  return type == CU_MEMORYTYPE_DEVICE ? (const char *)(guintptr)on_device
                                      : host;
}

static void
run_copy (const CUDA_MEMCPY2D *p)
{
  const char *from = side (p->srcMemoryType, p->srcHost, p->srcDevice);
  char *to = (char *)side (p->dstMemoryType, p->dstHost, p->dstDevice);

  for (gsize y = 0; y < p->Height; y++)
    memcpy (to + y * p->dstPitch, from + y * p->srcPitch, p->WidthInBytes);
  if (p->dstMemoryType == CU_MEMORYTYPE_HOST)
    downloaded += p->WidthInBytes * p->Height;
}

static void
run_kernel (const Work *work)
{
  for (guint block = work->blocks; block-- > 0;)
    for (guint thread = 0; thread < CCS_BLOCK_THREADS; thread++) {
      const CcsPlace at = { block, thread, NULL };

      switch (work->kernel) {
#define X(name, Params)                                                        \
  case CCS_KERNEL_##name:                                                      \
    ccs_kernel_##name (&at, &work->params.name, 0);                            \
    break;
        CCS_PICTURE_KERNEL_LIST (X)
#undef X
      }
    }
}

static void
run_work (Work *work)
{
  open_memory (TRUE);
  if (work->kernel < 0)
    run_copy (&work->copy);
  else
    run_kernel (work);
  open_memory (FALSE);
  g_free (work);
}

CUresult
cuStreamCreate (CUstream *stream, unsigned flags)
{
  *stream = g_new0 (struct CUstream_st, 1);
  (*stream)->context = current ();
  g_queue_init (&(*stream)->waiting);
  return CUDA_SUCCESS;
}

static void
need_stream (CUstream stream)
{
  if (stream && stream->context != current ())
    forbidden ("a stream of another context");
}

CUresult
cuStreamSynchronize (CUstream stream)
{
  Work *work;

  g_rec_mutex_lock (&device);
  need_stream (stream);
  while (stream && (work = g_queue_pop_head (&stream->waiting)))
    run_work (work);
  g_rec_mutex_unlock (&device);
  return CUDA_SUCCESS;
}

CUresult
cuStreamDestroy_v2 (CUstream stream)
{
  need_stream (stream);
  if (!g_queue_is_empty (&stream->waiting))
    forbidden ("a stream destroyed with work on it");
  g_free (stream);
  return CUDA_SUCCESS;
}

/* GStreamer 1.22 looks for this name. */
#undef cuStreamDestroy
CUresult cuStreamDestroy (CUstream stream);
CUresult
cuStreamDestroy (CUstream stream)
{
  return cuStreamDestroy_v2 (stream);
}

static void
put (CUstream stream, Work *work)
{
  g_rec_mutex_lock (&device);
  need_stream (stream);
  if (stream)
    g_queue_push_tail (&stream->waiting, work);
  else
    run_work (work);
  g_rec_mutex_unlock (&device);
}

CUresult
cuMemcpy2DAsync_v2 (const CUDA_MEMCPY2D *copy, CUstream stream)
{
  Work *work = g_new0 (Work, 1);

  if (copy->srcMemoryType == CU_MEMORYTYPE_DEVICE)
    need_device_memory ((gconstpointer)(guintptr)copy->srcDevice);
  if (copy->dstMemoryType == CU_MEMORYTYPE_DEVICE)
    need_device_memory ((gconstpointer)(guintptr)copy->dstDevice);
  work->kernel = -1;
  work->copy = *copy;
  put (stream, work);
  return CUDA_SUCCESS;
}

/* From pageable memory it may return before the copy has ended. Only streams
 * that wait for the default stream may rely on the data. */
CUresult
cuMemcpy2D_v2 (const CUDA_MEMCPY2D *copy)
{
  if (copy->srcMemoryType == CU_MEMORYTYPE_HOST && !find_block (copy->srcHost))
    forbidden ("an upload that the kernels' stream does not wait for");
  return cuMemcpy2DAsync_v2 (copy, NULL);
}

/* -- code ------------------------------------------------------------------ */

CUresult
cuModuleLoadData (CUmodule *module, const void *image)
{
  if (g_getenv (SIMULATED_NO_CODE))
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  *module = (CUmodule)current ();
  return CUDA_SUCCESS;
}

CUresult
cuModuleUnload (CUmodule module)
{
  if (module != (CUmodule)current ())
    forbidden ("a module of another context");
  return CUDA_SUCCESS;
}

/* A function handle is an index, from 1. */
CUresult
cuModuleGetFunction (CUfunction *function, CUmodule module, const char *name)
{
  static const char *const names[] = {
#define X(name, Params) CCS_PICTURE_ENTRY #name,
    CCS_PICTURE_KERNEL_LIST (X)
#undef X
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (name, names[i])) {
      *function = (CUfunction)(guintptr)(i + 1);
      return CUDA_SUCCESS;
    }
  return CUDA_ERROR_NOT_FOUND;
}

static void
check_params (const Work *work)
{
  if (work->kernel == CCS_KERNEL_picture_rgb) {
    for (guint k = 0; k < 3; k++)
      need_device_memory (work->params.picture_rgb.component[k].data);
    need_device_memory (work->params.picture_rgb.rgb);
  } else if (work->kernel == CCS_KERNEL_picture_rows) {
    need_device_memory (work->params.picture_rows.taps.weight);
    need_device_memory (work->params.picture_rows.out);
  } else {
    need_device_memory (work->params.picture_columns.taps.weight);
    need_device_memory (work->params.picture_columns.out);
  }
}

#undef cuLaunchKernel
CUresult
cuLaunchKernel (CUfunction function, unsigned x, unsigned y, unsigned z,
                unsigned threads, unsigned threads_y, unsigned threads_z,
                unsigned shared, CUstream stream, void **params, void **extra)
{
  static const gsize bytes[] = {
#define X(name, Params) sizeof (Params),
    CCS_PICTURE_KERNEL_LIST (X)
#undef X
  };
  Work *work = g_new0 (Work, 1);

  work->kernel = (gint)(guintptr)function - 1;
  work->blocks = x;
  if (x == 0 || y != 1 || z != 1 || threads != CCS_BLOCK_THREADS
      || threads_y != 1 || threads_z != 1)
    forbidden ("a launch of another shape");
  memcpy (&work->params, params[0], bytes[work->kernel]);
  check_params (work);
  put (stream, work);
  return CUDA_SUCCESS;
}

/* -- queries --------------------------------------------------------------- */

CUresult
cuInit (unsigned flags)
{
  return CUDA_SUCCESS;
}

CUresult
cuGetErrorName (CUresult error, const char **text)
{
  *text = "SIMULATED";
  return CUDA_SUCCESS;
}

CUresult
cuGetErrorString (CUresult error, const char **text)
{
  *text = "a simulated error";
  return CUDA_SUCCESS;
}

CUresult
cuDriverGetVersion (int *version)
{
  *version = DRIVER_VERSION;
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetCount (int *count)
{
  *count = 1;
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGet (CUdevice *found, int ordinal)
{
  *found = ordinal;
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetName (char *name, int length, CUdevice which)
{
  g_strlcpy (name, "simulated", length);
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetAttribute (int *value, CUdevice_attribute attribute, CUdevice which)
{
  *value = PITCH;
  return CUDA_SUCCESS;
}

CUresult
cuDeviceCanAccessPeer (int *can, CUdevice which, CUdevice peer)
{
  *can = 0;
  return CUDA_SUCCESS;
}

/* The library looks up these functions; nothing calls them here. */
#undef cuGLGetDevices
#undef cuGraphicsResourceSetMapFlags
#undef cuGraphicsResourceGetMappedPointer
#define STUB(function)                                                         \
  CUresult simulated_##function (void) __asm__(#function);                     \
  CUresult simulated_##function (void)                                         \
  {                                                                            \
    return CUDA_ERROR_NOT_SUPPORTED;                                           \
  }
STUB (cuCtxEnablePeerAccess)
STUB (cuCtxDisablePeerAccess)
STUB (cuGraphicsMapResources)
STUB (cuGraphicsUnmapResources)
STUB (cuGraphicsResourceSetMapFlags_v2)
STUB (cuGraphicsSubResourceGetMappedArray)
STUB (cuGraphicsResourceGetMappedPointer_v2)
STUB (cuGraphicsUnregisterResource)
STUB (cuTexObjectCreate)
STUB (cuTexObjectDestroy)
STUB (cuGraphicsGLRegisterImage)
STUB (cuGraphicsGLRegisterBuffer)
STUB (cuGLGetDevices_v2)
/* Looked up by GStreamer 1.24 to 1.28. */
STUB (cuEventCreate)
STUB (cuEventDestroy_v2)
STUB (cuEventRecord)
STUB (cuEventSynchronize)
STUB (cuIpcCloseMemHandle)
STUB (cuIpcGetEventHandle)
STUB (cuIpcGetMemHandle)
STUB (cuIpcOpenEventHandle)
STUB (cuIpcOpenMemHandle)
STUB (cuCtxGetLimit)
STUB (cuCtxSetLimit)
STUB (cuCtxSynchronize)
STUB (cuMemcpyDtoDAsync_v2)
STUB (cuMemcpyDtoD_v2)
STUB (cuMemcpyDtoHAsync_v2)
STUB (cuMemcpyDtoH_v2)
STUB (cuMemcpyHtoDAsync_v2)
STUB (cuMemcpyHtoD_v2)
STUB (cuMemsetD2D16Async)
STUB (cuMemsetD2D16_v2)
STUB (cuMemsetD2D32Async)
STUB (cuMemsetD2D32_v2)
STUB (cuMemsetD2D8Async)
STUB (cuMemsetD2D8_v2)
STUB (cuDeviceGetUuid)
