/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens a parameter file, detects its kind from the content and calls the
 * reader of that kind. Adds the file's name to error messages. Also has the
 * helpers that all readers share. */
#include "checkpoint-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRINTABLE_MAX 120
#define DATA_PARALLEL_PREFIX "module."
/* Bytes of a file that are needed to detect its kind. */
#define HEAD_SIZE 512
/* Tensors aligned in the file (the data of safetensors starts at a multiple of
 * it) are so in memory. */
#define COPY_ALIGNMENT 64

gboolean
ccs_format_error (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CCS_ERROR, CCS_ERROR_FORMAT, message);
  return FALSE;
}

char *
ccs_printable (const char *text, gsize length)
{
  gboolean cut = length > PRINTABLE_MAX;
  g_autofree char *valid
      = g_utf8_make_valid (text, (gssize)MIN (length, PRINTABLE_MAX));

  for (char *p = valid; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = '?';
  return g_strconcat (valid, cut ? "..." : NULL, NULL);
}

gboolean
ccs_checked_size (const CcsShape *shape, CcsDType dtype, gsize *size)
{
  guint64 product = ccs_dtype_size (dtype);
  gboolean empty = FALSE;

  for (guint i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 0)
      return FALSE;
    empty |= shape->dim[i] == 0;
    if (!g_uint64_checked_mul (&product, product,
                               (guint64)MAX (shape->dim[i], 1))
        || product > G_MAXINT64)
      return FALSE;
  }
  *size = empty ? 0 : product;
  return TRUE;
}

gboolean
ccs_is_aligned (gconstpointer data, CcsDType dtype)
{
  return (guintptr)data % ccs_dtype_size (dtype) == 0;
}

gboolean
ccs_checkpoint_add (CcsCheckpoint *self, const char *name, CcsTensor *tensor,
                    GError **error)
{
  g_autofree char *shown = NULL;

  while (g_str_has_prefix (name, DATA_PARALLEL_PREFIX))
    name += strlen (DATA_PARALLEL_PREFIX);
  if (ccs_state_dict_insert (self->tensors, name, tensor))
    return TRUE;
  shown = ccs_printable (name, strlen (name));
  return ccs_format_error (error, "tensor '%s': there more than once", shown);
}

/* -- kinds -- */

const char *
ccs_file_kind_name (CcsFileKind kind)
{
  switch (kind) {
  case CCS_FILE_SAFETENSORS:
    return "safetensors";
  case CCS_FILE_PTH_ZIP:
    return "PyTorch, zip form";
  case CCS_FILE_PTH_LEGACY:
    return "PyTorch, form before zip";
  }
  g_return_val_if_reached ("?");
}

/* Checks for the brace of safetensors first, because its length field may begin
 * with any bytes. */
static gboolean
detect_kind (const guint8 *data, gsize size, CcsFileKind *kind, GError **error)
{
  static const guint8 zip_magic[] = { 'P', 'K', 3, 4 };
  static const guint8 pickle_protocol = 0x80;
  static const guint tar_magic_at = 257;

  if (size > CCS_SAFETENSORS_LENGTH_SIZE
      && data[CCS_SAFETENSORS_LENGTH_SIZE] == '{')
    *kind = CCS_FILE_SAFETENSORS;
  else if (size >= sizeof zip_magic
           && memcmp (data, zip_magic, sizeof zip_magic) == 0)
    *kind = CCS_FILE_PTH_ZIP;
  else if (size >= 2 && data[0] == pickle_protocol)
    *kind = CCS_FILE_PTH_LEGACY;
  else if (size > tar_magic_at + 5
           && memcmp (data + tar_magic_at, "ustar", 5) == 0)
    return ccs_format_error (
        error,
        "a tar archive (PyTorch before 0.1.10); save it again with a newer "
        "PyTorch");
  else if (size == 0)
    return ccs_format_error (error, "the file is empty");
  else
    return ccs_format_error (error,
                             "neither safetensors nor a file of torch.save()");
  return TRUE;
}

static gboolean
read_kind (CcsCheckpoint *self, GBytes *bytes, GError **error)
{
  switch (self->kind) {
  case CCS_FILE_SAFETENSORS:
    return ccs_safetensors_read (self, bytes, error);
  case CCS_FILE_PTH_ZIP:
    return ccs_pth_zip_read (self, bytes, error);
  case CCS_FILE_PTH_LEGACY:
    return ccs_pth_legacy_read (self, bytes, error);
  }
  g_return_val_if_reached (FALSE);
}

CcsCheckpoint *
ccs_checkpoint_parse (GBytes *bytes, const char *label, GError **error)
{
  g_autoptr (CcsCheckpoint) self = g_new0 (CcsCheckpoint, 1);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  g_atomic_ref_count_init (&self->ref_count);
  self->tensors = ccs_state_dict_new ();
  self->metadata
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!detect_kind (data, size, &self->kind, error)
      || !read_kind (self, bytes, error)) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  return g_steal_pointer (&self);
}

/* -- the file -- */

static gboolean
io_error (GError **error, const char *path, const char *reason)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be read: %s", path,
               reason);
  return FALSE;
}

/* Reads @size bytes from @at on; a file that has become shorter is an error. */
static gboolean
read_range (int fd, guint8 *data, gsize at, gsize size, const char *path,
            GError **error)
{
  while (size > 0) {
    gssize n = pread (fd, data, MIN (size, G_MAXINT), (off_t)at);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return io_error (error, path, g_strerror (errno));
    if (n == 0)
      return io_error (error, path, "it was truncated meanwhile");
    data += n;
    at += (gsize)n;
    size -= (gsize)n;
  }
  return TRUE;
}

/* Checks the type, the size and the first bytes of the opened file, so that no
 * memory is taken for a file that is not a model. */
static gboolean
check_file (int fd, const char *path, gsize *size, GError **error)
{
  guint8 head[HEAD_SIZE];
  CcsFileKind kind;
  struct stat about;

  if (fstat (fd, &about) != 0)
    return io_error (error, path, g_strerror (errno));
  if (!S_ISREG (about.st_mode)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: not a regular file",
                 path);
    return FALSE;
  }
  *size = (gsize)about.st_size;
  if (!read_range (fd, head, 0, MIN (*size, sizeof head), path, error))
    return FALSE;
  if (!detect_kind (head, MIN (*size, sizeof head), &kind, error)) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  if (*size > CCS_CHECKPOINT_MAX_SIZE) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: has %" G_GSIZE_FORMAT " bytes; at most %" G_GUINT64_FORMAT
                 " are read",
                 path, *size, CCS_CHECKPOINT_MAX_SIZE);
    return FALSE;
  }
  return TRUE;
}

/* Copies the whole file. (transfer full) */
static GBytes *
copy_file (int fd, const char *path, GError **error)
{
  gpointer data;
  gsize size;

  if (!check_file (fd, path, &size, error))
    return NULL;
  if (posix_memalign (&data, COPY_ALIGNMENT, size) != 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "%s: no memory for its %" G_GSIZE_FORMAT " bytes", path, size);
    return NULL;
  }
  if (!read_range (fd, data, 0, size, path, error)) {
    free (data);
    return NULL;
  }
  return g_bytes_new_with_free_func (data, size, free, data);
}

/* A mapping would be cheaper, but whoever truncates or overwrites the file
 * would end the process with SIGBUS or change the weights in use. */
CcsCheckpoint *
ccs_checkpoint_load (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  /* O_NONBLOCK: opening a pipe without a writer must not block */
  int fd = g_open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);

  if (fd < 0) {
    io_error (error, path, g_strerror (errno));
    return NULL;
  }
  bytes = copy_file (fd, path, error);
  g_close (fd, NULL);
  return bytes == NULL ? NULL : ccs_checkpoint_parse (bytes, path, error);
}

CcsCheckpoint *
ccs_checkpoint_ref (CcsCheckpoint *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
ccs_checkpoint_unref (CcsCheckpoint *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  ccs_state_dict_unref (self->tensors);
  g_hash_table_unref (self->metadata);
  g_free (self);
}

CcsFileKind
ccs_checkpoint_kind (const CcsCheckpoint *self)
{
  return self->kind;
}

const char *
ccs_checkpoint_metadata (const CcsCheckpoint *self, const char *key)
{
  return g_hash_table_lookup (self->metadata, key);
}
