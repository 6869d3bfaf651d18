/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The emulation's convolutions, without cuDNN. */
#include "emulated-ops.h"

CcsCuda *
ccs_emulated_new (GError **error)
{
  return g_new0 (CcsCuda, 1);
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                    GError **error)
{
  ccs_emulated_call (cuda, site, call);
  return TRUE;
}
