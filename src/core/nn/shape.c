/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Element types and shapes. Also compiled into the CUDA module. */
#include "op-table.h"

static const struct
{
  const char *name;
  gsize size;
} dtype_rows[] = {
  [CCS_F32] = { "float32", 4 },   [CCS_F16] = { "float16", 2 },
  [CCS_BF16] = { "bfloat16", 2 }, [CCS_F64] = { "float64", 8 },
  [CCS_S8] = { "int8", 1 },       [CCS_U8] = { "uint8", 1 },
  [CCS_S32] = { "int32", 4 },     [CCS_S64] = { "int64", 8 },
};

gsize
ccs_dtype_size (CcsDType dtype)
{
  g_return_val_if_fail ((guint)dtype < G_N_ELEMENTS (dtype_rows), 0);
  return dtype_rows[dtype].size;
}

const char *
ccs_dtype_name (CcsDType dtype)
{
  g_return_val_if_fail ((guint)dtype < G_N_ELEMENTS (dtype_rows), "?");
  return dtype_rows[dtype].name;
}

gboolean
ccs_dtype_is_floating (CcsDType dtype)
{
  return dtype == CCS_F32 || dtype == CCS_F16 || dtype == CCS_BF16
         || dtype == CCS_F64;
}

gint64
ccs_shape_elements (const CcsShape *shape)
{
  gint64 n = 1;

  for (guint i = 0; i < shape->rank; i++)
    n *= shape->dim[i];
  return n;
}

gint64
ccs_shape_rows (const CcsShape *shape)
{
  gint64 n = 1;

  for (guint i = 0; i + 1 < shape->rank; i++)
    n *= shape->dim[i];
  return n;
}

gint64
ccs_shape_channels (const CcsShape *shape)
{
  return shape->rank == 0 ? 1 : shape->dim[shape->rank - 1];
}

gboolean
ccs_shape_equal (const CcsShape *a, const CcsShape *b)
{
  if (a->rank != b->rank)
    return FALSE;
  for (guint i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return FALSE;
  return TRUE;
}

char *
ccs_shape_to_string (const CcsShape *shape)
{
  GString *text;

  if (shape->rank == 0)
    return g_strdup ("scalar");
  text = g_string_new (NULL);
  for (guint i = 0; i < shape->rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i == 0 ? "" : "x",
                            shape->dim[i]);
  return g_string_free (text, FALSE);
}

gboolean
ccs_shape_broadcasts (const CcsShape *b, const CcsShape *a)
{
  if (b->rank > a->rank)
    return FALSE;
  for (guint i = 0; i < b->rank; i++) {
    const gint64 from = b->dim[b->rank - 1 - i];

    if (from != 1 && from != a->dim[a->rank - 1 - i])
      return FALSE;
  }
  return TRUE;
}
