/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Translates the ops of a program in order, and has the helpers of emitters. */
#include "translate.h"

#include <ccstereo/error.h>
#include <stdarg.h>

#include "nn/op-table.h"
#include "nn/passes.h"
#include "translation.h"

#define RANK_OF_MAPS 4

static const gint64 permutation[ONNX_N_LAYOUTS][RANK_OF_MAPS]
    = { [ONNX_PLAIN] = { 0, 2, 3, 1 }, [ONNX_CHANNELS_FIRST] = { 0, 3, 1, 2 } };

static const char *const layout_suffix[ONNX_N_LAYOUTS] = {
  [ONNX_PLAIN] = "/channels_last", [ONNX_CHANNELS_FIRST] = "/channels_first"
};

static gboolean
fail (const OnnxTranslation *self, GError **error, const char *text)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%s of %s cannot be written as ONNX: %s",
               ccs_op_row (self->op->kind)->name, self->scope, text);
  return FALSE;
}

gboolean
onnx_no_form (const OnnxTranslation *self, GError **error, const char *format,
              ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return fail (self, error, text);
}

/* -- shapes and layouts -----------------------------------------------------
 */

const CcsShape *
onnx_shape (const OnnxTranslation *self, CcsValueId id)
{
  return &ccs_program_value (self->program, id)->shape;
}

OnnxLayout
onnx_layout_of (const OnnxTranslation *self, const CcsOp *op, guint n)
{
  for (guint i = 0; i < n; i++)
    if (onnx_shape (self, op->in[i])->rank != RANK_OF_MAPS)
      return ONNX_PLAIN;
  return self->values[op->in[0]].name[ONNX_CHANNELS_FIRST] ? ONNX_CHANNELS_FIRST
                                                           : ONNX_PLAIN;
}

gint64
onnx_axis (guint rank, gint64 axis, OnnxLayout layout)
{
  gint64 at = 0;

  if (layout == ONNX_PLAIN || rank != RANK_OF_MAPS)
    return axis;
  while (permutation[layout][at] != axis)
    at++;
  return at;
}

static OnnxType
onnx_type (CcsDType dtype)
{
  return dtype == CCS_U8 ? ONNX_UINT8 : ONNX_FLOAT;
}

/* -- tensors ----------------------------------------------------------------
 */

/* Returns the name of @id in @layout. Inputs and outputs have their own name in
 * the program's layout, other values in the first layout that is used. */
static const char *
name_value (OnnxTranslation *self, CcsValueId id, OnnxLayout layout)
{
  OnnxValue *value = &self->values[id];
  const char *given = ccs_program_value (self->program, id)->name;
  gboolean second = value->port ? layout != ONNX_PLAIN
                                : value->name[ONNX_PLAIN]
                                      || value->name[ONNX_CHANNELS_FIRST];
  g_autofree char *base = NULL;

  if (value->port && !second)
    return value->name[layout] = value->port;
  base = g_strconcat (given ? given : self->scope,
                      second ? layout_suffix[layout] : "", NULL);
  return value->name[layout] = onnx_graph_name (self->graph, base);
}

/* Converts @tensor [A,B,C,D] to [A,D,B,C]. (transfer full) */
static CcsTensor *
channels_first (const CcsTensor *tensor)
{
  const gint64 *dim = tensor->shape.dim;
  gint64 channels = dim[3], points = dim[1] * dim[2];
  CcsShape shape = CCS_SHAPE (dim[0], channels, dim[1], dim[2]);
  const float *from = tensor->data;
  float *to = g_new (float, ccs_shape_elements (&shape));

  for (gint64 a = 0; a < dim[0]; a++)
    for (gint64 p = 0; p < points; p++)
      for (gint64 c = 0; c < channels; c++)
        to[(a * channels + c) * points + p] = *from++;
  return ccs_tensor_new_take (CCS_F32, &shape, to);
}

static void
add_constant (OnnxTranslation *self, CcsValueId id, OnnxLayout layout)
{
  CcsTensor *tensor = self->values[id].constant;
  g_autoptr (CcsTensor) stored = layout == ONNX_CHANNELS_FIRST
                                     ? channels_first (tensor)
                                     : ccs_tensor_ref (tensor);

  onnx_graph_initializer (self->graph, name_value (self, id, layout),
                          onnx_type (stored->dtype), stored->shape.dim,
                          stored->shape.rank, stored->data,
                          ccs_tensor_size (stored));
}

static void
add_transposed (OnnxTranslation *self, CcsValueId id, OnnxLayout layout)
{
  const char *from = self->values[id].name[!layout];

  onnx_graph_node (
      self->graph, "Transpose", name_value (self, id, layout),
      ONNX_INPUTS (from),
      ONNX_ATTRS (ONNX_INTS ("perm", permutation[layout], RANK_OF_MAPS)));
}

const char *
onnx_operand (OnnxTranslation *self, CcsValueId id, OnnxLayout layout)
{
  if (id == CCS_NONE)
    return NULL;
  if (self->values[id].name[layout] == NULL) {
    if (self->values[id].constant)
      add_constant (self, id, layout);
    else
      add_transposed (self, id, layout);
  }
  return self->values[id].name[layout];
}

const char *
onnx_constant (OnnxTranslation *self, OnnxType type, const gint64 *dims,
               guint rank, gconstpointer data, gsize size)
{
  g_autofree char *base = g_strconcat (self->scope, "/constant", NULL);
  const char *name = onnx_graph_name (self->graph, base);

  onnx_graph_initializer (self->graph, name, type, dims, rank, data, size);
  return name;
}

const char *
onnx_scalar (OnnxTranslation *self, float value)
{
  return onnx_constant (self, ONNX_FLOAT, NULL, 0, &value, sizeof value);
}

const char *
onnx_filled (OnnxTranslation *self, gint64 n, float value)
{
  g_autofree float *values = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    values[i] = value;
  return onnx_constant (self, ONNX_FLOAT, &n, 1, values, n * sizeof value);
}

const char *
onnx_integers (OnnxTranslation *self, const gint64 *values, guint n)
{
  const gint64 length = n;

  return onnx_constant (self, ONNX_INT64, &length, 1, values,
                        n * sizeof *values);
}

/* -- nodes ------------------------------------------------------------------
 */

const char *
onnx_apply (OnnxTranslation *self, const char *op_type,
            const char *const *inputs, const OnnxAttr *attrs)
{
  g_autofree char *base = g_strconcat (self->scope, "/", op_type, NULL);
  const char *name = onnx_graph_name (self->graph, base);

  onnx_graph_node (self->graph, op_type, name, inputs, attrs);
  return name;
}

/* Returns the node type of @act. @slope is space for its attribute. */
static const char *
activation (CcsAct act, OnnxAttr slope[2])
{
  slope[0] = (OnnxAttr){ .type = ONNX_ATTR_END };
  slope[1] = slope[0];
  switch (act.kind) {
  case CCS_ACT_RELU:
    return "Relu";
  case CCS_ACT_LEAKY_RELU:
    slope[0] = (OnnxAttr)ONNX_F ("alpha", act.slope);
    return "LeakyRelu";
  case CCS_ACT_SIGMOID:
    return "Sigmoid";
  case CCS_ACT_NONE:
    break;
  }
  return NULL;
}

const char *
onnx_result (OnnxTranslation *self, CcsValueId id, OnnxLayout layout,
             CcsAct act, const char *op_type, const char *const *inputs,
             const OnnxAttr *attrs)
{
  OnnxAttr slope[2];
  const char *last = activation (act, slope), *before, *name;

  if (last) {
    before = onnx_apply (self, op_type, inputs, attrs);
    return onnx_result (self, id, layout, CCS_NO_ACT, last,
                        ONNX_INPUTS (before), slope);
  }
  if (id == CCS_NONE)
    return onnx_apply (self, op_type, inputs, attrs);
  name = name_value (self, id, layout);
  onnx_graph_node (self->graph, op_type, name, inputs, attrs);
  return name;
}

const char *
onnx_slice (OnnxTranslation *self, const char *x, gint64 axis, gint64 start,
            gint64 length)
{
  const gint64 end = start + length;

  return onnx_apply (self, "Slice",
                     ONNX_INPUTS (x, onnx_integers (self, &start, 1),
                                  onnx_integers (self, &end, 1),
                                  onnx_integers (self, &axis, 1)),
                     NULL);
}

/* -- the walk ---------------------------------------------------------------
 */

static void
begin_op (OnnxTranslation *self, guint index)
{
  const CcsOp *op = ccs_program_op (self->program, index);
  const char *name = ccs_program_value (self->program, op->out[0])->name;

  self->op = op;
  g_free (self->scope);
  self->scope
      = name ? g_strdup (name)
             : g_strdup_printf ("%s_%u", ccs_op_row (op->kind)->name, index);
}

/* Checks that dimension 0 of the op's results, and no other, depends on the
 * batch, as in its operands. */
static gboolean
follow_batch (OnnxTranslation *self, GError **error)
{
  gboolean batched = FALSE;

  for (guint i = 0; i < CCS_MAX_INPUTS; i++)
    if (self->op->in[i] != CCS_NONE)
      batched |= self->values[self->op->in[i]].batched;
  for (guint k = 0; k < CCS_MAX_OUTPUTS; k++) {
    const CcsShape *shape;

    if (self->op->out[k] == CCS_NONE)
      continue;
    shape = onnx_shape (self, self->op->out[k]);
    for (guint i = 0; i < shape->rank; i++)
      if ((shape->dim[i] % ONNX_PROGRAM_BATCH == 0) != (batched && i == 0))
        return onnx_no_form (self, error,
                             "the batch is not its result's first "
                             "dimension");
    self->values[self->op->out[k]].batched = batched;
  }
  return TRUE;
}

/* Returns whether @id, unless it is CCS_NONE, has been translated. */
static gboolean
is_known (const OnnxTranslation *self, CcsValueId id)
{
  const OnnxValue *value = &self->values[MAX (id, 0)];

  return id == CCS_NONE || value->constant || value->name[ONNX_PLAIN]
         || value->name[ONNX_CHANNELS_FIRST];
}

static gboolean
translate_op (OnnxTranslation *self, GError **error)
{
  OnnxEmitter emit = onnx_emitter (self->op->kind);

  if (!emit)
    return onnx_no_form (self, error, "there is no such op");
  for (guint i = 0; i < CCS_MAX_INPUTS; i++)
    if (!is_known (self, self->op->in[i]))
      return onnx_no_form (self, error, "operand %u has no value", i);
  return follow_batch (self, error) && emit (self, self->op, error);
}

static void
add_port (OnnxTranslation *self, const OnnxBinding *binding,
          void (*add) (OnnxGraph *graph, const OnnxPort *port))
{
  const CcsValue *value = ccs_program_value (self->program, binding->id);
  OnnxValue *here = &self->values[binding->id];
  CcsShape shape = value->shape;

  shape.dim[0] = ONNX_BATCH;
  here->port = onnx_graph_name (self->graph, binding->name);
  add (self->graph, &(OnnxPort){ here->port, onnx_type (value->dtype),
                                 shape.dim, shape.rank, binding->doc });
}

static void
prepare (OnnxTranslation *self, const OnnxInterface *interface)
{
  for (guint i = 0; i < interface->n_inputs; i++) {
    OnnxValue *value = &self->values[interface->inputs[i].id];

    add_port (self, &interface->inputs[i], onnx_graph_input);
    value->name[ONNX_PLAIN] = value->port;
    value->batched = TRUE;
  }
  add_port (self, &interface->output, onnx_graph_output);
  for (guint i = 0; i < ccs_program_n_values (self->program); i++)
    self->values[i].constant
        = ccs_program_value (self->program, i)->data
              ? ccs_tensor_ref (ccs_program_value (self->program, i)->data)
              : NULL;
}

static void
release (OnnxTranslation *self)
{
  for (guint i = 0; i < ccs_program_n_values (self->program); i++)
    g_clear_pointer (&self->values[i].constant, ccs_tensor_unref);
  g_free (self->values);
  g_free (self->scope);
}

gboolean
onnx_translate (CcsProgram *program, const OnnxInterface *interface,
                OnnxGraph *graph, GError **error)
{
  OnnxTranslation self = { .program = program, .graph = graph };
  gboolean ok;

  if (!ccs_program_check (program, error))
    return FALSE;
  ccs_pass_dead_ops (program);
  ccs_pass_fold_batch_norm (program);
  self.values = g_new0 (OnnxValue, ccs_program_n_values (program));
  prepare (&self, interface);
  ok = TRUE;
  for (guint i = 0; ok && i < ccs_program_n_ops (program); i++) {
    begin_op (&self, i);
    ok = translate_op (&self, error);
  }
  if (ok)
    onnx_operand (&self, interface->output.id, ONNX_PLAIN);
  release (&self);
  return ok;
}
