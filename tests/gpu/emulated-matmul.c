/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The emulation's matrix products, which need no library. */
#include "emulated-ops.h"

gboolean
ccs_cuda_call_matmul (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                      GError **error)
{
  ccs_emulated_call (cuda, site, call);
  return TRUE;
}
