/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers from names: a hash of the name seeds a counter-based generator, so
 * that anyone can make the same parameters anywhere. */
#include "random-model.h"

#include <math.h>

#define FNV_OFFSET G_GUINT64_CONSTANT (0xcbf29ce484222325)
#define FNV_PRIME G_GUINT64_CONSTANT (0x100000001b3)
/* SplitMix64 */
#define GOLDEN_GAMMA G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)
#define MIX_1 G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9)
#define MIX_2 G_GUINT64_CONSTANT (0x94d049bb133111eb)

static guint64
hash_name (const char *name)
{
  guint64 hash = FNV_OFFSET;

  for (; *name; name++)
    hash = (hash ^ (guint8)*name) * FNV_PRIME;
  return hash;
}

static double
unit (guint64 seed, guint64 index)
{
  guint64 x = seed + (index + 1) * GOLDEN_GAMMA;

  x = (x ^ x >> 30) * MIX_1;
  x = (x ^ x >> 27) * MIX_2;
  x ^= x >> 31;
  return ldexp (x >> 40, -24);
}

double
random_unit (const char *name, guint64 index)
{
  return unit (hash_name (name), index);
}

/* Values are offset + spread u, u in [0,1). */
static void
range_of (const CcsParamInfo *info, double *offset, double *spread)
{
  gint64 n = ccs_shape_elements (&info->shape);
  double reach;

  if (g_str_has_suffix (info->name, "running_var")) {
    *offset = 1.0;
    *spread = 0.5;
    return;
  }
  *offset = 0;
  if (g_str_has_suffix (info->name, "running_mean")) {
    reach = 0.1;
  } else if (info->shape.rank == 1) {
    gboolean gain = g_str_has_suffix (info->name, "weight");
    reach = gain ? 0.1 : 0.05;
    *offset = gain ? 1.0 : 0.0;
  } else {
    reach = sqrt (6.0 / (n / info->shape.dim[0]));
  }
  *offset -= reach;
  *spread = 2 * reach;
}

static CcsTensor *
random_tensor (const CcsParamInfo *info)
{
  gint64 n = ccs_shape_elements (&info->shape);
  guint64 seed = hash_name (info->name);
  double offset, spread;
  float *data;

  if (info->dtype == CCS_S64)
    return ccs_tensor_new_take (CCS_S64, &info->shape, g_new0 (gint64, n));
  range_of (info, &offset, &spread);
  data = g_new (float, n);
  for (gint64 i = 0; i < n; i++)
    data[i] = offset + spread * unit (seed, i);
  return ccs_tensor_new_take (CCS_F32, &info->shape, data);
}

CcsStateDict *
random_model_params (const CcsModelConfig *config)
{
  g_autoptr (GPtrArray) infos = ccs_model_config_params (config);
  CcsStateDict *params = ccs_state_dict_new ();

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);
    ccs_state_dict_insert (params, info->name, random_tensor (info));
  }
  return params;
}
