/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several callers of one machine: calls run in order, and together if they
 * fit into one batch, and each caller gets its own error. The machine of the
 * tests records its runs, and blocks at a gate while a test lets callers
 * queue up. */
#include <check.h>
#include <string.h>

#include "model/turns.h"
#include "../suite.h"

#define FULL 4 /* items of a full batch */
#define MAX_RUNS 64
#define MAX_CALLERS 8
#define NO_VALUE (-1)

enum
{
  FRAMES,
  WINDOWS
};

typedef struct
{
  CcsTurns turns;
  GMutex lock;
  GCond moved;
  gboolean open;  /* the gate is open */
  gint waiting;   /* runs at the gate */
  gint bad_value; /* a run with this value fails */
  guint n_runs;
  struct
  {
    guint kind, size, n;
    gint value[CCS_TURNS_MAX_ITEMS];
  } runs[MAX_RUNS];
} Machine;

/* Data of a call: input values, and memory for their squares. */
typedef struct
{
  const gint *values;
  gint *squares;
} Work;

/* What a run uses, for each kind of call and for batches of one or FULL
 * items. */
typedef struct
{
  guint kind, size;
} Means;
static const Means machine_means[2][2]
    = { { { FRAMES, 1 }, { FRAMES, FULL } },
        { { WINDOWS, 1 }, { WINDOWS, FULL } } };

static guint
machine_choose (gpointer data, guint kind, guint own, guint all,
                gpointer *means, GError **error)
{
  const guint size = 2 * all >= FULL ? FULL : 1;

  *means = (gpointer)&machine_means[kind == WINDOWS][size == FULL];
  if (kind == FRAMES || kind == WINDOWS)
    return size;
  g_set_error (error, G_FILE_ERROR, 0, "no plan for kind %u", kind);
  return 0;
}

static gboolean
machine_run (gpointer data, gpointer means, const CcsTurnItem *items, guint n,
             GError **error)
{
  Machine *self = data;
  const Means *with = means;
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  self->waiting++;
  g_cond_broadcast (&self->moved);
  while (!self->open)
    g_cond_wait (&self->moved, &self->lock);
  self->waiting--;
  self->runs[self->n_runs].kind = with->kind;
  self->runs[self->n_runs].size = with->size;
  self->runs[self->n_runs].n = n;
  for (guint i = 0; i < n; i++) {
    const Work *work = items[i].turn->work;
    const gint value = work->values[items[i].index];

    self->runs[self->n_runs].value[i] = value;
    work->squares[items[i].index] = value * value;
    ok = ok && value != self->bad_value;
  }
  self->n_runs = (self->n_runs + 1) % MAX_RUNS;
  g_mutex_unlock (&self->lock);
  if (!ok)
    g_set_error (error, G_FILE_ERROR, 0, "run with %d", self->bad_value);
  return ok;
}

static const CcsTurnsClass machine_class = { machine_choose, machine_run };

static void
machine_init (Machine *self, gboolean open)
{
  memset (self, 0, sizeof *self);
  self->open = open;
  self->bad_value = NO_VALUE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->moved);
  ccs_turns_init (&self->turns, &machine_class, self);
}

static void
machine_clear (Machine *self)
{
  ck_assert_ptr_null (self->turns.first);
  ck_assert_ptr_null (self->turns.last);
  ccs_turns_clear (&self->turns);
  g_cond_clear (&self->moved);
  g_mutex_clear (&self->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Machine, machine_clear)

static void
machine_open (Machine *self)
{
  g_mutex_lock (&self->lock);
  self->open = TRUE;
  g_cond_broadcast (&self->moved);
  g_mutex_unlock (&self->lock);
}

/* -- callers --------------------------------------------------------------- */

typedef struct
{
  Machine *machine;
  guint kind, n;
  gint values[CCS_TURNS_MAX_ITEMS], squares[CCS_TURNS_MAX_ITEMS];
  gboolean ok;
  GError *error;
  GThread *thread;
} Caller;

static gpointer
call (gpointer data)
{
  Caller *self = data;
  const Work work = { self->values, self->squares };

  self->ok = ccs_turns_run (&self->machine->turns, self->kind, &work, self->n,
                            &self->error);
  return NULL;
}

static guint
count_callers (CcsTurns *turns)
{
  guint n = 0;

  g_mutex_lock (&turns->lock);
  for (const CcsTurn *t = turns->first; t; t = t->next)
    n++;
  g_mutex_unlock (&turns->lock);
  return n;
}

/* Starts a caller with the values @first, @first + 1, ... When this returns,
 * the caller waits in the queue or at the gate. */
static void
send_caller (Caller *self, Machine *machine, guint kind, gint first, guint n)
{
  const guint before = count_callers (&machine->turns);

  memset (self, 0, sizeof *self);
  self->machine = machine;
  self->kind = kind;
  self->n = n;
  for (guint i = 0; i < n; i++)
    self->values[i] = first + i;
  self->thread = g_thread_new ("caller", call, self);
  while (count_callers (&machine->turns) == before)
    g_usleep (100);
  if (before == 0) {
    g_mutex_lock (&machine->lock);
    while (machine->waiting == 0)
      g_cond_wait (&machine->moved, &machine->lock);
    g_mutex_unlock (&machine->lock);
  }
}

static void
assert_served (Caller *self)
{
  g_thread_join (self->thread);
  ck_assert_msg (self->ok, "%s", self->error ? self->error->message : "");
  for (guint i = 0; i < self->n; i++)
    ck_assert_int_eq (self->squares[i], self->values[i] * self->values[i]);
}

static void
assert_refused (Caller *self, const char *reason)
{
  g_thread_join (self->thread);
  ck_assert (!self->ok);
  ck_assert_str_eq (self->error->message, reason);
  g_error_free (self->error);
}

static void
assert_run (const Machine *machine, guint run, guint kind, guint n, gint first)
{
  ck_assert_uint_lt (run, machine->n_runs);
  ck_assert_uint_eq (machine->runs[run].kind, kind);
  ck_assert_uint_eq (machine->runs[run].n, n);
  ck_assert_int_eq (machine->runs[run].value[0], first);
}

/* -- tests ----------------------------------------------------------------- */

START_TEST (a_caller_alone_runs_its_items_in_order)
{
  g_auto (Machine) machine;
  Caller caller = {
    .machine = &machine, .kind = FRAMES, .n = 5, .values = { 1, 2, 3, 4, 5 }
  };

  machine_init (&machine, TRUE);
  call (&caller);
  ck_assert (caller.ok);
  ck_assert_uint_eq (machine.n_runs, 2);
  assert_run (&machine, 0, FRAMES, 4, 1);
  assert_run (&machine, 1, FRAMES, 1, 5);
  ck_assert_int_eq (caller.squares[4], 25);
}
END_TEST

START_TEST (a_call_without_items_is_done)
{
  g_auto (Machine) machine;

  machine_init (&machine, TRUE);
  ck_assert (ccs_turns_run (&machine.turns, FRAMES, NULL, 0, NULL));
  ck_assert_uint_eq (machine.n_runs, 0);
}
END_TEST

START_TEST (those_who_wait_with_one_item_each_share_a_run)
{
  g_auto (Machine) machine;
  Caller callers[5];

  machine_init (&machine, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    send_caller (&callers[i], &machine, FRAMES, 10 * i, 1);
  machine_open (&machine);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    assert_served (&callers[i]);
  /* The first call ran before the others arrived. */
  ck_assert_uint_eq (machine.n_runs, 2);
  assert_run (&machine, 1, FRAMES, 4, 10);
}
END_TEST

START_TEST (only_items_of_one_kind_run_together)
{
  g_auto (Machine) machine;
  Caller callers[5];

  machine_init (&machine, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    send_caller (&callers[i], &machine, i % 2 ? WINDOWS : FRAMES, 10 * i, 1);
  machine_open (&machine);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    assert_served (&callers[i]);
  ck_assert_uint_eq (machine.n_runs, 3);
  assert_run (&machine, 1, WINDOWS, 2, 10);
  assert_run (&machine, 2, FRAMES, 2, 20);
}
END_TEST

START_TEST (a_call_that_is_served_in_part_goes_on_in_its_turn)
{
  g_auto (Machine) machine;
  Caller first, second, third;

  machine_init (&machine, FALSE);
  send_caller (&first, &machine, WINDOWS, 0, 1);
  send_caller (&second, &machine, FRAMES, 10, 2);
  send_caller (&third, &machine, FRAMES, 20, 3);
  machine_open (&machine);
  assert_served (&first);
  assert_served (&second);
  assert_served (&third);
  ck_assert_uint_eq (machine.n_runs, 3);
  assert_run (&machine, 1, FRAMES, 4, 10);
  assert_run (&machine, 2, FRAMES, 1, 22);
}
END_TEST

/* However many calls come after it, a call waits for at most as many runs as
 * there are calls of one item before it. */
START_TEST (nobody_is_held_up_by_those_behind)
{
  g_auto (Machine) machine;
  Caller ahead, window, behind[MAX_CALLERS];

  machine_init (&machine, FALSE);
  send_caller (&ahead, &machine, FRAMES, 0, 1);
  send_caller (&window, &machine, WINDOWS, 10, 1);
  for (guint i = 0; i < G_N_ELEMENTS (behind); i++)
    send_caller (&behind[i], &machine, FRAMES, 20 + i, 1);
  machine_open (&machine);
  assert_served (&ahead);
  assert_served (&window);
  for (guint i = 0; i < G_N_ELEMENTS (behind); i++)
    assert_served (&behind[i]);
  assert_run (&machine, 1, WINDOWS, 1, 10);
}
END_TEST

START_TEST (a_failed_run_is_told_to_those_whose_items_were_in_it)
{
  g_auto (Machine) machine;
  Caller first, together[4], after;

  machine_init (&machine, FALSE);
  machine.bad_value = 21;
  send_caller (&first, &machine, FRAMES, 0, 1);
  for (guint i = 0; i < G_N_ELEMENTS (together); i++)
    send_caller (&together[i], &machine, FRAMES, 20 + i, 1);
  send_caller (&after, &machine, FRAMES, 30, 1);
  machine_open (&machine);
  assert_served (&first);
  for (guint i = 0; i < G_N_ELEMENTS (together); i++)
    assert_refused (&together[i], "run with 21");
  assert_served (&after);
}
END_TEST

START_TEST (after_a_failure_the_rest_of_a_call_is_left)
{
  g_auto (Machine) machine;
  Caller caller = {
    .machine = &machine, .kind = FRAMES, .n = 5, .values = { 1, 2, 3, 4, 5 }
  };

  machine_init (&machine, TRUE);
  machine.bad_value = 2;
  call (&caller);
  ck_assert (!caller.ok);
  g_error_free (caller.error);
  ck_assert_uint_eq (machine.n_runs, 1);
}
END_TEST

START_TEST (a_call_that_cannot_be_planned_harms_no_other)
{
  g_auto (Machine) machine;
  Caller first, unknown, last;

  machine_init (&machine, FALSE);
  send_caller (&first, &machine, FRAMES, 1, 1);
  send_caller (&unknown, &machine, 7, 1, 1);
  send_caller (&last, &machine, FRAMES, 2, 1);
  machine_open (&machine);
  assert_served (&first);
  assert_refused (&unknown, "no plan for kind 7");
  assert_served (&last);
}
END_TEST

/* -- many concurrent calls ------------------------------------------------- */

#define MANY_ROUNDS 2000

static gpointer
call_again_and_again (gpointer data)
{
  Caller *self = data;

  for (gint round = 0; round < MANY_ROUNDS; round++) {
    const Work work = { self->values, self->squares };

    self->n = 1 + round % 3;
    for (guint i = 0; i < self->n; i++)
      self->values[i] = round + i;
    self->ok = ccs_turns_run (&self->machine->turns, self->kind, &work, self->n,
                              NULL);
    for (guint i = 0; i < self->n; i++)
      self->ok
          = self->ok && self->squares[i] == self->values[i] * self->values[i];
    if (!self->ok)
      break;
  }
  return NULL;
}

START_TEST (every_item_of_many_threads_is_run)
{
  g_auto (Machine) machine;
  Caller callers[MAX_CALLERS];

  machine_init (&machine, TRUE);
  for (guint i = 0; i < MAX_CALLERS; i++) {
    callers[i] = (Caller){ .machine = &machine, .kind = i % 2 };
    callers[i].thread
        = g_thread_new ("caller", call_again_and_again, &callers[i]);
  }
  for (guint i = 0; i < MAX_CALLERS; i++) {
    g_thread_join (callers[i].thread);
    ck_assert (callers[i].ok);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("turns");
  TCase *tc = tcase_create ("callers");

  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, a_caller_alone_runs_its_items_in_order);
  tcase_add_test (tc, a_call_without_items_is_done);
  tcase_add_test (tc, those_who_wait_with_one_item_each_share_a_run);
  tcase_add_test (tc, only_items_of_one_kind_run_together);
  tcase_add_test (tc, a_call_that_is_served_in_part_goes_on_in_its_turn);
  tcase_add_test (tc, nobody_is_held_up_by_those_behind);
  tcase_add_test (tc, a_failed_run_is_told_to_those_whose_items_were_in_it);
  tcase_add_test (tc, after_a_failure_the_rest_of_a_call_is_left);
  tcase_add_test (tc, a_call_that_cannot_be_planned_harms_no_other);
  tcase_add_test (tc, every_item_of_many_threads_is_run);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
