/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A second copy of the functions of constants, under other names: a program
 * that has core and loads the plugin, which links the library, has two. */
#define ccs_constant_get copy_constant_get
#define ccs_constant_get_content copy_constant_get_content
#define ccs_constant_release copy_constant_release
#include "../../src/core/backend/constant.c"
