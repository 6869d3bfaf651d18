/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens backends by name: the built-in ones, and the CUDA module, which is
 * loaded only when it is requested, because it needs CUDA libraries. Backends
 * with the same name and options are shared. */
#include "registry.h"

#include <ccstereo/error.h>
#include <gmodule.h>
#include <string.h>
#include <unistd.h>

#include "../install-path.h"
#include "host.h"

#define MODULE_PATH_VARIABLE "CCSTEREO_BACKEND_PATH"
#define MODULE_FILE "libccstereo-cuda.so"

extern const CcsBackendClass ccs_backend_cpu;
extern const CcsBackendClass ccs_backend_reference;

static GMutex lock;
static GSList *opened; /* Shared*, weak; guarded by lock */

typedef struct
{
  CcsBackend *backend;
  CcsBackendOptions options;
  pid_t process; /* that opened it: a child after fork() has no threads
                  * and cannot use the device */
} Shared;

/* -- opening --------------------------------------------------------------- */

/* Loads the CUDA module and returns its class. The module stays loaded, because
 * its threads and driver state cannot be removed. */
static const CcsBackendClass *
load_cuda_module (GError **error)
{
  const char *directory = g_getenv (MODULE_PATH_VARIABLE);
  g_autofree char *folder = directory && *directory
                                ? g_strdup (directory)
                                : ccs_install_path (CCS_BACKEND_DIR);
  g_autofree char *path = g_build_filename (folder, MODULE_FILE, NULL);
  GModule *module;
  gpointer symbol;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "the CUDA module is not installed (no file %s)", path);
    return NULL;
  }
  module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (module == NULL
      || !g_module_symbol (module, CCS_BACKEND_MODULE_SYMBOL, &symbol)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "the CUDA module cannot be loaded: %s", g_module_error ());
    return NULL;
  }
  g_module_make_resident (module);
  return ccs_backend_module_load (symbol, path, error);
}

static CcsBackend *
find_opened (const char *name, const CcsBackendOptions *options)
{
  for (GSList *l = opened; l; l = l->next) {
    Shared *shared = l->data;

    if (strcmp (shared->backend->klass->name, name) == 0
        && shared->options.n_threads == options->n_threads
        && shared->options.device_id == options->device_id
        && shared->options.precision == options->precision
        && shared->options.shares_cores == options->shares_cores
        && shared->process == getpid ())
      return ccs_backend_ref (shared->backend);
  }
  return NULL;
}

static CcsBackend *
open_class (const CcsBackendClass *klass, const CcsBackendOptions *options,
            GError **error)
{
  CcsBackend *backend = find_opened (klass->name, options);
  Shared *shared;

  if (backend)
    return backend;
  backend = klass->open (options, error);
  if (backend == NULL)
    return NULL;
  g_atomic_ref_count_init (&backend->ref_count);
  g_mutex_init (&backend->constants_lock);
  backend->precision = options->precision;
  shared = g_new (Shared, 1);
  *shared = (Shared){ backend, *options, getpid () };
  opened = g_slist_prepend (opened, shared);
  return backend;
}

static CcsBackend *
open_cuda (const CcsBackendOptions *options, GError **error)
{
  const CcsBackendClass *klass = load_cuda_module (error);

  return klass ? open_class (klass, options, error) : NULL;
}

static CcsBackend *
open_auto (const CcsBackendOptions *options, GError **error)
{
  g_autoptr (GError) why = NULL;
  CcsBackend *backend = open_cuda (options, &why);

  if (backend) {
    g_info ("backend auto: using cuda");
    return backend;
  }
  g_info ("backend auto: using cpu (%s)", why->message);
  return open_class (&ccs_backend_cpu, options, error);
}

static gboolean
check_threads (gint n_threads, GError **error)
{
  if (n_threads >= 0 && n_threads <= CCS_BACKEND_MAX_THREADS)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%d threads: from 0, as many as cores, to %d are possible",
               n_threads, CCS_BACKEND_MAX_THREADS);
  return FALSE;
}

gboolean
ccs_backend_name_check (const char *name, GError **error)
{
  static const char *const names[] = { "auto", "cpu", "cuda", "reference" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      return TRUE;
  g_set_error (
      error, CCS_ERROR, CCS_ERROR_ARGUMENT,
      "no backend is called \"%s\" (there are auto, cpu, cuda, reference)",
      name);
  return FALSE;
}

CcsBackend *
ccs_backend_open (const char *name, const CcsBackendOptions *options,
                  GError **error)
{
  static const CcsBackendOptions defaults = CCS_BACKEND_OPTIONS_INIT;
  CcsBackend *backend = NULL;

  g_return_val_if_fail (name != NULL, NULL);
  if (options == NULL)
    options = &defaults;
  if (!ccs_backend_name_check (name, error)
      || !check_threads (options->n_threads, error))
    return NULL;
  g_mutex_lock (&lock);
  if (strcmp (name, "auto") == 0)
    backend = open_auto (options, error);
  else if (strcmp (name, "cuda") == 0)
    backend = open_cuda (options, error);
  else if (strcmp (name, ccs_backend_cpu.name) == 0)
    backend = open_class (&ccs_backend_cpu, options, error);
  else
    backend = open_class (&ccs_backend_reference, options, error);
  g_mutex_unlock (&lock);
  return backend;
}

CcsBackend *
ccs_backend_ref (CcsBackend *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* Releases the last reference under the lock, so that find_opened() does not
 * return a backend that is being closed. */
void
ccs_backend_unref (CcsBackend *self)
{
  g_mutex_lock (&lock);
  if (!g_atomic_ref_count_dec (&self->ref_count)) {
    g_mutex_unlock (&lock);
    return;
  }
  for (GSList *l = opened; l; l = l->next) {
    Shared *shared = l->data;

    if (shared->backend == self) {
      opened = g_slist_delete_link (opened, l);
      g_free (shared);
      break;
    }
  }
  g_mutex_unlock (&lock);
  g_mutex_clear (&self->constants_lock);
  self->klass->close (self);
}
