/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A second copy of the functions for constants, under other names. A program
 * that links core and loads the plugin, which links the library, also has
 * two copies. */
#define ccs_constant_get copy_constant_get
#define ccs_constant_get_content copy_constant_get_content
#define ccs_constant_release copy_constant_release
#include "../../src/core/backend/constant.c"
