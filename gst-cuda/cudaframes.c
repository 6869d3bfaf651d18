/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that uses GStreamer's CUDA library, whose API is unstable:
 * contexts, memory, and driver functions through that library. gsttdsscuda.h
 * describes the rule for contexts. */
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>

#include "gsttdsscuda.h"
#include "picture-plan.h"

GST_DEBUG_CATEGORY_STATIC (cuda_frames_debug);
#define GST_CAT_DEFAULT cuda_frames_debug

#define ANY_DEVICE -1
/* Alignment of the parts of an allocation. */
#define ALIGNMENT 256
#define CROP_ROW (3 * CCS_CROP_WIDTH)

extern const GstTdssCudaClass gst_tdss_cuda_frames;
/* The kernels' machine code, made from picture-kernels.cu. */
extern const unsigned char gst_tdss_picture_code[];

struct _GstTdssCuda
{
  GstElement *element; /* its owner */
  GMutex lock;         /* guards context, which any thread may set or query */
  GstCudaContext *context;

  /* used by the streaming thread: objects in the context working */
  GstCudaContext *working;
  CUmodule module;
  CUfunction kernels[CCS_N_PICTURE_KERNELS];
  CUstream stream;
  GstTdssTaps taps;
  CUdeviceptr memory; /* one allocation for all parts; made for these taps */
  GstTdssMemory parts;
};

static gboolean
check (CUresult result, const char *what, GError **error)
{
  const char *text = NULL;

  if (result == CUDA_SUCCESS)
    return TRUE;
  CuGetErrorString (result, &text);
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "CUDA: %s: %s", what,
               text ? text : "an unknown error");
  return FALSE;
}

/* -- memory on the device; its context is current -------------------------- */

static void
free_memory (GstTdssCuda *self)
{
  if (self->memory)
    CuMemFree (self->memory);
  self->memory = 0;
  gst_tdss_taps_clear (&self->taps);
}

static void
free_device (GstTdssCuda *self)
{
  free_memory (self);
  if (self->stream)
    CuStreamDestroy (self->stream);
  if (self->module)
    CuModuleUnload (self->module);
  self->stream = NULL;
  self->module = NULL;
}

static gboolean
load_kernels (GstTdssCuda *self, GError **error)
{
  static const char *const names[CCS_N_PICTURE_KERNELS] = {
#define X(name, Params) CCS_PICTURE_ENTRY #name,
    CCS_PICTURE_KERNEL_LIST (X)
#undef X
  };

  if (!check (CuModuleLoadData (&self->module, gst_tdss_picture_code),
              "kernels", error)
      || !check (CuStreamCreate (&self->stream, CU_STREAM_NON_BLOCKING),
                 "stream", error))
    return FALSE;
  for (guint i = 0; i < CCS_N_PICTURE_KERNELS; i++)
    if (!check (CuModuleGetFunction (&self->kernels[i], self->module, names[i]),
                names[i], error))
      return FALSE;
  return TRUE;
}

/* Uploads the taps on the kernels' stream: a plain copy from pageable memory
 * may return early, and other streams do not wait for it. */
static gboolean
upload_taps (GstTdssCuda *self, GError **error)
{
  const CUDA_MEMCPY2D copy = {
    .srcMemoryType = CU_MEMORYTYPE_HOST,
    .srcHost = self->taps.values,
    .dstMemoryType = CU_MEMORYTYPE_DEVICE,
    .dstDevice = self->memory,
    .WidthInBytes = self->taps.n_values * sizeof *self->taps.values,
    .Height = 1,
  };

  return check (CuMemcpy2DAsync (&copy, self->stream), "weights", error);
}

static gsize
aligned (gsize bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Makes one allocation for all data of frames of this size. */
static gboolean
make_memory (GstTdssCuda *self, GError **error)
{
  const gsize taps = aligned (self->taps.n_values * sizeof (gint32));
  const gsize upright
      = aligned ((gsize)self->taps.width * self->taps.height * sizeof (CcsRgb));
  const gsize narrowed
      = aligned ((gsize)CCS_CROP_WIDTH * self->taps.height * sizeof (CcsRgb));
  const gsize all = taps + upright + narrowed + CROP_ROW * CCS_CROP_HEIGHT;
  guint8 *begin;

  if (all > G_MAXUINT) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "CUDA: pictures of %dx%d are too large", self->taps.width,
                 self->taps.height);
    return FALSE;
  }
  if (!check (CuMemAlloc (&self->memory, all), "memory", error))
    return FALSE;
  begin = (guint8 *)(guintptr)self->memory;
  self->parts = (GstTdssMemory){
    .taps = (const gint32 *)begin,
    .upright = (CcsRgb *)(begin + taps),
    .narrowed = (CcsRgb *)(begin + taps + upright),
    .crop = begin + taps + upright + narrowed,
  };
  return upload_taps (self, error);
}

static gboolean
ensure_device (GstTdssCuda *self, gint width, gint height, gboolean whole,
               GError **error)
{
  if (self->module == NULL && !load_kernels (self, error)) {
    free_device (self);
    return FALSE;
  }
  if (self->memory && self->taps.width == width && self->taps.height == height
      && self->taps.whole == whole)
    return TRUE;
  free_memory (self);
  if (gst_tdss_taps_ensure (&self->taps, width, height, whole, error)
      && make_memory (self, error))
    return TRUE;
  free_memory (self);
  return FALSE;
}

/* -- contexts -------------------------------------------------------------- */

static void
drop_working (GstTdssCuda *self)
{
  if (self->working == NULL)
    return;
  if (gst_cuda_context_push (self->working)) {
    free_device (self);
    gst_cuda_context_pop (NULL);
  }
  gst_clear_object (&self->working);
}

/* Uses @context, that of a frame, from now on, and shares it with other
 * elements. */
static void
adopt (GstTdssCuda *self, GstCudaContext *context)
{
  if (self->working == context)
    return;
  drop_working (self);
  self->working = gst_object_ref (context);
  g_mutex_lock (&self->lock);
  gst_object_replace ((GstObject **)&self->context, (GstObject *)context);
  g_mutex_unlock (&self->lock);
}

static void
frames_set_context (GstTdssCuda *self, GstContext *context)
{
  g_mutex_lock (&self->lock);
  gst_cuda_handle_set_context (self->element, context, ANY_DEVICE,
                               &self->context);
  g_mutex_unlock (&self->lock);
}

static gboolean
frames_answer (GstTdssCuda *self, GstQuery *query)
{
  gboolean answered;

  g_mutex_lock (&self->lock);
  answered
      = gst_cuda_handle_context_query (self->element, query, self->context);
  g_mutex_unlock (&self->lock);
  return answered;
}

/* -- pictures -------------------------------------------------------------- */

static gboolean
frames_holds (GstBuffer *buffer)
{
  return gst_buffer_n_memory (buffer) == 1
         && gst_is_cuda_memory (gst_buffer_peek_memory (buffer, 0));
}

/* Returns the addresses of the planes in @data, the frame's memory. */
static GstTdssStored
stored_at (GstBuffer *buffer, const GstVideoInfo *info, const guint8 *data,
           GstVideoOrientationMethod turn)
{
  const GstCudaMemory *memory
      = GST_CUDA_MEMORY_CAST (gst_buffer_peek_memory (buffer, 0));
  const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  GstTdssStored stored = { .info = info, .turn = turn };

  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
    stored.plane[p] = data + (meta ? meta->offset[p] : memory->info.offset[p]);
    stored.stride[p] = meta ? meta->stride[p] : memory->info.stride[p];
  }
  return stored;
}

/* Copies the crop to @out and waits. */
static gboolean
download (GstTdssCuda *self, GstVideoFrame *out, GError **error)
{
  const CUDA_MEMCPY2D copy = {
    .srcMemoryType = CU_MEMORYTYPE_DEVICE,
    .srcDevice = (CUdeviceptr)(guintptr)self->parts.crop,
    .srcPitch = CROP_ROW,
    .dstMemoryType = CU_MEMORYTYPE_HOST,
    .dstHost = GST_VIDEO_FRAME_PLANE_DATA (out, 0),
    .dstPitch = GST_VIDEO_FRAME_PLANE_STRIDE (out, 0),
    .WidthInBytes = CROP_ROW,
    .Height = CCS_CROP_HEIGHT,
  };

  return check (CuMemcpy2DAsync (&copy, self->stream), "download", error)
         && check (CuStreamSynchronize (self->stream), "picture", error);
}

static gboolean
launch (GstTdssCuda *self, GstTdssPlan *plan, GError **error)
{
  for (guint i = 0; i < CCS_N_PICTURE_KERNELS; i++)
    if (!check (CuLaunchKernel (self->kernels[i], plan->blocks[i], 1, 1,
                                CCS_BLOCK_THREADS, 1, 1, 0, self->stream,
                                &plan->params[i], NULL),
                "launch", error))
      return FALSE;
  return TRUE;
}

/* Makes the crop from a mapped frame. The context must be current. */
static gboolean
make_crop (GstTdssCuda *self, const GstTdssStored *stored, gboolean whole,
           CcsPoint at, GstVideoFrame *out, GError **error)
{
  GstTdssPlan plan;
  gint width, height;
  gboolean ok;

  gst_tdss_plan_upright_size (stored, &width, &height);
  if (!ensure_device (self, width, height, whole, error))
    return FALSE;
  gst_tdss_plan_fill (&plan, stored, &self->taps, &self->parts, at);
  ok = launch (self, &plan, error) && download (self, out, error);
  if (!ok) /* no kernel may still use the frame after it has been released */
    CuStreamSynchronize (self->stream);
  return ok;
}

static gboolean
frames_run (GstTdssCuda *self, GstBuffer *in, const GstVideoInfo *info,
            GstVideoOrientationMethod turn, gboolean whole, CcsPoint at,
            GstVideoFrame *out, GError **error)
{
  GstMemory *memory = gst_buffer_peek_memory (in, 0);
  GstTdssStored stored;
  GstMapInfo map;
  gboolean ok = FALSE;

  adopt (self, GST_CUDA_MEMORY_CAST (memory)->context);
  if (GST_VIDEO_INFO_IS_INTERLACED (info)
      || !gst_memory_map (memory, &map, GST_MAP_READ | GST_MAP_CUDA)) {
    g_set_error_literal (error, CCS_ERROR, CCS_ERROR_BACKEND,
                         "CUDA: interlaced, or not to be mapped");
    return FALSE;
  }
#if GST_CHECK_VERSION(1, 24, 0)
  /* The element that made the frame may not have waited for it. */
  gst_cuda_memory_sync (GST_CUDA_MEMORY_CAST (memory));
#endif
  stored = stored_at (in, info, map.data, turn);
  if (gst_cuda_context_push (self->working)) {
    ok = make_crop (self, &stored, whole, at, out, error);
    gst_cuda_context_pop (NULL);
  } else {
    g_set_error_literal (error, CCS_ERROR, CCS_ERROR_BACKEND,
                         "CUDA: the picture's context cannot be entered");
  }
  gst_memory_unmap (memory, &map);
  return ok;
}

/* -- the class ------------------------------------------------------------- */

static gboolean
frames_available (void)
{
  GST_DEBUG_CATEGORY_INIT (cuda_frames_debug, "tdsscudaframes", 0,
                           "pictures in CUDA memory, on the device");
  return gst_cuda_load_library ();
}

static GstTdssCuda *
frames_create (GstElement *element)
{
  GstTdssCuda *self = g_new0 (GstTdssCuda, 1);

  self->element = element;
  g_mutex_init (&self->lock);
  return self;
}

static void
frames_stop (GstTdssCuda *self)
{
  drop_working (self);
}

static void
frames_destroy (GstTdssCuda *self)
{
  drop_working (self);
  gst_clear_object (&self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

const GstTdssCudaClass gst_tdss_cuda_frames = {
  .abi = GST_TDSS_CUDA_ABI,
  .available = frames_available,
  .create = frames_create,
  .destroy = frames_destroy,
  .stop = frames_stop,
  .set_context = frames_set_context,
  .answer = frames_answer,
  .holds = frames_holds,
  .run = frames_run,
};
