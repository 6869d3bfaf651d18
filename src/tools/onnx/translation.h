/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A translation under way, for the emitters: each writes the nodes of one kind
 * of op. Private to this folder.
 *
 * A program's maps are [B,H,W,C], ONNX's convolutions take [B,C,H,W]. So a
 * value of rank 4 may be in the graph in either layout or in both: an emitter
 * asks for its operands in the layout that it needs and says which one its
 * result has. */
#pragma once

#include "graph.h"
#include "nn/program.h"

G_BEGIN_DECLS

typedef enum
{
  ONNX_PLAIN,          /* as in the program */
  ONNX_CHANNELS_FIRST, /* of rank 4: [B,C,H,W] */
  ONNX_N_LAYOUTS,
} OnnxLayout;

/* A program's value in the graph. */
typedef struct
{
  const char *name[ONNX_N_LAYOUTS]; /* NULL: not (yet) there in this layout */
  const char *port;                 /* its name as an input or output */
  CcsTensor *constant;              /* known when the file is written */
  gboolean batched;                 /* dimension 0 is the batch's multiple */
} OnnxValue;

typedef struct
{
  CcsProgram *program;
  OnnxGraph *graph;
  OnnxValue *values; /* by id */
  const CcsOp *op;   /* being translated */
  char *scope;       /* what names of intermediate tensors begin with */
} OnnxTranslation;

/* Appends the nodes of @op. FALSE with an error for what ONNX cannot express.
 */
typedef gboolean (*OnnxEmitter) (OnnxTranslation *self, const CcsOp *op,
                                 GError **error);

/* Returns the emitter of @kind; NULL if @kind has no ONNX form. */
OnnxEmitter onnx_emitter (CcsOpKind kind);

/* -- shapes and layouts -- */
const CcsShape *onnx_shape (const OnnxTranslation *self, CcsValueId id);
/* The layout in which an op goes over its first @n operands element by element:
 * channels first where the first operand is there so and all have rank 4. */
OnnxLayout onnx_layout_of (const OnnxTranslation *self, const CcsOp *op,
                           guint n);
/* Where axis @axis of a value of rank @rank is in @layout. */
gint64 onnx_axis (guint rank, gint64 axis, OnnxLayout layout);

/* -- tensors; names belong to the graph -- */
/* Returns the name of @id in @layout, transposed or appended as an initializer
 * where it is not there yet; NULL for CCS_NONE. */
const char *onnx_operand (OnnxTranslation *self, CcsValueId id,
                          OnnxLayout layout);
/* Constants: a scalar; @n times @value; a list of integers (int64). */
const char *onnx_scalar (OnnxTranslation *self, float value);
const char *onnx_filled (OnnxTranslation *self, gint64 n, float value);
const char *onnx_integers (OnnxTranslation *self, const gint64 *values,
                           guint n);
/* A constant tensor of @type. */
const char *onnx_constant (OnnxTranslation *self, OnnxType type,
                           const gint64 *dims, guint rank, gconstpointer data,
                           gsize size);

/* -- nodes -- */
/* Appends a node and returns the name of its result, an intermediate tensor. */
const char *onnx_apply (OnnxTranslation *self, const char *op_type,
                        const char *const *inputs, const OnnxAttr *attrs);
/* Appends the node that computes the op's result @id in @layout, followed by
 * @act; an intermediate tensor where @id is CCS_NONE. Returns the name. */
const char *onnx_result (OnnxTranslation *self, CcsValueId id,
                         OnnxLayout layout, CcsAct act, const char *op_type,
                         const char *const *inputs, const OnnxAttr *attrs);
/* x[start .. start + length) along @axis. */
const char *onnx_slice (OnnxTranslation *self, const char *x, gint64 axis,
                        gint64 start, gint64 length);
/* Fails: the op being translated, as @format describes it, has no ONNX form.
 * Returns FALSE. */
gboolean onnx_no_form (const OnnxTranslation *self, GError **error,
                       const char *format, ...) G_GNUC_PRINTF (3, 4);

/* -- the emitters, by file -- */
gboolean onnx_emit_conv2d (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_conv_transpose2d (OnnxTranslation *self, const CcsOp *op,
                                     GError **error);
gboolean onnx_emit_batch_norm (OnnxTranslation *self, const CcsOp *op,
                               GError **error);
gboolean onnx_emit_max_pool (OnnxTranslation *self, const CcsOp *op,
                             GError **error);
gboolean onnx_emit_resize_rows (OnnxTranslation *self, const CcsOp *op,
                                GError **error);

gboolean onnx_emit_layer_norm (OnnxTranslation *self, const CcsOp *op,
                               GError **error);
gboolean onnx_emit_l2_normalize (OnnxTranslation *self, const CcsOp *op,
                                 GError **error);
gboolean onnx_emit_add (OnnxTranslation *self, const CcsOp *op, GError **error);
gboolean onnx_emit_mul (OnnxTranslation *self, const CcsOp *op, GError **error);
gboolean onnx_emit_affine (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_modulate (OnnxTranslation *self, const CcsOp *op,
                             GError **error);
gboolean onnx_emit_complex_mul (OnnxTranslation *self, const CcsOp *op,
                                GError **error);
gboolean onnx_emit_reduce (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_matmul (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_attention (OnnxTranslation *self, const CcsOp *op,
                              GError **error);
gboolean onnx_emit_level (OnnxTranslation *self, const CcsOp *op,
                          GError **error);

gboolean onnx_emit_reshape (OnnxTranslation *self, const CcsOp *op,
                            GError **error);
gboolean onnx_emit_transpose (OnnxTranslation *self, const CcsOp *op,
                              GError **error);
gboolean onnx_emit_concat (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_slice (OnnxTranslation *self, const CcsOp *op,
                          GError **error);
gboolean onnx_emit_lookup (OnnxTranslation *self, const CcsOp *op,
                           GError **error);
gboolean onnx_emit_frame (OnnxTranslation *self, const CcsOp *op,
                          GError **error);
gboolean onnx_emit_overlap_add (OnnxTranslation *self, const CcsOp *op,
                                GError **error);

G_END_DECLS
