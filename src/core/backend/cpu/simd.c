/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chooses which compilation of the inner loops runs: the best of this
 * processor, or the one that the environment names. */
#include "simd.h"

#include <ccstereo/error.h>

/* Environment variable that selects a level for tests, so that a machine can
 * test lower levels than its own. */
#define LEVEL_VARIABLE "CCSTEREO_SIMD"

typedef struct
{
  const char *name;
  const CcsSimd *loops; /* NULL on other architectures */
  gboolean runs;        /* whether this processor supports it */
} Level;

/* From the best level to the one that every processor supports. */
enum
{
  LEVEL_AVX512,
  LEVEL_AVX2,
  LEVEL_NEON,
  LEVEL_BASE,
  N_LEVELS
};

static Level levels[N_LEVELS] = {
  [LEVEL_AVX512] = { "avx512" },
  [LEVEL_AVX2] = { "avx2" },
  [LEVEL_NEON] = { "neon" },
  [LEVEL_BASE] = { "base", &ccs_simd_base, TRUE },
};

static void
find_levels (void)
{
#ifdef __x86_64__
  __builtin_cpu_init ();
  levels[LEVEL_AVX512].loops = &ccs_simd_avx512;
  levels[LEVEL_AVX512].runs = __builtin_cpu_supports ("avx512f")
                              && __builtin_cpu_supports ("avx512bw")
                              && __builtin_cpu_supports ("avx512dq")
                              && __builtin_cpu_supports ("avx512vl");
  levels[LEVEL_AVX2].loops = &ccs_simd_avx2;
  levels[LEVEL_AVX2].runs
      = __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma");
#elif defined(__aarch64__)
  levels[LEVEL_NEON].loops = &ccs_simd_neon;
  levels[LEVEL_NEON].runs = TRUE;
#endif
}

static const Level *
best_level (void)
{
  for (guint i = 0;; i++)
    if (levels[i].runs)
      return &levels[i];
}

/* Returns the level called @name, whatever the processor; NULL if unknown. */
static const Level *
named_level (const char *name)
{
  for (guint i = 0; i < N_LEVELS; i++)
    if (g_str_equal (levels[i].name, name))
      return &levels[i];
  return NULL;
}

typedef struct
{
  const Level *level;
  char *refusal; /* why the chosen level is not supported, or NULL */
} Choice;

static gpointer
choose (gpointer unused)
{
  static Choice choice;
  const char *name = g_getenv (LEVEL_VARIABLE);

  find_levels ();
  choice.level = best_level ();
  if (name && *name) {
    const Level *level = named_level (name);

    if (!level)
      choice.refusal = g_strdup_printf (
          LEVEL_VARIABLE ": unknown level \"%s\" (levels: base, avx2, avx512, "
                         "neon)",
          name);
    else if (!level->runs)
      choice.refusal = g_strdup_printf (
          LEVEL_VARIABLE ": this processor does not run %s (its best level is "
                         "%s)",
          name, choice.level->name);
    else
      choice.level = level;
  }
  return &choice;
}

/* Chooses once, because kernels store filters in the layout of their level. */
static const Choice *
chosen (void)
{
  static GOnce once = G_ONCE_INIT;

  return g_once (&once, choose, NULL);
}

const CcsSimd *
ccs_simd (void)
{
  return chosen ()->level->loops;
}

gboolean
ccs_simd_check (GError **error)
{
  const Choice *choice = chosen ();

  if (choice->refusal)
    g_set_error_literal (error, CCS_ERROR, CCS_ERROR_ARGUMENT, choice->refusal);
  return choice->refusal == NULL;
}

const char *
ccs_simd_level (guint index)
{
  chosen ();
  for (guint i = N_LEVELS; i-- > 0;)
    if (levels[i].runs && index-- == 0)
      return levels[i].name;
  return NULL;
}
