/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice of what a model runs on. */
#pragma once

#include <glib-object.h>

#include <ccstereo/export.h>

G_BEGIN_DECLS

/**
 * CcsPrecision:
 * @CCS_PRECISION_FP32: float32: the published values within 1e-5
 * @CCS_PRECISION_TF32: 10-bit mantissas (cuda)
 * @CCS_PRECISION_BF16: bfloat16 (cuda; cpu where the processor multiplies them)
 * @CCS_PRECISION_FP16: IEEE half (cuda)
 *
 * The type to which the factors of convolutions and matrix products are
 * rounded. Their sums are float32.
 */
typedef enum
{
  CCS_PRECISION_FP32,
  CCS_PRECISION_TF32,
  CCS_PRECISION_BF16,
  CCS_PRECISION_FP16,
} CcsPrecision;

/**
 * ccs_precision_name:
 * @precision: a precision
 *
 * Returns the name of @precision. Thread-safe.
 *
 * Returns: (transfer none): "fp32", "tf32", "bf16" or "fp16"
 */
CCS_API const char *ccs_precision_name (CcsPrecision precision);

/**
 * ccs_precision_from_name:
 * @name: "fp32", "tf32", "bf16" or "fp16"
 * @precision: (out): return location for the precision
 * @error: return location for a #GError
 *
 * Finds the precision called @name. Thread-safe.
 *
 * Returns: %TRUE, or %FALSE with %CCS_ERROR_ARGUMENT if no precision has that
 *   name
 */
CCS_API gboolean ccs_precision_from_name (const char *name,
                                          CcsPrecision *precision,
                                          GError **error);

/**
 * CCS_BACKEND_MAX_THREADS:
 *
 * Largest number of CPU threads of a backend.
 */
#define CCS_BACKEND_MAX_THREADS 1024

/**
 * CcsBackendOptions:
 * @n_threads: CPU threads, at most %CCS_BACKEND_MAX_THREADS; 0: one per core,
 *   or as many as the environment's OMP_NUM_THREADS says
 * @device_id: CUDA device; -1: the backend chooses
 * @precision: arithmetic precision
 * @shares_cores: whether idle CPU threads leave their cores to other work of
 *   the process at once, instead of spinning for a while
 *
 * How a backend is opened. Initialize it with %CCS_BACKEND_OPTIONS_INIT.
 */
typedef struct
{
  gint n_threads;
  gint device_id;
  CcsPrecision precision;
  gboolean shares_cores;
  /*< private >*/
  gpointer padding[4];
} CcsBackendOptions;

/**
 * CCS_BACKEND_OPTIONS_INIT:
 *
 * Initializer of a #CcsBackendOptions: one thread per core, any device,
 * float32.
 */
#define CCS_BACKEND_OPTIONS_INIT                                               \
  {                                                                            \
    0, -1, CCS_PRECISION_FP32, FALSE,                                          \
    {                                                                          \
      NULL                                                                     \
    }                                                                          \
  }

/**
 * CCS_TYPE_BACKEND_OPTIONS: (skip)
 *
 * The boxed type of #CcsBackendOptions.
 */
#define CCS_TYPE_BACKEND_OPTIONS (ccs_backend_options_get_type ())
CCS_API GType ccs_backend_options_get_type (void);

/**
 * ccs_backend_options_new:
 *
 * Makes backend options with the values of %CCS_BACKEND_OPTIONS_INIT.
 *
 * Returns: (transfer full): the options
 */
CCS_API CcsBackendOptions *ccs_backend_options_new (void);

/**
 * ccs_backend_options_copy:
 * @self: options
 *
 * Copies @self.
 *
 * Returns: (transfer full): a copy
 */
CCS_API CcsBackendOptions *
ccs_backend_options_copy (const CcsBackendOptions *self);

/**
 * ccs_backend_options_free:
 * @self: (transfer full) (nullable): options
 *
 * Frees what ccs_backend_options_new() or ccs_backend_options_copy() returned.
 */
CCS_API void ccs_backend_options_free (CcsBackendOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBackendOptions, ccs_backend_options_free)

G_END_DECLS
