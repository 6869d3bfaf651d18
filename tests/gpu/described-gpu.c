/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "described-gpu.h"

#include <dlfcn.h>
#include <string.h>

/* Description of an H100, in the format that cuDNN reads. */
static const char described_gpu[]
    = "{\"maxGridSize\": [2147483647, 65535, 65535],"
      " \"maxBlockSize\": [1024, 1024, 64], \"regsPerBlock\": 65536,"
      " \"multiProcessorCount\": 132, \"smClockRateKHz\": 1980000,"
      " \"memClockRateKHz\": 2619000, \"l2CacheSize\": 52428800,"
      " \"warpSize\": 32, \"maxSharedMemoryPerBlock\": 49152,"
      " \"maxSharedMemoryPerBlockOptin\": 232448,"
      " \"reservedSharedMemoryPerBlock\": 1024, \"maxRegistersPerSM\": 65536,"
      " \"pciDeviceId\": 0, \"maxCtasPerSM\": 32, \"maxThreadsPerBlock\": 1024,"
      " \"maxThreadsPerSM\": 2048, \"isTccDriver\": 0,"
      " \"supportCoopLaunch\": 1, \"deviceVer\": 900, \"driverVer\": 13000,"
      " \"totalGlobalMem\": 85017493504, \"cudaDeviceId\": 0,"
      " \"deviceName\": \"described\"}";

static CcsCudaLibraries lib;
static cudnnBackendDescriptor_t described;

static const char *
describe (void)
{
  void *library = dlopen (CCS_CUDNN_FILE, RTLD_NOW);
  const gsize length = strlen (described_gpu);

  if (library == NULL)
    return dlerror ();
#define X(function) lib.function = dlsym (library, #function);
  CCS_CUDNN_FUNCTIONS (X)
#undef X
  if (lib.cudnnBackendCreateDescriptor (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR,
                                        &described)
          != CUDNN_STATUS_SUCCESS
      || lib.cudnnBackendSetAttribute (
             described, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
             CUDNN_TYPE_CHAR, length, described_gpu)
             != CUDNN_STATUS_SUCCESS
      || lib.cudnnBackendFinalize (described) != CUDNN_STATUS_SUCCESS)
    return "this cuDNN compiles for no described GPU";
  return NULL;
}

const char *
ccs_describe_gpu (CcsGpu *gpu)
{
  const char *reason = described ? NULL : describe ();

  gpu->lib = &lib;
  gpu->described = described;
  return reason;
}
