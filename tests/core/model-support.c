/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-support.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "backend/registry.h"
#include "model/model-private.h"

void
assert_ok (gboolean ok, GError *error)
{
  ck_assert_msg (ok, "%s", error ? error->message : "failed without an error");
}

static CcsTensor *
random_tensor (GRand *rand, const CcsParamInfo *info)
{
  gint64 n = ccs_shape_elements (&info->shape);
  double reach
      = info->shape.rank > 1 ? sqrt (6.0 / (n / info->shape.dim[0])) : 0.1;
  double center = g_str_has_suffix (info->name, "running_var")
                          || (info->shape.rank == 1
                              && g_str_has_suffix (info->name, "weight"))
                      ? 1.0
                      : 0.0;
  float *data;

  if (info->dtype == CCS_S64)
    return ccs_tensor_new_take (CCS_S64, &info->shape, g_new0 (gint64, n));
  data = g_new (float, n);
  for (gint64 i = 0; i < n; i++)
    data[i] = center + reach * g_rand_double_range (rand, -1, 1);
  return ccs_tensor_new_take (CCS_F32, &info->shape, data);
}

CcsStateDict *
random_params (const CcsModelConfig *config, guint32 seed)
{
  g_autoptr (GPtrArray) infos = ccs_model_config_params (config);
  CcsStateDict *params = ccs_state_dict_new ();
  GRand *rand = g_rand_new_with_seed (seed);

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);
    ccs_state_dict_insert (params, info->name, random_tensor (rand, info));
  }
  g_rand_free (rand);
  return params;
}

CcsStateDict *
published_params (guint32 seed)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;

  return random_params (&config, seed);
}

CcsBackend *
cpu (gint n_threads)
{
  CcsBackendOptions options = { .n_threads = n_threads, .device_id = -1 };
  g_autoptr (GError) error = NULL;
  CcsBackend *backend = ccs_backend_open ("cpu", &options, &error);

  assert_ok (backend != NULL, error);
  return backend;
}

CcsModel *
model_on (gint n_threads, CcsStateDict *params)
{
  g_autoptr (CcsBackend) backend = cpu (n_threads);
  g_autoptr (GError) error = NULL;
  CcsModel *model = ccs_model_new (params, "test parameters", backend, &error);

  assert_ok (model != NULL, error);
  return model;
}

CcsModel *
model_of (CcsStateDict *params)
{
  return model_on (2, params);
}

CcsModel *
published_model (void)
{
  g_autoptr (CcsStateDict) params = published_params (1);

  return model_of (params);
}

static float **
rows_of_floats (guint n, gsize size, GRand *rand)
{
  float **rows = g_new0 (float *, n);

  for (guint i = 0; i < n; i++) {
    rows[i] = g_new0 (float, size);
    for (gsize j = 0; rand && j < size; j++)
      rows[i][j] = g_rand_double_range (rand, -0.5, 0.5);
  }
  return rows;
}

Items
items_new (const CcsModel *model, guint n)
{
  GRand *rand = g_rand_new_with_seed (3);
  Items items = { .n = n, .feature_size = ccs_model_feature_size (model) };

  items.pictures = g_new0 (guint8 *, n);
  for (guint i = 0; i < n; i++) {
    items.pictures[i] = g_malloc (PICTURE_BYTES);
    for (gsize j = 0; j < PICTURE_BYTES; j++)
      items.pictures[i][j] = g_rand_int_range (rand, 0, 256);
  }
  items.mixes = rows_of_floats (n, CCS_WINDOW, rand);
  items.features = rows_of_floats (n, items.feature_size, rand);
  items.differences = rows_of_floats (n, CCS_WINDOW, NULL);
  g_rand_free (rand);
  return items;
}

void
items_clear (Items *items)
{
  for (guint i = 0; i < items->n; i++) {
    g_free (items->pictures[i]);
    g_free (items->mixes[i]);
    g_free (items->features[i]);
    g_free (items->differences[i]);
  }
  g_free (items->pictures);
  g_free (items->mixes);
  g_free (items->features);
  g_free (items->differences);
}

void
encode (CcsModel *model, Items *items, guint first, guint n)
{
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_model_encode (model,
                               (const guint8 *const *)items->pictures + first,
                               n, items->features + first, &error),
             error);
}

void
separate (CcsModel *model, Items *items, guint first, guint n)
{
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_model_separate (model,
                                 (const float *const *)items->mixes + first,
                                 (const float *const *)items->features + first,
                                 n, items->differences + first, &error),
             error);
}

gboolean
same_rows (float *const *a, float *const *b, guint n, gsize size)
{
  for (guint i = 0; i < n; i++)
    if (memcmp (a[i], b[i], size * sizeof (float)) != 0)
      return FALSE;
  return TRUE;
}
