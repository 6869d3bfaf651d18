/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of one run of a pickle: its bytes, a stack of values with marks,
 * and a memo. All of them are bounded; what fails sets CCS_ERROR_FORMAT. */
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
/* The topmost @n values, bottom first, none below the last mark; NULL when
 * there are fewer. They stay on the stack. */
CcsPickleValue *ccs_pickle_top (CcsPickleMachine *m, guint n, GError **error);
/* Takes the topmost @n values, which are there, off the stack. */
void ccs_pickle_drop (CcsPickleMachine *m, guint n);
/* Marks the stack's height. */
gboolean ccs_pickle_mark (CcsPickleMachine *m, GError **error);
/* How many values stand above the last mark, which goes. */
gboolean ccs_pickle_take_mark (CcsPickleMachine *m, guint *n, GError **error);

/* The next @length bytes, or NULL. */
const char *ccs_pickle_take_bytes (CcsPickleMachine *m, guint64 length,
                                   GError **error);
/* The bytes up to the next line's end, which is passed over, or NULL. */
const char *ccs_pickle_take_line (CcsPickleMachine *m, gsize *length,
                                  GError **error);

/* Remembers the topmost value under @index; pushes what is remembered. */
gboolean ccs_pickle_memo_put (CcsPickleMachine *m, guint64 index,
                              GError **error);
gboolean ccs_pickle_memo_get (CcsPickleMachine *m, guint64 index,
                              GError **error);

G_END_DECLS
