/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of precisions. */
#include <ccstereo/error.h>
#include <string.h>

#include "backend.h"

static const char *const precision_names[CCS_N_PRECISIONS] = {
  [CCS_PRECISION_FP32] = "fp32",
  [CCS_PRECISION_TF32] = "tf32",
  [CCS_PRECISION_BF16] = "bf16",
  [CCS_PRECISION_FP16] = "fp16",
};

const char *
ccs_precision_name (CcsPrecision precision)
{
  g_return_val_if_fail ((guint)precision < CCS_N_PRECISIONS, NULL);
  return precision_names[precision];
}

gboolean
ccs_precision_from_name (const char *name, CcsPrecision *precision,
                         GError **error)
{
  for (guint i = 0; i < CCS_N_PRECISIONS; i++)
    if (strcmp (name, precision_names[i]) == 0) {
      *precision = (CcsPrecision)i;
      return TRUE;
    }
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "no precision is called \"%s\" (there are fp32, tf32, bf16, "
               "fp16)",
               name);
  return FALSE;
}
