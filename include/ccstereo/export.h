/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks the functions that libccstereo exports. */
#pragma once

/**
 * CCS_API: (skip)
 *
 * Marks a public declaration. The library is compiled with hidden visibility,
 * so only functions with this mark are exported.
 */
#define CCS_API __attribute__ ((visibility ("default"))) extern
