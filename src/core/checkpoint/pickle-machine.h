/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a run of a pickle: its bytes, a stack of values with marks, and
 * a memo. All are bounded. Functions fail with CCS_ERROR_FORMAT. */
#pragma once

#include "pickle-values.h"

G_BEGIN_DECLS

typedef struct
{
  CcsPickle *owner;
  const guint8 *p, *end;
  GArray *stack; /* CcsPickleValue */
  GArray *marks; /* guint: heights of the stack */
  GArray *memo;  /* CcsPickleValue */
  gboolean stopped;
} CcsPickleMachine;

void ccs_pickle_machine_init (CcsPickleMachine *m, CcsPickle *owner,
                              const guint8 *data, gsize size);
void ccs_pickle_machine_clear (CcsPickleMachine *m);

gboolean ccs_pickle_push (CcsPickleMachine *m, CcsPickleValue value,
                          GError **error);
/* Returns the topmost @n values, bottom first, which stay on the stack. Returns
 * NULL if there are fewer above the last mark. */
CcsPickleValue *ccs_pickle_top (CcsPickleMachine *m, guint n, GError **error);
/* Pops the topmost @n values, which must exist. */
void ccs_pickle_drop (CcsPickleMachine *m, guint n);
/* Sets a mark at the current height. */
gboolean ccs_pickle_mark (CcsPickleMachine *m, GError **error);
/* Returns the number of values above the last mark, and removes the mark. */
gboolean ccs_pickle_take_mark (CcsPickleMachine *m, guint *n, GError **error);

/* Returns the next @length bytes, or NULL. */
const char *ccs_pickle_take_bytes (CcsPickleMachine *m, guint64 length,
                                   GError **error);
/* Returns the bytes up to the end of the line, and skips the line end. Returns
 * NULL if no line end follows. */
const char *ccs_pickle_take_line (CcsPickleMachine *m, gsize *length,
                                  GError **error);

/* Store the topmost value in the memo under @index, and push a stored value. */
gboolean ccs_pickle_memo_put (CcsPickleMachine *m, guint64 index,
                              GError **error);
gboolean ccs_pickle_memo_get (CcsPickleMachine *m, guint64 index,
                              GError **error);

G_END_DECLS
