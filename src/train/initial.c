/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "initial.h"
#include "checkpoint/checkpoint.h"
#include "dataset-random.h"
#include <math.h>
#include <string.h>

#define NET_STD 0.02 /* of the initial weights of net_audio */

typedef struct
{
  CcsRandom random;
  const char *name;
  const CcsShape *shape;
  float *data;
  gint64 n;
} Draw;

static double
normal (CcsRandom *random)
{
  double radius = sqrt (-2. * log (1. - ccs_random_unit (random)));

  return radius * cos (2. * G_PI * ccs_random_unit (random));
}

static void
fill (Draw *d, double value)
{
  for (gint64 i = 0; i < d->n; i++)
    d->data[i] = (float)value;
}

static void
fill_normal (Draw *d, double mean, double deviation)
{
  for (gint64 i = 0; i < d->n; i++)
    d->data[i] = (float)(mean + deviation * normal (&d->random));
}

static void
fill_uniform (Draw *d, double bound)
{
  for (gint64 i = 0; i < d->n; i++)
    d->data[i] = (float)ccs_random_range (&d->random, -bound, bound);
}

/* Returns the product of the dimensions after the second: the taps of a kernel.
 */
static gint64
taps (const CcsShape *shape)
{
  return shape->rank == 4 ? shape->dim[2] * shape->dim[3] : 1;
}

/* Returns PyTorch's fan-in: the second dimension times the taps, also for
 * transposed convolutions, where that is the output. */
static double
fan_in (const CcsShape *shape)
{
  return (double)shape->dim[1] * taps (shape);
}

/* -- the rules, the first that fits ---------------------------------------- */

static gboolean
has (const Draw *d, const char *part)
{
  return strstr (d->name, part) != NULL;
}

static gboolean
ends (const Draw *d, const char *suffix)
{
  return g_str_has_suffix (d->name, suffix);
}

static gboolean
is_buffer (const Draw *d)
{
  return ends (d, "running_mean") || ends (d, "running_var");
}

static gboolean
is_norm (const Draw *d)
{
  return d->shape->rank == 1 && ends (d, "weight");
}

/* Initialises the ResNet: Kaiming normal with fan-out and the gain of ReLU. */
static void
draw_trunk (Draw *d)
{
  if (d->shape->rank == 4)
    fill_normal (d, 0., sqrt (2. / (d->shape->dim[0] * taps (d->shape))));
  else
    fill (d, is_norm (d) ? 1. : 0.);
}

/* Initialises ASPP: PyTorch's default for convolutions without bias; norms 1
 * and 0. */
static void
draw_segment (Draw *d)
{
  if (d->shape->rank == 4)
    fill_uniform (d, 1. / sqrt (fan_in (d->shape)));
  else
    fill (d, is_norm (d) ? 1. : 0.);
}

static void
draw_audio (Draw *d, double bias_bound)
{
  if (has (d, "pos_embed"))
    fill_normal (d, 0., has (d, "upnorm") ? NET_STD : 1.);
  else if (ends (d, "in_proj_weight"))
    fill_uniform (d, sqrt (6. / (d->shape->dim[0] + d->shape->dim[1])));
  else if (ends (d, "in_proj_bias") || ends (d, "out_proj.bias"))
    fill (d, 0.);
  else if (is_norm (d) && has (d, "transformer"))
    fill (d, 1.);
  else if (is_norm (d))
    fill_normal (d, 1., NET_STD);
  else if (d->shape->rank == 1 && bias_bound > 0.)
    fill_uniform (d, bias_bound);
  else if (d->shape->rank == 1)
    fill (d, 0.);
  else
    fill_normal (d, 0., NET_STD);
}

static void
draw (Draw *d, double bias_bound)
{
  if (is_buffer (d))
    fill (d, ends (d, "running_var") ? 1. : 0.);
  else if (has (d, "net_visual.backbone"))
    draw_trunk (d);
  else if (has (d, "net_visual"))
    draw_segment (d);
  else
    draw_audio (d, bias_bound);
}

/* -- the state_dict -------------------------------------------------------- */

/* Returns the bound of a bias: PyTorch's default for convolutions and linear
 * layers, which depends on their weight; 0 for norms. */
static double
bias_bound (const CcsParamInfo *info, const CcsParamInfo *weight)
{
  gsize stem = strlen (info->name) - strlen ("bias");

  if (!g_str_has_suffix (info->name, ".bias") || weight == NULL
      || strncmp (info->name, weight->name, stem) != 0
      || weight->shape.rank < 2)
    return 0.;
  return 1. / sqrt (fan_in (&weight->shape));
}

static CcsTensor *
draw_tensor (const CcsParamInfo *info, const CcsParamInfo *before, guint64 seed,
             guint64 index)
{
  Draw d = { ccs_random_named (seed, index, 0), info->name, &info->shape, NULL,
             ccs_shape_elements (&info->shape) };

  if (info->dtype == CCS_S64)
    return ccs_tensor_new_take (CCS_S64, &info->shape, g_new0 (gint64, d.n));
  d.data = g_new (float, d.n);
  draw (&d, bias_bound (info, before));
  return ccs_tensor_new_take (CCS_F32, &info->shape, d.data);
}

CcsStateDict *
ccs_initial_params (const CcsModelConfig *config, guint64 seed)
{
  g_autoptr (GPtrArray) infos = ccs_model_config_params (config);
  CcsStateDict *params = ccs_state_dict_new ();

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);

    ccs_state_dict_insert (
        params, info->name,
        draw_tensor (info, i ? g_ptr_array_index (infos, i - 1) : NULL, seed,
                     i));
  }
  return params;
}

gboolean
ccs_initial_params_load (CcsStateDict *params, const char *path, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (path, error);
  g_autoptr (CcsStateDict) trunk = NULL;
  const CcsStateDict *tensors;

  if (file == NULL)
    return FALSE;
  tensors = file->tensors;
  if (ccs_state_dict_lookup (tensors, "conv1.weight")) {
    trunk = ccs_checkpoint_resnet_trunk (tensors, error);
    if (trunk == NULL) {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
    tensors = trunk;
  }
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const char *name = ccs_state_dict_name (tensors, i);
    CcsTensor *here = ccs_state_dict_lookup (params, name);
    CcsTensor *there = ccs_state_dict_tensor (tensors, i);
    CcsTensor *value;

    if (here == NULL || !ccs_shape_equal (&here->shape, &there->shape)) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL, "%s: tensor \"%s\" %s",
                   path, name,
                   here ? "has another shape than this model's"
                        : "is not in this model");
      return FALSE;
    }
    if (here->dtype == CCS_F32)
      value = ccs_tensor_try_convert (there, CCS_F32, error);
    else
      value = ccs_tensor_ref (there);
    if (value == NULL) {
      g_prefix_error (error, "%s: tensor \"%s\": ", path, name);
      return FALSE;
    }
    ccs_state_dict_set (params, name, value);
  }
  return TRUE;
}
