/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pickle-machine.h"

#include <string.h>

#include "checkpoint-private.h"

/* Initial capacity, so that the array always has memory. */
#define USUAL_STACK 256

void
ccs_pickle_machine_init (CcsPickleMachine *m, CcsPickle *owner,
                         const guint8 *data, gsize size)
{
  *m = (CcsPickleMachine){
    .owner = owner,
    .p = data,
    .end = data + size,
    .stack
    = g_array_sized_new (FALSE, TRUE, sizeof (CcsPickleValue), USUAL_STACK),
    .marks = g_array_new (FALSE, FALSE, sizeof (guint)),
    .memo = g_array_new (FALSE, TRUE, sizeof (CcsPickleValue)),
  };
}

void
ccs_pickle_machine_clear (CcsPickleMachine *m)
{
  g_array_unref (m->stack);
  g_array_unref (m->marks);
  g_array_unref (m->memo);
}

static CcsPickleValue *
stack_at (CcsPickleMachine *m, guint index)
{
  return &g_array_index (m->stack, CcsPickleValue, index);
}

gboolean
ccs_pickle_push (CcsPickleMachine *m, CcsPickleValue value, GError **error)
{
  if (m->stack->len == CCS_PICKLE_MAX_STACK)
    return ccs_format_error (error, "more than %u values on the stack",
                             CCS_PICKLE_MAX_STACK);
  g_array_append_val (m->stack, value);
  return TRUE;
}

/* Returns the height of the stack at the last mark: opcodes may not pop below
 * it. */
static guint
floor_of (const CcsPickleMachine *m)
{
  return m->marks->len == 0
             ? 0
             : g_array_index (m->marks, guint, m->marks->len - 1);
}

CcsPickleValue *
ccs_pickle_top (CcsPickleMachine *m, guint n, GError **error)
{
  if (m->stack->len - floor_of (m) < n) {
    ccs_format_error (error, "the stack is empty");
    return NULL;
  }
  return stack_at (m, m->stack->len - n);
}

gboolean
ccs_pickle_mark (CcsPickleMachine *m, GError **error)
{
  if (m->marks->len == CCS_PICKLE_MAX_STACK)
    return ccs_format_error (error, "more than %u marks", CCS_PICKLE_MAX_STACK);
  g_array_append_val (m->marks, m->stack->len);
  return TRUE;
}

gboolean
ccs_pickle_take_mark (CcsPickleMachine *m, guint *n, GError **error)
{
  if (m->marks->len == 0)
    return ccs_format_error (error, "there is no mark");
  *n = m->stack->len - floor_of (m);
  g_array_set_size (m->marks, m->marks->len - 1);
  return TRUE;
}

void
ccs_pickle_drop (CcsPickleMachine *m, guint n)
{
  g_array_set_size (m->stack, m->stack->len - n);
}

const char *
ccs_pickle_take_bytes (CcsPickleMachine *m, guint64 length, GError **error)
{
  const guint8 *bytes = m->p;

  if (length > (guint64)(m->end - m->p) || length > G_MAXUINT32) {
    ccs_format_error (error,
                      "%" G_GUINT64_FORMAT
                      " bytes are announced, %" G_GSIZE_FORMAT " are left",
                      length, (gsize)(m->end - m->p));
    return NULL;
  }
  m->p += length;
  return (const char *)bytes;
}

const char *
ccs_pickle_take_line (CcsPickleMachine *m, gsize *length, GError **error)
{
  const guint8 *newline = memchr (m->p, '\n', (gsize)(m->end - m->p));

  if (newline == NULL) {
    ccs_format_error (error, "a name does not end");
    return NULL;
  }
  *length = (gsize)(newline - m->p);
  return ccs_pickle_take_bytes (m, *length + 1, error);
}

/* Stores a value in the memo. Writers use consecutive indices from 0 (Python
 * 2's fast pickler from 1), so an index far beyond the memo is an attack. */
gboolean
ccs_pickle_memo_put (CcsPickleMachine *m, guint64 index, GError **error)
{
  CcsPickleValue *value = ccs_pickle_top (m, 1, error);

  if (value == NULL)
    return FALSE;
  if (index > (guint64)m->memo->len + 1 || index >= CCS_PICKLE_MAX_NODES)
    return ccs_format_error (error,
                             "memo index %" G_GUINT64_FORMAT " with %u in use",
                             index, m->memo->len);
  if (index >= m->memo->len)
    g_array_set_size (m->memo, (guint)index + 1);
  g_array_index (m->memo, CcsPickleValue, index) = *value;
  return TRUE;
}

gboolean
ccs_pickle_memo_get (CcsPickleMachine *m, guint64 index, GError **error)
{
  CcsPickleValue value = { 0 };

  if (index < m->memo->len)
    value = g_array_index (m->memo, CcsPickleValue, index);
  if (value.type == CCS_PICKLE_UNSET)
    return ccs_format_error (
        error, "memo index %" G_GUINT64_FORMAT " was never set", index);
  return ccs_pickle_push (m, value, error);
}
