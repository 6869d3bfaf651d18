/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Additional functions of the simulated runtime for tests, which are looked up
 * in the module. */
#pragma once

#include <glib.h>

/* Makes the next @n captures fail, as a call from another thread would. */
void simulated_break_captures (guint n);
/* Returns the number of launched graphs. */
guint simulated_launched_graphs (void);
/* Returns the number of kernels that were run. */
guint simulated_done_kernels (void);
