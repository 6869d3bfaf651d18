/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of torch.save(): files that PyTorch wrote load with identical
 * tensors, and a model from a file gives the same output as one from the
 * tensors. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "pth-writer.h"
#include "backend/registry.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"
#include "model/model-private.h"

/* -- support ------------------------------------------------------------- */

/* (transfer full) */
static CcsCheckpoint *
load (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA_DIR, "pth", name, NULL);
  g_autoptr (GError) error = NULL;
  CcsCheckpoint *file = ccs_checkpoint_load (path, &error);

  ck_assert_msg (file != NULL, "%s", error != NULL ? error->message : "");
  return file;
}

/* (transfer full) */
static GBytes *
contents (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA_DIR, "pth", name, NULL);
  char *data;
  gsize size;

  ck_assert (g_file_get_contents (path, &data, &size, NULL));
  return g_bytes_new_take (data, size);
}

/* Checks that names, in order, types, shapes and bits are equal. */
static void
assert_same (const CcsStateDict *got, const CcsStateDict *expected)
{
  ck_assert_uint_eq (ccs_state_dict_size (got), ccs_state_dict_size (expected));
  for (guint i = 0; i < ccs_state_dict_size (expected); i++) {
    const char *name = ccs_state_dict_name (expected, i);
    const CcsTensor *a = ccs_state_dict_lookup (got, name);
    const CcsTensor *b = ccs_state_dict_tensor (expected, i);

    ck_assert_msg (a != NULL, "'%s' is missing", name);
    ck_assert_msg (a->dtype == b->dtype, "'%s': type", name);
    ck_assert_msg (ccs_shape_equal (&a->shape, &b->shape), "'%s': shape", name);
    ck_assert_msg ((guintptr)a->data % ccs_dtype_size (a->dtype) == 0,
                   "'%s': alignment", name);
    ck_assert_msg (ccs_tensor_size (b) == 0
                       || memcmp (a->data, b->data, ccs_tensor_size (b)) == 0,
                   "'%s': values", name);
  }
}

/* -- files of PyTorch ---------------------------------------------------- */

static const struct
{
  const char *name, *expected;
  CcsFileKind kind;
} pytorch_files[] = {
  { "kinds-zip.pth", "kinds.safetensors", CCS_FILE_PTH_ZIP },
  { "kinds-legacy.pth", "kinds.safetensors", CCS_FILE_PTH_LEGACY },
  { "kinds-protocol4.pth", "kinds.safetensors", CCS_FILE_PTH_ZIP },
  { "kinds-bare.pth", "kinds.safetensors", CCS_FILE_PTH_ZIP },
  { "net-training.pth", "net.safetensors", CCS_FILE_PTH_ZIP },
  { "net-framework.pth", "net.safetensors", CCS_FILE_PTH_ZIP },
  { "net-framework-protocol4.pth", "net.safetensors", CCS_FILE_PTH_ZIP },
  { "net-parallel.pth", "net.safetensors", CCS_FILE_PTH_ZIP },
  { "net-legacy.pth", "net.safetensors", CCS_FILE_PTH_LEGACY },
};

START_TEST (files_of_pytorch_load_with_identical_tensors)
{
  g_autoptr (CcsCheckpoint) file = load (pytorch_files[_i].name);
  g_autoptr (CcsCheckpoint) expected = load (pytorch_files[_i].expected);

  ck_assert_int_eq (file->kind, pytorch_files[_i].kind);
  ck_assert_int_eq (expected->kind, CCS_FILE_SAFETENSORS);
  assert_same (file->tensors, expected->tensors);
}
END_TEST

START_TEST (entries_keep_their_order)
{
  g_autoptr (CcsCheckpoint) zip = load ("kinds-zip.pth");
  g_autoptr (CcsCheckpoint) legacy = load ("kinds-legacy.pth");

  ck_assert_str_eq (ccs_state_dict_name (zip->tensors, 0), "float32");
  ck_assert_str_eq (ccs_state_dict_name (zip->tensors, 18), "every_third");
  for (guint i = 0; i < ccs_state_dict_size (zip->tensors); i++)
    ck_assert_str_eq (ccs_state_dict_name (zip->tensors, i),
                      ccs_state_dict_name (legacy->tensors, i));
}
END_TEST

START_TEST (contiguous_tensors_are_not_copied)
{
  g_autoptr (CcsCheckpoint) file = load ("kinds-zip.pth");
  const CcsTensor *a = ccs_state_dict_lookup (file->tensors, "float32");
  const CcsTensor *b = ccs_state_dict_lookup (file->tensors, "tied");

  ck_assert_ptr_eq (a->data, b->data);
}
END_TEST

/* If the flipped bit is in a value, only the checksum reveals it. */
START_TEST (a_damaged_file_of_pytorch_is_noticed)
{
  g_autoptr (CcsCheckpoint) file = load ("kinds-zip.pth");
  const CcsTensor *tensor = ccs_state_dict_lookup (file->tensors, "float64");
  g_autoptr (GBytes) bytes = contents ("kinds-zip.pth");
  g_autoptr (GBytes) damaged = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  guint8 *copy = g_memdup2 (data, size);
  guint8 *value = memmem (copy, size, tensor->data, ccs_tensor_size (tensor));

  ck_assert_ptr_nonnull (value);
  value[3] ^= 1;
  damaged = g_bytes_new_take (copy, size);
  pth_assert_refused (damaged, "checksum");
}
END_TEST

static const struct
{
  const char *name, *reason;
} unsuitable[] = {
  { "bad-complex.pth",
    "tensor 'weight': type ComplexFloatStorage is not supported" },
  { "bad-rank5.pth", "tensor 'weight': 5 dimensions" },
  { "bad-whole-module.pth", "'torch.nn.modules.container.Sequential'" },
};

START_TEST (unsuitable_files_of_pytorch_are_refused_with_the_reason)
{
  g_autoptr (GBytes) file = contents (unsuitable[_i].name);

  pth_assert_refused (file, unsuitable[_i].reason);
}
END_TEST

START_TEST (every_truncation_is_noticed)
{
  g_autoptr (GBytes) file = contents (pytorch_files[_i].name);

  for (gsize size = 0; size < g_bytes_get_size (file); size++) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (file, 0, size);

    pth_assert_refused (part, "");
  }
}
END_TEST

/* Whichever byte is wrong, the file loads or is rejected. */
START_TEST (no_single_byte_does_harm)
{
  static const guint8 flips[] = { 0x01, 0x80, 0xff };
  g_autoptr (GBytes) file = contents (pytorch_files[_i].name);
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  for (gsize at = 0; at < size * G_N_ELEMENTS (flips); at++) {
    guint8 *copy = g_memdup2 (data, size);
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (CcsCheckpoint) read = NULL;

    copy[at / G_N_ELEMENTS (flips)] ^= flips[at % G_N_ELEMENTS (flips)];
    bytes = g_bytes_new_take (copy, size);
    read = ccs_checkpoint_parse (bytes, "bad.pth", &error);
    ck_assert ((read == NULL) == (error != NULL));
    for (guint i = 0; read && i < ccs_state_dict_size (read->tensors); i++)
      ccs_tensor_is_finite (ccs_state_dict_tensor (read->tensors, i));
  }
}
END_TEST

/* -- a whole published model --------------------------------------------- */

/* Returns a range of values, u x @scale + @least with u in [0, 1), that
 * preserves the magnitude of signals in a net. It depends on the kind of
 * parameter. */
static void
value_range (const CcsParamInfo *info, float *least, float *scale)
{
  gint64 fan_in = ccs_shape_elements (&info->shape)
                  / (info->shape.rank == 0 ? 1 : info->shape.dim[0]);

  if (g_str_has_suffix (info->name, ".running_var")
      || (info->shape.rank == 1 && g_str_has_suffix (info->name, "weight"))) {
    *least = 0.8f;
    *scale = 0.4f;
  } else {
    *scale = 2.f * sqrtf (6.f / (float)fan_in);
    *least = -*scale / 2.f;
  }
  if (info->shape.rank == 1 && g_str_has_suffix (info->name, "bias"))
    *least = *scale = 0.05f;
}

/* Makes parameters with different values in every entry. (transfer full) */
static CcsStateDict *
published_params (void)
{
  static const CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (GPtrArray) params = ccs_model_config_params (&config);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  CcsStateDict *dict = ccs_state_dict_new ();

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = params->pdata[i];
    gsize n = (gsize)ccs_shape_elements (&info->shape);
    gint64 counter = i;
    gpointer data = g_memdup2 (&counter, sizeof counter);
    float least, scale;

    if (info->dtype == CCS_F32) {
      value_range (info, &least, &scale);
      data = g_renew (float, data, MAX (n, 2));
      for (gsize k = 0; k < n; k++)
        ((float *)data)[k] = least + scale * (float)g_rand_double (random);
    }
    ccs_state_dict_insert (
        dict, info->name,
        ccs_tensor_new_take (info->dtype, &info->shape, data));
  }
  return dict;
}

START_TEST (published_form_gives_the_parameters_themselves)
{
  static const CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (CcsStateDict) params = published_params ();
  g_autoptr (GBytes) bytes = _i == 0 ? pth_zip (params) : pth_legacy (params);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsCheckpoint) file
      = ccs_checkpoint_parse (bytes, "published.pth", &error);
  CcsModelConfig found;

  ck_assert_msg (file != NULL, "%s", error != NULL ? error->message : "");
  assert_same (file->tensors, params);
  ck_assert (ccs_model_config_detect (file->tensors, &found, NULL));
  ck_assert (ccs_model_config_equal (&found, &config));
}
END_TEST

/* Runs one window and its frame on @model. (transfer full) */
static float *
run_window (CcsModel *model)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  gsize n_pixels = CCS_CROP_WIDTH * CCS_CROP_HEIGHT * 3;
  g_autofree guint8 *frame = g_malloc (n_pixels);
  g_autofree float *feature = g_new (float, ccs_model_feature_size (model));
  g_autofree float *mix = g_new (float, CCS_WINDOW);
  float *difference = g_new (float, CCS_WINDOW);
  const guint8 *frames[] = { frame };
  const float *mixes[] = { mix }, *used[] = { feature };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < n_pixels; i++)
    frame[i] = (guint8)g_rand_int (random);
  for (gsize i = 0; i < CCS_WINDOW; i++)
    mix[i] = (float)g_rand_double_range (random, -0.3, 0.3);
  ck_assert_msg (
      ccs_model_encode (model, frames, 1, (float *const[]){ feature }, &error)
          && ccs_model_separate (model, mixes, used, 1,
                                 (float *const[]){ difference }, &error),
      "%s", error != NULL ? error->message : "");
  return difference;
}

/* (transfer full) */
static CcsModel *
model_from_file (GBytes *bytes)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("ccstereo-test-XXXXXX.pth", &path, NULL);
  CcsModel *model = NULL;

  ck_assert_int_ge (fd, 0);
  close (fd);
  if (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                           (gssize)g_bytes_get_size (bytes), &error))
    model = ccs_model_load (path, "cpu", NULL, &error);
  g_remove (path);
  ck_assert_msg (model != NULL, "%s", error != NULL ? error->message : "");
  return model;
}

START_TEST (published_form_gives_the_outputs_of_the_parameters)
{
  g_autoptr (CcsStateDict) params = published_params ();
  g_autoptr (GBytes) bytes = _i == 0 ? pth_zip (params) : pth_legacy (params);
  g_autoptr (CcsModel) loaded = model_from_file (bytes);
  g_autoptr (CcsBackend) backend = ccs_backend_open ("cpu", NULL, NULL);
  g_autoptr (CcsModel) direct
      = ccs_model_new (params, "parameters", backend, NULL);
  g_autofree float *from_file = run_window (loaded);
  g_autofree float *from_params = NULL;
  double energy = 0.;

  ck_assert_ptr_nonnull (direct);
  from_params = run_window (direct);
  ck_assert_mem_eq (from_file, from_params, CCS_WINDOW * sizeof (float));
  for (gsize i = 0; i < CCS_WINDOW; i++)
    energy += from_file[i] * from_file[i];
  ck_assert (isfinite (energy) && energy > 0.);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("pth");
  TCase *pytorch = tcase_create ("pytorch");
  const int n = G_N_ELEMENTS (pytorch_files);

  tcase_add_loop_test (pytorch, files_of_pytorch_load_with_identical_tensors, 0,
                       n);
  tcase_add_test (pytorch, entries_keep_their_order);
  tcase_add_test (pytorch, contiguous_tensors_are_not_copied);
  tcase_add_test (pytorch, a_damaged_file_of_pytorch_is_noticed);
  tcase_add_loop_test (pytorch,
                       unsuitable_files_of_pytorch_are_refused_with_the_reason,
                       0, G_N_ELEMENTS (unsuitable));
  tcase_add_loop_test (pytorch, every_truncation_is_noticed, 0, n);
  tcase_add_loop_test (pytorch, no_single_byte_does_harm, 0, n);
  tcase_add_loop_test (pytorch, published_form_gives_the_parameters_themselves,
                       0, 2);
  tcase_add_loop_test (
      pytorch, published_form_gives_the_outputs_of_the_parameters, 0, 2);
  suite_add_tcase (suite, pytorch);
  return run_suite (suite);
}
