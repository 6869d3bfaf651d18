/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stage: one of a model's two programs planned for one size of batch, and how
 * items are run through it. One caller at a time may. */
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

/* The work of a turn: its items, and where their results go; as
 * ccs_model_encode() and ccs_model_separate() have them. */
typedef struct
{
  const guint8 *const *frames;  /* of an encoder */
  const float *const *mixes;    /* of a separator */
  const float *const *features; /* of a separator */
  float *const *results;
} CcsStageItems;

/* How many items are planned for. */
typedef struct
{
  guint batch;
  guint each;    /* of them, in one plan */
  guint n_plans; /* that share them, or take a batch each */
} CcsStageSize;

/* @batch is split among the backend's lanes, where it has those. */
CcsStageSize ccs_stage_size_split (const CcsBackend *backend, guint batch);
/* @batch stays whole. Where runs can be waited for there are two plans, so that
 * one's inputs go up while the other's kernels are under way. */
CcsStageSize ccs_stage_size_whole (const CcsBackend *backend, guint batch);

/* A program of @params for @backend. (transfer full) */
CcsStage *ccs_stage_new (CcsStageKind kind, const CcsStageSize *size,
                         CcsStateDict *params, const CcsModelConfig *config,
                         CcsBackend *backend, GError **error);
void ccs_stage_free (CcsStage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsStage, ccs_stage_free)

const CcsStageSize *ccs_stage_size (const CcsStage *self);
/* Runs @items [n], any number; the work of their turns is a CcsStageItems. */
gboolean ccs_stage_run (CcsStage *self, const CcsTurnItem *items, guint n,
                        GError **error);

G_END_DECLS
