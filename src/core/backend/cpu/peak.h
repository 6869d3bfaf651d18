/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peak rate of arithmetic of the machine, with which kernels are compared.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Measures the rate of 32-bit multiply-adds in GFLOP/s (2 operations each) on
 * @n_threads (0: all cores), with the vectors of the current level. Returns the
 * best of several rounds, which take about @seconds together. */
double ccs_cpu_peak_gflops (gint n_threads, double seconds);

G_END_DECLS
