/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the module that reads video frames in GPU memory. */
#include "gsttdsscuda.h"
#include <gmodule.h>

#define PATH_VARIABLE "CCSTEREO_CUDA_FRAMES_PATH"
#define MODULE_FILE "libccstereo-cudaframes.so"
#define MODULE_SYMBOL "gst_tdss_cuda_frames"

GST_DEBUG_CATEGORY_STATIC (tdss_cuda_debug);
#define GST_CAT_DEFAULT tdss_cuda_debug

#if GLIB_SIZEOF_VOID_P == 8
_Static_assert(GST_TDSS_CUDA_ABI == 1 && sizeof (GstTdssCudaClass) == 72,
               "the class changed: raise GST_TDSS_CUDA_ABI");
#endif

/* Opens the driver first, so that machines without it do not load the module's
 * libraries. The module stays loaded, because GTypes cannot be unregistered. */
static const GstTdssCudaClass *
load_module (void)
{
  const char *directory = g_getenv (PATH_VARIABLE);
  g_autofree char *path = g_build_filename (
      directory ? directory : CCS_CUDA_FRAMES_DIR, MODULE_FILE, NULL);
  GModule *driver = g_module_open (GST_TDSS_CUDA_DRIVER, G_MODULE_BIND_LAZY);
  GModule *module = NULL;
  gpointer symbol = NULL;
  const GstTdssCudaClass *klass;

  if (driver)
    module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (module == NULL || !g_module_symbol (module, MODULE_SYMBOL, &symbol)) {
    GST_INFO ("frames in CUDA memory are not accepted: %s", g_module_error ());
    g_clear_pointer (&module, g_module_close);
  } else {
    g_module_make_resident (module);
  }
  g_clear_pointer (&driver, g_module_close);
  klass = symbol;
  if (klass && klass->abi != GST_TDSS_CUDA_ABI) {
    GST_WARNING ("frames in CUDA memory are not accepted: the module %s has "
                 "ABI %u, but the plugin has %u: install both from the same "
                 "version",
                 path, klass->abi, GST_TDSS_CUDA_ABI);
    return NULL;
  }
  if (klass && !klass->available ()) {
    GST_INFO (
        "frames in CUDA memory are not accepted: the driver does not work");
    return NULL;
  }
  return klass;
}

const GstTdssCudaClass *
gst_tdss_cuda_class (void)
{
  static gsize once = 0;
  static const GstTdssCudaClass *klass;

  if (g_once_init_enter (&once)) {
    GST_DEBUG_CATEGORY_INIT (tdss_cuda_debug, "tdsscuda", 0,
                             "frames in CUDA memory are accepted");
    klass = load_module ();
    g_once_init_leave (&once, 1);
  }
  return klass;
}
