/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the reference tests: they read the published implementation's
 * values, regenerate numbers from their names, and compare values, naming the
 * entry and the error. On failure they end the running Check test. With
 * G_MESSAGES_DEBUG=ccstereo every comparison logs its error. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>
#include <json-glib/json-glib.h>

#include "backend/backend.h"
#include "model/config.h"

G_BEGIN_DECLS

/* Fails with the GError's message if the call fails. */
#define assert_ok(call, error)                                                 \
  do {                                                                         \
    if (!(call))                                                               \
      ck_abort_msg ("%s: %s", #call,                                           \
                    (error) != NULL ? (error)->message : "no error is set");   \
  } while (0)

/* -- the folder ---------------------------------------------------------- */
/* Returns the paths of files in $CCSTEREO_REFERENCE_DIR (default: in the source
 * tree) that match @glob, sorted. (transfer full) */
char **reference_files (const char *glob);
/* Reads a file. (transfer full) */
CcsCheckpoint *reference_load (const char *path);
/* Reads evaluation.json or a training file. (transfer full) */
JsonNode *reference_load_json (const char *path);
/* Returns the float32 tensor @name of @dict and its number of elements.
 * (transfer none) */
const float *reference_floats (const CcsStateDict *dict, const char *name,
                               gsize *n);
/* Returns the path of the file called @name. (transfer full) */
char *reference_path (const char *name);

/* Adds @tests to @suite, each once for every backend and file. Each backend has
 * a test case with its name, so that CK_RUN_CASE selects one. A test gets file
 * and backend from the loop index _i, backend x @n_files + file. @setups
 * (nullable): a function for each backend that runs once before its tests. */
#define REFERENCE_BACKENDS 2
void reference_add_cases (Suite *suite, guint n_files,
                          const TTest *const *tests, guint n_tests,
                          const SFun setups[REFERENCE_BACKENDS]);
const char *reference_file (char **files, int index);
/* Returns the backend for a loop index. (transfer full) */
CcsBackend *reference_backend (char **files, int index);
/* Runs the suite. Returns the exit status. */
int reference_run (Suite *suite);

/* -- metadata ------------------------------------------------------------ */
const char *reference_metadata (const CcsCheckpoint *file, const char *key);
gint reference_metadata_int (const CcsCheckpoint *file, const char *key);
/* Returns the configuration with this backbone and dim_scale. */
CcsModelConfig reference_config (gint backbone, gint dim_scale);

/* -- values generated from names ----------------------------------------- */
/* Return scale x s, or floor (256 u), for elements 0 .. n-1. (transfer full) */
float *reference_noise (const char *seed, const char *name, gsize n,
                        double scale);
guint8 *reference_pixels (const char *seed, const char *name, gsize n);
/* Makes the state_dict of @config for @seed. (transfer full) */
CcsStateDict *reference_state_dict (const CcsModelConfig *config,
                                    const char *seed);
/* Makes @n frames called @name, which were generated as [n,3,224,448], as dense
 * RGB. (transfer full) */
guint8 *reference_frames (const char *seed, const char *name, gint n);

/* -- layouts ------------------------------------------------------------- */
/* Converts a program's value to the published layout: NHWC to NCHW, [B,T,C] to
 * [T,B,C]; lower ranks are unchanged. (transfer full) */
float *reference_published_layout (const float *values, const CcsShape *shape);

/* -- comparisons --------------------------------------------------------- */
/* Returns the largest |got - want| divided by the largest |want|; 0/0 is 0. */
double reference_error (const double *got, const double *want, gsize n);
/* Returns the element of probe @i of @probes over @n elements. */
gsize reference_probe_index (gsize n, gsize probes, gsize i);
/* Compares @got [n] with the entries called @name in @file: a whole tensor, or
 * NAME.probe and NAME.stats. Fails, naming the entry and the error, if the
 * relative error exceeds @tolerance or there is no such entry. */
void reference_assert_entry (const CcsCheckpoint *file, const char *name,
                             const float *got, gsize n, double tolerance);
void reference_assert_near (const char *what, double got, double want,
                            double tolerance);

G_END_DECLS
