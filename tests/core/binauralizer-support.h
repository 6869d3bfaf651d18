/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transparent model, and helpers that drive an engine with it: the output
 * shows which windows the engine passed to the model, and when. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

/* -- a fake model -------------------------------------------------------- */

/* A fake model. binauralizer-support.c defines the functions of the model
 * that an engine calls; the linker prefers them to those of the library. A
 * feature has two values, gain and slope. The predicted difference of a
 * window is gain x mix + slope x (position in the window). */
enum
{
  GAIN,
  SLOPE,
  FEATURE_SIZE
};

struct _CcsModel
{
  gint refs;
  guint runs;        /* calls of separate */
  guint largest_run; /* windows */
  guint windows;     /* of all runs */
  guint failures;    /* number of calls that will fail */
  guint bulk;        /* preferred batches per call; 0: one */
};

extern CcsModel fake;

/* Adds a test case to @suite. Each of its tests starts with a new model, and
 * must not keep it. */
TCase *add_case (Suite *suite, const char *name);

/* -- driving the engine --------------------------------------------------- */

#define FRAME_NS G_GINT64_CONSTANT (100000000)
#define SAMPLE_NS G_GINT64_CONSTANT (62500) /* of a 16 kHz sample */

extern const float silence[4 * CCS_WINDOW];

CcsBinauralizerOptions options_for (guint rate, guint channels);
/* Returns options with a rate of 16 kHz and windows that do not overlap. A
 * sample of the output then shows the slope, and so which feature its window
 * used. */
CcsBinauralizerOptions plain_options (void);
CcsBinauralizer *engine_new (const CcsBinauralizerOptions *options);
void push_feature (CcsBinauralizer *engine, gint64 time, float gain,
                   float slope);
/* Pushes one feature for the whole stream. */
void hold_feature (CcsBinauralizer *engine, float gain, float slope);
void push (CcsBinauralizer *engine, const float *samples, gsize frames);
void process (CcsBinauralizer *engine);
/* Pulls at most @limit frames and appends them. */
void pull (CcsBinauralizer *engine, GArray *out, gsize limit);

GArray *stereo_new (void);
float left (const GArray *stereo, gsize i);
float right (const GArray *stereo, gsize i);
void assert_same (const GArray *got, const GArray *want);
float *noise (gsize n, guint32 seed);

/* Processes all of @samples at once with one feature. */
GArray *run_whole (const CcsBinauralizerOptions *options, const float *samples,
                   gsize frames, float gain, float slope);

/* A sequence of different features, one every tenth of a second. */
typedef struct
{
  guint n;
  float *values; /* [n, FEATURE_SIZE] */
} Film;

Film film_new (guint n);
/* Processes @samples in pieces of up to @largest frames, with features before
 * or after them, and pulls the output in pieces. */
GArray *run_in_pieces (const CcsBinauralizerOptions *options,
                       const float *samples, gsize frames, const Film *film,
                       gint32 largest, guint32 seed);
