/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the elements share: the properties that choose a model and where it
 * runs, the way from a core error to an element message, and the caps of what
 * goes from one to the next. */
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

/* Of CcsPrecision. */
#define GST_TYPE_CCSTEREO_PRECISION (gst_ccstereo_precision_get_type ())
GType gst_ccstereo_precision_get_type (void);

/* What `model-file`, `backend`, `cuda-device-id`, `n-threads` and `precision`
 * hold; under the element's object lock. */
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

/* Installs the five properties as @first .. @first + 4, in the order of the
 * struct. */
#define GST_CCSTEREO_N_MODEL_PROPERTIES 5
void gst_ccstereo_install_model_properties (GObjectClass *klass, guint first);
/* @index: property id - first. TRUE when it was one of the five. */
gboolean gst_ccstereo_model_settings_set (GstCcstereoModelSettings *self,
                                          GstElement *element, guint index,
                                          const GValue *value);
gboolean gst_ccstereo_model_settings_get (GstCcstereoModelSettings *self,
                                          GstElement *element, guint index,
                                          GValue *value);

/* Loads (or shares) the model that the settings name; with no model-file
 * CCSTEREO_MODEL, then the installed default model. Posts an element error and
 * returns NULL on failure. (transfer full) */
CcsModel *gst_ccstereo_model_settings_load (GstCcstereoModelSettings *self,
                                            GstElement *element);

/* -- errors and log -------------------------------------------------------- */

/* Posts @error as an element error: RESOURCE/NOT_FOUND for a file,
 * RESOURCE/SETTINGS for a property, LIBRARY/INIT for a backend, STREAM/FAILED
 * otherwise. Frees @error. */
void gst_ccstereo_post_error (GstElement *element, GError *error);
/* Routes the core's log into the debug category "ccstereo". Once a process. */
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

/* A picture that is shown for longer is the one for all the sound meanwhile:
 * what comes after it is not awaited. */
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

/* -- what neighbours say --------------------------------------------------- */

/* What of @caps (taken) lies in @filter, in the filter's order; all of it
 * without one. (transfer full) */
GstCaps *gst_ccstereo_narrow_caps (GstCaps *caps, GstCaps *filter);
/* Whether what comes to the pad @sink is live. */
gboolean gst_ccstereo_peer_is_live (GstPad *sink);

G_END_DECLS
