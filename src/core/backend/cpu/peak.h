/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arithmetic ceiling of the machine, to judge kernels by. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Measured 32-bit multiply-add rate in GFLOP/s (two a multiply-add) of
 * @n_threads (0: as many as the machine has cores) that do nothing else, with
 * the vectors of the level that runs; the best of several rounds that take
 * about @seconds together. */
double ccs_cpu_peak_gflops (gint n_threads, double seconds);

G_END_DECLS
