/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes safetensors. The output depends only on the tensors and the metadata.
 */
#include "checkpoint-private.h"

/* The data starts at a multiple of this, so that tensors are aligned when the
 * file is in memory. */
#define DATA_ALIGNMENT 64

static CcsDType
stored_dtype (const CcsTensor *tensor, CcsDType storage)
{
  return ccs_dtype_is_floating (tensor->dtype) ? storage : tensor->dtype;
}

/* -- order of the data -- */

/* Returns the order of the data: wide elements first, so that all tensors are
 * aligned without gaps, which the format forbids; otherwise as in @tensors.
 * (element-type guint) */
static GArray *
data_order (const CcsStateDict *tensors, CcsDType storage)
{
  GArray *order = g_array_new (FALSE, FALSE, sizeof (guint));

  for (gsize width = sizeof (gint64); width > 0; width /= 2)
    for (guint i = 0; i < ccs_state_dict_size (tensors); i++)
      if (ccs_dtype_size (
              stored_dtype (ccs_state_dict_tensor (tensors, i), storage))
          == width)
        g_array_append_val (order, i);
  return order;
}

/* -- header -- */

static void
append_json_string (GString *json, const char *text)
{
  g_string_append_c (json, '"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_c (json, '\\');
    if ((guchar)*text < ' ')
      g_string_append_printf (json, "\\u%04x", (guint)*text);
    else
      g_string_append_c (json, *text);
  }
  g_string_append_c (json, '"');
}

static void
append_metadata (GString *json, GHashTable *metadata)
{
  g_autoptr (GList) keys = g_hash_table_get_keys (metadata);

  keys = g_list_sort (keys, (GCompareFunc)strcmp);
  append_json_string (json, CCS_SAFETENSORS_METADATA);
  g_string_append (json, ":{");
  for (GList *l = keys; l != NULL; l = l->next) {
    append_json_string (json, l->data);
    g_string_append_c (json, ':');
    append_json_string (json, g_hash_table_lookup (metadata, l->data));
    if (l->next != NULL)
      g_string_append_c (json, ',');
  }
  g_string_append_c (json, '}');
}

static void
append_entry (GString *json, const char *name, const CcsTensor *tensor,
              CcsDType dtype, guint64 begin)
{
  guint64 size
      = (guint64)ccs_shape_elements (&tensor->shape) * ccs_dtype_size (dtype);

  append_json_string (json, name);
  g_string_append_printf (json, ":{\"dtype\":\"%s\",\"shape\":[",
                          ccs_safetensors_dtype_name (dtype));
  for (guint i = 0; i < tensor->shape.rank; i++)
    g_string_append_printf (json, "%s%" G_GINT64_FORMAT, i == 0 ? "" : ",",
                            tensor->shape.dim[i]);
  g_string_append_printf (
      json, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}",
      begin, begin + size);
}

/* Builds the length field and the header. Entries have the order of @tensors,
 * not of the data. */
static GString *
build_header (const CcsStateDict *tensors, GHashTable *metadata,
              CcsDType storage, GArray *order)
{
  guint n = ccs_state_dict_size (tensors);
  g_autofree guint64 *begin = g_new (guint64, n);
  GString *header = g_string_new ("12345678{");
  guint64 at = 0, length;

  for (guint i = 0; i < n; i++) {
    guint index = g_array_index (order, guint, i);
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, index);

    begin[index] = at;
    at += (guint64)ccs_shape_elements (&tensor->shape)
          * ccs_dtype_size (stored_dtype (tensor, storage));
  }
  if (metadata != NULL && g_hash_table_size (metadata) > 0)
    append_metadata (header, metadata);
  for (guint i = 0; i < n; i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);

    if (header->str[header->len - 1] != '{')
      g_string_append_c (header, ',');
    append_entry (header, ccs_state_dict_name (tensors, i), tensor,
                  stored_dtype (tensor, storage), begin[i]);
  }
  g_string_append_c (header, '}');
  while (header->len % DATA_ALIGNMENT != 0)
    g_string_append_c (header, ' ');
  length = GUINT64_TO_LE (header->len - CCS_SAFETENSORS_LENGTH_SIZE);
  memcpy (header->str, &length, CCS_SAFETENSORS_LENGTH_SIZE);
  return header;
}

/* -- what can be written at all -- */

static gboolean
refuse (GError **error, const char *reason, const char *text)
{
  g_autofree char *shown = ccs_printable (text, strlen (text));

  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT, "%s: '%s'", reason, shown);
  return FALSE;
}

static gboolean
check_arguments (const CcsStateDict *tensors, GHashTable *metadata,
                 CcsDType storage, GError **error)
{
  GHashTableIter iter;
  gpointer key, value;

  if (storage != CCS_F32 && storage != CCS_F16 && storage != CCS_BF16)
    return refuse (error, "cannot store parameters as",
                   ccs_dtype_name (storage));
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const char *name = ccs_state_dict_name (tensors, i);

    if (g_str_equal (name, CCS_SAFETENSORS_METADATA)
        || !g_utf8_validate (name, -1, NULL))
      return refuse (error, "a tensor cannot be called", name);
  }
  if (metadata == NULL)
    return TRUE;
  g_hash_table_iter_init (&iter, metadata);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!g_utf8_validate (key, -1, NULL) || !g_utf8_validate (value, -1, NULL))
      return refuse (error, "metadata is not UTF-8", key);
  return TRUE;
}

/* -- file -- */

static gboolean
write_tensor (CcsOutputFile *file, const char *path, const char *name,
              CcsTensor *tensor, CcsDType storage, GError **error)
{
  CcsDType dtype = stored_dtype (tensor, storage);
  g_autoptr (CcsTensor) stored = ccs_tensor_try_convert (tensor, dtype, error);

  if (stored == NULL) {
    g_prefix_error (error, "%s: tensor '%s': ", path, name);
    return FALSE;
  }
  if (ccs_tensor_is_finite (tensor) && !ccs_tensor_is_finite (stored)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s: tensor '%s': has values too large for %s", path, name,
                 ccs_dtype_name (dtype));
    return FALSE;
  }
  return ccs_output_file_write (file, stored->data, ccs_tensor_size (stored),
                                error);
}

static gboolean
write_content (CcsOutputFile *file, const char *path,
               const CcsStateDict *tensors, GHashTable *metadata,
               CcsDType storage, GError **error)
{
  g_autoptr (GArray) order = data_order (tensors, storage);
  GString *header = build_header (tensors, metadata, storage, order);
  gboolean ok = ccs_output_file_write (file, header->str, header->len, error);

  g_string_free (header, TRUE);
  for (guint i = 0; ok && i < order->len; i++) {
    guint index = g_array_index (order, guint, i);

    ok = write_tensor (file, path, ccs_state_dict_name (tensors, index),
                       ccs_state_dict_tensor (tensors, index), storage, error);
  }
  return ok;
}

gboolean
ccs_checkpoint_save (const char *path, const CcsStateDict *tensors,
                     GHashTable *metadata, CcsDType storage,
                     CcsOutputFlags flags, GError **error)
{
  g_autoptr (CcsOutputFile) file = NULL;

  if (!check_arguments (tensors, metadata, storage, error)) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  file = ccs_output_file_new (path, flags, error);
  return file && write_content (file, path, tensors, metadata, storage, error)
         && ccs_output_file_commit (file, error);
}
