/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss-scale.h"
#include <math.h>

#define SCALE "loss_scale"
#define GOOD "loss_scale.good"
#define SKIPPED "loss_scale.skipped"

void
ccs_loss_scale_count (CcsLossScale *self, gboolean finite)
{
  if (!finite) {
    self->scale = MAX (self->scale / 2., CCS_LOSS_SCALE_LEAST);
    self->good = 0;
    self->skipped++;
  } else if (++self->good == CCS_LOSS_SCALE_PATIENCE) {
    self->scale
        = MAX (self->scale, MIN (self->scale * 2., CCS_LOSS_SCALE_MOST));
    self->good = 0;
  }
}

gboolean
ccs_loss_scale_is_least (const CcsLossScale *self)
{
  return self->scale <= CCS_LOSS_SCALE_LEAST;
}

static void
put (CcsStateDict *to, const char *name, CcsDType dtype, gconstpointer value)
{
  CcsShape scalar = CCS_SHAPE_SCALAR;

  ccs_state_dict_set (
      to, name,
      ccs_tensor_new_take (dtype, &scalar,
                           g_memdup2 (value, ccs_dtype_size (dtype))));
}

void
ccs_loss_scale_export (const CcsLossScale *self, CcsStateDict *to)
{
  float scale = self->scale;

  put (to, SCALE, CCS_F32, &scale);
  put (to, GOOD, CCS_S64, &self->good);
  put (to, SKIPPED, CCS_S64, &self->skipped);
}

/* Returns the content of the scalar @name, or NULL if there is no such scalar
 * of this type. */
static gconstpointer
get (CcsStateDict *from, const char *name, CcsDType dtype)
{
  CcsTensor *tensor = ccs_state_dict_lookup (from, name);

  return tensor && tensor->dtype == dtype && tensor->shape.rank == 0
             ? tensor->data
             : NULL;
}

gboolean
ccs_loss_scale_restore (CcsLossScale *self, CcsStateDict *from, GError **error)
{
  const float *scale = get (from, SCALE, CCS_F32);
  const gint64 *good = get (from, GOOD, CCS_S64);
  const gint64 *skipped = get (from, SKIPPED, CCS_S64);

  if (scale && good && skipped && isfinite (*scale)
      && *scale >= CCS_LOSS_SCALE_LEAST && *good >= 0 && *skipped >= 0) {
    *self = (CcsLossScale){ *scale, *good, *skipped };
    return TRUE;
  }
  g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
               "optimiser state: the loss scale is missing or impossible");
  return FALSE;
}
