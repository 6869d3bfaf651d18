/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's side of loading a backend module. */
#include "host.h"

#include <ccstereo/error.h>
#include <ccstereo/version.h>

/* Sizes at this CCS_BACKEND_ABI, on machines with 64-bit pointers. Where one of
 * these fails, raise CCS_BACKEND_ABI and write the new value here. */
#define ABI_1(value, expected)                                                 \
  _Static_assert(CCS_BACKEND_ABI == 1 && (value) == (expected),                \
                 "the backend ABI changed: raise CCS_BACKEND_ABI")
#if GLIB_SIZEOF_VOID_P == 8
ABI_1 (sizeof (CcsBackendClass), 112);
ABI_1 (sizeof (CcsBackendOptions), 48);
ABI_1 (sizeof (CcsBackend), 40);
ABI_1 (sizeof (CcsKernel), 752);
ABI_1 (sizeof (CcsKernelHints), 72);
ABI_1 (sizeof (CcsConstant), 40);
ABI_1 (sizeof (CcsOperand), 64);
ABI_1 (sizeof (CcsOp), 88);
ABI_1 (sizeof (CcsOpRow), 48);
ABI_1 (sizeof (CcsTensor), 64);
#endif
ABI_1 (CCS_N_OPS, 49);
ABI_1 (CCS_N_PRECISIONS, 4);

const CcsBackendHost ccs_backend_host = {
  .abi = CCS_BACKEND_ABI,
  .size = sizeof (CcsBackendHost),
  .constant_get = ccs_constant_get,
  .constant_release = ccs_constant_release,
  .op_shape_error = ccs_op_shape_error,
  .refuse_precision = ccs_backend_refuse_precision,
};

const CcsBackendClass *
ccs_backend_module_load (const CcsBackendModule *module, const char *path,
                         GError **error)
{
  const CcsBackendClass *klass;

  if (module->abi != CCS_BACKEND_ABI) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "the CUDA module %s has backend ABI %u, but libccstereo %s "
                 "has %u: install both from the same version",
                 path, module->abi, CCS_VERSION_STRING, CCS_BACKEND_ABI);
    return NULL;
  }
  klass = module->load (&ccs_backend_host, error);
  if (klass == NULL)
    g_prefix_error (error, "the CUDA module %s cannot be used: ", path);
  return klass;
}
