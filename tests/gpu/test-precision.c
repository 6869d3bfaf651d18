/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Precisions of the CUDA backend: it rounds like the host, products of integers
 * are exact, and the net's output is as close to fp32 as documented. Runs on
 * the emulation, and on a GPU if there is one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/registry.h"
#include "../core/reference-support.h"

#include "backend/cuda/kernels/narrow.h"
#include "model/model-private.h"
#include "nn/passes.h"
#include "plan/plan.h"

#define INPUT_LEVEL 0.3
/* Timeout: nets run in plain loops, possibly on a shared machine. */
#define TEST_SECONDS 1800

static CcsBackend *
open_cuda (CcsPrecision precision, GError **error)
{
  const CcsBackendOptions options = { 0, -1, precision };

  return ccs_backend_open ("cuda", &options, error);
}

static CcsBackend *
cuda_in (CcsPrecision precision)
{
  g_autoptr (GError) error = NULL;
  CcsBackend *backend = open_cuda (precision, &error);

  assert_ok (backend != NULL, error);
  return backend;
}

/* -- roundings ------------------------------------------------------------- */

/* Tests all 16-bit values, and floats just below and above each of them. */
#define N_HALVES 65536
static const gint neighbours[]
    = { -0x1001, -0x1000, -0xfff, -1, 0, 1, 0xfff, 0x1000, 0x1001 };

static gboolean
same_number (guint16 a, guint16 b, gboolean is_nan)
{
  return is_nan ? (a & 0x7fff) == (b & 0x7fff) || a != 0 : a == b;
}

/* Counts the floats around the 16-bit values of @dtype for which rounding
 * differs between kernels and host. */
static guint
count_wrong_roundings (CcsDType dtype)
{
  const gboolean is_bf16 = dtype == CCS_BF16;
  const gsize n = N_HALVES * G_N_ELEMENTS (neighbours);
  CcsShape shape = CCS_SHAPE (n);
  float *values = g_new (float, n);
  g_autoptr (CcsTensor) wide = NULL, narrow = NULL;
  guint wrong = 0;

  for (gsize i = 0; i < n; i++) {
    const guint half = i / G_N_ELEMENTS (neighbours);
    const float middle
        = is_bf16 ? ccs_device_float (half << 16) : ccs_device_from_fp16 (half);

    values[i] = ccs_device_float (ccs_device_bits (middle)
                                  + neighbours[i % G_N_ELEMENTS (neighbours)]
                                        * (is_bf16 ? 8 : 1));
  }
  wide = ccs_tensor_new_take (CCS_F32, &shape, values);
  narrow = ccs_tensor_convert (wide, dtype);
  for (gsize i = 0; i < n; i++) {
    const guint16 want = ((const guint16 *)narrow->data)[i];
    const guint16 got = is_bf16 ? ccs_device_to_bf16 (values[i])
                                : ccs_device_to_fp16 (values[i]);

    wrong += !same_number (got, want, isnan (values[i]));
  }
  return wrong;
}

START_TEST (kernels_round_as_the_host_does)
{
  ck_assert_uint_eq (count_wrong_roundings (CCS_BF16), 0);
  ck_assert_uint_eq (count_wrong_roundings (CCS_F16), 0);
}
END_TEST

START_TEST (every_half_is_widened_as_the_host_does)
{
  CcsShape shape = CCS_SHAPE (N_HALVES);
  guint16 *halves = g_new (guint16, N_HALVES);
  g_autoptr (CcsTensor) narrow = NULL, wide = NULL;

  for (guint i = 0; i < N_HALVES; i++)
    halves[i] = i;
  narrow = ccs_tensor_new_take (CCS_F16, &shape, halves);
  wide = ccs_tensor_convert (narrow, CCS_F32);
  for (guint i = 0; i < N_HALVES; i++) {
    const float want = ((const float *)wide->data)[i];
    const float got = ccs_device_from_fp16 (i);

    ck_assert_msg (isnan (want) ? isnan (got) : got == want,
                   "half 0x%04x is %g, not %g", i, got, want);
  }
}
END_TEST

/* -- products of integers -------------------------------------------------- */

/* Largest integer up to which all integers are exact in bfloat16. */
#define LARGEST_INTEGER 256

typedef struct
{
  const char *name;
  gint64 in, out; /* channels */
  gint kernel, stride, pad, dilation;
  CcsAct act;
} Geometry;

/* Geometries with and without padded channels, including those of the net. */
static const Geometry geometries[] = {
  { "stem", 3, 16, 7, 2, 3, 1, CCS_RELU },
  { "first of the audio net", 2, 16, 4, 2, 1, 1, CCS_LEAKY_RELU (0.5f) },
  { "score map", 98, 16, 5, 1, 2, 1, CCS_RELU },
  { "last of the audio net", 32, 2, 4, 2, 1, 1, CCS_NO_ACT },
  { "dilated", 8, 24, 3, 1, 6, 6, CCS_NO_ACT },
  { "a bottleneck", 40, 8, 1, 1, 0, 1, CCS_RELU },
  { "odd", 5, 7, 3, 2, 1, 1, CCS_LEAKY_RELU (0.5f) },
};

typedef struct
{
  CcsProgram *program;
  GRand *rand;
} Build;

/* Makes a tensor of integers of magnitude up to @reach; one in @sparse of
 * them is not zero. */
static CcsTensor *
integers (Build *b, CcsShape shape, gint reach, gint sparse)
{
  const gsize n = ccs_shape_elements (&shape);
  float *values = g_new0 (float, n);

  for (gsize i = 0; i < n; i++)
    if (g_rand_int_range (b->rand, 0, sparse) == 0)
      values[i] = g_rand_int_range (b->rand, -reach, reach + 1);
  return ccs_tensor_new_take (CCS_F32, &shape, values);
}

static CcsValueId
constant (Build *b, CcsShape shape, gint reach, gint sparse)
{
  g_autofree char *name
      = g_strdup_printf ("constant.%u", ccs_program_n_values (b->program));

  return ccs_program_const (b->program, name,
                            integers (b, shape, reach, sparse));
}

/* Makes a value that is not constant, because it is the result of an op. Its
 * rows are wider by twice @apart. */
static CcsValueId
changing (Build *b, CcsShape shape, gint reach, gint sparse, gint apart)
{
  const gint last = shape.rank - 1;
  const gint64 channels = shape.dim[last];
  CcsValueId wide;

  shape.dim[last] += 2 * apart;
  wide = ccs_affine (b->program, constant (b, shape, reach, sparse), 1.f, 0.f);
  return apart ? ccs_slice (b->program, wide, last, apart, channels) : wide;
}

/* Returns the gap between rows: zero in some rounds, and in others a gap
 * with which vector loads are possible or not. */
static gint
apart_in (guint round)
{
  return round & 2 ? 0 : round & 1 ? 3 : 4;
}

/* Returns how sparse the filter must be so that sums stay small. */
static gint
sparseness (const Geometry *g)
{
  return 1 + g->kernel * g->kernel * MAX (g->in, g->out) / 64;
}

/* Makes the filter. It is a constant in every second round. */
static CcsValueId
filter_of (Build *b, const Geometry *g, guint round)
{
  const CcsShape shape = CCS_SHAPE (g->out, g->kernel, g->kernel, g->in);

  return round % 2 ? constant (b, shape, 1, sparseness (g))
                   : changing (b, shape, 1, sparseness (g), 0);
}

#define SIZE 9 /* size of the larger image, not a multiple of any stride */

static gint64
small_size (const Geometry *g)
{
  return (SIZE + 2 * g->pad - g->dilation * (g->kernel - 1) - 1) / g->stride
         + 1;
}

static CcsShape
large_image (const Geometry *g)
{
  return CCS_SHAPE (2, SIZE, SIZE, g->in);
}

static CcsShape
small_image (const Geometry *g)
{
  return CCS_SHAPE (2, small_size (g), small_size (g), g->out);
}

static CcsAttrs
attrs_of (const Geometry *g, CcsAct act)
{
  return (CcsAttrs){ .conv
                     = { g->stride, g->pad, g->dilation, SIZE, SIZE, act } };
}

static CcsValueId
build_forward (Build *b, const Geometry *g, guint round)
{
  const CcsAttrs attrs = attrs_of (g, g->act);
  const CcsValueId in[] = {
    changing (b, large_image (g), 2, 1, apart_in (round)),
    filter_of (b, g, round),
    round & 4 ? constant (b, CCS_SHAPE (g->out), 3, 1) : CCS_NONE,
    round & 8 ? changing (b, small_image (g), 3, 1, apart_in (round))
              : CCS_NONE,
  };

  return ccs_program_append (b->program, CCS_OP_CONV2D, in, 4, &attrs);
}

static CcsValueId
build_transposed (Build *b, const Geometry *g, guint round)
{
  return ccs_conv_transpose2d (
      b->program, changing (b, small_image (g), 2, 1, apart_in (round)),
      filter_of (b, g, round),
      round & 4 ? constant (b, CCS_SHAPE (g->in), 3, 1) : CCS_NONE, g->stride,
      g->pad, g->dilation, SIZE, SIZE, g->act);
}

static CcsValueId
build_filter_gradient (Build *b, const Geometry *g, guint round)
{
  const gint sparse = 2 + small_size (g) * small_size (g) / 16;
  CcsAttrs attrs = attrs_of (g, CCS_NO_ACT);
  const CcsValueId in[] = {
    changing (b, large_image (g), 2, 1, apart_in (round)),
    changing (b, small_image (g), 1, sparse, apart_in (round)),
  };

  attrs.conv.out_h = attrs.conv.out_w = g->kernel;
  return ccs_program_append (b->program, CCS_OP_CONV2D_WEIGHT_GRAD, in, 2,
                             &attrs);
}

/* Makes a matrix product with the geometry's channels as rows and columns. */
static CcsValueId
build_product (Build *b, const Geometry *g, guint round)
{
  const gboolean turn_a = round & 2, turn_b = round & 4, three = round & 8;
  CcsShape left = turn_a ? CCS_SHAPE (g->in, SIZE) : CCS_SHAPE (SIZE, g->in);
  CcsShape right
      = turn_b ? CCS_SHAPE (g->out, g->in) : CCS_SHAPE (g->in, g->out);
  CcsValueId a, c;

  if (three) {
    left = CCS_SHAPE (2, left.dim[0], left.dim[1]);
    right = CCS_SHAPE (2, right.dim[0], right.dim[1]);
  }
  a = changing (b, left, 2, 1, apart_in (round));
  c = round % 2 ? constant (b, right, 1, 2) : changing (b, right, 1, 2, 0);
  return ccs_matmul (b->program, a, c,
                     round & 1 ? constant (b, CCS_SHAPE (g->out), 3, 1)
                               : CCS_NONE,
                     turn_a, turn_b, 1.f, g->act);
}

/* Makes a filter with the centre and a few other taps, so that sums are small
 * and not all zero. */
static CcsValueId
thin_filter (Build *b, gint64 channels)
{
  const CcsShape shape = CCS_SHAPE (channels, 3, 3, channels);
  g_autofree char *name
      = g_strdup_printf ("thin.%u", ccs_program_n_values (b->program));
  CcsTensor *taps = integers (b, shape, 1, 6 * channels);

  for (gint64 c = 0; c < channels; c++)
    ((float *)taps->data)[(c * 9 + 4) * channels + c] = 1;
  return ccs_program_const (b->program, name, taps);
}

/* Makes a chain of ops: the result of the forward convolution passes through
 * other convolutions, with and without epilogue, and through pooling.
 * Intermediate values have 16 bits if channels are multiples of 8. */
static CcsValueId
build_chain (Build *b, const Geometry *g, guint round)
{
  const gint64 channels = g->out, size = small_size (g);
  Geometry whole = *g; /* halves would need another bit */
  /* Libraries support the first activation, but not the second. */
  const CcsAct act = round & 1 ? CCS_RELU : CCS_LEAKY_RELU (1.f);
  const CcsAttrs attrs = { .conv = { 1, 1, 1, size, size, act } };
  CcsValueId first, in[4], y;

  whole.act = round & 1 ? CCS_RELU : CCS_NO_ACT;
  in[0] = first = build_forward (b, &whole, round);
  in[1] = thin_filter (b, channels);
  in[2] = constant (b, CCS_SHAPE (channels), 2, 1);
  in[3] = CCS_NONE;
  in[0] = ccs_program_append (b->program, CCS_OP_CONV2D, in, 4, &attrs);
  in[1] = thin_filter (b, channels);
  in[3] = first;
  y = ccs_program_append (b->program, CCS_OP_CONV2D, in, 4, &attrs);
  y = ccs_max_pool (b->program, y, 3, 2, 1);
  y = ccs_conv_transpose2d (b->program, y, thin_filter (b, channels), CCS_NONE,
                            2, 1, 1, size, size, CCS_NO_ACT);
  return ccs_conv2d (b->program, y, thin_filter (b, channels), CCS_NONE, 1, 1,
                     1, CCS_NO_ACT);
}

/* Makes @y the second part of a value with wider rows. */
static CcsValueId
beside_others (Build *b, CcsValueId y, gint apart)
{
  CcsShape shape = ccs_program_value (b->program, y)->shape;
  const gint last = shape.rank - 1;

  if (apart == 0)
    return y;
  shape.dim[last] = apart;
  return ccs_concat (b->program,
                     (const CcsValueId[]){ changing (b, shape, 2, 1, 0), y }, 2,
                     last);
}

typedef CcsValueId (*Builder) (Build *b, const Geometry *g, guint round);

static const struct
{
  const char *name;
  Builder build;
} products[] = {
  { "convolution", build_forward },
  { "transposed convolution", build_transposed },
  { "filter gradient", build_filter_gradient },
  { "matrix product", build_product },
  { "chain", build_chain },
};

/* Returns "y" of @program on @backend, after two runs. */
static float *
run_on (CcsBackend *backend, CcsProgram *program, gsize *n)
{
  g_autoptr (GError) error = NULL;
  const CcsValueId y = ccs_program_find (program, "y");
  g_autoptr (CcsPlan) plan
      = ccs_plan_new (backend, program, CCS_PLAN_NONE, &error);
  float *values;

  assert_ok (plan != NULL, error);
  *n = ccs_shape_elements (&ccs_program_value (program, y)->shape);
  values = g_new (float, *n);
  for (guint run = 0; run < 2; run++)
    assert_ok (ccs_plan_run (plan, CCS_PHASE_FORWARD, &error), error);
  assert_ok (ccs_plan_read (plan, y, values, *n * sizeof *values, &error),
             error);
  return values;
}

/* Builds a program and returns its "y" on @backend. */
static float *
integers_on (CcsBackend *backend, Builder build, const Geometry *g, guint round,
             gsize *n)
{
  g_autoptr (CcsProgram) program = ccs_program_new (NULL, FALSE);
  Build b = { program, g_rand_new_with_seed (round) };
  g_autoptr (GError) error = NULL;

  ccs_program_output (
      program, "y", beside_others (&b, build (&b, g, round), apart_in (round)));
  g_rand_free (b.rand);
  assert_ok (ccs_program_check (program, &error), error);
  ccs_plan_optimize (backend, program);
  return run_on (backend, program, n);
}

static void
check_integers (CcsBackend *tested, Builder build, const Geometry *g,
                guint round, const char *label)
{
  g_autoptr (CcsBackend) reference = ccs_backend_open ("reference", NULL, NULL);
  gsize n;
  g_autofree float *want = integers_on (reference, build, g, round, &n);
  g_autofree float *got = integers_on (tested, build, g, round, &n);
  guint apart_from_zero = 0;

  for (gsize i = 0; i < n; i++) {
    ck_assert_float_le (fabsf (want[i]), LARGEST_INTEGER);
    apart_from_zero += want[i] != 0;
    ck_assert_msg (got[i] == want[i], "%s: element %zu is %g, not %g", label, i,
                   got[i], want[i]);
  }
  ck_assert_msg (apart_from_zero > 0, "%s: all is zero", label);
}

#define ROUNDS 16

START_TEST (products_of_integers_are_exact)
{
  static const CcsPrecision precisions[]
      = { CCS_PRECISION_TF32, CCS_PRECISION_BF16, CCS_PRECISION_FP16 };

  for (guint p = 0; p < G_N_ELEMENTS (precisions); p++) {
    g_autoptr (CcsBackend) tested = cuda_in (precisions[p]);

    for (guint k = 0; k < G_N_ELEMENTS (geometries); k++)
      for (guint round = 0; round < ROUNDS; round++) {
        g_autofree char *label = g_strdup_printf (
            "%s, %s, %s, round %u", ccs_precision_name (precisions[p]),
            products[_i].name, geometries[k].name, round);
        check_integers (tested, products[_i].build, &geometries[k], round,
                        label);
      }
  }
}
END_TEST

/* -- the net --------------------------------------------------------------- */

static char **files;

/* Runs frames and audio of a file through its model in one precision. */
static float *
differences_in (CcsPrecision precision, const CcsCheckpoint *file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend = cuda_in (precision);
  const CcsModelConfig config
      = reference_config (reference_metadata_int (file, "backbone"),
                          reference_metadata_int (file, "dim_scale"));
  const char *seed = reference_metadata (file, "seed");
  g_autoptr (CcsStateDict) params = reference_state_dict (&config, seed);
  g_autoptr (CcsModel) model
      = ccs_model_new (params, "reference parameters", backend, &error);
  g_autofree guint8 *picture = reference_frames (seed, "input.frame", 1);
  g_autofree float *mix
      = reference_noise (seed, "input.left", CCS_WINDOW, INPUT_LEVEL);
  g_autofree float *right
      = reference_noise (seed, "input.right", CCS_WINDOW, INPUT_LEVEL);
  g_autofree float *feature = NULL;
  float *difference = g_new (float, CCS_WINDOW);

  assert_ok (model != NULL, error);
  for (gsize i = 0; i < CCS_WINDOW; i++)
    mix[i] += right[i];
  feature = g_new (float, ccs_model_feature_size (model));
  assert_ok (ccs_model_encode (model, (const guint8 *const[]){ picture }, 1,
                               &feature, &error),
             error);
  assert_ok (ccs_model_separate (model, (const float *const[]){ mix },
                                 (const float *const[]){ feature }, 1,
                                 &difference, &error),
             error);
  return difference;
}

/* Returns the SNR of @got in dB. */
static double
snr (const float *got, const float *want, gsize n)
{
  double signal = 0, noise = 0;

  for (gsize i = 0; i < n; i++) {
    const double apart = (double)got[i] - want[i];
    signal += (double)want[i] * want[i];
    noise += apart * apart;
  }
  return 10 * log10 (signal / noise);
}

typedef struct
{
  CcsPrecision precision;
  double least; /* dB */
} Promise;

static const Promise promises[] = {
  { CCS_PRECISION_TF32, 50 },
  { CCS_PRECISION_BF16, 40 },
  { CCS_PRECISION_FP16, 40 },
};

/* The SNR is that of the difference, which is what the net predicts. The
 * channels have a higher SNR, because they contain the mix. */
START_TEST (sound_stays_near_fp32)
{
  g_autoptr (CcsCheckpoint) file = reference_load (files[_i]);
  g_autofree float *exact = differences_in (CCS_PRECISION_FP32, file);

  for (guint i = 0; i < G_N_ELEMENTS (promises); i++) {
    const char *name = ccs_precision_name (promises[i].precision);
    g_autofree float *rounded = differences_in (promises[i].precision, file);
    const double found = snr (rounded, exact, CCS_WINDOW);

    fprintf (stderr, "%s: %s: %.1f dB\n", files[_i], name, found);
    ck_assert_msg (found >= promises[i].least, "%s: %.1f dB, not %.0f", name,
                   found, promises[i].least);
    /* Checks that values are rounded at all: without rounding they would be
     * equal to fp32. */
    ck_assert_double_lt (found, 120);
  }
}
END_TEST

START_TEST (the_folder_holds_an_inference_file)
{
  ck_assert_ptr_nonnull (files[0]);
}
END_TEST

static Suite *
precision_suite (void)
{
  Suite *suite = suite_create ("precision");
  TCase *roundings = tcase_create ("roundings"), *net = tcase_create ("net");
  TCase *exact = tcase_create ("integers");

  tcase_add_test (roundings, kernels_round_as_the_host_does);
  tcase_add_test (roundings, every_half_is_widened_as_the_host_does);
  suite_add_tcase (suite, roundings);
  tcase_set_timeout (exact, TEST_SECONDS);
  tcase_add_loop_test (exact, products_of_integers_are_exact, 0,
                       G_N_ELEMENTS (products));
  suite_add_tcase (suite, exact);
  tcase_add_test (net, the_folder_holds_an_inference_file);
  tcase_set_timeout (net, TEST_SECONDS);
  tcase_add_loop_test (net, sound_stays_near_fp32, 0, g_strv_length (files));
  suite_add_tcase (suite, net);
  return suite;
}

int
main (void)
{
  int status;

  files = reference_files ("infer-*.safetensors");
  status = reference_run (precision_suite ());
  g_strfreev (files);
  return status;
}
