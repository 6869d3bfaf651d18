/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests ask the simulated runtime besides; found by name in the
 * module.
 */
#pragma once

#include <glib.h>

/* The next @n captures are broken, as by another thread's call. */
void simulated_break_captures (guint n);
/* Graphs that were launched so far. */
guint simulated_launched_graphs (void);
/* Kernels that were run so far. */
guint simulated_done_kernels (void);
