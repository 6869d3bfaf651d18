/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of all readers: little-endian fields, error messages that are safe to
 * print, and checks of sizes. Readers do not add the file's name to messages;
 * ccs_checkpoint_parse() does. */
#pragma once

#include "checkpoint.h"

#include "../memory.h"

#include <ccstereo/error.h>
#include <string.h>

G_BEGIN_DECLS

static inline guint16
ccs_read_le16 (const guint8 *p)
{
  return (guint16)(p[0] | p[1] << 8);
}

static inline guint32
ccs_read_le32 (const guint8 *p)
{
  return ccs_read_le16 (p) | (guint32)ccs_read_le16 (p + 2) << 16;
}

static inline guint64
ccs_read_le64 (const guint8 *p)
{
  return ccs_read_le32 (p) | (guint64)ccs_read_le32 (p + 4) << 32;
}

/* Sets CCS_ERROR_FORMAT and returns FALSE. */
gboolean ccs_format_error (GError **error, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

/* Converts @text for a message: valid UTF-8 without control characters,
 * shortened if it is long. (transfer full) */
char *ccs_printable (const char *text, gsize length);

/* Computes the size of a tensor in bytes. Returns FALSE if a dimension is
 * negative or a product overflows a gint64. */
gboolean ccs_checked_size (const CcsShape *shape, CcsDType dtype, gsize *size);

gboolean ccs_is_aligned (gconstpointer data, CcsDType dtype);

/* Adds @tensor (transfer full) under @name without its "module." prefixes. */
gboolean ccs_checkpoint_add (CcsCheckpoint *self, const char *name,
                             CcsTensor *tensor, GError **error);

/* The readers. Each fills self->tensors, and the metadata, from @bytes. */
gboolean ccs_safetensors_read (CcsCheckpoint *self, GBytes *bytes,
                               GError **error);
gboolean ccs_pth_zip_read (CcsCheckpoint *self, GBytes *bytes, GError **error);
gboolean ccs_pth_legacy_read (CcsCheckpoint *self, GBytes *bytes,
                              GError **error);

/* Returns the name of a type in safetensors headers. */
const char *ccs_safetensors_dtype_name (CcsDType dtype);
/* Key of the metadata; no tensor may have this name. */
#define CCS_SAFETENSORS_METADATA "__metadata__"
/* Size of the field that has the header's length. */
#define CCS_SAFETENSORS_LENGTH_SIZE 8
#define CCS_SAFETENSORS_MAX_HEADER 100000000
/* Largest file that is read: each byte costs one of memory. The state of a
 * training run with ResNet-50, the largest that this project writes, has
 * 0.7 GB. */
#define CCS_CHECKPOINT_MAX_SIZE (G_GUINT64_CONSTANT (4) << 30)
/* Largest number of tensors, and of metadata entries: each needs several times
 * its size in the header. A model with ResNet-50 has 451 tensors. */
#define CCS_SAFETENSORS_MAX_MEMBERS (1u << 16)

G_END_DECLS
