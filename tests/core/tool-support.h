/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A folder for each test, a model in it, and the `ccstereo` program run on
 * them. CCSTEREO_TOOL names the executable. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>

#include "model/config.h"

/* The test's folder: make_dir and remove_dir are its case's fixture. */
extern char *dir;
void make_dir (void);
void remove_dir (void);
/* A path in it. (transfer full) */
char *in_dir (const char *name);

typedef struct
{
  gint code;
  char *out, *err;
} Outcome;

void outcome_clear (Outcome *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

/* Runs the tool with the arguments up to NULL. */
Outcome tool (const char *first, ...);

/* Values near zero, variances near one. (transfer full) */
CcsTensor *small_random_tensor (GRand *rand, const CcsParamInfo *info);
/* A model file without metadata. (transfer full) */
char *model_file (void);
