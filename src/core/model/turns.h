/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of threads that have items for one machine. They are served in the
 * order in which they arrive. The first thread runs its own items and, if the
 * batch has room, items of the same kind of the threads behind it. A thread
 * waits for at most as many runs as there were items before its own. The queue
 * does not depend on what the items are, and allocates no memory. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Largest number of items in one run. */
#define CCS_TURNS_MAX_ITEMS 128

typedef struct _CcsTurn CcsTurn;

/* Item @index of @turn. */
typedef struct
{
  const CcsTurn *turn;
  guint index;
} CcsTurnItem;

typedef struct
{
  /* Chooses the next run: returns the number of items, and in @means what runs
   * them. @own is the number of items of the caller, @all that of all waiting
   * items of this kind. Returns 0 with an error, which only the caller gets. */
  guint (*choose) (gpointer machine, guint kind, guint own, guint all,
                   gpointer *means, GError **error);
  /* Runs @items [n], at most the chosen number. Every caller with an item among
   * them gets the error. */
  gboolean (*run) (gpointer machine, gpointer means, const CcsTurnItem *items,
                   guint n, GError **error);
} CcsTurnsClass;

/* The items of one call. The queue uses the members from @taken on. */
struct _CcsTurn
{
  guint kind;
  gconstpointer work; /* for run */
  guint n;            /* items */

  guint taken; /* items that a run has taken */
  gboolean done;
  GError *error;
  GCond called; /* signalled when it is first, or done */
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
/* Runs the @n items of @work, or waits until another thread has run them.
 * Thread-safe. */
gboolean ccs_turns_run (CcsTurns *self, guint kind, gconstpointer work, guint n,
                        GError **error);

G_END_DECLS
