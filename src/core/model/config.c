/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration's parameters: their names, shapes and order as in the
 * published state_dict (specification sections 2 to 4), and the way back, from
 * parameters to the configuration that they make. */
#include "config.h"
#include "../error.h"

#include <string.h>

gint
ccs_model_config_dim (const CcsModelConfig *self)
{
  return CCS_DIM_PER_SCALE * self->dim_scale;
}

gboolean
ccs_model_config_equal (const CcsModelConfig *a, const CcsModelConfig *b)
{
  if (a->backbone != b->backbone || a->dim_scale != b->dim_scale)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (a->avad); i++)
    if (!a->avad[i] != !b->avad[i])
      return FALSE;
  return TRUE;
}

/* -- the list of parameters -- */

typedef struct
{
  GPtrArray *params;            /* CcsParamInfo */
  gboolean unused;              /* entries added now have no part in the net */
} List;

static void
param_info_free (gpointer data)
{
  CcsParamInfo *info = data;

  g_free (info->name);
  g_free (info);
}

/* Takes @name. */
static void
add (List *list, char *name, CcsShape shape, CcsDType dtype, CcsParamRole role)
{
  CcsParamInfo *info = g_new (CcsParamInfo, 1);

  *info = (CcsParamInfo) { name, shape, dtype,
    list->unused ? CCS_PARAM_UNUSED : role };
  g_ptr_array_add (list->params, info);
}

static void
add_weight (List *list, const char *prefix, const char *name, CcsShape shape)
{
  add (list, g_strconcat (prefix, name, NULL), shape, CCS_F32,
      CCS_PARAM_WEIGHT);
}

static void
add_conv (List *list, const char *prefix, gint out, gint in, gint kernel)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (out, in, kernel, kernel));
}

static void
add_bias (List *list, const char *prefix, gint channels)
{
  add_weight (list, prefix, ".bias", CCS_SHAPE (channels));
}

static void
add_conv_bias (List *list, const char *prefix, gint out, gint in, gint kernel)
{
  add_conv (list, prefix, out, in, kernel);
  add_bias (list, prefix, out);
}

static void
add_linear (List *list, const char *prefix, gint out, gint in)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (out, in));
  add_bias (list, prefix, out);
}

static void
add_affine (List *list, const char *prefix, gint channels)
{
  add_weight (list, prefix, ".weight", CCS_SHAPE (channels));
  add_bias (list, prefix, channels);
}

static void
add_statistics (List *list, const char *prefix, gint channels)
{
  add (list, g_strconcat (prefix, ".running_mean", NULL),
      CCS_SHAPE (channels), CCS_F32, CCS_PARAM_BUFFER);
  add (list, g_strconcat (prefix, CCS_RUNNING_VAR, NULL),
      CCS_SHAPE (channels), CCS_F32, CCS_PARAM_BUFFER);
  add (list, g_strconcat (prefix, ".num_batches_tracked", NULL),
      CCS_SHAPE_SCALAR, CCS_S64, CCS_PARAM_COUNTER);
}

static void
add_batch_norm (List *list, const char *prefix, gint channels)
{
  add_affine (list, prefix, channels);
  add_statistics (list, prefix, channels);
}

static void
add_attention (List *list, const char *prefix, gint dim)
{
  g_autofree char *out = g_strconcat (prefix, ".out_proj", NULL);

  add_weight (list, prefix, ".in_proj_weight", CCS_SHAPE (3 * dim, dim));
  add_weight (list, prefix, ".in_proj_bias", CCS_SHAPE (3 * dim));
  add_linear (list, out, dim, dim);
}
