/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares ccstereo-eval with the published code: generates audio and
 * weights from their names, runs evaluations, compares scores. */
#pragma once

#include <math.h>
#include <sndfile.h>

#include "../core/pth-writer.h"
#include "../core/reference-support.h"
#include "metrics.h"
#include "program-support.h"
#include "../folder.h"

#define PUBLISHED_TOLERANCE 1e-5
#define PUBLISHED_MODEL "model.pth"

static inline gint16 *
published_noise (const char *name, const char *stream, guint n)
{
  g_autofree char *full = g_strdup_printf ("%s.%s", name, stream);
  g_autofree float *signed_noise = reference_noise ("", full, n, 1);
  gint16 *values = g_new (gint16, n);

  for (guint i = 0; i < n; i++)
    values[i] = (gint16)floor (8192.0 * signed_noise[i]);
  return values;
}

/* Writes the audio called @name as a 16-bit stereo WAV file. */
static inline void
published_write_sound (const char *path, const char *name, guint rate, guint n)
{
  g_autofree gint16 *a = published_noise (name, "a", n);
  g_autofree gint16 *b = published_noise (name, "b", n);
  g_autofree gint16 *frames = g_new (gint16, 2 * n);
  SF_INFO info = { .samplerate = rate,
                   .channels = 2,
                   .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  for (guint i = 0; i < n; i++) {
    frames[2 * i] = a[i];
    frames[2 * i + 1] = (gint16)((a[i] >> 1) + (b[i] >> 2));
  }
  ck_assert_int_eq (sf_writef_short (file, frames, n), n);
  sf_close (file);
}

static inline void
published_write_model (const char *folder)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (CcsStateDict) params = reference_state_dict (&config, "");
  g_autoptr (GBytes) bytes = pth_zip (params);
  g_autofree char *path = g_build_filename (folder, PUBLISHED_MODEL, NULL);
  g_autoptr (GError) error = NULL;

  assert_ok (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                                  g_bytes_get_size (bytes), &error),
             error);
}

/* Evaluates the data set in @folder and returns the JSON that ccstereo-eval
 * writes. */
static inline JsonNode *
published_evaluate (const char *folder, const char *dataset,
                    const char *protocol, const char *setup)
{
  g_autofree char *json = g_build_filename (folder, "result.json", NULL);
  g_auto (Outcome) outcome = run_program (
      "CCSTEREO_EVAL", NULL,
      "--dataset %s --data-root %s --setup %s --split test --checkpoint "
      "%s/" PUBLISHED_MODEL " --protocol %s --json %s --quiet",
      dataset, folder, setup, folder, protocol, json);

  assert_done (&outcome);
  return reference_load_json (json);
}

static inline JsonObject *
published_clip (JsonNode *evaluation, guint clip)
{
  JsonArray *clips = json_object_get_array_member (
      json_node_get_object (evaluation), "clips");

  ck_assert_uint_lt (clip, json_array_get_length (clips));
  return json_array_get_object_element (clips, clip);
}

static inline void
published_assert_metrics (JsonObject *got, JsonObject *want)
{
  for (guint m = 0; m < CCS_N_METRICS; m++) {
    const char *name = ccs_metric_name (m);

    ck_assert_msg (json_object_has_member (got, name), "no %s", name);
    ck_assert_double_eq_tol (json_object_get_double_member (got, name)
                                 / json_object_get_double_member (want, name),
                             1, PUBLISHED_TOLERANCE);
  }
}
