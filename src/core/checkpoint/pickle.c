/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of opcodes of a pickle. Any other opcode is an error. */
#include "pickle.h"

#include "checkpoint-private.h"
#include "pickle-machine.h"
#include "pickle-torch.h"

#define MAX_PROTOCOL 5

/* -- opcodes; @arg are the opcode's own bytes ------------------------------ */

static gboolean
run_proto (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return arg[0] <= MAX_PROTOCOL
         || ccs_format_error (error, "protocol %u is not known", arg[0]);
}

/* FRAME has only the number of bytes to read ahead, which is not needed. */
static gboolean
run_frame (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return TRUE;
}

static gboolean
run_stop (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  m->stopped = TRUE;
  return (m->marks->len == 0 && m->stack->len == 1)
         || ccs_format_error (error, "it ends with %u values and %u marks",
                              m->stack->len, m->marks->len);
}

static gboolean
run_mark (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_mark (m, error);
}

static gboolean
run_none (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_push (m, (CcsPickleValue){ .type = CCS_PICKLE_NONE },
                          error);
}

static gboolean
run_bool (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  static const guint8 new_true = 0x88;

  return ccs_pickle_push (m,
                          (CcsPickleValue){ .type = CCS_PICKLE_BOOL,
                                            .integer = arg[-1] == new_true },
                          error);
}

static gboolean
push_int (CcsPickleMachine *m, gint64 integer, GError **error)
{
  return ccs_pickle_push (
      m, (CcsPickleValue){ .type = CCS_PICKLE_INT, .integer = integer }, error);
}

static gboolean
run_int1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_int (m, arg[0], error);
}

static gboolean
run_int2 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_int (m, ccs_read_le16 (arg), error);
}

static gboolean
run_int4 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_int (m, (gint32)ccs_read_le32 (arg), error);
}

static gboolean
run_float (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_push (m, (CcsPickleValue){ .type = CCS_PICKLE_FLOAT },
                          error);
}

/* Pushes a little-endian two's complement integer of any length. */
static gboolean
run_long1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  guint length = arg[0];
  const char *bytes = ccs_pickle_take_bytes (m, length, error);
  guint64 value = 0;

  if (bytes == NULL)
    return FALSE;
  if (length > sizeof value)
    return ccs_pickle_push (m,
                            (CcsPickleValue){ .type = CCS_PICKLE_BIG_INT,
                                              .length = length,
                                              .text = bytes },
                            error);
  if (length > 0 && (bytes[length - 1] & 0x80))
    value = G_MAXUINT64;
  for (guint i = length; i-- > 0;)
    value = value << 8 | (guint8)bytes[i];
  return push_int (m, (gint64)value, error);
}

static gboolean
push_text (CcsPickleMachine *m, guint64 length, GError **error)
{
  const char *text = ccs_pickle_take_bytes (m, length, error);

  return text != NULL
         && ccs_pickle_push (m,
                             (CcsPickleValue){ .type = CCS_PICKLE_TEXT,
                                               .length = (guint32)length,
                                               .text = text },
                             error);
}

static gboolean
run_object (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_push (m, (CcsPickleValue){ .type = CCS_PICKLE_OBJECT },
                          error);
}

static gboolean
push_bytes (CcsPickleMachine *m, guint64 length, GError **error)
{
  return ccs_pickle_take_bytes (m, length, error) != NULL
         && run_object (m, NULL, error);
}

static gboolean
run_bytes1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_bytes (m, arg[0], error);
}

static gboolean
run_bytes4 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_bytes (m, ccs_read_le32 (arg), error);
}

static gboolean
run_text1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_text (m, arg[0], error);
}

static gboolean
run_text4 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return push_text (m, ccs_read_le32 (arg), error);
}

static gboolean
run_empty (CcsPickleMachine *m, CcsPickleType type, GError **error)
{
  CcsPickleValue value;

  return ccs_pickle_build (m->owner, type, &value, error)
         && ccs_pickle_push (m, value, error);
}

static gboolean
run_empty_dict (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return run_empty (m, CCS_PICKLE_DICT, error);
}

static gboolean
run_empty_list (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return run_empty (m, CCS_PICKLE_LIST, error);
}

static gboolean
run_empty_tuple (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return run_empty (m, CCS_PICKLE_TUPLE, error);
}

/* Replaces the topmost @n values by a tuple of them. */
static gboolean
make_tuple (CcsPickleMachine *m, guint n, GError **error)
{
  CcsPickleValue *items = ccs_pickle_top (m, n, error);
  CcsPickleValue tuple;

  if (items == NULL
      || !ccs_pickle_build (m->owner, CCS_PICKLE_TUPLE, &tuple, error)
      || !ccs_pickle_append (m->owner, tuple.node, items, n, error))
    return FALSE;
  ccs_pickle_drop (m, n);
  return ccs_pickle_push (m, tuple, error);
}

static gboolean
run_tuple (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  guint n = 0;

  return ccs_pickle_take_mark (m, &n, error) && make_tuple (m, n, error);
}

/* TUPLE1 to TUPLE3 have consecutive opcodes. */
static gboolean
run_small_tuple (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  static const guint8 tuple1 = 0x85;

  return make_tuple (m, 1u + arg[-1] - tuple1, error);
}

/* Appends the topmost @n values to the container below them. */
static gboolean
extend (CcsPickleMachine *m, CcsPickleType type, guint n, GError **error)
{
  CcsPickleValue *container = ccs_pickle_top (m, n + 1, error);

  if (container == NULL)
    return FALSE;
  if (container->type != type)
    return ccs_format_error (error, "items for %s, which is %s",
                             ccs_pickle_type_name (type),
                             ccs_pickle_type_name (container->type));
  if (!ccs_pickle_append (m->owner, container->node, container + 1, n, error))
    return FALSE;
  ccs_pickle_drop (m, n);
  return TRUE;
}

static gboolean
run_set_item (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return extend (m, CCS_PICKLE_DICT, 2, error);
}

static gboolean
run_set_items (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  guint n = 0;

  if (!ccs_pickle_take_mark (m, &n, error))
    return FALSE;
  if (n % 2 != 0)
    return ccs_format_error (error, "a key without a value");
  return extend (m, CCS_PICKLE_DICT, n, error);
}

static gboolean
run_append (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return extend (m, CCS_PICKLE_LIST, 1, error);
}

static gboolean
run_appends (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  guint n = 0;

  return ccs_pickle_take_mark (m, &n, error)
         && extend (m, CCS_PICKLE_LIST, n, error);
}

/* Drops items that are added to a set. */
static gboolean
run_add_items (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  guint n = 0;
  const CcsPickleValue *set;

  if (!ccs_pickle_take_mark (m, &n, error))
    return FALSE;
  set = ccs_pickle_top (m, n + 1, error);
  if (set == NULL)
    return FALSE;
  if (set->type != CCS_PICKLE_OBJECT)
    return ccs_format_error (error, "items for a set, which is %s",
                             ccs_pickle_type_name (set->type));
  ccs_pickle_drop (m, n);
  return TRUE;
}

static gboolean
run_put1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_memo_put (m, arg[0], error);
}

static gboolean
run_put4 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_memo_put (m, ccs_read_le32 (arg), error);
}

static gboolean
run_memoize (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_memo_put (m, m->memo->len, error);
}

static gboolean
run_get1 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_memo_get (m, arg[0], error);
}

static gboolean
run_get4 (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  return ccs_pickle_memo_get (m, ccs_read_le32 (arg), error);
}

static gboolean
push_global (CcsPickleMachine *m, const char *module, gsize module_length,
             const char *name, gsize name_length, GError **error)
{
  CcsPickleValue value = { .type = CCS_PICKLE_GLOBAL };

  return ccs_pickle_find_global (module, module_length, name, name_length,
                                 &value.global, error)
         && ccs_pickle_push (m, value, error);
}

static gboolean
run_global (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  gsize module_length, name_length;
  const char *module = ccs_pickle_take_line (m, &module_length, error), *name;

  if (module == NULL)
    return FALSE;
  name = ccs_pickle_take_line (m, &name_length, error);
  return name != NULL
         && push_global (m, module, module_length, name, name_length, error);
}

static gboolean
run_stack_global (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  CcsPickleValue *names = ccs_pickle_top (m, 2, error);

  if (names == NULL)
    return FALSE;
  if (names[0].type != CCS_PICKLE_TEXT || names[1].type != CCS_PICKLE_TEXT)
    return ccs_format_error (error, "a global whose name is no text");
  ccs_pickle_drop (
      m, 2); /* the strings are not freed, so the names can still be read */
  return push_global (m, names[0].text, names[0].length, names[1].text,
                      names[1].length, error);
}

static gboolean
run_persistent_id (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  CcsPickleValue *id = ccs_pickle_top (m, 1, error);
  CcsPickleValue storage;

  if (id == NULL)
    return FALSE;
  if (id->type != CCS_PICKLE_TUPLE)
    return ccs_format_error (error, "a persistent id that is %s",
                             ccs_pickle_type_name (id->type));
  if (!ccs_pickle_load_storage (m->owner, id->node, &storage, error))
    return FALSE;
  ccs_pickle_drop (m, 1);
  return ccs_pickle_push (m, storage, error);
}

static gboolean
run_reduce (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  CcsPickleValue *call = ccs_pickle_top (m, 2, error);
  CcsPickleValue result;

  if (call == NULL)
    return FALSE;
  if (call[0].type != CCS_PICKLE_GLOBAL || call[1].type != CCS_PICKLE_TUPLE)
    return ccs_format_error (error, "a call of %s with %s",
                             ccs_pickle_type_name (call[0].type),
                             ccs_pickle_type_name (call[1].type));
  if (!ccs_pickle_call (m->owner, call[0].global, call[1].node, &result, error))
    return FALSE;
  ccs_pickle_drop (m, 2);
  return ccs_pickle_push (m, result, error);
}

/* Ignores the state of an object: _metadata of a state_dict or flags of an old
 * Parameter. */
static gboolean
run_build (CcsPickleMachine *m, const guint8 *arg, GError **error)
{
  CcsPickleValue *object = ccs_pickle_top (m, 2, error);

  if (object == NULL)
    return FALSE;
  if (object->type != CCS_PICKLE_DICT && object->type != CCS_PICKLE_TENSOR)
    return ccs_format_error (error, "a state for %s",
                             ccs_pickle_type_name (object->type));
  ccs_pickle_drop (m, 1);
  return TRUE;
}

typedef struct
{
  gboolean (*run) (CcsPickleMachine *m, const guint8 *arg, GError **error);
  guint8 n_arg; /* bytes of the argument */
} Opcode;

static const Opcode opcodes[256] = {
  [0x80] = { run_proto, 1 },        /* PROTO */
  [0x95] = { run_frame, 8 },        /* FRAME */
  ['.'] = { run_stop, 0 },          /* STOP */
  ['('] = { run_mark, 0 },          /* MARK */
  ['N'] = { run_none, 0 },          /* NONE */
  [0x88] = { run_bool, 0 },         /* NEWTRUE */
  [0x89] = { run_bool, 0 },         /* NEWFALSE */
  ['K'] = { run_int1, 1 },          /* BININT1 */
  ['M'] = { run_int2, 2 },          /* BININT2 */
  ['J'] = { run_int4, 4 },          /* BININT */
  [0x8a] = { run_long1, 1 },        /* LONG1 */
  ['G'] = { run_float, 8 },         /* BINFLOAT */
  [0x8c] = { run_text1, 1 },        /* SHORT_BINUNICODE */
  ['X'] = { run_text4, 4 },         /* BINUNICODE */
  ['U'] = { run_text1, 1 },         /* SHORT_BINSTRING (Python 2) */
  ['T'] = { run_text4, 4 },         /* BINSTRING (Python 2) */
  ['C'] = { run_bytes1, 1 },        /* SHORT_BINBYTES */
  ['B'] = { run_bytes4, 4 },        /* BINBYTES */
  [0x8f] = { run_object, 0 },       /* EMPTY_SET */
  [0x90] = { run_add_items, 0 },    /* ADDITEMS */
  ['}'] = { run_empty_dict, 0 },    /* EMPTY_DICT */
  [']'] = { run_empty_list, 0 },    /* EMPTY_LIST */
  [')'] = { run_empty_tuple, 0 },   /* EMPTY_TUPLE */
  ['t'] = { run_tuple, 0 },         /* TUPLE */
  [0x85] = { run_small_tuple, 0 },  /* TUPLE1 */
  [0x86] = { run_small_tuple, 0 },  /* TUPLE2 */
  [0x87] = { run_small_tuple, 0 },  /* TUPLE3 */
  ['s'] = { run_set_item, 0 },      /* SETITEM */
  ['u'] = { run_set_items, 0 },     /* SETITEMS */
  ['a'] = { run_append, 0 },        /* APPEND */
  ['e'] = { run_appends, 0 },       /* APPENDS */
  ['q'] = { run_put1, 1 },          /* BINPUT */
  ['r'] = { run_put4, 4 },          /* LONG_BINPUT */
  [0x94] = { run_memoize, 0 },      /* MEMOIZE */
  ['h'] = { run_get1, 1 },          /* BINGET */
  ['j'] = { run_get4, 4 },          /* LONG_BINGET */
  ['c'] = { run_global, 0 },        /* GLOBAL */
  [0x93] = { run_stack_global, 0 }, /* STACK_GLOBAL */
  ['Q'] = { run_persistent_id, 0 }, /* BINPERSID */
  ['R'] = { run_reduce, 0 },        /* REDUCE */
  ['b'] = { run_build, 0 },         /* BUILD */
};

static gboolean
step (CcsPickleMachine *m, GError **error)
{
  const Opcode *opcode;
  const guint8 *arg;

  if (m->p == m->end)
    return ccs_format_error (error, "truncated, it never stops");
  opcode = &opcodes[*m->p];
  if (opcode->run == NULL)
    return ccs_format_error (error, "opcode 0x%02x is not allowed", *m->p);
  arg = ++m->p;
  if (opcode->n_arg > m->end - m->p)
    return ccs_format_error (error, "truncated in an opcode");
  m->p += opcode->n_arg;
  return opcode->run (m, arg, error);
}

gboolean
ccs_pickle_run (CcsPickle *self, const guint8 *data, gsize size,
                CcsPickleValue *value, gsize *used, GError **error)
{
  CcsPickleMachine m;
  gboolean ok = TRUE;
  gsize at = 0;

  ccs_pickle_machine_init (&m, self, data, size);
  while (ok && !m.stopped) {
    at = (gsize)(m.p - data);
    ok = step (&m, error);
  }
  if (ok) {
    *value = g_array_index (m.stack, CcsPickleValue, 0);
    *used = (gsize)(m.p - data);
  } else {
    g_prefix_error (error, "pickle byte %" G_GSIZE_FORMAT ": ", at);
  }
  ccs_pickle_machine_clear (&m);
  return ok;
}
