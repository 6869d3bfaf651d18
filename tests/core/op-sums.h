/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints checksums of all values of every case of test-ops.c, forward and
 * with gradient, on the CPU backend. Two builds, for example with different
 * compilers or versions of oneDNN, compute the same bits if their lines are
 * equal. */
#pragma once

#include <stdio.h>

#include "op-programs.h"

#define SUM_ROUNDS 6

/* Returns a checksum of all values that ops of @net compute, in order. */
static char *
net_sum (Net *net, const char *label)
{
  g_autoptr (CcsPlan) plan = run_on_threads (0, net, label);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint id = 0; id < ccs_program_n_values (net->program); id++) {
    const CcsValue *value = ccs_program_value (net->program, id);

    if (value->kind == CCS_VALUE_RESULT && value->producer >= 0) {
      g_autofree guint8 *data = plan_read (plan, id, label);

      g_checksum_update (sum, data,
                         ccs_shape_elements (&value->shape)
                             * ccs_dtype_size (value->dtype));
    }
  }
  return g_strndup (g_checksum_get_string (sum), 16);
}

static void
print_case (const OpCase *op_case, guint round)
{
  g_autoptr (Net) forward = build_forward (op_case, round, FALSE);
  g_autofree char *sum = net_sum (forward, op_case->name);

  printf ("%s  %s, round %u\n", sum, op_case->name, round);
  if (has_gradient (op_case)) {
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) net
        = build_gradient (op_case, round, FALSE, &y, &weights, grads);
    g_autofree char *gradient = net_sum (net, op_case->name);

    printf ("%s  %s gradient, round %u\n", gradient, op_case->name, round);
  }
}

static void
print_sums (void)
{
  for (guint round = 0; round < SUM_ROUNDS; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (op_cases); i++)
      print_case (&op_cases[i], round);
    print_case (&blocks_case, round);
  }
}
