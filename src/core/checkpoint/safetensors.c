/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads safetensors: a length, a JSON header, then the bytes of the tensors.
 * The parser accepts only the JSON of this format, objects of fixed depth, and
 * is not recursive. */
#include "checkpoint-private.h"

typedef struct
{
  char *name;
  CcsDType dtype;
  CcsShape shape;
  guint64 begin, end; /* byte offsets in the data */
} Entry;

static void
entry_clear (gpointer data)
{
  g_free (((Entry *)data)->name);
}

static const char *const dtype_names[] = {
  [CCS_F32] = "F32", [CCS_F16] = "F16", [CCS_BF16] = "BF16", [CCS_F64] = "F64",
  [CCS_S8] = "I8",   [CCS_U8] = "U8",   [CCS_S32] = "I32",   [CCS_S64] = "I64",
};

const char *
ccs_safetensors_dtype_name (CcsDType dtype)
{
  return dtype_names[dtype];
}

/* -- the header's JSON -- */

typedef struct
{
  const char *start, *p, *end;
} Cursor;

static gboolean
syntax_error (const Cursor *c, GError **error, const char *expected)
{
  return ccs_format_error (error,
                           "header byte %" G_GSIZE_FORMAT ": expected %s",
                           (gsize)(c->p - c->start), expected);
}

static void
skip_space (Cursor *c)
{
  while (c->p < c->end
         && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
    c->p++;
}

static gboolean
accept_token (Cursor *c, char token)
{
  skip_space (c);
  if (c->p == c->end || *c->p != token)
    return FALSE;
  c->p++;
  return TRUE;
}

static gboolean
expect (Cursor *c, char token, GError **error)
{
  const char text[] = { '\'', token, '\'', '\0' };

  return accept_token (c, token) || syntax_error (c, error, text);
}

static gboolean
parse_hex4 (Cursor *c, gunichar *code)
{
  *code = 0;
  if (c->end - c->p < 4)
    return FALSE;
  for (guint i = 0; i < 4; i++, c->p++) {
    if (!g_ascii_isxdigit (*c->p))
      return FALSE;
    *code = *code << 4 | (gunichar)g_ascii_xdigit_value (*c->p);
  }
  return TRUE;
}

/* Parses the digits after "\u". Characters above 0xffff are two surrogates. */
static gboolean
parse_unicode_escape (Cursor *c, GString *out)
{
  gunichar code, low;

  if (!parse_hex4 (c, &code))
    return FALSE;
  if (code >= 0xd800 && code < 0xdc00) {
    if (c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
      return FALSE;
    c->p += 2;
    if (!parse_hex4 (c, &low) || low < 0xdc00 || low > 0xdfff)
      return FALSE;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (code == 0 || !g_unichar_validate (code))
    return FALSE;
  g_string_append_unichar (out, code);
  return TRUE;
}

static gboolean
parse_escape (Cursor *c, GString *out)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *which;

  if (c->p == c->end)
    return FALSE;
  if (*c->p == 'u') {
    c->p++;
    return parse_unicode_escape (c, out);
  }
  which = memchr (from, *c->p, strlen (from));
  if (which == NULL)
    return FALSE;
  g_string_append_c (out, to[which - from]);
  c->p++;
  return TRUE;
}

/* Parses a string. Returns NULL on error. (transfer full) */
static char *
parse_string (Cursor *c, GError **error)
{
  g_autoptr (GString) out = NULL;

  if (!expect (c, '"', error))
    return NULL;
  out = g_string_new (NULL);
  while (c->p < c->end && *c->p != '"') {
    if ((guchar)*c->p < ' ') {
      syntax_error (c, error, "no control character in a string");
      return NULL;
    }
    if (*c->p != '\\') {
      g_string_append_c (out, *c->p++);
      continue;
    }
    c->p++;
    if (!parse_escape (c, out)) {
      syntax_error (c, error, "a JSON escape");
      return NULL;
    }
  }
  if (!expect (c, '"', error))
    return NULL;
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Parses a non-negative integer that fits a gint64. */
static gboolean
parse_count (Cursor *c, guint64 *value, GError **error)
{
  const char *first;

  skip_space (c);
  first = c->p;
  *value = 0;
  while (c->p < c->end && g_ascii_isdigit (*c->p)) {
    if (!g_uint64_checked_mul (value, *value, 10)
        || !g_uint64_checked_add (value, *value, (guint64)(*c->p - '0'))
        || *value > G_MAXINT64)
      return syntax_error (c, error, "a number below 2^63");
    c->p++;
  }
  return c->p > first || syntax_error (c, error, "a whole number");
}

/* Parses an array of at most @max non-negative integers. */
static gboolean
parse_counts (Cursor *c, guint64 *values, guint max, guint *n, GError **error)
{
  *n = 0;
  if (!expect (c, '[', error))
    return FALSE;
  if (accept_token (c, ']'))
    return TRUE;
  do {
    if (*n == max)
      return ccs_format_error (error, "more than %u numbers in a list", max);
    if (!parse_count (c, &values[(*n)++], error))
      return FALSE;
  } while (accept_token (c, ','));
  return expect (c, ']', error);
}

/* -- what the header says -- */

static gboolean
parse_dtype (Cursor *c, CcsDType *dtype, GError **error)
{
  g_autofree char *text = parse_string (c, error);
  g_autofree char *shown = NULL;

  if (text == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (dtype_names); i++)
    if (g_str_equal (text, dtype_names[i])) {
      *dtype = (CcsDType)i;
      return TRUE;
    }
  shown = ccs_printable (text, strlen (text));
  return ccs_format_error (error, "type '%s' is not supported", shown);
}

enum
{
  FIELD_DTYPE = 1 << 0,
  FIELD_SHAPE = 1 << 1,
  FIELD_OFFSETS = 1 << 2,
  FIELD_ALL = FIELD_DTYPE | FIELD_SHAPE | FIELD_OFFSETS,
};

static gboolean
parse_field (Cursor *c, Entry *entry, guint *seen, GError **error)
{
  g_autofree char *key = parse_string (c, error);
  guint64 counts[CCS_MAX_RANK];
  guint field, n;

  if (key == NULL || !expect (c, ':', error))
    return FALSE;
  field = g_str_equal (key, "dtype")          ? FIELD_DTYPE
          : g_str_equal (key, "shape")        ? FIELD_SHAPE
          : g_str_equal (key, "data_offsets") ? FIELD_OFFSETS
                                              : 0;
  if (field == 0 || (*seen & field) != 0) {
    g_autofree char *shown = ccs_printable (key, strlen (key));

    return ccs_format_error (error, "key '%s' is %s", shown,
                             field == 0 ? "unknown" : "there more than once");
  }
  *seen |= field;
  if (field == FIELD_DTYPE)
    return parse_dtype (c, &entry->dtype, error);
  if (!parse_counts (c, counts, CCS_MAX_RANK, &n, error))
    return FALSE;
  if (field == FIELD_SHAPE) {
    entry->shape.rank = n;
    for (guint i = 0; i < n; i++)
      entry->shape.dim[i] = (gint64)counts[i];
    return TRUE;
  }
  if (n != 2)
    return ccs_format_error (error, "data_offsets holds %u numbers, not 2", n);
  entry->begin = counts[0];
  entry->end = counts[1];
  return TRUE;
}

/* Checks an entry's begin and end against its type and shape and the size of
 * the data. */
static gboolean
check_extent (const Entry *entry, gsize data_size, GError **error)
{
  g_autofree char *shape = ccs_shape_to_string (&entry->shape);
  gsize size;

  if (entry->begin > entry->end || entry->end > data_size)
    return ccs_format_error (
        error,
        "data_offsets [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
        "] are not inside the %" G_GSIZE_FORMAT " bytes of data",
        entry->begin, entry->end, data_size);
  if (!ccs_checked_size (&entry->shape, entry->dtype, &size))
    return ccs_format_error (error, "shape %s is too large", shape);
  if (entry->end - entry->begin != size)
    return ccs_format_error (error,
                             "shape %s of %s needs %" G_GSIZE_FORMAT
                             " bytes, data_offsets give %" G_GUINT64_FORMAT,
                             shape, ccs_dtype_name (entry->dtype), size,
                             entry->end - entry->begin);
  return TRUE;
}

static gboolean
parse_entry (Cursor *c, Entry *entry, gsize data_size, GError **error)
{
  guint seen = 0;

  if (!expect (c, '{', error))
    return FALSE;
  do {
    if (!parse_field (c, entry, &seen, error))
      return FALSE;
  } while (accept_token (c, ','));
  if (!expect (c, '}', error))
    return FALSE;
  if (seen != FIELD_ALL)
    return ccs_format_error (error,
                             "one of dtype, shape and data_offsets is missing");
  return check_extent (entry, data_size, error);
}

static gboolean
check_count (guint before, const char *what, GError **error)
{
  return before < CCS_SAFETENSORS_MAX_MEMBERS
         || ccs_format_error (error, "more than %u %s",
                              CCS_SAFETENSORS_MAX_MEMBERS, what);
}

static gboolean
parse_metadata (Cursor *c, GHashTable *metadata, GError **error)
{
  if (!expect (c, '{', error))
    return FALSE;
  if (accept_token (c, '}'))
    return TRUE;
  do {
    g_autofree char *key = parse_string (c, error);
    g_autofree char *value = NULL;

    if (key == NULL || !expect (c, ':', error)
        || !check_count (g_hash_table_size (metadata), "entries of metadata",
                         error))
      return FALSE;
    value = parse_string (c, error);
    if (value == NULL)
      return FALSE;
    if (g_hash_table_contains (metadata, key)) {
      g_autofree char *shown = ccs_printable (key, strlen (key));

      return ccs_format_error (error, "metadata '%s': there more than once",
                               shown);
    }
    g_hash_table_insert (metadata, g_steal_pointer (&key),
                         g_steal_pointer (&value));
  } while (accept_token (c, ','));
  return expect (c, '}', error);
}

static gboolean
parse_member (Cursor *c, GArray *entries, GHashTable *metadata, gsize data_size,
              GError **error)
{
  g_autofree char *name = parse_string (c, error);
  g_autofree char *shown = NULL;
  Entry entry = { 0 };

  if (name == NULL || !expect (c, ':', error))
    return FALSE;
  if (g_str_equal (name, CCS_SAFETENSORS_METADATA))
    return parse_metadata (c, metadata, error);
  if (!check_count (entries->len, "tensors", error))
    return FALSE;
  if (!parse_entry (c, &entry, data_size, error)) {
    shown = ccs_printable (name, strlen (name));
    g_prefix_error (error, "tensor '%s': ", shown);
    return FALSE;
  }
  entry.name = g_steal_pointer (&name);
  g_array_append_val (entries, entry);
  return TRUE;
}

static gboolean
parse_header (Cursor *c, GArray *entries, GHashTable *metadata, gsize data_size,
              GError **error)
{
  const char *invalid;

  if (!g_utf8_validate_len (c->start, (gsize)(c->end - c->start), &invalid)) {
    c->p = invalid;
    return syntax_error (c, error, "UTF-8 without NUL");
  }
  if (!expect (c, '{', error))
    return FALSE;
  if (!accept_token (c, '}')) {
    do {
      if (!parse_member (c, entries, metadata, data_size, error))
        return FALSE;
    } while (accept_token (c, ','));
    if (!expect (c, '}', error))
      return FALSE;
  }
  skip_space (c);
  return c->p == c->end
         || syntax_error (c, error, "nothing but spaces after the last '}'");
}

/* -- the data -- */

static gint
compare_extents (gconstpointer a, gconstpointer b)
{
  const Entry *x = *(const Entry *const *)a, *y = *(const Entry *const *)b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Checks that the tensors cover the data exactly once. */
static gboolean
check_tiling (GArray *entries, gsize data_size, GError **error)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (entries->len);
  guint64 covered = 0;

  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (sorted, &g_array_index (entries, Entry, i));
  g_ptr_array_sort (sorted, compare_extents);
  for (guint i = 0; i < sorted->len; i++) {
    const Entry *entry = sorted->pdata[i];
    g_autofree char *shown = NULL;

    if (entry->begin != covered) {
      shown = ccs_printable (entry->name, strlen (entry->name));
      return ccs_format_error (
          error,
          "tensor '%s': its data begins at byte %" G_GUINT64_FORMAT
          ", which %s the tensor before it, ending at %" G_GUINT64_FORMAT,
          shown, entry->begin,
          entry->begin < covered ? "overlaps" : "leaves a hole after", covered);
    }
    covered = entry->end;
  }
  if (covered != data_size)
    return ccs_format_error (
        error, "%" G_GSIZE_FORMAT " bytes at the end belong to no tensor",
        data_size - (gsize)covered);
  return TRUE;
}

/* Makes a tensor that refers to @bytes if the data is aligned, else to a copy.
 */
static CcsTensor *
make_tensor (const Entry *entry, GBytes *bytes, gsize data_start,
             GError **error)
{
  const guint8 *file = g_bytes_get_data (bytes, NULL);
  gsize at = data_start + (gsize)entry->begin;
  gsize size = (gsize)(entry->end - entry->begin);
  gpointer copy;

  if (ccs_is_aligned (file + at, entry->dtype))
    return ccs_tensor_new (entry->dtype, &entry->shape, bytes, at);
  copy = ccs_try_alloc (size, 1, error);
  return copy ? ccs_tensor_new_take (entry->dtype, &entry->shape,
                                     memcpy (copy, file + at, size))
              : NULL;
}

gboolean
ccs_safetensors_read (CcsCheckpoint *self, GBytes *bytes, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  gsize size, data_start;
  const char *file = g_bytes_get_data (bytes, &size);
  guint64 header = ccs_read_le64 ((const guint8 *)file);
  Cursor c;

  g_array_set_clear_func (entries, entry_clear);
  if (header > CCS_SAFETENSORS_MAX_HEADER)
    return ccs_format_error (
        error, "header of %" G_GUINT64_FORMAT " bytes; at most %d are allowed",
        header, CCS_SAFETENSORS_MAX_HEADER);
  if (header > size - CCS_SAFETENSORS_LENGTH_SIZE)
    return ccs_format_error (
        error,
        "truncated: the header should have %" G_GUINT64_FORMAT
        " bytes, only %" G_GSIZE_FORMAT " follow",
        header, size - CCS_SAFETENSORS_LENGTH_SIZE);
  data_start = CCS_SAFETENSORS_LENGTH_SIZE + (gsize)header;
  c.start = c.p = file + CCS_SAFETENSORS_LENGTH_SIZE;
  c.end = file + data_start;
  if (!parse_header (&c, entries, self->metadata, size - data_start, error)
      || !check_tiling (entries, size - data_start, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index (entries, Entry, i);

    CcsTensor *tensor = make_tensor (entry, bytes, data_start, error);

    if (tensor == NULL
        || !ccs_checkpoint_add (self, entry->name, tensor, error))
      return FALSE;
  }
  return TRUE;
}
