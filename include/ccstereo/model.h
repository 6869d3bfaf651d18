/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loaded CCStereo model on one backend. */
#pragma once

#include <glib-object.h>

#include <ccstereo/backend.h>
#include <ccstereo/checkpoint.h>
#include <ccstereo/constants.h>
#include <ccstereo/export.h>

G_BEGIN_DECLS

/**
 * CcsModel:
 *
 * A model's parameters on one backend. It encodes frames as features and
 * predicts the difference between the left and the right channel for windows of
 * audio.
 *
 * All functions are thread-safe. Concurrent calls run one after the other;
 * items of several callers share a batch where possible.
 */
typedef struct _CcsModel CcsModel;

/**
 * CCS_TYPE_MODEL: (skip)
 *
 * The boxed type of #CcsModel.
 */
#define CCS_TYPE_MODEL (ccs_model_get_type ())
CCS_API GType ccs_model_get_type (void);

/**
 * CCS_MODEL_FRAME_BATCH:
 *
 * Frames of one batch. Results do not depend on the number of frames per call.
 */
#define CCS_MODEL_FRAME_BATCH 8
/**
 * CCS_MODEL_WINDOW_BATCH:
 *
 * Windows of one batch. Results do not depend on the number of windows per
 * call.
 */
#define CCS_MODEL_WINDOW_BATCH 8
/**
 * CCS_MODEL_MAX_FRAMES:
 *
 * Upper bound of ccs_model_preferred_frames().
 */
#define CCS_MODEL_MAX_FRAMES 128
/**
 * CCS_MODEL_MAX_WINDOWS:
 *
 * Upper bound of ccs_model_preferred_windows().
 */
#define CCS_MODEL_MAX_WINDOWS 128

/**
 * ccs_model_load:
 * @path: (type filename): a model (safetensors or .pth)
 * @backend: (nullable): "auto", "cpu", "cuda" or "reference"; %NULL: "auto"
 * @options: (nullable): how to open the backend; %NULL:
 *   %CCS_BACKEND_OPTIONS_INIT
 * @error: return location for a #GError
 *
 * Loads a model. Loading the same file (path, size and modification time) again
 * with the same backend and options returns the same object while it exists.
 * Thread-safe.
 *
 * Errors: %CCS_ERROR_IO if the file cannot be read, %CCS_ERROR_FORMAT if its
 * content is invalid, %CCS_ERROR_MODEL if it holds no CCStereo model,
 * %CCS_ERROR_ARGUMENT for an unknown backend or an option outside its range,
 * %CCS_ERROR_BACKEND if the backend cannot be opened.
 *
 * Returns: (transfer full): the model, or %NULL on error
 */
CCS_API CcsModel *ccs_model_load (const char *path, const char *backend,
                                  const CcsBackendOptions *options,
                                  GError **error);

/**
 * ccs_model_new_from_checkpoint:
 * @checkpoint: a checkpoint
 * @label: names @checkpoint in error messages
 * @backend: (nullable): as for ccs_model_load()
 * @options: (nullable): as for ccs_model_load()
 * @error: return location for a #GError
 *
 * Makes a model from a checkpoint, for example from one in memory. The model is
 * never shared with other callers, and keeps the checkpoint's memory alive.
 * Thread-safe.
 *
 * Errors: as for ccs_model_load(), except those about files.
 *
 * Returns: (transfer full): the model, or %NULL on error
 */
CCS_API CcsModel *ccs_model_new_from_checkpoint (
    CcsCheckpoint *checkpoint, const char *label, const char *backend,
    const CcsBackendOptions *options, GError **error);

/**
 * ccs_model_default_path:
 * @error: return location for a #GError
 *
 * Finds the model to use when the user names none: the value of the environment
 * variable CCSTEREO_MODEL, otherwise the installed default model. Thread-safe.
 *
 * Errors: %CCS_ERROR_IO if there is neither.
 *
 * Returns: (transfer full) (type filename): the path, or %NULL on error
 */
CCS_API char *ccs_model_default_path (GError **error);

/**
 * ccs_model_ref:
 * @self: a model
 *
 * Adds a reference to @self. Thread-safe.
 *
 * Returns: (transfer full): @self
 */
CCS_API CcsModel *ccs_model_ref (CcsModel *self);

/**
 * ccs_model_unref:
 * @self: (transfer full): a model
 *
 * Releases a reference to @self. Thread-safe.
 */
CCS_API void ccs_model_unref (CcsModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsModel, ccs_model_unref)

/**
 * ccs_model_id:
 * @self: a model
 *
 * Returns an identifier of the parameters' content. Features made by one model
 * must not be used with a model of another identifier. Thread-safe.
 *
 * Returns: (transfer none): 16 hexadecimal digits
 */
CCS_API const char *ccs_model_id (const CcsModel *self);

/**
 * ccs_model_describe:
 * @self: a model
 *
 * Returns the model's configuration as text. Thread-safe.
 *
 * Returns: (transfer full): for example "backbone=18 dim_scale=1 avad=1000"
 */
CCS_API char *ccs_model_describe (const CcsModel *self);

/**
 * ccs_model_backend_name:
 * @self: a model
 *
 * Returns the name of the backend that @self runs on; with "auto", the one that
 * was chosen. Thread-safe.
 *
 * Returns: (transfer none): "cpu", "cuda" or "reference"
 */
CCS_API const char *ccs_model_backend_name (const CcsModel *self);

/**
 * ccs_model_feature_channels:
 * @self: a model
 *
 * Returns the number of channels of a feature, whose layout is
 * [%CCS_FEATURE_HEIGHT, %CCS_FEATURE_WIDTH, channels], row-major. Thread-safe.
 *
 * Returns: the number of channels
 */
CCS_API guint ccs_model_feature_channels (const CcsModel *self);

/**
 * ccs_model_feature_size:
 * @self: a model
 *
 * Returns the number of floats of one feature. Thread-safe.
 *
 * Returns: 7 x 14 x channels
 */
CCS_API gsize ccs_model_feature_size (const CcsModel *self);

/**
 * ccs_model_preferred_frames:
 * @self: a model
 *
 * Returns the preferred number of frames per call of ccs_model_encode() for
 * callers that have many: a multiple of %CCS_MODEL_FRAME_BATCH, at most
 * %CCS_MODEL_MAX_FRAMES. Thread-safe.
 *
 * Returns: the number of frames
 */
CCS_API guint ccs_model_preferred_frames (const CcsModel *self);

/**
 * ccs_model_preferred_windows:
 * @self: a model
 *
 * Returns the preferred number of windows per call of ccs_model_separate() for
 * callers that have many: a multiple of %CCS_MODEL_WINDOW_BATCH, at most
 * %CCS_MODEL_MAX_WINDOWS. Thread-safe.
 *
 * Returns: the number of windows
 */
CCS_API guint ccs_model_preferred_windows (const CcsModel *self);

/**
 * ccs_model_warm_up:
 * @self: a model
 * @batch: %FALSE: prepare for single items; %TRUE: prepare for full batches
 * @error: return location for a #GError
 *
 * Compiles now what the first call would otherwise have to wait for. Each
 * encoder and each decoder of a stream calls it once: when several streams have
 * done so, larger batches are prepared, which items of different streams share.
 * Thread-safe.
 *
 * Errors: %CCS_ERROR_BACKEND, %CCS_ERROR_MEMORY.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_model_warm_up (CcsModel *self, gboolean batch,
                                    GError **error);

/**
 * ccs_model_encode: (skip)
 * @self: a model
 * @frames: @n frames, each RGB, 8 bits, %CCS_CROP_WIDTH x %CCS_CROP_HEIGHT,
 *   rows dense (448 x 3 bytes)
 * @n: number of frames
 * @features: @n buffers of ccs_model_feature_size() floats each, which are
 *   filled
 * @error: return location for a #GError
 *
 * Encodes frames as features. Blocks until the features are written.
 * Thread-safe.
 *
 * Errors: %CCS_ERROR_BACKEND, %CCS_ERROR_MEMORY.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_model_encode (CcsModel *self, const guint8 *const *frames,
                                   guint n, float *const *features,
                                   GError **error);

/**
 * ccs_model_encode_bytes: (rename-to ccs_model_encode)
 * @self: a model
 * @frame: one frame, as for ccs_model_encode()
 * @error: return location for a #GError
 *
 * Encodes one frame as a feature. Blocks until it is there. Thread-safe.
 *
 * Errors: %CCS_ERROR_ARGUMENT if @frame has another size; as for
 * ccs_model_encode().
 *
 * Returns: (transfer full): ccs_model_feature_size() floats, or %NULL on error
 */
CCS_API GBytes *ccs_model_encode_bytes (CcsModel *self, GBytes *frame,
                                        GError **error);

/**
 * ccs_model_separate: (skip)
 * @self: a model
 * @mixes: @n windows of %CCS_WINDOW samples each of the mix, left + right, at
 *   %CCS_MODEL_RATE and any level
 * @features: the feature of each window
 * @n: number of windows
 * @differences: @n buffers of %CCS_WINDOW floats each, which are filled with
 *   the difference, left - right, at the level of the mix
 * @error: return location for a #GError
 *
 * Predicts the difference between the channels. Blocks until the differences
 * are written. Most callers use #CcsBinauralizer, which handles resampling and
 * overlapping windows. Thread-safe.
 *
 * Errors: %CCS_ERROR_BACKEND, %CCS_ERROR_MEMORY.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_model_separate (CcsModel *self, const float *const *mixes,
                                     const float *const *features, guint n,
                                     float *const *differences, GError **error);

G_END_DECLS
