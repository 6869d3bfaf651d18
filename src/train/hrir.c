/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hrir.h"

#include <ccstereo/error.h>
#include <math.h>
#include <mysofa.h>
#include <string.h>

#define SOFA_ENVIRONMENT "CCSTEREO_SOFA"
#define SOFA_RADIUS 1.0 /* metres; files of one radius ignore it */
#define MAX_DELAY 0.01  /* seconds; a head is 0.001 wide */

struct _CcsHrir
{
  char *path;
  guint rate;
  guint response; /* taps of the file's responses after resampling */
  guint length;   /* taps including the largest separate delay */
  struct MYSOFA_EASY *easy;
  float *scratch; /* one response */
};

static const char *const sofa_names[]
    = { "default.sofa", "MIT_KEMAR_normal_pinna.sofa" };

static char *
find_sofa (GError **error)
{
  g_autoptr (GString) tried = g_string_new (NULL);
  const char *given = g_getenv (SOFA_ENVIRONMENT);
  const char *const *folders = g_get_system_data_dirs ();

  if (given && *given)
    return g_strdup (given);
  for (guint i = 0; folders[i]; i++) {
    for (guint j = 0; j < G_N_ELEMENTS (sofa_names); j++) {
      g_autofree char *path
          = g_build_filename (folders[i], "libmysofa", sofa_names[j], NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
      g_string_append_printf (tried, "%s%s", tried->len ? ", " : "", path);
    }
  }
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
               "no SOFA file of head-related impulse responses found: "
               "set " SOFA_ENVIRONMENT " or name one (looked for %s)",
               tried->str);
  return NULL;
}

/* Finds the largest of the file's separate delays (in seconds), which lengthen
 * the responses. */
static gboolean
measure_delays (CcsHrir *self, GError **error)
{
  double largest = 0;

  for (int azimuth = 0; azimuth < 360; azimuth += 15) {
    for (int elevation = -45; elevation <= 90; elevation += 45) {
      float at[3] = { azimuth, elevation, SOFA_RADIUS };
      float delay[2];

      mysofa_s2c (at);
      mysofa_getfilter_float (self->easy, at[0], at[1], at[2], self->scratch,
                              self->scratch + self->response, &delay[0],
                              &delay[1]);
      for (guint ear = 0; ear < 2; ear++) {
        if (!(delay[ear] >= 0 && delay[ear] <= MAX_DELAY)) {
          g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                       "%s: a delay of %g s is not one of a head", self->path,
                       delay[ear]);
          return FALSE;
        }
        largest = fmax (largest, delay[ear]);
      }
    }
  }
  self->length = self->response;
  if (largest > 0)
    self->length += (guint)ceil (largest * self->rate) + 1;
  return TRUE;
}

CcsHrir *
ccs_hrir_new (const char *path, guint rate, GError **error)
{
  g_autoptr (CcsHrir) self = g_new0 (CcsHrir, 1);
  int taps = 0, status = MYSOFA_OK;

  g_return_val_if_fail (rate >= 8000 && rate <= 192000, NULL);

  self->rate = rate;
  self->path = path ? g_strdup (path) : find_sofa (error);
  if (!self->path)
    return NULL;
  if (!g_file_test (self->path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
                 "%s: there is no such SOFA file", self->path);
    return NULL;
  }
  self->easy = mysofa_open (self->path, rate, &taps, &status);
  if (!self->easy || taps <= 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: not a SOFA file of head-related impulse responses "
                 "(libmysofa's error %d)",
                 self->path, status);
    return NULL;
  }
  self->response = taps;
  self->scratch = g_new (float, 2 * self->response);
  if (!measure_delays (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ccs_hrir_free (CcsHrir *self)
{
  if (!self)
    return;
  if (self->easy)
    mysofa_close (self->easy);
  g_free (self->scratch);
  g_free (self->path);
  g_free (self);
}

guint
ccs_hrir_length (const CcsHrir *self)
{
  return self->length;
}

/* Writes @response with a delay of @seconds, which may be fractional in
 * samples. */
static void
place (const CcsHrir *self, const float *response, double seconds, float *out)
{
  double delay = CLAMP (seconds, 0, MAX_DELAY) * self->rate;
  guint whole = (guint)delay;
  float late = (float)(delay - whole);

  memset (out, 0, self->length * sizeof (float));
  for (guint i = 0; i < self->response; i++) {
    if (i + whole < self->length)
      out[i + whole] += (1 - late) * response[i];
    if (late > 0 && i + whole + 1 < self->length)
      out[i + whole + 1] += late * response[i];
  }
}

void
ccs_hrir_get (CcsHrir *self, double azimuth, double elevation, float *left,
              float *right)
{
  double around = fmod (-azimuth, 360.0);
  float at[3] = { around < 0 ? around + 360 : around, elevation, SOFA_RADIUS };
  float delay[2];

  mysofa_s2c (at);
  mysofa_getfilter_float (self->easy, at[0], at[1], at[2], self->scratch,
                          self->scratch + self->response, &delay[0], &delay[1]);
  place (self, self->scratch, delay[0], left);
  place (self, self->scratch + self->response, delay[1], right);
}

void
ccs_hrir_convolve (const float *sound, gsize n, const float *response,
                   guint taps, float *out)
{
  for (guint k = 0; k < taps; k++) {
    const float *from = sound - k;
    float gain = response[k];

    for (gsize i = 0; i < n; i++)
      out[i] += gain * from[i];
  }
}
