/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns: threads that bring work for one machine are served in the order in
 * which they came. The one whose turn it is runs its own items and, where a run
 * has room, items of the same kind of those who wait: they are done when their
 * turn would come. Nobody waits for more runs than there were items in front
 * of theirs. Knows nothing of the work; allocates nothing. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Items that one run takes at most. */
#define CCS_TURNS_MAX_ITEMS 128

typedef struct _CcsTurn CcsTurn;

/* Item @index of what @turn brought. */
typedef struct
{
  const CcsTurn *turn;
  guint index;
} CcsTurnItem;

typedef struct
{
  /* How many items the next run takes, of @own and of @all of this kind that
   * wait, and the @means it takes them with; 0 with an error, which is the
   * caller's alone. */
  guint (*choose) (gpointer machine, guint kind, guint own, guint all,
                   gpointer *means, GError **error);
  /* Runs @items [n], n at most what was chosen. An error is that of every
   * caller who has an item among them. */
  gboolean (*run) (gpointer machine, gpointer means, const CcsTurnItem *items,
                   guint n, GError **error);
} CcsTurnsClass;

/* What one call brings; the rest of it is the queue's. */
struct _CcsTurn
{
  guint kind;
  gconstpointer work; /* the caller's, for run */
  guint n;            /* items */

  guint taken; /* items that a run has taken */
  gboolean done;
  GError *error;
  GCond called; /* it is this one's turn, or done */
  CcsTurn *next;
};

typedef struct
{
  const CcsTurnsClass *klass;
  gpointer machine;
  GMutex lock;
  CcsTurn *first, *last; /* under lock; the first one runs */
} CcsTurns;

void ccs_turns_init (CcsTurns *self, const CcsTurnsClass *klass,
                     gpointer machine);
void ccs_turns_clear (CcsTurns *self);
/* Has the @n items of @work run. Thread-safe. */
gboolean ccs_turns_run (CcsTurns *self, guint kind, gconstpointer work, guint n,
                        GError **error);

G_END_DECLS
