/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public types as GObject knows them. Part of libccstereo.so alone: a
 * process registers each type once. */

#include <ccstereo/ccstereo.h>

G_DEFINE_BOXED_TYPE (CcsBackendOptions, ccs_backend_options,
                     ccs_backend_options_copy, ccs_backend_options_free)
G_DEFINE_BOXED_TYPE (CcsBinauralizer, ccs_binauralizer, ccs_binauralizer_ref,
                     ccs_binauralizer_unref)
G_DEFINE_BOXED_TYPE (CcsBinauralizerOptions, ccs_binauralizer_options,
                     ccs_binauralizer_options_copy,
                     ccs_binauralizer_options_free)
G_DEFINE_BOXED_TYPE (CcsCheckpoint, ccs_checkpoint, ccs_checkpoint_ref,
                     ccs_checkpoint_unref)
G_DEFINE_BOXED_TYPE (CcsModel, ccs_model, ccs_model_ref, ccs_model_unref)

CcsBackendOptions *
ccs_backend_options_new (void)
{
  const CcsBackendOptions defaults = CCS_BACKEND_OPTIONS_INIT;

  return ccs_backend_options_copy (&defaults);
}

CcsBackendOptions *
ccs_backend_options_copy (const CcsBackendOptions *self)
{
  return g_memdup2 (self, sizeof *self);
}

void
ccs_backend_options_free (CcsBackendOptions *self)
{
  g_free (self);
}

CcsBinauralizerOptions *
ccs_binauralizer_options_new (void)
{
  const CcsBinauralizerOptions defaults = CCS_BINAURALIZER_OPTIONS_INIT;

  return ccs_binauralizer_options_copy (&defaults);
}

CcsBinauralizerOptions *
ccs_binauralizer_options_copy (const CcsBinauralizerOptions *self)
{
  return g_memdup2 (self, sizeof *self);
}

void
ccs_binauralizer_options_free (CcsBinauralizerOptions *self)
{
  g_free (self);
}
