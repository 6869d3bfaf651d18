/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library and a backend module exchange when the module is loaded.
 * The module does not link the library: it calls the functions of a table that
 * it is given, and compiles those sources of the library that keep no state.
 * Both sides check the other's ABI number before they use anything else. */
#pragma once

#include "constant.h"

G_BEGIN_DECLS

/* Number of the layout of everything that crosses: the types of this file,
 * backend.h, constant.h, op-table.h, op.h and tensor.h, and the meaning of
 * the table's functions. A change of any of them raises it, except a function
 * appended to CcsBackendHost. Sizes are checked in host.c. */
#define CCS_BACKEND_ABI 1

/* The functions of the library that a module calls. @abi and @size come first
 * in every version. */
typedef struct
{
  guint32 abi; /* CCS_BACKEND_ABI of the library */
  gsize size;  /* bytes of the library's table */
  /* ccs_constant_get(), ccs_constant_release() */
  CcsConstant *(*constant_get) (CcsBackend *backend, CcsTensor *tensor,
                                GBytes *key, gsize bytes, CcsConstantFunc fill,
                                gpointer user, GError **error);
  void (*constant_release) (CcsConstant *self);
  /* ccs_op_shape_error() */
  gboolean (*op_shape_error) (const CcsOp *op, GError **error,
                              const char *format, ...) G_GNUC_PRINTF (3, 4);
  /* ccs_backend_refuse_precision() */
  void (*refuse_precision) (const CcsBackendClass *klass,
                            CcsPrecision precision, const char *why,
                            GError **error);
} CcsBackendHost;

/* What a module exports, under the name CCS_BACKEND_MODULE_SYMBOL. @abi comes
 * first in every version. */
typedef struct
{
  guint32 abi; /* CCS_BACKEND_ABI of the module */
  /* Returns the module's backend class, which calls @host from then on; NULL
   * with CCS_ERROR_BACKEND if @host has another ABI number or is smaller than
   * the module's. A process that has two copies of the library loads the
   * module twice: backends of both then call the last @host, whose functions
   * keep no state of their own. Every @host must outlive the process's use of
   * the module. Thread-safe. (transfer none) */
  const CcsBackendClass *(*load) (const CcsBackendHost *host, GError **error);
} CcsBackendModule;

#define CCS_BACKEND_MODULE_SYMBOL "ccs_backend_module"

/* The library's table. */
extern const CcsBackendHost ccs_backend_host;

/* Checks the ABI number of @module, read from the file @path, and loads it.
 * NULL with CCS_ERROR_BACKEND naming @path if either side rejects the other.
 * (transfer none) */
const CcsBackendClass *ccs_backend_module_load (const CcsBackendModule *module,
                                                const char *path,
                                                GError **error);

G_END_DECLS
