/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory of a zip archive with uncompressed entries, as torch.save()
 * writes it. Entries are ranges of the file; nothing is decompressed. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  char *name;
  gsize begin; /* offset of the local header */
  gsize data;  /* of the content */
  gsize size;  /* of the content */
  guint32 crc;
} CcsZipEntry;

typedef struct _CcsZip CcsZip;

/* Reads and checks the directory of @data, which must outlive the result:
 * single disk, uncompressed, not encrypted, unique names, no overlapping
 * entries. CCS_ERROR_FORMAT. (transfer full) */
CcsZip *ccs_zip_open (const guint8 *data, gsize size, GError **error);
void ccs_zip_free (CcsZip *self);
guint ccs_zip_n_entries (const CcsZip *self);
const CcsZipEntry *ccs_zip_entry (const CcsZip *self, guint index);
/* Returns the entry called @name, or NULL. */
const CcsZipEntry *ccs_zip_lookup (const CcsZip *self, const char *name);
/* Compares the content with its checksum. A checksum of zero is not checked,
 * because PyTorch writes it if checksums are disabled. */
gboolean ccs_zip_verify (const CcsZip *self, const CcsZipEntry *entry,
                         GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsZip, ccs_zip_free)

G_END_DECLS
