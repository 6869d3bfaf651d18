/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Field numbers are from the published onnx.proto. */
#include "graph.h"

#include <ccstereo/version.h>
#include <string.h>

#include "proto.h"

/* Version of the file format for ONNX_OPSET. */
#define IR_VERSION 8

enum
{
  MODEL_IR_VERSION = 1,
  MODEL_PRODUCER_NAME = 2,
  MODEL_PRODUCER_VERSION = 3,
  MODEL_DOC = 6,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_METADATA = 14,
};

enum
{
  OPSET_VERSION = 2,
};

enum
{
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
};

enum
{
  GRAPH_NODE = 1,
  GRAPH_NAME = 2,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
};

enum
{
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP_TYPE = 4,
  NODE_ATTRIBUTE = 5,
};

enum
{
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_F = 2,
  ATTRIBUTE_I = 3,
  ATTRIBUTE_S = 4,
  ATTRIBUTE_INTS = 8,
  ATTRIBUTE_TYPE = 20,
};

enum
{
  TENSOR_DIMS = 1,
  TENSOR_DATA_TYPE = 2,
  TENSOR_NAME = 8,
  TENSOR_RAW_DATA = 9,
};

enum
{
  VALUE_INFO_NAME = 1,
  VALUE_INFO_TYPE = 2,
  VALUE_INFO_DOC = 3,
};

enum
{
  TYPE_TENSOR = 1,
  TENSOR_TYPE_ELEMENT = 1,
  TENSOR_TYPE_SHAPE = 2,
  SHAPE_DIM = 1,
  DIM_VALUE = 1,
  DIM_PARAM = 2,
};

struct _OnnxGraph
{
  GByteArray *body;  /* the GraphProto that is being built */
  GHashTable *names; /* set of used names */
};

OnnxGraph *
onnx_graph_new (void)
{
  OnnxGraph *self = g_new0 (OnnxGraph, 1);

  self->body = g_byte_array_new ();
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
onnx_graph_free (OnnxGraph *self)
{
  g_clear_pointer (&self->body, g_byte_array_unref);
  g_hash_table_unref (self->names);
  g_free (self);
}

const char *
onnx_graph_name (OnnxGraph *self, const char *base)
{
  char *name = g_strdup (base);

  for (guint i = 2; g_hash_table_contains (self->names, name); i++) {
    g_free (name);
    name = g_strdup_printf ("%s_%u", base, i);
  }
  g_hash_table_add (self->names, name);
  return name;
}

void
onnx_graph_initializer (OnnxGraph *self, const char *name, OnnxType type,
                        const gint64 *dims, guint rank, gconstpointer data,
                        gsize size)
{
  GByteArray *tensor = g_byte_array_new ();

  for (guint i = 0; i < rank; i++)
    proto_add_int (tensor, TENSOR_DIMS, dims[i]);
  proto_add_int (tensor, TENSOR_DATA_TYPE, type);
  proto_add_string (tensor, TENSOR_NAME, name);
  proto_add_bytes (tensor, TENSOR_RAW_DATA, data, size);
  proto_add_message (self->body, GRAPH_INITIALIZER, tensor);
}

static GByteArray *
attribute (const OnnxAttr *attr)
{
  GByteArray *message = g_byte_array_new ();

  proto_add_string (message, ATTRIBUTE_NAME, attr->name);
  proto_add_int (message, ATTRIBUTE_TYPE, attr->type);
  switch (attr->type) {
  case ONNX_ATTR_FLOAT:
    proto_add_float (message, ATTRIBUTE_F, attr->f);
    break;
  case ONNX_ATTR_INT:
    proto_add_int (message, ATTRIBUTE_I, attr->i);
    break;
  case ONNX_ATTR_STRING:
    proto_add_string (message, ATTRIBUTE_S, attr->s);
    break;
  case ONNX_ATTR_INTS:
    for (guint i = 0; i < attr->n; i++)
      proto_add_int (message, ATTRIBUTE_INTS, attr->ints[i]);
    break;
  case ONNX_ATTR_END:
    g_assert_not_reached ();
  }
  return message;
}

void
onnx_graph_node (OnnxGraph *self, const char *op_type, const char *output,
                 const char *const *inputs, const OnnxAttr *attrs)
{
  GByteArray *node = g_byte_array_new ();

  for (; *inputs; inputs++)
    proto_add_string (node, NODE_INPUT, *inputs);
  proto_add_string (node, NODE_OUTPUT, output);
  proto_add_string (node, NODE_NAME, output);
  proto_add_string (node, NODE_OP_TYPE, op_type);
  for (; attrs && attrs->type != ONNX_ATTR_END; attrs++)
    proto_add_message (node, NODE_ATTRIBUTE, attribute (attrs));
  proto_add_message (self->body, GRAPH_NODE, node);
}

static void
add_port (OnnxGraph *self, guint field, const OnnxPort *port)
{
  GByteArray *info = g_byte_array_new (), *type = g_byte_array_new ();
  GByteArray *tensor = g_byte_array_new (), *shape = g_byte_array_new ();

  for (guint i = 0; i < port->rank; i++) {
    GByteArray *dim = g_byte_array_new ();

    if (port->dims[i] == ONNX_BATCH)
      proto_add_string (dim, DIM_PARAM, "N");
    else
      proto_add_int (dim, DIM_VALUE, port->dims[i]);
    proto_add_message (shape, SHAPE_DIM, dim);
  }
  proto_add_int (tensor, TENSOR_TYPE_ELEMENT, port->type);
  proto_add_message (tensor, TENSOR_TYPE_SHAPE, shape);
  proto_add_message (type, TYPE_TENSOR, tensor);
  proto_add_string (info, VALUE_INFO_NAME, port->name);
  proto_add_message (info, VALUE_INFO_TYPE, type);
  proto_add_string (info, VALUE_INFO_DOC, port->doc);
  proto_add_message (self->body, field, info);
}

void
onnx_graph_input (OnnxGraph *self, const OnnxPort *port)
{
  add_port (self, GRAPH_INPUT, port);
}

void
onnx_graph_output (OnnxGraph *self, const OnnxPort *port)
{
  add_port (self, GRAPH_OUTPUT, port);
}

static void
add_metadata (GByteArray *model, GHashTable *metadata)
{
  g_autoptr (GList) keys = g_hash_table_get_keys (metadata);

  keys = g_list_sort (keys, (GCompareFunc)strcmp);
  for (GList *at = keys; at; at = at->next) {
    GByteArray *entry = g_byte_array_new ();

    proto_add_string (entry, ENTRY_KEY, at->data);
    proto_add_string (entry, ENTRY_VALUE,
                      g_hash_table_lookup (metadata, at->data));
    proto_add_message (model, MODEL_METADATA, entry);
  }
}

GByteArray *
onnx_graph_model (OnnxGraph *self, const char *name, const char *doc,
                  GHashTable *metadata)
{
  GByteArray *model = g_byte_array_new (), *opset = g_byte_array_new ();

  proto_add_int (opset, OPSET_VERSION, ONNX_OPSET);
  proto_add_string (self->body, GRAPH_NAME, name);
  proto_add_int (model, MODEL_IR_VERSION, IR_VERSION);
  proto_add_string (model, MODEL_PRODUCER_NAME, "ccstereo");
  proto_add_string (model, MODEL_PRODUCER_VERSION, CCS_VERSION_STRING);
  proto_add_string (model, MODEL_DOC, doc);
  proto_add_message (model, MODEL_OPSET, opset);
  add_metadata (model, metadata);
  proto_add_message (model, MODEL_GRAPH, g_steal_pointer (&self->body));
  self->body = g_byte_array_new ();
  return model;
}
