/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes tensors from an unpickled state_dict. Shared by the zip format and the
 * older format of .pth. */
#pragma once

#include "checkpoint-private.h"
#include "pickle.h"

G_BEGIN_DECLS

/* The bytes of a storage, at @offset in @owner, aligned for every type. */
typedef struct
{
  GBytes *owner;
  gsize offset;
} CcsPthBytes;

/* Returns the bytes of a storage after checking their size, or NULL on error.
 * (transfer none) */
typedef const CcsPthBytes *(*CcsPthFind) (gpointer reader,
                                          const CcsPickleStorage *storage,
                                          GError **error);

/* Adds the tensors of @root to self->tensors. @file_size bounds the size of
 * copies of tensors that are not contiguous. */
gboolean ccs_pth_collect (CcsCheckpoint *self, const CcsPickleValue *root,
                          CcsPthFind find, gpointer reader, gsize file_size,
                          GError **error);

/* Computes the size of @storage in bytes. Returns FALSE if its type is not
 * supported or the size overflows. */
gboolean ccs_pth_storage_size (const CcsPickleStorage *storage, gsize *size,
                               GError **error);
/* Returns @size bytes of @file at @offset: in place if they are aligned, else a
 * copy. (transfer full) */
CcsPthBytes *ccs_pth_place (GBytes *file, gsize offset, gsize size,
                            GError **error);
void ccs_pth_bytes_free (CcsPthBytes *bytes);

G_END_DECLS
