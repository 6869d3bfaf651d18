/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures in a GPU's memory (memory:CUDAMemory, as GStreamer's nvcodec
 * elements make them) on their way through tdsscrop. GStreamer's CUDA library
 * is unstable and pulls in a dozen others: what uses it is a module of its own,
 * opened where there is a driver, and everything goes on without it.
 *
 * The rule: a picture is looked at in the CUDA context of its memory, whichever
 * element made that, by kernels loaded there, on a stream of our own. What
 * leaves is a crop of 294 KiB, into the host's memory. No address of one
 * context is used in another: those of a device's primary context, in which a
 * model may run, and those of GStreamer's would need a copy between contexts
 * (cuMemcpyPeerAsync) and a wait on both sides, to save one copy of 294 KiB. So
 * ccstereoenc takes system memory alone, and a model may run anywhere.
 *
 * Contexts are shared by GStreamer's rules: one that is set, or that came with
 * a picture, is told to neighbours who ask ("gst.cuda.context"). None is made
 * here, since nothing can come without one. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

#define GST_TDSS_CUDA_FEATURE "memory:CUDAMemory"
/* Formats of nvcodec's elements whose pixels the kernels can read. */
#define GST_TDSS_CUDA_FORMATS                                                  \
  "{ NV12, NV21, I420, YV12, P010_10LE, P016_LE, I420_10LE, Y42B, Y444, "      \
  "Y444_16LE, RGBA, BGRA, RGBx, BGRx, ARGB, ABGR, RGB, BGR }"
/* The driver, without which nothing is tried. */
#define GST_TDSS_CUDA_DRIVER "libcuda.so.1"

/* What one element keeps of it. */
typedef struct _GstTdssCuda GstTdssCuda;

/* Number of the class below, which the module and the plugin compare when it is
 * opened. Every change of the class raises it. */
#define GST_TDSS_CUDA_ABI 1

typedef struct
{
  guint32 abi; /* GST_TDSS_CUDA_ABI of the module; first in every version */
  /* Whether there is a driver that serves. */
  gboolean (*available) (void);
  GstTdssCuda *(*create) (GstElement *element);
  void (*destroy) (GstTdssCuda *self);
  /* The device's memory goes; the context stays. */
  void (*stop) (GstTdssCuda *self);
  /* Of GstElement: @context may be of another kind. */
  void (*set_context) (GstTdssCuda *self, GstContext *context);
  /* TRUE when @query asked for a context and one was told. */
  gboolean (*answer) (GstTdssCuda *self, GstQuery *query);
  /* Whether the memory of @buffer is of this kind. */
  gboolean (*holds) (GstBuffer *buffer);
  /* @in, a picture of @info, turned by @turn, to the crop @out in system
   * memory, as gst_tdss_picture_run(). CCS_ERROR_BACKEND where it cannot be
   * done here: it can be done in system memory still. */
  gboolean (*run) (GstTdssCuda *self, GstBuffer *in, const GstVideoInfo *info,
                   GstVideoOrientationMethod turn, gboolean whole, CcsPoint at,
                   GstVideoFrame *out, GError **error);
} GstTdssCudaClass;

/* NULL without the module, a driver or GStreamer's library; why is logged once,
 * at INFO. NULL, too, if the module has another ABI number, which is logged as
 * a warning. Looks for them at the first call. Thread-safe. */
const GstTdssCudaClass *gst_tdss_cuda_class (void);

G_END_DECLS
