/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the elements: the properties that choose model and backend, the
 * conversion of library errors to element messages, and the caps between
 * tdsscrop, ccstereoenc and ccstereodec. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* -- model properties ------------------------------------------------------ */

#define GST_TYPE_CCSTEREO_BACKEND (gst_ccstereo_backend_get_type ())
GType gst_ccstereo_backend_get_type (void);

typedef enum
{
  GST_CCSTEREO_BACKEND_AUTO,
  GST_CCSTEREO_BACKEND_CPU,
  GST_CCSTEREO_BACKEND_CUDA,
} GstCcstereoBackend;

/* The GEnum of CcsPrecision. */
#define GST_TYPE_CCSTEREO_PRECISION (gst_ccstereo_precision_get_type ())
GType gst_ccstereo_precision_get_type (void);

/* Values of the properties `model-file`, `backend`, `cuda-device-id`,
 * `n-threads` and `precision`. Guarded by the element's object lock. */
typedef struct
{
  char *model_file; /* NULL: the default model */
  GstCcstereoBackend backend;
  gint cuda_device_id;
  gint n_threads;
  CcsPrecision precision;
} GstCcstereoModelSettings;

void gst_ccstereo_model_settings_init (GstCcstereoModelSettings *self);
void gst_ccstereo_model_settings_clear (GstCcstereoModelSettings *self);

/* Installs the five properties with the ids @first .. @first + 4, in the order
 * of the struct. */
#define GST_CCSTEREO_N_MODEL_PROPERTIES 5
void gst_ccstereo_install_model_properties (GObjectClass *klass, guint first);
/* Sets or gets the property with the id first + @index. Returns FALSE if that
 * is not one of the five. */
gboolean gst_ccstereo_model_settings_set (GstCcstereoModelSettings *self,
                                          GstElement *element, guint index,
                                          const GValue *value);
gboolean gst_ccstereo_model_settings_get (GstCcstereoModelSettings *self,
                                          GstElement *element, guint index,
                                          GValue *value);

/* Loads the model that the settings name, or returns the one that is loaded
 * already. Without model-file: $CCSTEREO_MODEL, then the installed default
 * model. On failure posts an element error and returns NULL. (transfer full) */
CcsModel *gst_ccstereo_model_settings_load (GstCcstereoModelSettings *self,
                                            GstElement *element);

/* -- errors and log -------------------------------------------------------- */

/* Posts @error as an element error: RESOURCE/NOT_FOUND for a file,
 * RESOURCE/SETTINGS for a property, LIBRARY/INIT for a backend, STREAM/FAILED
 * otherwise. Frees @error. */
void gst_ccstereo_post_error (GstElement *element, GError *error);
/* Routes the library's log messages to the debug category "ccstereo". Has no
 * effect after the first call. */
void gst_ccstereo_init (void);

/* -- times from a stream --------------------------------------------------- */

/* Latest time that the elements compute with, 146 years: the sum and the
 * difference of two such times fit 64 bits. */
#define GST_CCSTEREO_MAX_TIME ((GstClockTime)(G_MAXINT64 / 2))

/* Returns @time, or NONE if it is later than GST_CCSTEREO_MAX_TIME. Every
 * timestamp of a buffer or an event goes through this. */
GstClockTime gst_ccstereo_checked_time (GstClockTime time);
/* Returns @sign x @distance, as gst_segment_to_running_time_full() and its like
 * return a time, limited to GST_CCSTEREO_MAX_TIME in both directions. */
GstClockTimeDiff gst_ccstereo_signed_time (gint sign, guint64 distance);
/* Returns @time + @more, each and the sum limited in the same way. */
GstClockTimeDiff gst_ccstereo_add_times (GstClockTimeDiff time,
                                         GstClockTimeDiff more);

/* -- between the elements -------------------------------------------------- */

/* The decoder uses a frame with a longer duration for all audio in that time,
 * without waiting for the next frame. */
#define GST_CCSTEREO_LONG_PICTURE GST_SECOND

/* From tdsscrop to ccstereoenc. */
#define GST_CCSTEREO_PICTURE_WIDTH G_STRINGIFY (CCS_CROP_WIDTH)
#define GST_CCSTEREO_PICTURE_HEIGHT G_STRINGIFY (CCS_CROP_HEIGHT)
#define GST_CCSTEREO_PICTURES_CAPS                                             \
  "video/x-raw, format = (string) RGB, "                                       \
  "width = (int) " GST_CCSTEREO_PICTURE_WIDTH                                  \
  ", height = (int) " GST_CCSTEREO_PICTURE_HEIGHT                              \
  ", framerate = " GST_VIDEO_FPS_RANGE

/* From ccstereoenc to ccstereodec. */
#define GST_CCSTEREO_FEATURES_CAPS "application/x-ccstereo-features"

/* Caps of @model's features: tensor-id, type, dims, dims-order, model-id,
 * and @fps_n/@fps_d as framerate. (transfer full) */
GstCaps *gst_ccstereo_features_caps (CcsModel *model, gint fps_n, gint fps_d);

/* -- caps and queries ------------------------------------------------------ */

/* Intersects @caps (transfer full) with @filter (nullable: no filter), in the
 * filter's order. (transfer full) */
GstCaps *gst_ccstereo_narrow_caps (GstCaps *caps, GstCaps *filter);
/* Returns whether upstream of the pad @sink is live. */
gboolean gst_ccstereo_peer_is_live (GstPad *sink);

G_END_DECLS
