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

/* ck_assert on a fallible call: fails with the GError's message. */
#define assert_ok(call, error)                                                 \
  do {                                                                         \
    if (!(call))                                                               \
      ck_abort_msg ("%s: %s", #call,                                           \
                    (error) != NULL ? (error)->message : "no error is set");   \
  } while (0)

/* -- the folder ---------------------------------------------------------- */
/* Files of $CCSTEREO_REFERENCE_DIR (or the source tree's) that match @glob,
 * sorted; full paths. (transfer full) */
char **reference_files (const char *glob);
/* A file; fails when it is missing or broken. (transfer full) */
CcsCheckpoint *reference_load (const char *path);
/* evaluation.json or a training file. (transfer full) */
JsonNode *reference_load_json (const char *path);
/* The float32 tensor @name of @dict, and how many elements it has. (transfer
 * none) */
const float *reference_floats (const CcsStateDict *dict, const char *name,
                               gsize *n);
/* The path of the one file called @name. (transfer full) */
char *reference_path (const char *name);

/* Adds @tests, each once per backend and file, to @suite: a test case per
 * backend, called by its name, so that CK_RUN_CASE picks one. A test finds its
 * file and backend from the loop's index _i, backend x @n_files + file.
 * @setups (nullable): for each backend what its case does once, before its
 * tests. */
#define REFERENCE_BACKENDS 2
void reference_add_cases (Suite *suite, guint n_files,
                          const TTest *const *tests, guint n_tests,
                          const SFun setups[REFERENCE_BACKENDS]);
const char *reference_file (char **files, int index);
/* (transfer full) */
CcsBackend *reference_backend (char **files, int index);
/* Runs the suite; the program's exit status. */
int reference_run (Suite *suite);

/* -- metadata ------------------------------------------------------------ */
const char *reference_metadata (const CcsCheckpoint *file, const char *key);
gint reference_metadata_int (const CcsCheckpoint *file, const char *key);
/* The model that the file's backbone and dim_scale describe. */
CcsModelConfig reference_config (gint backbone, gint dim_scale);

/* -- numbers from names -------------------------------------------------- */
/* scale x s, or floor (256 u), of element 0 .. n-1. (transfer full) */
float *reference_noise (const char *seed, const char *name, gsize n,
                        double scale);
guint8 *reference_pixels (const char *seed, const char *name, gsize n);
/* The whole state_dict of @config under @seed. (transfer full) */
CcsStateDict *reference_state_dict (const CcsModelConfig *config,
                                    const char *seed);
/* @n frames called @name, laid out [n,3,224,448] when they were made, as dense
 * RGB pictures. (transfer full) */
guint8 *reference_frames (const char *seed, const char *name, gint n);

/* -- layouts ------------------------------------------------------------- */
/* @shape and the values of a program's value as the published code lays it out:
 * NHWC to NCHW, [B,T,C] to [T,B,C]; lower ranks as they are. (transfer full) */
float *reference_published_layout (const float *values, const CcsShape *shape);

/* -- comparisons --------------------------------------------------------- */
/* Largest |got - want| over largest |want|; 0/0 is 0. */
double reference_error (const double *got, const double *want, gsize n);
/* Element of probe @i of @probes over @n elements. */
gsize reference_probe_index (gsize n, gsize probes, gsize i);
/* Compares @got [n] with the entries that @file holds under @name: whole, or
 * NAME.probe and NAME.stats. Fails naming the entry and the error when the
 * relative error is beyond @tolerance, or when no entry has this name. */
void reference_assert_entry (const CcsCheckpoint *file, const char *name,
                             const float *got, gsize n, double tolerance);
void reference_assert_near (const char *what, double got, double want,
                            double tolerance);

G_END_DECLS
