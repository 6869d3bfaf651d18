/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ccstereo/version.h>

const char *
ccs_version (void)
{
  return CCS_VERSION_STRING;
}
