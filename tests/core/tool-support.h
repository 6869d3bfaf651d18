/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a folder and a model for each test, and runs the program `ccstereo`,
 * which CCSTEREO_TOOL names. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>

#include "model/config.h"

/* The folder of the running test. make_dir() and remove_dir() are the
 * fixture of its test case. */
extern char *dir;
void make_dir (void);
void remove_dir (void);
/* Returns a path in the folder. (transfer full) */
char *in_dir (const char *name);

typedef struct
{
  gint code;
  char *out, *err;
} Outcome;

void outcome_clear (Outcome *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

/* Runs the tool. The list of arguments ends with NULL. */
Outcome tool (const char *first, ...);

/* Makes a tensor with values near zero, or near one for variances. (transfer
 * full) */
CcsTensor *small_random_tensor (GRand *rand, const CcsParamInfo *info);
/* Writes a model file without metadata and returns its path. (transfer full) */
char *model_file (void);
