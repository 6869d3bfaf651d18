/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stage: one of a model's two programs (encoder, separator), planned for one
 * batch size. One thread at a time may use it. */
#pragma once

#include "config.h"
#include "turns.h"
#include "../backend/backend.h"

G_BEGIN_DECLS

typedef struct _CcsStage CcsStage;

typedef enum
{
  CCS_STAGE_ENCODER,
  CCS_STAGE_SEPARATOR,
  CCS_N_STAGES,
} CcsStageKind;

/* The work of a turn: inputs and results of its items, as in ccs_model_encode()
 * and ccs_model_separate(). */
typedef struct
{
  const guint8 *const *frames;  /* of an encoder */
  const float *const *mixes;    /* of a separator */
  const float *const *features; /* of a separator */
  float *const *results;
} CcsStageItems;

/* Number of items of a stage. */
typedef struct
{
  guint batch;
  guint each;    /* items per plan */
  guint n_plans; /* plans that share a batch, or run one each */
} CcsStageSize;

/* Splits @batch among the lanes of @backend, if it has lanes. */
CcsStageSize ccs_stage_size_split (const CcsBackend *backend, guint batch);
/* Does not split @batch. If the backend runs asynchronously, there are two
 * plans: one uploads its inputs while the kernels of the other run. */
CcsStageSize ccs_stage_size_whole (const CcsBackend *backend, guint batch);

/* Plans the program @kind with @params on @backend. (transfer full) */
CcsStage *ccs_stage_new (CcsStageKind kind, const CcsStageSize *size,
                         CcsStateDict *params, const CcsModelConfig *config,
                         CcsBackend *backend, GError **error);
void ccs_stage_free (CcsStage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsStage, ccs_stage_free)

const CcsStageSize *ccs_stage_size (const CcsStage *self);
/* Runs @items [n], any number. The work of their turns is a CcsStageItems. */
gboolean ccs_stage_run (CcsStage *self, const CcsTurnItem *items, guint n,
                        GError **error);

G_END_DECLS
