/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a parameter file holds: the same answer for every subcommand. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

typedef enum
{
  CONTENT_MODEL,  /* a CCStereo model, of config */
  CONTENT_RESNET, /* one that loads into the visual trunk of models with
                   * config.backbone; the rest of config means nothing */
} ContentKind;

typedef struct
{
  ContentKind kind;
  CcsModelConfig config;
} Content;

/* CCS_ERROR_MODEL saying why it is neither. */
gboolean content_detect (const CcsCheckpoint *file, Content *content,
                         GError **error);

G_END_DECLS
