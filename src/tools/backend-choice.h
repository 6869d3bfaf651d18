/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of `ccstereo run` and `bench` that choose the backend: the same
 * names, defaults and messages in both. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "backend/registry.h"
#include "tool.h"

G_BEGIN_DECLS

/**
 * BackendChoice:
 * @name: NULL: "auto"
 * @precision: as typed; NULL: float32
 * @options: complete after backend_choice_check()
 */
typedef struct
{
  char *name, *precision;
  CcsBackendOptions options;
} BackendChoice;

#define BACKEND_CHOICE_DEFAULTS                                                \
  {                                                                            \
    NULL, NULL, CCS_BACKEND_OPTIONS_INIT                                       \
  }

/* Rows of a GOptionEntry array that fill @choice. */
#define BACKEND_CHOICE_ENTRIES(choice)                                         \
  { "backend",                                                                 \
    'b',                                                                       \
    0,                                                                         \
    G_OPTION_ARG_STRING,                                                       \
    &(choice)->name,                                                           \
    "auto (default), cpu, cuda or reference",                                  \
    "NAME" },                                                                  \
      { "threads",                                                             \
        't',                                                                   \
        0,                                                                     \
        G_OPTION_ARG_INT,                                                      \
        &(choice)->options.n_threads,                                          \
        "Number of CPU threads (default: one per core)",                       \
        "N" },                                                                 \
  {                                                                            \
    "precision", 'p', 0, G_OPTION_ARG_STRING, &(choice)->precision,            \
        "Arithmetic precision: fp32 (default), tf32, bf16 or fp16, if the "    \
        "backend supports it",                                                 \
        "NAME"                                                                 \
  }

/* Checks the options. Reports an invalid value and returns TOOL_USAGE. */
ToolExit backend_choice_check (BackendChoice *self, const ToolCommand *command);
/* Returns the name for ccs_backend_open() and ccs_model_load(). */
const char *backend_choice_name (const BackendChoice *self);
void backend_choice_clear (BackendChoice *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BackendChoice, backend_choice_clear)

G_END_DECLS
