/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A frames module with another ABI, of which the plugin can read only the ABI
 * number. */
#include "gsttdsscuda.h"

extern const GstTdssCudaClass gst_tdss_cuda_frames;
const GstTdssCudaClass gst_tdss_cuda_frames = { .abi = GST_TDSS_CUDA_ABI + 1 };
