/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detects the content of a parameter file, for all subcommands. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

typedef enum
{
  CONTENT_MODEL,  /* a CCStereo model with config */
  CONTENT_RESNET, /* a ResNet for the visual trunk of models with
                     config.backbone; the rest of config is not set */
} ContentKind;

typedef struct
{
  ContentKind kind;
  CcsModelConfig config;
} Content;

/* Detects the content. CCS_ERROR_MODEL says why it is neither. */
gboolean content_detect (const CcsCheckpoint *file, Content *content,
                         GError **error);

G_END_DECLS
