/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks that the race detector of the emulation finds planted errors and
 * reports nothing otherwise. The kernels have the names of real ones. */
#include <signal.h>

#include "../../suite.h"
#include "../emulated-ops.h"

#define BLOCKS 3
#define FIELD (BLOCKS * CCS_BLOCK_THREADS)

/* Device memory. */
static int field[FIELD], other[FIELD];

static int *
shared_of (const CcsPlace *at)
{
  return (int *)at->shared;
}

static guint
neighbour (guint thread)
{
  return (thread + 1) % CCS_BLOCK_THREADS;
}

#define KERNEL(name)                                                           \
  static void name (const CcsPlace *at, gconstpointer params, gint phase)

/* -- kernels without races ------------------------------------------------- */

/* All threads read the same place, which no thread writes. Each thread
 * writes its own place twice. */
KERNEL (own_places)
{
  const guint i = ccs_device_index (at);

  field[i] = other[0] + phase;
  field[i] += other[i];
}

/* Each thread writes a value, and its neighbour reads it in the next phase.
 * In the phase after that, the first thread changes the value. */
KERNEL (neighbours_in_turn)
{
  const guint t = at->thread;

  if (phase == 0)
    shared_of (at)[t] = (int)t;
  else if (phase == 1)
    field[ccs_device_index (at)] = shared_of (at)[neighbour (t)];
  else if (t == 0)
    shared_of (at)[1] = field[at->block * CCS_BLOCK_THREADS + 1];
}

/* -- kernels with races ---------------------------------------------------- */

KERNEL (all_write_one_place)
{
  shared_of (at)[0] = 1;
}

KERNEL (neighbours_at_once)
{
  shared_of (at)[at->thread] = 1;
  field[ccs_device_index (at)] = shared_of (at)[neighbour (at->thread)];
}

/* Writes the second thread's word in the same phase in which all threads
 * read it. */
KERNEL (written_where_all_read)
{
  field[ccs_device_index (at)] = other[1];
  if (at->thread == 1)
    other[1] = 2;
}

KERNEL (bytes_of_a_word)
{
  if (at->thread < sizeof (int))
    at->shared[at->thread] = 1;
  else if (at->thread == sizeof (int))
    shared_of (at)[0] = 1;
}

/* The first thread of each block writes the same place in an earlier phase
 * than its own block reads it, but the blocks run in no defined order. */
KERNEL (blocks_write_one_place)
{
  if (at->thread == 0)
    field[phase] = (int)at->block;
}

KERNEL (blocks_read_each_other)
{
  const guint i = ccs_device_index (at);

  if (phase == 0)
    field[i] = 1;
  else
    other[i] = field[(i + CCS_BLOCK_THREADS) % FIELD];
}

KERNEL (crooked)
{
  other[ccs_device_index (at)]
      = (int)((const CcsFour *)(at->shared + sizeof (float)))->x;
}

const CcsEmulatedKernel ccs_emulated_kernels[CCS_N_KERNELS] = {
  { "own_places", own_places, 2 },
  { "neighbours_in_turn", neighbours_in_turn, 3 },
#define FIRST_BAD 2
  { "all_write_one_place", all_write_one_place, 1 },
  { "neighbours_at_once", neighbours_at_once, 1 },
  { "written_where_all_read", written_where_all_read, 1 },
  { "bytes_of_a_word", bytes_of_a_word, 1 },
  { "blocks_write_one_place", blocks_write_one_place, 2 },
  { "blocks_read_each_other", blocks_read_each_other, 2 },
  { "crooked", crooked, 1 },
#define PLANTED 9
};

static void
launch (gint kernel)
{
  const CcsLaunch planted = { kernel, BLOCKS, sizeof (int[CCS_BLOCK_THREADS]) };

  ck_assert_ptr_null (ccs_emulated_launch (&planted));
}

START_TEST (what_is_well_passes)
{
  launch (_i);
}
END_TEST

START_TEST (what_is_not_ends_the_process)
{
  launch (_i);
}
END_TEST

/* Accesses of different launches do not race. */
START_TEST (launches_follow_each_other)
{
  for (gint round = 0; round < 2; round++)
    for (gint kernel = 0; kernel < FIRST_BAD; kernel++)
      launch (kernel);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("watch");
  TCase *tcase = tcase_create ("planted");

  tcase_add_loop_test (tcase, what_is_well_passes, 0, FIRST_BAD);
  tcase_add_loop_test_raise_signal (tcase, what_is_not_ends_the_process,
                                    SIGABRT, FIRST_BAD, PLANTED);
  tcase_add_test (tcase, launches_follow_each_other);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
