/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loaded CCStereo model on one backend: its parameters, and the planned
 * programs that encode frames and process windows. One object serves all users
 * of the same file, backend and options; every call is thread-safe. Calls are
 * put one after another in the order in which they come; a run takes along what
 * others wait with, up to a full batch. */
#pragma once

#include "config.h"
#include "../backend/backend.h"

G_BEGIN_DECLS

typedef struct _CcsModel CcsModel;

/* Frames and windows that fill a run; more are split up. A result does not
 * depend on how many were passed at once. */
#define CCS_MODEL_FRAME_BATCH 8
#define CCS_MODEL_WINDOW_BATCH 8

/* Loads @path (safetensors or .pth) for @backend ("auto", "cpu", "cuda",
 * "reference") with @options (nullable), as ccs_backend_open() takes them; the
 * same file (path, size, modification time), backend and options give the same
 * object. (transfer full) */
CcsModel *ccs_model_load (const char *path, const char *backend,
                          const CcsBackendOptions *options, GError **error);
/* The model for those who name none: CCSTEREO_MODEL, else the installed default
 * model; CCS_ERROR_IO saying what to do when there is neither. (transfer full)
 */
char *ccs_model_default_path (GError **error);
/* From parameters in memory; never shared. @label names them in messages. */
CcsModel *ccs_model_new (CcsStateDict *params, const char *label,
                         CcsBackend *backend, GError **error);
CcsModel *ccs_model_ref (CcsModel *self);
void ccs_model_unref (CcsModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsModel, ccs_model_unref)

const CcsModelConfig *ccs_model_config (const CcsModel *self);
CcsBackend *ccs_model_backend (const CcsModel *self);
/* 16 hexadecimal digits from the parameters' content: features of one model
 * must not feed another. */
const char *ccs_model_id (const CcsModel *self);
/* Elements of one frame's feature: 7 x 14 x D. */
gsize ccs_model_feature_size (const CcsModel *self);
/* What those who have many frames or windows at hand had best pass at a time:
 * the batches above, or a multiple of them where the backend runs so many
 * together. */
#define CCS_MODEL_MAX_FRAMES (CCS_MODEL_FRAME_BATCH * CCS_BACKEND_MAX_BULK)
#define CCS_MODEL_MAX_WINDOWS (CCS_MODEL_WINDOW_BATCH * CCS_BACKEND_MAX_BULK)
guint ccs_model_bulk_frames (const CcsModel *self);
guint ccs_model_bulk_windows (const CcsModel *self);

/* Plans the programs for single items (@batch FALSE) or full batches now, so
 * that the first call is not slow. From the third time on, when more than one
 * stream's encoder and decoder have asked, both, and when as many streams have
 * as fill half of the backend's larger batch, that too: only batches that are
 * planned are filled with other callers' items. */
gboolean ccs_model_warm_up (CcsModel *self, gboolean batch, GError **error);

/* @frames: @n pictures, RGB 448x224, 8 bits, rows dense (448 x 3 bytes);
 * @features: n x [7,14,D] float32. */
gboolean ccs_model_encode (CcsModel *self, const guint8 *const *frames, guint n,
                           float *const *features, GError **error);
/* @n windows of mix [10080] (any level) with their feature each ->
 * @difference, n x [10080] at the mix's level. */
gboolean ccs_model_separate (CcsModel *self, const float *const *mixes,
                             const float *const *features, guint n,
                             float *const *differences, GError **error);

G_END_DECLS
