/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ccstereo/error.h>

G_DEFINE_QUARK (ccs - error - quark, ccs_error)
