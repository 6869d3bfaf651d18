/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ONNX export: the wire format, the consistency of graphs, and that every
 * configuration can be translated. onnx-runtime.py compares the results with
 * those of the library. */
#include <ccstereo/ccstereo.h>
#include <model/architecture.h>
#include <model-file.h>
#include <nn/op-table.h>
#include <proto.h>
#include <string.h>
#include <translate.h>

#include "../suite.h"
#include "model/config.h"

/* -- wire format ------------------------------------------------------------
 */

static void
add_small_int (GByteArray *message)
{
  proto_add_int (message, 1, 5);
}

static void
add_large_int (GByteArray *message)
{
  proto_add_int (message, 20, 300);
}

static void
add_negative_int (GByteArray *message)
{
  proto_add_int (message, 1, -1);
}

static void
add_float (GByteArray *message)
{
  proto_add_float (message, 2, 1.f);
}

static void
add_string (GByteArray *message)
{
  proto_add_string (message, 3, "ab");
}

static void
add_message (GByteArray *message)
{
  GByteArray *child = g_byte_array_new ();

  proto_add_int (child, 1, 5);
  proto_add_message (message, 4, child);
}

static const struct
{
  void (*add) (GByteArray *message);
  const char *bytes;
} encodings[] = {
  { add_small_int, "\x08\x05" },
  { add_large_int, "\xa0\x01\xac\x02" },
  { add_negative_int, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
  { add_string, "\x1a\x02"
                "ab" },
  { add_message, "\x22\x02\x08\x05" },
};

START_TEST (fields_are_encoded_as_protocol_buffers_are)
{
  g_autoptr (GByteArray) message = g_byte_array_new ();

  encodings[_i].add (message);
  ck_assert_uint_eq (message->len, strlen (encodings[_i].bytes));
  ck_assert_mem_eq (message->data, encodings[_i].bytes, message->len);
}
END_TEST

START_TEST (floats_are_little_endian)
{
  g_autoptr (GByteArray) message = g_byte_array_new ();

  add_float (message);
  ck_assert_uint_eq (message->len, 5);
  ck_assert_mem_eq (message->data, "\x15\x00\x00\x80\x3f", 5);
}
END_TEST

/* -- reading back -----------------------------------------------------------
 */

typedef struct
{
  const guint8 *at, *end;
} Reader;

typedef struct
{
  guint number;
  guint64 value;  /* of an integer field */
  Reader content; /* of all other fields */
} Field;

static guint64
read_varint (Reader *reader)
{
  guint64 value = 0;

  for (guint shift = 0;; shift += 7) {
    ck_assert (reader->at < reader->end);
    value |= (guint64)(*reader->at & 0x7f) << shift;
    if (*reader->at++ < 0x80)
      return value;
  }
}

/* Reads a field. Returns FALSE at the end of the message. */
static gboolean
read_field (Reader *reader, Field *field)
{
  guint64 key, size;

  if (reader->at == reader->end)
    return FALSE;
  key = read_varint (reader);
  field->number = key >> 3;
  if ((key & 7) == 0) {
    field->value = read_varint (reader);
    return TRUE;
  }
  ck_assert ((key & 7) == 2 || (key & 7) == 5);
  size = (key & 7) == 2 ? read_varint (reader) : 4;
  ck_assert_uint_le (size, reader->end - reader->at);
  field->content = (Reader){ reader->at, reader->at + size };
  reader->at += size;
  return TRUE;
}

static char *
text_of (Reader content)
{
  return g_strndup ((const char *)content.at, content.end - content.at);
}

/* Returns field @number of @message, which must exist. (transfer full) */
static char *
read_text (Reader message, guint number)
{
  Field field;

  while (read_field (&message, &field))
    if (field.number == number)
      return text_of (field.content);
  ck_abort_msg ("there is no field %u", number);
}

static Reader
read_message (const GByteArray *file, guint number)
{
  Reader message = { file->data, file->data + file->len };
  Field field;

  while (read_field (&message, &field))
    if (field.number == number)
      return field.content;
  ck_abort_msg ("there is no field %u", number);
}

/* Field numbers of onnx.proto. */
#define MODEL_GRAPH 7
#define MODEL_METADATA 14
#define GRAPH_NODE 1
#define GRAPH_INITIALIZER 5
#define GRAPH_INPUT 11
#define GRAPH_OUTPUT 12
#define NODE_INPUT 1
#define NODE_OUTPUT 2
#define TENSOR_NAME 8
#define VALUE_NAME 1

static void
define (GHashTable *known, char *name)
{
  ck_assert_msg (g_hash_table_add (known, name), "%s is defined twice", name);
}

static void
check_node (Reader node, GHashTable *known)
{
  Field field;

  while (read_field (&node, &field)) {
    g_autofree char *name = NULL;

    if (field.number == NODE_OUTPUT)
      define (known, text_of (field.content));
    if (field.number != NODE_INPUT)
      continue;
    name = text_of (field.content);
    ck_assert_msg (*name == '\0' || g_hash_table_contains (known, name),
                   "%s is read before it is defined", name);
  }
}

/* Checks that each tensor is defined once, before it is read, and that the
 * output exists. Returns the number of nodes. */
static guint
check_graph (const GByteArray *file)
{
  g_autoptr (GHashTable) known
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const Reader graph = read_message (file, MODEL_GRAPH);
  Reader at = graph;
  guint nodes = 0;
  Field field;

  while (read_field (&at, &field))
    if (field.number == GRAPH_INPUT)
      define (known, read_text (field.content, VALUE_NAME));
    else if (field.number == GRAPH_INITIALIZER)
      define (known, read_text (field.content, TENSOR_NAME));
  for (at = graph; read_field (&at, &field);) {
    if (field.number != GRAPH_NODE)
      continue;
    check_node (field.content, known);
    nodes++;
  }
  for (at = graph; read_field (&at, &field);) {
    g_autofree char *name = NULL;

    if (field.number != GRAPH_OUTPUT)
      continue;
    name = read_text (field.content, VALUE_NAME);
    ck_assert (g_hash_table_contains (known, name));
  }
  return nodes;
}

/* -- models -----------------------------------------------------------------
 */

/* Makes parameters of zeros for one part of the model. Leaves out parameters
 * that only the other part uses. */
static CcsStateDict *
part_params (const CcsModelConfig *config, OnnxPart part)
{
  static const char *const module[ONNX_N_PARTS]
      = { "net_visual.", "net_audio." };
  g_autoptr (GPtrArray) infos = ccs_model_config_params (config);
  CcsStateDict *params = ccs_state_dict_new ();

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);

    if (g_str_has_prefix (info->name, module[part])
        && info->role != CCS_PARAM_COUNTER)
      ccs_state_dict_insert (
          params, info->name,
          ccs_tensor_new_take (
              CCS_F32, &info->shape,
              g_new0 (float, ccs_shape_elements (&info->shape))));
  }
  return params;
}

static GByteArray *
part_file (OnnxPart part, const CcsModelConfig *config, GHashTable *metadata)
{
  g_autoptr (CcsStateDict) params = part_params (config, part);
  g_autoptr (GError) error = NULL;
  GByteArray *file = onnx_model_file (part, params, config, metadata, &error);

  ck_assert_msg (file != NULL, "%s", error ? error->message : "no error");
  return file;
}

static GHashTable *
no_metadata (void)
{
  return g_hash_table_new (g_str_hash, g_str_equal);
}

START_TEST (every_encoder_is_translated)
{
  const CcsModelConfig config = { _i / CCS_MAX_DIM_SCALE ? 50 : 18,
                                  _i % CCS_MAX_DIM_SCALE + 1,
                                  { TRUE } };
  g_autoptr (GHashTable) metadata = no_metadata ();
  g_autoptr (GByteArray) file = part_file (ONNX_ENCODER, &config, metadata);

  ck_assert_uint_gt (check_graph (file), 0);
}
END_TEST

#define N_AVAD (1 << (CCS_N_UPCONV - 1))

/* Every set of layers with AVAD, then every width with all of them. */
START_TEST (every_audio_net_is_translated)
{
  const gint flags = MIN (_i, N_AVAD - 1);
  CcsModelConfig config
      = { .backbone = 18, .dim_scale = 1 + MAX (0, _i - (N_AVAD - 1)) };
  g_autoptr (GHashTable) metadata = no_metadata ();

  for (guint k = 0; k < G_N_ELEMENTS (config.avad); k++)
    config.avad[k] = flags >> k & 1;
  g_autoptr (GByteArray) file = part_file (ONNX_AUDIO, &config, metadata);
  ck_assert_uint_gt (check_graph (file), 0);
}
END_TEST

static const struct
{
  OnnxPart part;
  guint field;
  const char *name;
} ports[] = {
  { ONNX_ENCODER, GRAPH_INPUT, "frames" },
  { ONNX_ENCODER, GRAPH_OUTPUT, "features" },
  { ONNX_AUDIO, GRAPH_INPUT, "mix" },
  { ONNX_AUDIO, GRAPH_INPUT, "features" },
  { ONNX_AUDIO, GRAPH_OUTPUT, "difference" },
};

START_TEST (inputs_and_outputs_keep_their_names)
{
  const CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (GHashTable) metadata = no_metadata ();
  g_autoptr (GByteArray) file = part_file (ports[_i].part, &config, metadata);
  Reader graph = read_message (file, MODEL_GRAPH);
  gboolean found = FALSE;
  Field field;

  while (read_field (&graph, &field)) {
    g_autofree char *name = field.number == ports[_i].field
                                ? read_text (field.content, VALUE_NAME)
                                : NULL;

    found |= name && g_str_equal (name, ports[_i].name);
  }
  ck_assert (found);
}
END_TEST

START_TEST (metadata_are_in_the_file)
{
  const CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (GHashTable) metadata = no_metadata ();
  g_autofree char *key = NULL, *value = NULL;
  Reader entry;

  g_hash_table_insert (metadata, CCS_META_LICENCE, "CC0-1.0");
  g_autoptr (GByteArray) file = part_file (ONNX_AUDIO, &config, metadata);
  entry = read_message (file, MODEL_METADATA);
  key = read_text (entry, 1);
  value = read_text (entry, 2);
  ck_assert_str_eq (key, CCS_META_LICENCE);
  ck_assert_str_eq (value, "CC0-1.0");
}
END_TEST

/* -- what cannot be translated ----------------------------------------------
 */

/* Translates a program of one op, which @append adds, with the input x
 * [B,6,4]. Returns the error. */
static GError *
translation_error (CcsValueId (*append) (CcsProgram *p, CcsValueId x))
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_autoptr (OnnxGraph) graph = onnx_graph_new ();
  CcsValueId x = ccs_program_input (p, "x", CCS_F32,
                                    CCS_SHAPE (ONNX_PROGRAM_BATCH, 6, 4));
  CcsValueId y = ccs_program_output (p, "y", append (p, x));
  const OnnxBinding input = { x, "x", "" };
  GError *error = NULL;

  ck_assert (!onnx_translate (p, &(OnnxInterface){ &input, 1, { y, "y", "" } },
                              graph, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  return error;
}

static CcsValueId
append_sub (CcsProgram *p, CcsValueId x)
{
  return ccs_sub (p, x, x);
}

static CcsValueId
append_batch_transpose (CcsProgram *p, CcsValueId x)
{
  return ccs_transpose (p, x, 1, 0, 2, -1);
}

static CcsValueId
append_bound_param (CcsProgram *p, CcsValueId x)
{
  return ccs_add (
      p, x, ccs_program_param (p, "bias", CCS_SHAPE (4), CCS_LAYOUT_PLAIN),
      CCS_NO_ACT);
}

static const struct
{
  CcsValueId (*append) (CcsProgram *p, CcsValueId x);
  const char *op, *reason;
} impossible[] = {
  { append_sub, "sub", "no such op" },
  { append_batch_transpose, "transpose", "batch" },
  { append_bound_param, "add", "operand 1 has no value" },
};

START_TEST (what_has_no_form_is_an_error_that_names_the_op)
{
  g_autoptr (GError) error = translation_error (impossible[_i].append);

  ck_assert_msg (g_str_has_prefix (error->message, impossible[_i].op), "%s",
                 error->message);
  ck_assert_msg (strstr (error->message, impossible[_i].reason), "%s",
                 error->message);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("onnx");
  TCase *wire = tcase_create ("wire");
  TCase *models = tcase_create ("models");
  TCase *errors = tcase_create ("errors");

  tcase_add_loop_test (wire, fields_are_encoded_as_protocol_buffers_are, 0,
                       G_N_ELEMENTS (encodings));
  tcase_add_test (wire, floats_are_little_endian);
  suite_add_tcase (suite, wire);

  tcase_add_loop_test (models, every_encoder_is_translated, 0,
                       2 * CCS_MAX_DIM_SCALE);
  tcase_add_loop_test (models, every_audio_net_is_translated, 0,
                       N_AVAD - 1 + CCS_MAX_DIM_SCALE);
  tcase_add_loop_test (models, inputs_and_outputs_keep_their_names, 0,
                       G_N_ELEMENTS (ports));
  tcase_add_test (models, metadata_are_in_the_file);
  suite_add_tcase (suite, models);

  tcase_add_loop_test (errors, what_has_no_form_is_an_error_that_names_the_op,
                       0, G_N_ELEMENTS (impossible));
  suite_add_tcase (suite, errors);
  return run_suite (suite);
}
