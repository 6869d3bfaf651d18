/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two loops under the reference products: inner product and scaled sum
 * over contiguous floats, accumulated in float in several lanes. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Marked as internal, because gcc exports functions with target clones
 * otherwise. */

/* sum of a[i] b[i] */
G_GNUC_INTERNAL float ccs_vec_dot (const float *a, const float *b, gsize n);
/* y[i] += k x[i]; @y and @x do not overlap. */
G_GNUC_INTERNAL void ccs_vec_axpy (float *y, float k, const float *x, gsize n);

G_END_DECLS
