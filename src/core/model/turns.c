/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turns.h"

void
ccs_turns_init (CcsTurns *self, const CcsTurnsClass *klass, gpointer machine)
{
  self->klass = klass;
  self->machine = machine;
  self->first = self->last = NULL;
  g_mutex_init (&self->lock);
}

void
ccs_turns_clear (CcsTurns *self)
{
  g_mutex_clear (&self->lock);
}

/* -- the queue; with its lock ---------------------------------------------- */

static void
join (CcsTurns *self, CcsTurn *turn)
{
  if (self->last)
    self->last->next = turn;
  else
    self->first = turn;
  self->last = turn;
}

static void
leave (CcsTurns *self, CcsTurn *turn)
{
  CcsTurn *before = NULL;

  for (CcsTurn *t = self->first; t != turn; t = t->next)
    before = t;
  if (before)
    before->next = turn->next;
  else
    self->first = turn->next;
  if (self->last == turn)
    self->last = before;
}

static guint
count_waiting (const CcsTurns *self, guint kind)
{
  guint waiting = 0;

  for (const CcsTurn *t = self->first; t; t = t->next)
    if (t->kind == kind)
      waiting += t->n - t->taken;
  return waiting;
}

/* Takes up to @size items of @kind in the order of the queue. */
static guint
take_items (CcsTurns *self, guint kind, guint size, CcsTurnItem *items)
{
  guint n = 0;

  for (CcsTurn *t = self->first; t && n < size; t = t->next)
    while (t->kind == kind && t->taken < t->n && n < size)
      items[n++] = (CcsTurnItem){ t, t->taken++ };
  return n;
}

/* Ends @turn, because its last item was run or one of its items failed. */
static void
finish (CcsTurns *self, CcsTurn *turn, const GError *error)
{
  if (turn->done || (!error && turn->taken < turn->n))
    return;
  turn->done = TRUE;
  turn->error = error ? g_error_copy (error) : NULL;
  leave (self, turn);
  g_cond_signal (&turn->called);
}

/* -- the first in the queue ------------------------------------------------ */

/* Chooses and runs the next run. Called with the lock held, which is released
 * during the run. */
static void
run_once (CcsTurns *self, CcsTurn *turn)
{
  CcsTurnItem items[CCS_TURNS_MAX_ITEMS];
  const guint own = turn->n - turn->taken;
  const guint all = count_waiting (self, turn->kind);
  g_autoptr (GError) error = NULL;
  gpointer means = NULL;
  guint size, n;

  g_mutex_unlock (&self->lock);
  size = self->klass->choose (self->machine, turn->kind, own, all, &means,
                              &error);
  g_mutex_lock (&self->lock);
  if (size == 0) {
    finish (self, turn, error);
    return;
  }
  n = take_items (self, turn->kind, MIN (size, CCS_TURNS_MAX_ITEMS), items);
  g_mutex_unlock (&self->lock);
  self->klass->run (self->machine, means, items, n, &error);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < n; i++)
    finish (self, (CcsTurn *)items[i].turn, error);
}

gboolean
ccs_turns_run (CcsTurns *self, guint kind, gconstpointer work, guint n,
               GError **error)
{
  CcsTurn turn = { .kind = kind, .work = work, .n = n };

  if (n == 0)
    return TRUE;
  g_cond_init (&turn.called);
  g_mutex_lock (&self->lock);
  join (self, &turn);
  while (!turn.done && self->first != &turn)
    g_cond_wait (&turn.called, &self->lock);
  while (!turn.done)
    run_once (self, &turn);
  if (self->first)
    g_cond_signal (&self->first->called);
  g_mutex_unlock (&self->lock);
  g_cond_clear (&turn.called);
  if (turn.error)
    g_propagate_error (error, turn.error);
  return turn.error == NULL;
}
