/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The locale of the programs. */
#pragma once

#include <locale.h>

/* Takes the user's locale, except for numbers: options, configuration files and
 * output have a decimal point everywhere. */
static inline void
ccs_program_set_locale (void)
{
  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C");
}
