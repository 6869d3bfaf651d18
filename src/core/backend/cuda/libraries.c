/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the CUDA libraries and checks that their versions match the headers
 * with which this module was compiled. */
#include "libraries.h"

#include <ccstereo/error.h>
#include <dlfcn.h>

/* Version numbers of both libraries are 10000 major + 100 minor + patch. */
#define VERSION_MAJOR 10000

static void *
open_library (const char *name, const char *what, GError **error)
{
  void *library = dlopen (name, RTLD_NOW | RTLD_LOCAL);

  if (library == NULL)
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s cannot be opened: %s",
                 what, dlerror ());
  return library;
}

static gboolean
find_function (void *library, const char *name, gpointer *function,
               GError **error)
{
  *function = dlsym (library, name);
  if (*function)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
               "the CUDA libraries lack %s: %s", name, dlerror ());
  return FALSE;
}

static gboolean
check_version (const char *what, gsize found, guint major, GError **error)
{
  if (found / VERSION_MAJOR == major)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
               "%s is version %" G_GSIZE_FORMAT ", not %u.x", what, found,
               major);
  return FALSE;
}

static gboolean
open_libraries (CcsCudaLibraries *self, GError **error)
{
  void *driver, *cudnn, *cublaslt;

  /* The runtime opens the driver itself, but its error is less clear. */
  driver = open_library (CCS_DRIVER_FILE, "NVIDIA's driver", error);
  if (driver == NULL)
    return FALSE;
  cudnn = open_library (CCS_CUDNN_FILE, "cuDNN", error);
  if (cudnn == NULL)
    return FALSE;
  cublaslt = open_library (CCS_CUBLASLT_FILE, "cuBLASLt", error);
  if (cublaslt == NULL)
    return FALSE;
#define X(function)                                                            \
  if (!find_function (cudnn, #function, (gpointer *)&self->function, error))   \
    return FALSE;
  CCS_CUDNN_FUNCTIONS (X)
#undef X
#define X(function)                                                            \
  if (!find_function (cublaslt, #function, (gpointer *)&self->function,        \
                      error))                                                  \
    return FALSE;
  CCS_CUBLASLT_FUNCTIONS (X)
#undef X
#define X(function)                                                            \
  if (!find_function (driver, #function, (gpointer *)&self->function, error))  \
    return FALSE;
  CCS_DRIVER_FUNCTIONS (X)
#undef X
  return check_version ("cuDNN", self->cudnnGetVersion (), CUDNN_MAJOR, error)
         && check_version ("cuBLASLt", self->cublasLtGetVersion (),
                           CUBLAS_VER_MAJOR, error);
}

const CcsCudaLibraries *
ccs_cuda_libraries (GError **error)
{
  static CcsCudaLibraries libraries;
  static gboolean opened;
  static GMutex lock;
  gboolean ok;

  g_mutex_lock (&lock);
  if (!opened)
    opened = open_libraries (&libraries, error);
  ok = opened;
  g_mutex_unlock (&lock);
  return ok ? &libraries : NULL;
}
