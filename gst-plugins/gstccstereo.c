/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstccstereo.h"

GST_DEBUG_CATEGORY_STATIC (ccstereo_debug);
#define GST_CAT_DEFAULT ccstereo_debug

static const GstCcstereoModelSettings defaults
    = { .backend = GST_CCSTEREO_BACKEND_AUTO,
        .cuda_device_id = -1,
        .precision = CCS_PRECISION_FP32 };

enum
{
  INDEX_MODEL_FILE,
  INDEX_BACKEND,
  INDEX_CUDA_DEVICE_ID,
  INDEX_N_THREADS,
  INDEX_PRECISION,
};

/* Indexed by value. The nicks are backend names of ccs_model_load(). */
static const GEnumValue backends[] = {
  { GST_CCSTEREO_BACKEND_AUTO, "CUDA if a GPU works, else the CPU", "auto" },
  { GST_CCSTEREO_BACKEND_CPU, "CPU (oneDNN and own kernels)", "cpu" },
  { GST_CCSTEREO_BACKEND_CUDA, "NVIDIA GPU (CUDA and cuDNN)", "cuda" },
  { 0, NULL, NULL },
};

GType
gst_ccstereo_backend_get_type (void)
{
  static GType type = 0;

  if (g_once_init_enter (&type)) {
    GType made = g_enum_register_static ("GstCcstereoBackend", backends);

    gst_type_mark_as_plugin_api (made, 0);
    g_once_init_leave (&type, made);
  }
  return type;
}

GType
gst_ccstereo_precision_get_type (void)
{
  static GType type = 0;
  static const GEnumValue values[]
      = { { CCS_PRECISION_FP32, "32-bit floats, as published", "fp32" },
          { CCS_PRECISION_TF32, "TF32: 10-bit mantissas (cuda)", "tf32" },
          { CCS_PRECISION_BF16, "bfloat16", "bf16" },
          { CCS_PRECISION_FP16, "Half precision (cuda)", "fp16" },
          { 0, NULL, NULL } };

  if (g_once_init_enter (&type)) {
    GType made = g_enum_register_static ("GstCcstereoPrecision", values);

    gst_type_mark_as_plugin_api (made, 0);
    g_once_init_leave (&type, made);
  }
  return type;
}

void
gst_ccstereo_model_settings_init (GstCcstereoModelSettings *self)
{
  *self = defaults;
}

void
gst_ccstereo_model_settings_clear (GstCcstereoModelSettings *self)
{
  g_clear_pointer (&self->model_file, g_free);
}

void
gst_ccstereo_install_model_properties (GObjectClass *klass, guint first)
{
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (
      klass, first + INDEX_MODEL_FILE,
      g_param_spec_string (
          "model-file", "Model file",
          "Model file, safetensors or .pth (default: $CCSTEREO_MODEL, then the "
          "installed default model)",
          NULL, flags));
  g_object_class_install_property (
      klass, first + INDEX_BACKEND,
      g_param_spec_enum ("backend", "Backend", "Where the model runs",
                         GST_TYPE_CCSTEREO_BACKEND, defaults.backend, flags));
  g_object_class_install_property (
      klass, first + INDEX_CUDA_DEVICE_ID,
      g_param_spec_int ("cuda-device-id", "CUDA device",
                        "GPU index (-1: choose automatically)", -1, G_MAXINT,
                        defaults.cuda_device_id, flags));
  g_object_class_install_property (
      klass, first + INDEX_N_THREADS,
      g_param_spec_int ("n-threads", "Threads",
                        "Number of CPU threads (0: one per core)", 0,
                        CCS_BACKEND_MAX_THREADS, defaults.n_threads, flags));
  g_object_class_install_property (
      klass, first + INDEX_PRECISION,
      g_param_spec_enum (
          "precision", "Precision",
          "Arithmetic precision of convolutions and matrix products",
          GST_TYPE_CCSTEREO_PRECISION, defaults.precision, flags));
}

gboolean
gst_ccstereo_model_settings_set (GstCcstereoModelSettings *self,
                                 GstElement *element, guint index,
                                 const GValue *value)
{
  gboolean known = TRUE;

  GST_OBJECT_LOCK (element);
  switch (index) {
  case INDEX_MODEL_FILE:
    g_free (self->model_file);
    self->model_file = g_value_dup_string (value);
    break;
  case INDEX_BACKEND:
    self->backend = g_value_get_enum (value);
    break;
  case INDEX_CUDA_DEVICE_ID:
    self->cuda_device_id = g_value_get_int (value);
    break;
  case INDEX_N_THREADS:
    self->n_threads = g_value_get_int (value);
    break;
  case INDEX_PRECISION:
    self->precision = g_value_get_enum (value);
    break;
  default:
    known = FALSE;
  }
  GST_OBJECT_UNLOCK (element);
  return known;
}

gboolean
gst_ccstereo_model_settings_get (GstCcstereoModelSettings *self,
                                 GstElement *element, guint index,
                                 GValue *value)
{
  gboolean known = TRUE;

  GST_OBJECT_LOCK (element);
  switch (index) {
  case INDEX_MODEL_FILE:
    g_value_set_string (value, self->model_file);
    break;
  case INDEX_BACKEND:
    g_value_set_enum (value, self->backend);
    break;
  case INDEX_CUDA_DEVICE_ID:
    g_value_set_int (value, self->cuda_device_id);
    break;
  case INDEX_N_THREADS:
    g_value_set_int (value, self->n_threads);
    break;
  case INDEX_PRECISION:
    g_value_set_enum (value, self->precision);
    break;
  default:
    known = FALSE;
  }
  GST_OBJECT_UNLOCK (element);
  return known;
}

CcsModel *
gst_ccstereo_model_settings_load (GstCcstereoModelSettings *self,
                                  GstElement *element)
{
  g_autofree char *path = NULL;
  CcsBackendOptions options;
  const char *backend;
  GError *error = NULL;
  CcsModel *model = NULL;
  const gint64 start = g_get_monotonic_time ();

  GST_OBJECT_LOCK (element);
  path = g_strdup (self->model_file);
  backend = backends[self->backend].value_nick;
  options = (CcsBackendOptions){ .n_threads = self->n_threads,
                                 .device_id = self->cuda_device_id,
                                 .precision = self->precision,
                                 .shares_cores = TRUE };
  GST_OBJECT_UNLOCK (element);
  if (path == NULL)
    path = ccs_model_default_path (&error);
  if (path) {
    GST_INFO_OBJECT (element, "model %s: loading for backend %s", path,
                     backend);
    model = ccs_model_load (path, backend, &options, &error);
  }
  if (model == NULL)
    gst_ccstereo_post_error (element, error);
  else
    GST_INFO_OBJECT (element,
                     "backend %s (%s was asked for) runs model %s, loaded in "
                     "%.0f ms",
                     ccs_model_backend_name (model), backend,
                     ccs_model_id (model),
                     (double)(g_get_monotonic_time () - start) / 1000);
  return model;
}

/* -- errors and log -------------------------------------------------------- */

void
gst_ccstereo_post_error (GstElement *element, GError *error)
{
  if (error->domain == G_FILE_ERROR
      || g_error_matches (error, CCS_ERROR, CCS_ERROR_IO))
    GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND, ("%s", error->message),
                       (NULL));
  else if (g_error_matches (error, CCS_ERROR, CCS_ERROR_FORMAT)
           || g_error_matches (error, CCS_ERROR, CCS_ERROR_MODEL))
    GST_ELEMENT_ERROR (element, RESOURCE, READ, ("%s", error->message), (NULL));
  else if (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT))
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS, ("%s", error->message),
                       (NULL));
  else if (g_error_matches (error, CCS_ERROR, CCS_ERROR_BACKEND))
    GST_ELEMENT_ERROR (element, LIBRARY, INIT, ("%s", error->message), (NULL));
  else
    GST_ELEMENT_ERROR (element, STREAM, FAILED, ("%s", error->message), (NULL));
  g_error_free (error);
}

static GstDebugLevel
debug_level (GLogLevelFlags level)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return GST_LEVEL_ERROR;
  if (level & G_LOG_LEVEL_WARNING)
    return GST_LEVEL_WARNING;
  if (level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO))
    return GST_LEVEL_INFO;
  return GST_LEVEL_DEBUG;
}

static void
forward_log (const gchar *domain, GLogLevelFlags level, const gchar *message,
             gpointer user_data)
{
  gst_debug_log (ccstereo_debug, debug_level (level), "core", domain, 0, NULL,
                 "%s", message);
}

void
gst_ccstereo_init (void)
{
  static gsize once = 0;

  if (!g_once_init_enter (&once))
    return;
  GST_DEBUG_CATEGORY_INIT (
      ccstereo_debug, "ccstereo", 0,
      "CCStereo models, backends and the streaming engine");
  g_log_set_handler ("ccstereo", G_LOG_LEVEL_MASK, forward_log, NULL);
  g_once_init_leave (&once, 1);
}

/* -- between the elements -------------------------------------------------- */

GstCaps *
gst_ccstereo_features_caps (CcsModel *model, gint fps_n, gint fps_d)
{
  guint channels = ccs_model_feature_channels (model);
  g_autofree char *dims = g_strdup_printf ("%d,%d,%u", CCS_FEATURE_HEIGHT,
                                           CCS_FEATURE_WIDTH, channels);

  return gst_caps_new_simple (
      GST_CCSTEREO_FEATURES_CAPS, "tensor-id", G_TYPE_STRING, "ccstereo-visual",
      "type", G_TYPE_STRING, "float32", "dims", G_TYPE_STRING, dims,
      "dims-order", G_TYPE_STRING, "row-major", "model-id", G_TYPE_STRING,
      ccs_model_id (model), "framerate", GST_TYPE_FRACTION, fps_n, fps_d, NULL);
}

/* -- caps and queries ------------------------------------------------------ */

GstCaps *
gst_ccstereo_narrow_caps (GstCaps *caps, GstCaps *filter)
{
  GstCaps *narrowed;

  if (filter == NULL)
    return caps;
  narrowed = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return narrowed;
}

gboolean
gst_ccstereo_peer_is_live (GstPad *sink)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (sink, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live;
}

/* -- times from a stream --------------------------------------------------- */

GstClockTime
gst_ccstereo_checked_time (GstClockTime time)
{
  return time <= GST_CCSTEREO_MAX_TIME ? time : GST_CLOCK_TIME_NONE;
}

GstClockTimeDiff
gst_ccstereo_signed_time (gint sign, guint64 distance)
{
  return sign * (GstClockTimeDiff)MIN (distance, GST_CCSTEREO_MAX_TIME);
}

GstClockTimeDiff
gst_ccstereo_add_times (GstClockTimeDiff time, GstClockTimeDiff more)
{
  const GstClockTimeDiff most = (GstClockTimeDiff)GST_CCSTEREO_MAX_TIME;

  return CLAMP (CLAMP (time, -most, most) + CLAMP (more, -most, most), -most,
                most);
}
