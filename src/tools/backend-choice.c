/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks the values of the backend options. Opening the backend may still fail.
 */
#include "backend/registry.h"
#include "backend-choice.h"

ToolExit
backend_choice_check (BackendChoice *self, const ToolCommand *command)
{
  g_autoptr (GError) error = NULL;

  if (self->options.n_threads < 0
      || self->options.n_threads > CCS_BACKEND_MAX_THREADS)
    return tool_bad_option (command, "--threads is 0 to %d",
                            CCS_BACKEND_MAX_THREADS);
  if (!ccs_backend_name_check (backend_choice_name (self), &error))
    return tool_bad_option (command, "--backend: %s", error->message);
  if (self->precision
      && !ccs_precision_from_name (self->precision, &self->options.precision,
                                   &error))
    return tool_bad_option (command, "--precision: %s", error->message);
  return TOOL_OK;
}

const char *
backend_choice_name (const BackendChoice *self)
{
  return self->name ? self->name : "auto";
}

void
backend_choice_clear (BackendChoice *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->precision, g_free);
}
