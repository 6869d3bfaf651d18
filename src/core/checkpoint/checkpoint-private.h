/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers of the different file kinds share: little-endian fields,
 * error messages that are safe to print, and the checks of sizes that every
 * format needs. Readers leave the file's name to ccs_checkpoint_parse(). */
#pragma once

#include "checkpoint.h"

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

/* @text as it can stand in a message: valid UTF-8, no control characters, cut
 * when long. (transfer full) */
char *ccs_printable (const char *text, gsize length);

/* The bytes of @shape's elements; FALSE when that, or any product on the way
 * to it, does not fit into a gint64, or a dimension is negative. */
gboolean ccs_checked_size (const CcsShape *shape, CcsDType dtype, gsize *size);

gboolean ccs_is_aligned (gconstpointer data, CcsDType dtype);

/* Inserts @tensor (taken) under @name less its "module." prefixes. */
gboolean ccs_checkpoint_add (CcsCheckpoint *self, const char *name,
                             CcsTensor *tensor, GError **error);

/* The readers: each fills self->tensors (and metadata) from @bytes. */
gboolean ccs_safetensors_read (CcsCheckpoint *self, GBytes *bytes,
                               GError **error);
gboolean ccs_pth_zip_read (CcsCheckpoint *self, GBytes *bytes, GError **error);
gboolean ccs_pth_legacy_read (CcsCheckpoint *self, GBytes *bytes,
                              GError **error);

/* The storage type's name in a safetensors header. */
const char *ccs_safetensors_dtype_name (CcsDType dtype);
/* Reserved for the metadata: no tensor may bear it. */
#define CCS_SAFETENSORS_METADATA "__metadata__"
/* The header's own length field. */
#define CCS_SAFETENSORS_LENGTH_SIZE 8
#define CCS_SAFETENSORS_MAX_HEADER 100000000
/* Largest file that is read: each byte costs one of memory. The state of a
 * training run with ResNet-50, the largest that this project writes, has
 * 0.7 GB. */
#define CCS_CHECKPOINT_MAX_SIZE (G_GUINT64_CONSTANT (4) << 30)
/* Most tensors, and most entries of the metadata: each costs several times its
 * place in the header. A model with ResNet-50 has 451 tensors. */
#define CCS_SAFETENSORS_MAX_MEMBERS (1u << 16)

G_END_DECLS
