/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Assigns places in the arena to the results of a program. Values with disjoint
 * lifetimes may share bytes. Places the largest values first, each at the
 * lowest offset that is free during its lifetime. */
#include "memory-plan.h"

#include "../backend/backend.h"
#include "../nn/op-table.h"
#include "../nn/values.h"

gsize
ccs_arena_align (gsize bytes)
{
  return (bytes + CCS_ARENA_ALIGNMENT - 1) / CCS_ARENA_ALIGNMENT
         * CCS_ARENA_ALIGNMENT;
}

typedef struct
{
  CcsValueId root;
  gsize bytes;      /* rounded up to the alignment */
  gint first, last; /* op indices: first write, last use */
  gsize offset;
} Block;

typedef struct
{
  const CcsProgram *program;
  Block *blocks;    /* by value id; bytes 0: not in the arena */
  CcsValueId *home; /* by root value id: root whose block it shares */
  guint n;
} Lives;

static CcsValueId
home_of (const Lives *l, CcsValueId id)
{
  id = ccs_value_root (l->program, id, NULL);
  while (l->home[id] != id)
    id = l->home[id];
  return id;
}

static void
touch (Lives *l, CcsValueId id, gint at)
{
  Block *block;

  if (id == CCS_NONE)
    return;
  block = &l->blocks[ccs_value_root (l->program, id, NULL)];
  block->first = MIN (block->first, at);
  block->last = MAX (block->last, at);
}

static void
measure_lives (Lives *l)
{
  guint n_ops = ccs_program_n_ops (l->program);

  for (guint i = 0; i < l->n; i++)
    l->blocks[i] = (Block){ (CcsValueId)i, 0, G_MAXINT, -1, G_MAXSIZE };
  for (guint i = 0; i < n_ops; i++) {
    const CcsOp *op = ccs_program_op (l->program, i);

    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      touch (l, op->in[k], i);
    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
      touch (l, op->out[k], i);
  }
  for (guint i = 0; i < l->n; i++) {
    const CcsValue *value = ccs_program_value (l->program, i);
    CcsValueId root = ccs_value_root (l->program, i, NULL);

    if (value->output)
      l->blocks[root].last = n_ops;
    if (root == (CcsValueId)i && value->kind == CCS_VALUE_RESULT
        && l->blocks[i].last >= 0)
      l->blocks[i].bytes = ccs_arena_align (ccs_value_bytes (value));
  }
}

/* Returns whether @root is also another operand, which would be read after the
 * in-place result was written. */
static gboolean
read_twice (const Lives *l, const CcsOp *op, CcsValueId root)
{
  for (guint k = 1; k < CCS_MAX_INPUTS; k++)
    if (op->in[k] != CCS_NONE && op->in[k] != op->in[0]
        && home_of (l, op->in[k]) == root)
      return TRUE;
  return FALSE;
}

/* Lets ops that allow it write their result into the memory of their first
 * operand, if that is not used afterwards. */
static void
share_in_place (Lives *l)
{
  for (guint i = 0; i < ccs_program_n_ops (l->program); i++) {
    const CcsOp *op = ccs_program_op (l->program, i);
    CcsValueId x = op->in[0], y = op->out[0];

    if (!(ccs_op_row (op->kind)->flags & CCS_OP_FLAG_IN_PLACE) || y == CCS_NONE
        || ccs_value_root (l->program, x, NULL) != x
        || ccs_value_root (l->program, y, NULL) != y || l->blocks[x].bytes == 0
        || l->blocks[x].bytes != l->blocks[y].bytes
        || l->blocks[y].first != (gint)i)
      continue;
    x = home_of (l, x);
    if (l->blocks[x].last != (gint)i || read_twice (l, op, x))
      continue;
    l->home[y] = x;
    l->blocks[x].last = l->blocks[y].last;
    l->blocks[y].bytes = 0;
  }
}

static int
larger_first (gconstpointer a, gconstpointer b)
{
  const Block *x = *(Block *const *)a, *y = *(Block *const *)b;

  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  return x->root - y->root;
}

static int
lower_first (gconstpointer a, gconstpointer b)
{
  const Block *x = *(Block *const *)a, *y = *(Block *const *)b;

  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Returns the lowest offset at which @block overlaps no block of @placed,
 * sorted by offset, with an overlapping lifetime. */
static gsize
lowest_gap (const GPtrArray *placed, const Block *block)
{
  gsize offset = 0;

  for (guint i = 0; i < placed->len; i++) {
    const Block *other = g_ptr_array_index (placed, i);

    if (other->last < block->first || block->last < other->first)
      continue;
    if (other->offset >= offset + block->bytes)
      break;
    offset = MAX (offset, other->offset + other->bytes);
  }
  return offset;
}

static gsize
place_blocks (Lives *l)
{
  g_autoptr (GPtrArray) todo = g_ptr_array_new ();
  g_autoptr (GPtrArray) placed = g_ptr_array_new ();
  gsize size = 0;

  for (guint i = 0; i < l->n; i++)
    if (l->blocks[i].bytes > 0)
      g_ptr_array_add (todo, &l->blocks[i]);
  g_ptr_array_sort (todo, larger_first);
  for (guint i = 0; i < todo->len; i++) {
    Block *block = g_ptr_array_index (todo, i);

    block->offset = lowest_gap (placed, block);
    size = MAX (size, block->offset + block->bytes);
    g_ptr_array_add (placed, block);
    g_ptr_array_sort (placed, lower_first);
  }
  return size;
}

/* Assigns separate places to all values, with room for guards on both sides. */
static gsize
spread_blocks (Lives *l)
{
  gsize offset = CCS_ARENA_ALIGNMENT;

  for (guint i = 0; i < l->n; i++) {
    if (l->blocks[i].bytes == 0)
      continue;
    l->blocks[i].offset = offset;
    offset += l->blocks[i].bytes + CCS_ARENA_ALIGNMENT;
  }
  return offset;
}

CcsMemoryPlan *
ccs_memory_plan_new (const CcsProgram *program, gboolean keep_all)
{
  guint n = ccs_program_n_values (program);
  g_autofree Block *blocks = g_new (Block, n);
  g_autofree CcsValueId *home = g_new (CcsValueId, n);
  Lives l = { program, blocks, home, n };
  CcsMemoryPlan *plan = g_new0 (CcsMemoryPlan, 1);

  for (guint i = 0; i < n; i++)
    home[i] = (CcsValueId)i;
  measure_lives (&l);
  if (!keep_all)
    share_in_place (&l);
  plan->size = keep_all ? spread_blocks (&l) : place_blocks (&l);
  plan->offset = g_new (gsize, n);
  for (guint i = 0; i < n; i++) {
    gint64 start;
    CcsValueId root = ccs_value_root (program, i, &start);
    const Block *block = &blocks[home_of (&l, i)];

    plan->offset[i]
        = block->offset == G_MAXSIZE
                  || ccs_program_value (program, root)->kind != CCS_VALUE_RESULT
              ? G_MAXSIZE
              : block->offset
                    + start
                          * ccs_dtype_size (
                              ccs_program_value (program, i)->dtype);
  }
  return plan;
}

void
ccs_memory_plan_free (CcsMemoryPlan *self)
{
  g_free (self->offset);
  g_free (self);
}
