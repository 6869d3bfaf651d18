/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Crops video frames in GPU memory (memory:CUDAMemory, from GStreamer's nvcodec
 * elements) for tdsscrop. GStreamer's CUDA library has no stable API and
 * depends on a dozen other libraries. So the code that uses it is a module,
 * which is opened if a driver is installed.
 *
 * A frame is read in the CUDA context of its memory, by kernels that are loaded
 * in that context, on a stream of this module. The result, a crop of 294 KiB,
 * is copied to system memory. No address of one context is used in another:
 * passing the crop to a model in the device's primary context would need a copy
 * between contexts (cuMemcpyPeerAsync) and a wait on both sides, to save one
 * copy of 294 KiB. So ccstereoenc accepts system memory only, and the model may
 * run on any device.
 *
 * Contexts are shared by GStreamer's rules: a context that was set, or that
 * belongs to a frame, is returned to elements that query "gst.cuda.context".
 * The module makes no context: every frame comes with one. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

#define GST_TDSS_CUDA_FEATURE "memory:CUDAMemory"
/* Formats of nvcodec elements that the kernels can read. */
#define GST_TDSS_CUDA_FORMATS                                                  \
  "{ NV12, NV21, I420, YV12, P010_10LE, P016_LE, I420_10LE, Y42B, Y444, "      \
  "Y444_16LE, RGBA, BGRA, RGBx, BGRx, ARGB, ABGR, RGB, BGR }"
/* The driver library. Without it the module is not opened. */
#define GST_TDSS_CUDA_DRIVER "libcuda.so.1"

/* State of one element. */
typedef struct _GstTdssCuda GstTdssCuda;

/* ABI number of the class below. Plugin and module compare it when the module
 * is opened. Every change of the class increases it. */
#define GST_TDSS_CUDA_ABI 1

typedef struct
{
  guint32 abi; /* GST_TDSS_CUDA_ABI of the module; first in every version */
  /* Returns whether the driver works. */
  gboolean (*available) (void);
  GstTdssCuda *(*create) (GstElement *element);
  void (*destroy) (GstTdssCuda *self);
  /* Frees the GPU memory; keeps the context. */
  void (*stop) (GstTdssCuda *self);
  /* Implements set_context of GstElement. Ignores contexts of other types. */
  void (*set_context) (GstTdssCuda *self, GstContext *context);
  /* Answers a CONTEXT query. Returns FALSE for other queries, and without a
   * context. */
  gboolean (*answer) (GstTdssCuda *self, GstQuery *query);
  /* Returns whether @buffer is in CUDA memory. */
  gboolean (*holds) (GstBuffer *buffer);
  /* Makes the crop @out, in system memory, from the frame @in with @info, as
   * gst_tdss_picture_run() does. Fails with CCS_ERROR_BACKEND; the caller can
   * then download the frame and crop it in system memory. */
  gboolean (*run) (GstTdssCuda *self, GstBuffer *in, const GstVideoInfo *info,
                   GstVideoOrientationMethod turn, gboolean whole, CcsPoint at,
                   GstVideoFrame *out, GError **error);
} GstTdssCudaClass;

/* Returns the module's class. Returns NULL without the module, a driver or
 * GStreamer's CUDA library (the reason is logged once, at INFO), and if the
 * module has another ABI number (logged as a warning). The first call opens the
 * module. Thread-safe. */
const GstTdssCudaClass *gst_tdss_cuda_class (void);

G_END_DECLS
