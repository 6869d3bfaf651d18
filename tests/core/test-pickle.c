/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pickles of .pth files, in the older format: a hostile pickle fails with a
 * reason, and files of the oldest PyTorch can be loaded. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <sys/resource.h>

#include "pth-writer.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

/* -- hostile pickles ------------------------------------------------------- */

/* Returns a file with {"a": tensor} whose only storage has key "0" and four
 * floats. (transfer full) */
static GBytes *
one_tensor (const char *type, gint64 storage_elements, gint64 offset,
            CcsShape shape, const gint64 *strides)
{
  static const float values[] = { 1.f, 2.f, 3.f, 4.f };
  static const char *const keys[] = { "0", NULL };
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GByteArray) storages = g_byte_array_new ();

  pickle_begin (pickle);
  pickle_ops (pickle, "}");
  pickle_text (pickle, "a");
  pickle_tensor (pickle, type, "0", storage_elements, offset, &shape, strides,
                 TRUE);
  pickle_ops (pickle, "s.");
  pth_legacy_storage (storages, 4, values, sizeof values);
  return pth_legacy_around (pickle, keys, storages);
}

static const struct
{
  const char *type;
  gint64 storage_elements, offset;
  CcsShape shape;
  gint64 strides[CCS_MAX_RANK];
  const char *reason;
} bad_tensors[] = {
  { "FloatStorage", 4, 1, { 1, { 4 } }, { 1 }, "tensor 'a': shape 4 from" },
  { "FloatStorage", 4, 5, { 1, { 0 } }, { 1 }, "beyond its storage" },
  { "FloatStorage", 4, G_MAXINT64, { 1, { 1 } }, { 1 }, "beyond its storage" },
  { "FloatStorage", 4, -1, { 1, { 1 } }, { 1 }, "are not such" },
  { "FloatStorage", 4, 0, { 1, { -4 } }, { 1 }, "are not such" },
  { "FloatStorage", 4, 0, { 1, { 4 } }, { -1 }, "are not such" },
  { "FloatStorage", 4, 0, { 2, { 2, 2 } }, { 3, 1 }, "beyond its storage" },
  { "FloatStorage", 4, 0, { 2, { 2, 2 } }, { G_MAXINT64, 2 }, "beyond" },
  { "FloatStorage", 4, 0, { 2, { G_MAXINT64, 3 } }, { 0, 1 }, "beyond" },
  { "FloatStorage", 4, 0, { 2, { 1 << 20, 4 } }, { 0, 1 }, "4 times the file" },
  { "FloatStorage", 5, 0, { 1, { 4 } }, { 1 }, "truncated" },
  { "FloatStorage", 3, 0, { 1, { 3 } }, { 1 }, "3 were announced" },
  { "FloatStorage", G_MAXINT64, 0, { 1, { 3 } }, { 1 }, "too large" },
  { "FloatStorage", -4, 0, { 1, { 4 } }, { 1 }, "describes no storage" },
  { "DoubleStorage", 4, 0, { 1, { 4 } }, { 1 }, "truncated" },
  { "HalfStorage", 4, 0, { 1, { 4 } }, { 1 }, "after the last storage" },
  { "BoolStorage", 4, 0, { 1, { 4 } }, { 1 }, "BoolStorage is not supported" },
  { "Tensor", 4, 0, { 1, { 4 } }, { 1 }, "'torch.Tensor'" },
};

START_TEST (a_tensor_outside_its_storage_is_refused)
{
  g_autoptr (GBytes) file = one_tensor (
      bad_tensors[_i].type, bad_tensors[_i].storage_elements,
      bad_tensors[_i].offset, bad_tensors[_i].shape, bad_tensors[_i].strides);

  pth_assert_refused (file, bad_tensors[_i].reason);
}
END_TEST

START_TEST (strides_put_the_elements_in_order)
{
  static const gint64 strides[] = { 1, 2 };
  static const float expected[] = { 1.f, 3.f, 2.f, 4.f };
  g_autoptr (GBytes) file
      = one_tensor ("FloatStorage", 4, 0, CCS_SHAPE (2, 2), strides);
  g_autoptr (CcsCheckpoint) read = ccs_checkpoint_parse (file, "f", NULL);

  ck_assert_ptr_nonnull (read);
  ck_assert_mem_eq (ccs_state_dict_lookup (read->tensors, "a")->data, expected,
                    sizeof expected);
}
END_TEST

/* Returns a file whose pickle is the @size bytes of @ops. (transfer full) */
static GBytes *
file_of (const char *ops, gsize size)
{
  g_autoptr (GByteArray) pickle = g_byte_array_new ();

  pickle_begin (pickle);
  g_byte_array_append (pickle, (const guint8 *)ops, (guint)size);
  return pth_legacy_around (pickle, NULL, NULL);
}

#define OPS(text) (text), sizeof (text) - 1
static const struct
{
  const char *ops;
  gsize size;
  const char *reason;
} bad_pickles[] = {
  { OPS ("cos\nsystem\n(X\4\0\0\0truetR."), "'os.system'" },
  { OPS ("c__builtin__\neval\n(X\1\0\0\0"
         "1tR."),
    "'__builtin__.eval'" },
  { OPS ("X\2\0\0\0osX\6\0\0\0system\x93."), "'os.system'" },
  { OPS ("ccollections\nOrderedDictX\n."), "OrderedDictX" },
  { OPS ("ccollections\nOrdered"), "does not end" },
  { OPS ("ctorch\nFloatStorage\n)R."), "cannot be called" },
  { OPS ("ccollections\nOrderedDict\n(NNtR."), "2 arguments" },
  { OPS ("ccollections\nOrderedDict\n(NtR."), "no list" },
  { OPS ("ccollections\nOrderedDict\n(](NetR."), "no pairs" },
  { OPS ("ctorch._utils\n_rebuild_parameter\n(NNNtR."), "no tensor" },
  { OPS ("ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR."), "are not such" },
  { OPS (")R."), "the stack is empty" },
  { OPS ("N)R."), "a call of the value None" },
  { OPS ("N}b."), "a state for the value None" },
  { OPS ("NQ."), "persistent id that is the value None" },
  { OPS (")Q."), "describes no storage" },
  { OPS ("s."), "the stack is empty" },
  { OPS ("}s."), "the stack is empty" },
  { OPS ("NNNs."), "items for a dict, which is the value None" },
  { OPS ("}(Nu."), "a key without a value" },
  { OPS ("}(N\x90."), "items for a set, which is a dict" },
  { OPS ("\x90."), "no mark" },
  { OPS ("B\xff\xff\xff\xff."), "4294967295 bytes are announced" },
  { OPS ("c__builtin__\nset\n(NNtR."), "2 arguments" },
  { OPS ("ctorch\nfloat32\n)R."), "cannot be called" },
  { OPS ("ctorch\nfloat32\n."), "holds a global where" },
  { OPS ("\x8f."), "holds an object where" },
  { OPS ("}X\1\0\0\0a\x8fs."), "tensor 'a': is an object, not a tensor" },
  { OPS ("u."), "no mark" },
  { OPS ("t."), "no mark" },
  { OPS ("(\x85."), "the stack is empty" },
  { OPS ("N(s."), "the stack is empty" },
  { OPS ("N(R."), "the stack is empty" },
  { OPS ("q\0."), "the stack is empty" },
  { OPS ("Nr\xff\xff\xff\xff."), "memo index 4294967295" },
  { OPS ("h\0."), "never set" },
  { OPS ("Nq\1h\0."), "never set" },
  { OPS ("X\xff\xff\xff\xff."), "4294967295 bytes are announced" },
  { OPS ("\x8a\xff."), "255 bytes are announced" },
  { OPS ("NN."), "2 values" },
  { OPS ("(N."), "1 marks" },
  { OPS ("."), "0 values" },
  { OPS ("\x80\x09N."), "protocol 9" },
  { OPS ("i"), "opcode 0x69 is not allowed" },
  { OPS ("N."), "holds the value None where" },
  { OPS ("}X\1\0\0\0aNs."), "tensor 'a': is the value None, not a tensor" },
  { OPS ("}NNs."), "a key that is the value None" },
  { OPS ("}X\1\0\0\0\xffNs."), "not UTF-8" },
  { OPS ("}X\n\0\0\0state_dictNs."), "holds the value None where" },
};

START_TEST (a_hostile_pickle_is_refused_with_the_reason)
{
  g_autoptr (GBytes) file = file_of (bad_pickles[_i].ops, bad_pickles[_i].size);

  pth_assert_refused (file, bad_pickles[_i].reason);
}
END_TEST

/* Two opcodes of one byte can only make an empty state_dict. */
START_TEST (no_two_opcodes_do_harm)
{
  for (guint pair = 0; pair < 65536; pair++) {
    const char ops[]
        = { (char)(pair >> 8), (char)pair, 0, 0, 0, 0, 0, 0, 0, 0, '.' };
    g_autoptr (GBytes) file = file_of (ops, sizeof ops);
    g_autoptr (CcsCheckpoint) read
        = ccs_checkpoint_parse (file, "bad.pth", NULL);

    ck_assert (read == NULL || ccs_state_dict_size (read->tensors) == 0);
  }
}
END_TEST

/* -- bombs --------------------------------------------------------------- */

#define BOMB_SIZE (1 << 20)
/* Memory that loading such a file may use: about 50 MB by the limits of the
 * pickle machine, and as much again with sanitizers. */
#define BOMB_MEMORY_KB (192 << 10)

static glong
peak_memory_kb (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

static void
repeat (GByteArray *pickle, const char *ops, gsize size, gsize until)
{
  while (pickle->len < until)
    g_byte_array_append (pickle, (const guint8 *)ops, (guint)size);
}

static const struct
{
  const char *start;
  gsize start_size;
  const char *middle; /* repeated to fill the first half */
  gsize middle_size;
  const char *joint;
  gsize joint_size;
  const char *end; /* repeated to fill the second half */
  gsize end_size;
  const char *reason;
} bombs[] = {
  /* many values on the stack, many marks, many empty collections */
  { OPS (""), OPS ("N"), OPS (""), OPS ("N"), "values on the stack" },
  { OPS (""), OPS ("("), OPS (""), OPS ("("), "marks" },
  { OPS ("]"), OPS ("]a"), OPS (""), OPS ("]a"), "more than" },
  /* a tuple in a tuple in a tuple */
  { OPS (")"), OPS ("\x85"), OPS (""), OPS ("\x85"), "more than" },
  /* memo entries */
  { OPS ("N"), OPS ("\x94"), OPS (""), OPS ("\x94"), "memo index" },
  /* a list of many pairs, converted to a dict many times */
  { OPS ("]]q\0NN\x86q\1a"), OPS ("h\1a"),
    OPS ("accollections\nOrderedDict\nq\2a"), OPS ("h\2h\0\x85Ra"),
    "more than" },
  /* a shape of many dimensions, used many times */
  { OPS ("]]q\0K\1q\1a"), OPS ("h\1a"),
    OPS ("actorch._utils\n_rebuild_tensor_v2\nq\2a"
         "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0X\3\0\0\0cpuK\4NtQq\3a"),
    OPS ("h\2(h\3K\0h\0h\0NNtRa"), "are not such" },
};

START_TEST (a_bomb_stays_within_the_file_s_size_class)
{
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;
  glong before;

  g_byte_array_append (pickle, (const guint8 *)bombs[_i].start,
                       (guint)bombs[_i].start_size);
  repeat (pickle, bombs[_i].middle, bombs[_i].middle_size, BOMB_SIZE / 2);
  g_byte_array_append (pickle, (const guint8 *)bombs[_i].joint,
                       (guint)bombs[_i].joint_size);
  repeat (pickle, bombs[_i].end, bombs[_i].end_size, BOMB_SIZE);
  g_byte_array_append (pickle, (const guint8 *)".", 1);
  file = file_of ((const char *)pickle->data, pickle->len);
  before = peak_memory_kb ();
  pth_assert_refused (file, bombs[_i].reason);
  ck_assert_int_lt (peak_memory_kb () - before, BOMB_MEMORY_KB);
}
END_TEST

/* -- other cases of the older format ------------------------------------- */

static const struct
{
  const char *keys[3];
  guint storages;
  const char *reason;
} bad_lists[] = {
  { { NULL }, 0, "tensor 'a': its storage '0' is missing" },
  { { "0", "0" }, 2, "storage '0': listed twice" },
  { { "0", "1" }, 2, "a storage that no tensor names" },
  { { "0" }, 0, "storage '0': truncated" },
  { { "0" }, 2, "24 bytes after the last storage" },
};

START_TEST (a_wrong_list_of_storages_is_refused)
{
  g_autoptr (GByteArray) pickle = pickle_one_tensor ();
  g_autoptr (GByteArray) storages = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;

  for (guint i = 0; i < bad_lists[_i].storages; i++)
    pth_legacy_storage (storages, 4, pth_four, sizeof pth_four);
  file = pth_legacy_around (pickle, bad_lists[_i].keys, storages);
  pth_assert_refused (file, bad_lists[_i].reason);
}
END_TEST

/* Python 2 and PyTorch 0.1 wrote OrderedDict with a list of items, strings
 * as byte strings, Parameter as a class with a state, and tensors with the
 * first version of _rebuild_tensor. */
START_TEST (files_of_the_first_pytorch_load)
{
  static const char *const keys[] = { "0", NULL };
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GByteArray) storages = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;
  g_autoptr (CcsCheckpoint) read = NULL;
  const CcsTensor *tensor;

  pickle_begin (pickle);
  pickle_ops (pickle, "ccollections\nOrderedDict\n](](U\x06weight"
                      "ctorch.nn.parameter\nParameter\n"
                      "ctorch._utils\n_rebuild_tensor\n((U\x07storage"
                      "ctorch\nFloatStorage\nU\x01"
                      "0U\x03"
                      "cpuK\4NtQ");
  pickle_int (pickle, 0);
  pickle_ops (pickle, "K\2K\2\x86K\2K\1\x86tR\x85R(\x88\x89"
                      "ccollections\nOrderedDict\n]\x85Rtbee\x85R.");
  pth_legacy_storage (storages, 4, pth_four, sizeof pth_four);
  file = pth_legacy_around (pickle, keys, storages);
  read = ccs_checkpoint_parse (file, "f", NULL);
  ck_assert_ptr_nonnull (read);
  tensor = ccs_state_dict_lookup (read->tensors, "weight");
  ck_assert (ccs_shape_equal (&tensor->shape, &CCS_SHAPE (2, 2)));
  ck_assert_mem_eq (tensor->data, pth_four, sizeof pth_four);
}
END_TEST

/* A storage may be a view of part of a stored one; here of elements 1 and 2. */
START_TEST (a_view_of_a_storage_begins_where_it_says)
{
  static const char *const keys[] = { "0", NULL };
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GByteArray) storages = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;
  g_autoptr (CcsCheckpoint) read = NULL;

  pickle_begin (pickle);
  pickle_ops (pickle, "}U\x01"
                      "actorch._utils\n_rebuild_tensor\n("
                      "(U\x07storagectorch\nFloatStorage\nU\x01"
                      "0U\x03"
                      "cpuK\4(U\x01vK\1K\2ttQ");
  pickle_int (pickle, 0);
  pickle_ops (pickle, "K\2\x85K\1\x85tRs.");
  pth_legacy_storage (storages, 4, pth_four, sizeof pth_four);
  file = pth_legacy_around (pickle, keys, storages);
  read = ccs_checkpoint_parse (file, "f", NULL);
  ck_assert_ptr_nonnull (read);
  ck_assert_mem_eq (ccs_state_dict_lookup (read->tensors, "a")->data,
                    pth_four + 1, 2 * sizeof (float));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("pickle");
  TCase *pickle = tcase_create ("pickle");

  tcase_add_loop_test (pickle, a_tensor_outside_its_storage_is_refused, 0,
                       G_N_ELEMENTS (bad_tensors));
  tcase_add_test (pickle, strides_put_the_elements_in_order);
  tcase_add_loop_test (pickle, a_hostile_pickle_is_refused_with_the_reason, 0,
                       G_N_ELEMENTS (bad_pickles));
  tcase_add_test (pickle, no_two_opcodes_do_harm);
  tcase_add_loop_test (pickle, a_bomb_stays_within_the_file_s_size_class, 0,
                       G_N_ELEMENTS (bombs));
  tcase_add_loop_test (pickle, a_wrong_list_of_storages_is_refused, 0,
                       G_N_ELEMENTS (bad_lists));
  tcase_add_test (pickle, files_of_the_first_pytorch_load);
  tcase_add_test (pickle, a_view_of_a_storage_begins_where_it_says);
  suite_add_tcase (suite, pickle);
  return run_suite (suite);
}
