/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocates memory for the values of a program, prepares a kernel for each op,
 * and runs ranges of kernels. */
#include "plan.h"

#include <ccstereo/error.h>
#include <string.h>

#include "../backend/constant.h"
#include "../backend/registry.h"
#include "../nn/passes.h"
#include "../nn/values.h"
#include "memory-plan.h"

/* As floats these bytes are NaN, so that a stray read is noticed. */
#define GUARD_BYTE 0xFF
#define N_PHASE_MASKS (CCS_PHASE_ALL + 1)

struct _CcsPlan
{
  CcsBackend *backend;
  CcsProgram *program;
  CcsPlanFlags flags;
  guint8 *arena;     /* results; backend memory */
  guint8 *store;     /* inputs, states and other persistent values */
  GPtrArray *shared; /* CcsConstant: constants that are copied to the backend's
                        memory */
  gsize arena_size, store_size;
  guint8 **data; /* by value id; NULL: no memory */
  CcsKernel *kernels;
  guint n_kernels;
  guint phase_end[3]; /* number of kernels up to the end of each phase */
  gpointer captures[N_PHASE_MASKS];
  CcsPhase started; /* phases that are running; 0: none */
  void *scratch;
};

/* Returns whether @value is a constant outside the plan: in host memory if the
 * backend can read that, else in one copy for all plans. */
static gboolean
is_constant (const CcsPlan *self, const CcsValue *value)
{
  return ccs_value_is_constant (self->program, value);
}

static gboolean
is_stored (const CcsPlan *self, const CcsValue *value)
{
  return value->view_of == CCS_NONE && value->kind != CCS_VALUE_RESULT
         && !is_constant (self, value);
}

/* -- memory --------------------------------------------------------------- */

static gboolean
allocate_store (CcsPlan *self, GError **error)
{
  guint n = ccs_program_n_values (self->program);
  gsize size = CCS_ARENA_ALIGNMENT;

  for (guint i = 0; i < n; i++) {
    const CcsValue *value = ccs_program_value (self->program, i);

    if (is_stored (self, value))
      size += ccs_arena_align (ccs_value_bytes (value)) + CCS_ARENA_ALIGNMENT;
  }
  self->store_size = size;
  self->store = self->backend->klass->alloc (self->backend, size, error);
  if (self->store == NULL)
    return FALSE;
  size = CCS_ARENA_ALIGNMENT;
  for (guint i = 0; i < n; i++) {
    const CcsValue *value = ccs_program_value (self->program, i);

    if (!is_stored (self, value))
      continue;
    self->data[i] = self->store + size;
    size += ccs_arena_align (ccs_value_bytes (value)) + CCS_ARENA_ALIGNMENT;
  }
  return TRUE;
}

static gboolean
allocate_arena (CcsPlan *self, GError **error)
{
  gboolean spread = (self->flags & (CCS_PLAN_KEEP_ALL | CCS_PLAN_GUARD)) != 0;
  g_autoptr (CcsMemoryPlan) memory
      = ccs_memory_plan_new (self->program, spread);

  self->arena_size = memory->size;
  self->arena = self->backend->klass->alloc (self->backend,
                                             MAX (memory->size, 1), error);
  if (self->arena == NULL)
    return FALSE;
  for (guint i = 0; i < ccs_program_n_values (self->program); i++)
    if (memory->offset[i] != G_MAXSIZE)
      self->data[i] = self->arena + memory->offset[i];
  return TRUE;
}

/* Returns the memory in which the backend reads @constant, or NULL. */
static guint8 *
place_constant (CcsPlan *self, CcsTensor *constant, GError **error)
{
  CcsConstant *copy;

  if (self->backend->klass->host_memory)
    return (guint8 *)constant->data;
  copy = ccs_constant_get_content (self->backend, constant, error);
  if (copy == NULL)
    return NULL;
  g_ptr_array_add (self->shared, copy);
  return copy->data;
}

/* Sets the addresses of constants, and of views of values outside the arena. */
static gboolean
resolve_rest (CcsPlan *self, GError **error)
{
  guint n = ccs_program_n_values (self->program);

  for (guint i = 0; i < n; i++) {
    const CcsValue *value = ccs_program_value (self->program, i);

    if (value->view_of != CCS_NONE || !is_constant (self, value))
      continue;
    self->data[i] = place_constant (self, value->data, error);
    if (self->data[i] == NULL)
      return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    const CcsValue *value = ccs_program_value (self->program, i);
    gint64 offset;
    CcsValueId root = ccs_value_root (self->program, i, &offset);

    if (value->view_of != CCS_NONE && self->data[root])
      self->data[i] = self->data[root] + offset * ccs_dtype_size (value->dtype);
  }
  return TRUE;
}

static gboolean
upload_initial (CcsPlan *self, GError **error)
{
  for (guint i = 0; i < ccs_program_n_values (self->program); i++) {
    const CcsValue *value = ccs_program_value (self->program, i);

    if (is_stored (self, value) && value->data
        && !ccs_backend_upload (self->backend, self->data[i], value->data->data,
                                ccs_value_bytes (value), error))
      return FALSE;
  }
  return TRUE;
}

/* -- guards --------------------------------------------------------------- */

static gboolean
has_guards (const CcsPlan *self, guint id)
{
  const CcsValue *value = ccs_program_value (self->program, id);

  return self->data[id] && value->view_of == CCS_NONE
         && !is_constant (self, value);
}

static void
raise_guards (CcsPlan *self)
{
  memset (self->arena, GUARD_BYTE, self->arena_size);
  for (guint i = 0; i < ccs_program_n_values (self->program); i++) {
    gsize bytes = ccs_value_bytes (ccs_program_value (self->program, i));

    if (!has_guards (self, i))
      continue;
    memset (self->data[i] - CCS_ARENA_ALIGNMENT, GUARD_BYTE,
            CCS_ARENA_ALIGNMENT);
    memset (self->data[i] + bytes, GUARD_BYTE,
            ccs_arena_align (bytes) - bytes + CCS_ARENA_ALIGNMENT);
  }
}

static gboolean
is_intact (const guint8 *guard, gsize bytes)
{
  for (gsize i = 0; i < bytes; i++)
    if (guard[i] != GUARD_BYTE)
      return FALSE;
  return TRUE;
}

gboolean
ccs_plan_check_guards (CcsPlan *self, GError **error)
{
  g_return_val_if_fail (self->flags & CCS_PLAN_GUARD, FALSE);
  for (guint i = 0; i < ccs_program_n_values (self->program); i++) {
    const CcsValue *value = ccs_program_value (self->program, i);
    gsize bytes = ccs_value_bytes (value);

    if (!has_guards (self, i)
        || (is_intact (self->data[i] - CCS_ARENA_ALIGNMENT, CCS_ARENA_ALIGNMENT)
            && is_intact (self->data[i] + bytes, ccs_arena_align (bytes) - bytes
                                                     + CCS_ARENA_ALIGNMENT)))
      continue;
    g_set_error (
        error, CCS_ERROR, CCS_ERROR_BACKEND,
        "the memory around value %u (%s, of %s) was overwritten", i,
        value->name ? value->name : "unnamed",
        value->producer < 0
            ? "no op"
            : ccs_op_row (ccs_program_op (self->program, value->producer)->kind)
                  ->name);
    return FALSE;
  }
  return TRUE;
}

/* -- kernels -------------------------------------------------------------- */

static CcsOperand
operand_of (const CcsPlan *self, CcsValueId id)
{
  const CcsValue *value;

  if (id == CCS_NONE)
    return (CcsOperand){ NULL };
  value = ccs_program_value (self->program, id);
  return (CcsOperand){ self->data[id], value->dtype, value->shape,
                       value->pitch };
}

static gboolean
prepare_kernel (CcsPlan *self, guint index, GError **error)
{
  CcsKernel *kernel = &self->kernels[index];
  const CcsOp *op = ccs_program_op (self->program, index);
  CcsKernelHints hints
      = { .one_thread = (self->flags & CCS_PLAN_ONE_THREAD) != 0 };

  kernel->op = op;
  kernel->row = ccs_op_row (op->kind);
  for (guint k = 0; k < CCS_MAX_INPUTS; k++) {
    const CcsValue *value;

    kernel->in[k] = operand_of (self, op->in[k]);
    if (op->in[k] == CCS_NONE)
      continue;
    value = ccs_program_value (self->program, op->in[k]);
    if (value->view_of == CCS_NONE
        && ccs_value_is_constant (self->program, value))
      hints.constant[k] = value->data;
  }
  for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
    kernel->out[k] = operand_of (self, op->out[k]);
  return self->backend->klass->prepare (self->backend, kernel, &hints, error);
}

static gboolean
mark_phases (CcsPlan *self, GError **error)
{
  static const CcsPhase phases[]
      = { CCS_PHASE_FORWARD, CCS_PHASE_BACKWARD, CCS_PHASE_UPDATE };
  guint i = 0;

  for (guint p = 0; p < G_N_ELEMENTS (phases); p++) {
    while (i < self->n_kernels
           && ccs_program_op (self->program, i)->phase == phases[p])
      i++;
    self->phase_end[p] = i;
  }
  if (i == self->n_kernels)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "op %u goes back to an earlier phase", i);
  return FALSE;
}

static gboolean
prepare_kernels (CcsPlan *self, GError **error)
{
  gsize scratch = 0;

  self->n_kernels = ccs_program_n_ops (self->program);
  self->kernels = g_new0 (CcsKernel, self->n_kernels);
  for (guint i = 0; i < self->n_kernels; i++) {
    if (!prepare_kernel (self, i, error))
      return FALSE;
    scratch = MAX (scratch, self->kernels[i].scratch);
  }
  if (scratch > 0) {
    self->scratch = self->backend->klass->alloc (self->backend, scratch, error);
    if (self->scratch == NULL)
      return FALSE;
  }
  return mark_phases (self, error);
}

void
ccs_plan_optimize (const CcsBackend *backend, CcsProgram *program)
{
  static const CcsDType narrow[CCS_N_PRECISIONS] = {
    CCS_F32,
    [CCS_PRECISION_BF16] = CCS_BF16,
    [CCS_PRECISION_FP16] = CCS_F16,
  };
  const CcsDType dtype = narrow[backend->precision];

  ccs_program_optimize (program);
  if (backend->klass->takes_narrow && dtype != CCS_F32
      && !ccs_program_is_training (program))
    ccs_pass_narrow (program, dtype);
}

CcsPlan *
ccs_plan_new (CcsBackend *backend, CcsProgram *program, CcsPlanFlags flags,
              GError **error)
{
  g_autoptr (CcsPlan) self = NULL;

  if (!ccs_program_check (program, error))
    return NULL;
  self = g_new0 (CcsPlan, 1);
  self->backend = ccs_backend_ref (backend);
  self->program = ccs_program_ref (program);
  self->flags = flags;
  self->data = g_new0 (guint8 *, ccs_program_n_values (program));
  self->shared
      = g_ptr_array_new_with_free_func ((GDestroyNotify)ccs_constant_release);
  if (!allocate_store (self, error) || !allocate_arena (self, error)
      || !resolve_rest (self, error) || !upload_initial (self, error))
    return NULL;
  if (flags & CCS_PLAN_GUARD)
    raise_guards (self);
  if (!prepare_kernels (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ccs_plan_free (CcsPlan *self)
{
  const CcsBackendClass *klass = self->backend->klass;

  for (guint i = 0; i < N_PHASE_MASKS; i++)
    if (self->captures[i])
      klass->drop_capture (self->backend, self->captures[i]);
  for (guint i = 0; self->kernels && i < self->n_kernels; i++)
    if (self->kernels[i].state && self->kernels[i].free_state)
      self->kernels[i].free_state (self->kernels[i].state);
  if (self->scratch)
    klass->release (self->backend, self->scratch);
  if (self->arena)
    klass->release (self->backend, self->arena);
  if (self->store)
    klass->release (self->backend, self->store);
  g_ptr_array_unref (self->shared);
  g_free (self->kernels);
  g_free (self->data);
  ccs_program_unref (self->program);
  ccs_backend_unref (self->backend);
  g_free (self);
}

CcsProgram *
ccs_plan_program (const CcsPlan *self)
{
  return self->program;
}

gsize
ccs_plan_memory (const CcsPlan *self)
{
  return self->arena_size + self->store_size;
}

/* -- access --------------------------------------------------------------- */

static const CcsValue *
check_access (const CcsPlan *self, CcsValueId id, gsize bytes, GError **error)
{
  const CcsValue *value;

  if (id < 0 || (guint)id >= ccs_program_n_values (self->program)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT, "no value %d", id);
    return NULL;
  }
  value = ccs_program_value (self->program, id);
  if (self->data[id] && bytes == ccs_value_bytes (value))
    return value;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "value %d (%s) has %" G_GSIZE_FORMAT
               " bytes, not %" G_GSIZE_FORMAT,
               id, value->name ? value->name : "unnamed",
               self->data[id] ? ccs_value_bytes (value) : 0, bytes);
  return NULL;
}

/* Copies a value in dense pieces: the whole value, or the rows of a pitched
 * view. */
static gboolean
for_stretches (CcsPlan *self, CcsValueId id, guint8 *host, gboolean to_host,
               GError **error)
{
  const CcsValue *value = ccs_program_value (self->program, id);
  gint64 channels = ccs_shape_channels (&value->shape);
  gboolean dense = value->pitch == channels;
  gint64 n = dense ? 1 : ccs_shape_rows (&value->shape);
  gsize element = ccs_dtype_size (value->dtype);
  gsize bytes = dense ? ccs_value_bytes (value) : channels * element;

  for (gint64 i = 0; i < n; i++) {
    guint8 *there = self->data[id] + i * value->pitch * element;
    guint8 *here = host + i * bytes;

    if (!(to_host
              ? ccs_backend_download (self->backend, here, there, bytes, error)
              : ccs_backend_upload (self->backend, there, here, bytes, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_write (const CcsPlan *self, CcsValueId id, gsize bytes, GError **error)
{
  const CcsValue *value = check_access (self, id, bytes, error);

  if (value == NULL)
    return FALSE;
  if (!is_constant (self, value))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "value %d (%s) is constant", id,
               value->name ? value->name : "unnamed");
  return FALSE;
}

gboolean
ccs_plan_write (CcsPlan *self, CcsValueId id, gconstpointer data, gsize bytes,
                GError **error)
{
  if (!check_write (self, id, bytes, error))
    return FALSE;
  return for_stretches (self, id, (guint8 *)data, FALSE, error);
}

gboolean
ccs_plan_read (CcsPlan *self, CcsValueId id, gpointer data, gsize bytes,
               GError **error)
{
  return check_access (self, id, bytes, error) != NULL
         && for_stretches (self, id, data, TRUE, error);
}

/* Checks that @n items of value @id can be copied in one piece each. */
static gboolean
has_items (const CcsPlan *self, CcsValueId id, guint n)
{
  const CcsValue *value = ccs_program_value (self->program, id);

  return value->pitch == ccs_shape_channels (&value->shape)
         && n <= value->shape.dim[0];
}

/* Returns the size of all items of value @id. */
static gsize
whole_size (const CcsPlan *self, CcsValueId id, gsize bytes)
{
  return ccs_program_value (self->program, id)->shape.dim[0] * bytes;
}

gboolean
ccs_plan_write_items (CcsPlan *self, CcsValueId id, const gconstpointer *items,
                      guint n, gsize bytes, GError **error)
{
  g_return_val_if_fail (has_items (self, id, n), FALSE);
  return check_write (self, id, whole_size (self, id, bytes), error)
         && self->backend->klass->upload (self->backend, self->data[id], items,
                                          n, bytes, error);
}

gboolean
ccs_plan_read_items (CcsPlan *self, CcsValueId id, const gpointer *items,
                     guint n, gsize bytes, GError **error)
{
  g_return_val_if_fail (has_items (self, id, n), FALSE);
  return check_access (self, id, whole_size (self, id, bytes), error)
         && self->backend->klass->download (self->backend, items, n, bytes,
                                            self->data[id], error);
}

/* Converts a filter from [A,kh,kw,B] to [A,B,kh,kw]. (transfer full) */
static CcsTensor *
filter_to_published (const CcsShape *here, const float *from)
{
  gint64 a = here->dim[0], taps = here->dim[1] * here->dim[2];
  gint64 b = here->dim[3];
  CcsShape shape = CCS_SHAPE (a, b, here->dim[1], here->dim[2]);
  float *to = g_new (float, a *b *taps);

  for (gint64 i = 0; i < a; i++)
    for (gint64 t = 0; t < taps; t++)
      for (gint64 j = 0; j < b; j++)
        to[(i * b + j) * taps + t] = from[(i * taps + t) * b + j];
  return ccs_tensor_new_take (CCS_F32, &shape, to);
}

CcsTensor *
ccs_plan_export (CcsPlan *self, CcsValueId id, GError **error)
{
  return ccs_plan_export_as (
      self, id, ccs_program_value (self->program, id)->layout, error);
}

CcsTensor *
ccs_plan_export_as (CcsPlan *self, CcsValueId id, CcsLayout layout,
                    GError **error)
{
  const CcsValue *value = ccs_program_value (self->program, id);
  gsize bytes = ccs_value_bytes (value);
  g_autofree float *data = g_malloc (bytes);

  if (!ccs_plan_read (self, id, data, bytes, error))
    return NULL;
  if (layout == CCS_LAYOUT_FILTER)
    return filter_to_published (&value->shape, data);
  return ccs_tensor_new_take (value->dtype, &value->shape,
                              g_steal_pointer (&data));
}

gboolean
ccs_plan_start (CcsPlan *self, CcsPhase phases, GError **error)
{
  guint begin = phases & CCS_PHASE_FORWARD    ? 0
                : phases & CCS_PHASE_BACKWARD ? self->phase_end[0]
                                              : self->phase_end[1];
  guint end = phases & CCS_PHASE_UPDATE     ? self->phase_end[2]
              : phases & CCS_PHASE_BACKWARD ? self->phase_end[1]
                                            : self->phase_end[0];

  g_return_val_if_fail (phases > 0 && phases < N_PHASE_MASKS
                            && phases != (CCS_PHASE_FORWARD | CCS_PHASE_UPDATE)
                            && !self->started,
                        FALSE);
  if (begin == end)
    return TRUE;
  if (!self->backend->klass->run (self->backend, self->kernels + begin,
                                  end - begin, self->scratch,
                                  &self->captures[phases], error))
    return FALSE;
  self->started = phases;
  return TRUE;
}

gboolean
ccs_plan_finish (CcsPlan *self, GError **error)
{
  const CcsBackendClass *klass = self->backend->klass;
  const CcsPhase phases = self->started;

  self->started = 0;
  return phases == 0 || klass->wait == NULL
         || klass->wait (self->backend, self->captures[phases], error);
}

gboolean
ccs_plan_run (CcsPlan *self, CcsPhase phases, GError **error)
{
  return ccs_plan_start (self, phases, error) && ccs_plan_finish (self, error);
}

guint
ccs_plan_best_split (const CcsBackend *backend, guint n)
{
  const guint n_threads = backend->n_threads;

  if (!backend->klass->run_lanes || n_threads > CCS_PLAN_MAX_LANES
      || n % n_threads != 0)
    return 1;
  return n_threads;
}
