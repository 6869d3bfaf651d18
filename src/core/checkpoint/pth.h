/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an unpickled state_dict to tensors: the part that the zip form and the
 * older form of .pth have in common. */
#pragma once

#include "checkpoint-private.h"
#include "pickle.h"

G_BEGIN_DECLS

/* A storage's bytes: from @offset on in @owner, aligned for every type. */
typedef struct
{
  GBytes *owner;
  gsize offset;
} CcsPthBytes;

/* The bytes of a storage, checked to be as many as its elements need; NULL on
 * error. (transfer none) */
typedef const CcsPthBytes *(*CcsPthFind) (gpointer reader,
                                          const CcsPickleStorage *storage,
                                          GError **error);

/* Puts the tensors of @root into self->tensors. @file_size bounds what tensors
 * that are not contiguous may take as copies. */
gboolean ccs_pth_collect (CcsCheckpoint *self, const CcsPickleValue *root,
                          CcsPthFind find, gpointer reader, gsize file_size,
                          GError **error);

/* The bytes that @storage's elements take, whole; FALSE when its type is not
 * supported or the count overflows. */
gboolean ccs_pth_storage_size (const CcsPickleStorage *storage, gsize *size,
                               GError **error);
/* @size bytes of @file from @offset on: in place when aligned, else a copy.
 * (transfer full) */
CcsPthBytes *ccs_pth_place (GBytes *file, gsize offset, gsize size);
void ccs_pth_bytes_free (CcsPthBytes *bytes);

G_END_DECLS
