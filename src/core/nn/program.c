/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arrays of values and ops of a program, and the part that all ops share:
 * shape inference when an op is appended, and the first error. The builders are
 * in builder.c. */
#include "program-private.h"
#include <ccstereo/error.h>

#include "op-table.h"

static void
value_clear (gpointer data)
{
  CcsValue *value = data;

  g_free (value->name);
  g_clear_pointer (&value->data, ccs_tensor_unref);
}

CcsProgram *
ccs_program_new (CcsStateDict *params, gboolean training)
{
  CcsProgram *self = g_new0 (CcsProgram, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->params = params ? ccs_state_dict_ref (params) : NULL;
  self->training = training;
  self->phase = CCS_PHASE_FORWARD;
  self->values = g_array_new (FALSE, TRUE, sizeof (CcsValue));
  g_array_set_clear_func (self->values, value_clear);
  self->ops = g_array_new (FALSE, TRUE, sizeof (CcsOp));
  self->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

CcsProgram *
ccs_program_ref (CcsProgram *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
ccs_program_unref (CcsProgram *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->params, ccs_state_dict_unref);
  g_array_unref (self->values);
  g_array_unref (self->ops);
  g_hash_table_unref (self->by_name);
  g_clear_error (&self->error);
  g_free (self);
}

gboolean
ccs_program_is_training (const CcsProgram *self)
{
  return self->training;
}

gboolean
ccs_program_check (const CcsProgram *self, GError **error)
{
  if (self->error == NULL)
    return TRUE;
  if (error)
    *error = g_error_copy (self->error);
  return FALSE;
}

void
ccs_program_fail (CcsProgram *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

guint
ccs_program_n_values (const CcsProgram *self)
{
  return self->values->len;
}

CcsValue *
ccs_program_edit_value (CcsProgram *self, CcsValueId id)
{
  return &g_array_index (self->values, CcsValue, id);
}

const CcsValue *
ccs_program_value (const CcsProgram *self, CcsValueId id)
{
  g_return_val_if_fail (id >= 0 && (guint)id < self->values->len, NULL);
  return &g_array_index (self->values, CcsValue, id);
}

guint
ccs_program_n_ops (const CcsProgram *self)
{
  return self->ops->len;
}

CcsOp *
ccs_program_edit_op (CcsProgram *self, guint index)
{
  return &g_array_index (self->ops, CcsOp, index);
}

const CcsOp *
ccs_program_op (const CcsProgram *self, guint index)
{
  g_return_val_if_fail (index < self->ops->len, NULL);
  return &g_array_index (self->ops, CcsOp, index);
}

CcsValueId
ccs_program_find (const CcsProgram *self, const char *name)
{
  gpointer id;

  if (!g_hash_table_lookup_extended (self->by_name, name, NULL, &id))
    return CCS_NONE;
  return GPOINTER_TO_INT (id);
}

void
ccs_program_set_phase (CcsProgram *self, CcsPhase phase)
{
  self->phase = phase;
}

/* -- values ------------------------------------------------------------ */

static CcsValueId
add_value (CcsProgram *self, const CcsValue *template)
{
  CcsValue value = *template;
  CcsValueId id = (CcsValueId)self->values->len;

  value.view_of = CCS_NONE;
  value.pitch = ccs_shape_channels (&value.shape);
  g_array_append_val (self->values, value);
  return id;
}

CcsValueId
ccs_program_name (CcsProgram *self, const char *name, CcsValueId id)
{
  CcsValue *value;

  if (id == CCS_NONE)
    return id;
  if (ccs_program_find (self, name) == id)
    return id;
  if (g_hash_table_contains (self->by_name, name)) {
    ccs_program_fail (
        self,
        g_error_new (CCS_ERROR, CCS_ERROR_ARGUMENT,
                     "two values of one program are called \"%s\"", name));
    return CCS_NONE;
  }
  value = ccs_program_edit_value (self, id);
  if (value->name == NULL)
    value->name = g_strdup (name);
  g_hash_table_insert (self->by_name, g_strdup (name), GINT_TO_POINTER (id));
  return id;
}

CcsValueId
ccs_program_output (CcsProgram *self, const char *name, CcsValueId id)
{
  if (id != CCS_NONE)
    ccs_program_edit_value (self, id)->output = TRUE;
  return ccs_program_name (self, name, id);
}

static CcsValueId
add_named (CcsProgram *self, const char *name, const CcsValue *template)
{
  if (self->error) {
    if (template->data)
      ccs_tensor_unref (template->data);
    return CCS_NONE;
  }
  return ccs_program_name (self, name, add_value (self, template));
}

CcsValueId
ccs_program_input (CcsProgram *self, const char *name, CcsDType dtype,
                   CcsShape shape)
{
  CcsValue value = {
    .kind = CCS_VALUE_INPUT, .dtype = dtype, .shape = shape, .producer = -1
  };

  return add_named (self, name, &value);
}

CcsValueId
ccs_program_const (CcsProgram *self, const char *name, CcsTensor *tensor)
{
  CcsValue value = { .kind = CCS_VALUE_CONST,
                     .dtype = tensor->dtype,
                     .shape = tensor->shape,
                     .data = tensor,
                     .producer = -1 };

  return add_named (self, name, &value);
}

CcsValueId
ccs_program_state (CcsProgram *self, const char *name, CcsShape shape)
{
  CcsValue value = {
    .kind = CCS_VALUE_STATE, .dtype = CCS_F32, .shape = shape, .producer = -1
  };

  return add_named (self, name, &value);
}

/* Converts a filter from [A,B,kh,kw] to [A,kh,kw,B]. (transfer full) */
static CcsTensor *
filter_from_published (CcsTensor *published)
{
  const gint64 *dim = published->shape.dim;
  gint64 a = dim[0], b = dim[1], taps = dim[2] * dim[3];
  CcsShape shape = CCS_SHAPE (a, dim[2], dim[3], b);
  const float *from = published->data;
  float *to = g_new (float, a *b *taps);

  for (gint64 i = 0; i < a; i++)
    for (gint64 j = 0; j < b; j++)
      for (gint64 t = 0; t < taps; t++)
        to[(i * taps + t) * b + j] = from[(i * b + j) * taps + t];
  return ccs_tensor_new_take (CCS_F32, &shape, to);
}

/* Returns the published array @name as float32 in the program's layout. */
static CcsTensor *
bind_published (CcsProgram *self, const char *name, const CcsShape *shape,
                CcsLayout layout, GError **error)
{
  CcsTensor *published = ccs_state_dict_lookup (self->params, name);
  g_autoptr (CcsTensor) floats = NULL;

  if (published == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                 "parameter \"%s\" is missing", name);
    return NULL;
  }
  if (!ccs_shape_equal (&published->shape, shape)) {
    g_autofree char *has = ccs_shape_to_string (&published->shape);
    g_autofree char *wants = ccs_shape_to_string (shape);

    g_set_error (error, CCS_ERROR, CCS_ERROR_MODEL,
                 "parameter \"%s\" has shape %s, the model needs %s", name, has,
                 wants);
    return NULL;
  }
  floats = ccs_tensor_try_convert (published, CCS_F32, error);
  if (floats == NULL) {
    g_prefix_error (error, "parameter \"%s\": ", name);
    return NULL;
  }
  if (layout == CCS_LAYOUT_FILTER && shape->rank == 4
      && (shape->dim[2] != 1 || shape->dim[3] != 1))
    return filter_from_published (floats);
  if (layout == CCS_LAYOUT_FILTER) {
    CcsShape here = CCS_SHAPE (shape->dim[0], shape->dim[2], shape->dim[3],
                               shape->dim[1]);
    return ccs_tensor_new (
        CCS_F32, &here, floats->owner,
        (const guint8 *)floats->data
            - (const guint8 *)g_bytes_get_data (floats->owner, NULL));
  }
  return g_steal_pointer (&floats);
}

static CcsValueId
add_published (CcsProgram *self, const char *name, CcsShape shape,
               CcsLayout layout, CcsValueKind kind)
{
  CcsValueId known = ccs_program_find (self, name);
  CcsValue value = { .kind = kind,
                     .dtype = CCS_F32,
                     .shape = shape,
                     .layout = layout,
                     .producer = -1 };
  GError *error = NULL;

  if (self->error || known != CCS_NONE)
    return self->error ? CCS_NONE : known;
  if (layout == CCS_LAYOUT_FILTER)
    value.shape
        = CCS_SHAPE (shape.dim[0], shape.dim[2], shape.dim[3], shape.dim[1]);
  if (self->params) {
    value.data = bind_published (self, name, &shape, layout, &error);
    if (value.data == NULL) {
      ccs_program_fail (self, error);
      return CCS_NONE;
    }
  }
  return add_named (self, name, &value);
}

CcsValueId
ccs_program_param (CcsProgram *self, const char *name, CcsShape shape,
                   CcsLayout layout)
{
  return add_published (self, name, shape, layout, CCS_VALUE_PARAM);
}

CcsValueId
ccs_program_buffer (CcsProgram *self, const char *name, CcsShape shape)
{
  return add_published (self, name, shape, CCS_LAYOUT_PLAIN, CCS_VALUE_STATE);
}

/* -- ops ---------------------------------------------------------------- */

static void
describe_operands (CcsProgram *self, const CcsValueId *in, guint n,
                   GString *text)
{
  for (guint i = 0; i < n; i++) {
    g_autofree char *shape
        = in[i] == CCS_NONE
              ? g_strdup ("-")
              : ccs_shape_to_string (&ccs_program_value (self, in[i])->shape);

    g_string_append_printf (text, "%s%s", i ? ", " : "", shape);
  }
}

static CcsValueId
append (CcsProgram *self, CcsOpKind kind, const CcsValueId *in, guint n_in,
        const CcsAttrs *attrs, const CcsShape *shape)
{
  const CcsOpRow *row = ccs_op_row (kind);
  CcsOp op = { .kind = kind, .phase = self->phase };
  const CcsValue *operands[CCS_MAX_INPUTS] = { NULL };
  CcsValue results[CCS_MAX_OUTPUTS] = { { .name = NULL } };
  GError *error = NULL;

  if (self->error)
    return CCS_NONE;
  if (attrs)
    op.attrs = *attrs;
  for (guint i = 0; i < CCS_MAX_INPUTS; i++) {
    op.in[i] = i < n_in ? in[i] : CCS_NONE;
    if (op.in[i] != CCS_NONE)
      operands[i] = ccs_program_value (self, op.in[i]);
  }
  if (operands[0] == NULL) /* the first operand is never optional */
    error = g_error_new (CCS_ERROR, CCS_ERROR_SHAPE,
                         "%s: its first operand is missing", row->name);
  if (!error && (n_in < row->min_in || n_in > row->max_in))
    error = g_error_new (CCS_ERROR, CCS_ERROR_SHAPE,
                         "%s: takes %u to %u operands, not %u", row->name,
                         row->min_in, row->max_in, n_in);
  if (shape)
    results[0].shape = *shape;
  if (error || !row->infer (&op, operands, results, &error)) {
    g_autoptr (GString) text = g_string_new (" (operands ");

    describe_operands (self, in, MIN (n_in, CCS_MAX_INPUTS), text);
    g_string_append_c (text, ')');
    if (error) {
      char *message = g_strconcat (error->message, text->str, NULL);

      g_free (error->message);
      error->message = message;
    }
    ccs_program_fail (self, error);
    return CCS_NONE;
  }
  for (guint k = 0; k < CCS_MAX_OUTPUTS; k++) {
    op.out[k] = CCS_NONE;
    if (k >= row->n_out || results[k].shape.rank == G_MAXUINT)
      continue;
    results[k].kind = CCS_VALUE_RESULT;
    results[k].producer = (gint32)self->ops->len;
    op.out[k] = add_value (self, &results[k]);
  }
  g_array_append_val (self->ops, op);
  return op.out[0];
}

CcsValueId
ccs_program_append (CcsProgram *self, CcsOpKind kind, const CcsValueId *in,
                    guint n_in, const CcsAttrs *attrs)
{
  return append (self, kind, in, n_in, attrs, NULL);
}

CcsValueId
ccs_program_append_shaped (CcsProgram *self, CcsOpKind kind,
                           const CcsValueId *in, guint n_in,
                           const CcsAttrs *attrs, CcsShape shape)
{
  return append (self, kind, in, n_in, attrs, &shape);
}

CcsValueId
ccs_program_result (const CcsProgram *self, CcsValueId id, guint k)
{
  const CcsValue *value;

  g_return_val_if_fail (k < CCS_MAX_OUTPUTS, CCS_NONE);
  if (id == CCS_NONE)
    return CCS_NONE;
  value = ccs_program_value (self, id);
  g_return_val_if_fail (value->producer >= 0, CCS_NONE);
  return ccs_program_op (self, value->producer)->out[k];
}

void
ccs_program_remove_ops (CcsProgram *self, const gboolean *dead)
{
  guint kept = 0;

  for (guint i = 0; i < self->ops->len; i++) {
    CcsOp *op = ccs_program_edit_op (self, i);

    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++) {
      CcsValue *value;

      if (op->out[k] == CCS_NONE)
        continue;
      value = ccs_program_edit_value (self, op->out[k]);
      if (value->producer == (gint32)i)
        value->producer = dead[i] ? -1 : (gint32)kept;
    }
    if (!dead[i])
      g_array_index (self->ops, CcsOp, kept++) = *op;
  }
  g_array_set_size (self->ops, kept);
}
