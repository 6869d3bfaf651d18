/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks the functions that libccstereo exports. */
#pragma once

/**
 * CCS_API: (skip)
 *
 * Stands before each public declaration. The library is compiled with hidden
 * visibility; what has this mark is exported.
 */
#define CCS_API __attribute__ ((visibility ("default"))) extern
