/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes .pth files for tests: zip archives, with faults if requested, pickles
 * as PyTorch writes them, and both formats of torch.save(). */
#pragma once

#include <ccstereo/ccstereo.h>

#include "nn/tensor.h"

G_BEGIN_DECLS

/* -- pickles; all append to @pickle -------------------------------------- */
void pickle_begin (GByteArray *pickle);                /* protocol 2 */
void pickle_ops (GByteArray *pickle, const char *ops); /* bytes without NUL */
void pickle_text (GByteArray *pickle, const char *text);
void pickle_int (GByteArray *pickle, gint64 value);
/* Appends a call of _rebuild_tensor_v2. @strides: NULL for contiguous.
 * @legacy: the storage has a field for a view, with the value None. */
void pickle_tensor (GByteArray *pickle, const char *storage_type,
                    const char *key, gint64 storage_elements, gint64 offset,
                    const CcsShape *shape, const gint64 *strides,
                    gboolean legacy);
/* Returns the pickle of {"state_dict": OrderedDict of @tensors}. Storage keys
 * are "0", "1" ... in order. (transfer full) */
GByteArray *pickle_state_dict (const CcsStateDict *tensors, gboolean legacy);

/* The content of pth_four and a pickle of {"a": tensor}, where the tensor
 * has these four floats in storage "0". (transfer full) */
extern const float pth_four[4];
GByteArray *pickle_one_tensor (void);

/* -- zip ----------------------------------------------------------------- */
typedef struct _ZipWriter ZipWriter;

ZipWriter *zip_writer_new (void);
/* Adds an uncompressed entry with checksum @crc; its content is aligned to 64
 * bytes. */
void zip_writer_add (ZipWriter *self, const char *name, gconstpointer data,
                     gsize size, guint32 crc);
/* Ends the archive (with zip64 records if @zip64) and frees @self. Stores the
 * offsets of the central records in @central (nullable) and that of the end
 * record in @end. (transfer full) */
GByteArray *zip_writer_finish (ZipWriter *self, gboolean zip64, GArray *central,
                               gsize *end);

/* -- files --------------------------------------------------------------- */
/* Returns a file as torch.save({"state_dict": ...}) writes it. (transfer full)
 */
GBytes *pth_zip (const CcsStateDict *tensors);
GBytes *pth_legacy (const CcsStateDict *tensors);
/* Returns a file of the older format with the given pickle. @keys becomes
 * the pickled list of storages, and @storages follows it. (transfer full) */
GBytes *pth_legacy_around (const GByteArray *pickle, const char *const *keys,
                           const GByteArray *storages);
/* Appends a storage of the older format: element count and bytes. */
void pth_legacy_storage (GByteArray *storages, gint64 elements,
                         gconstpointer data, gsize size);
/* Fails the running test unless @file is rejected with CCS_ERROR_FORMAT and a
 * message that names it and contains @reason. */
void pth_assert_refused (GBytes *file, const char *reason);

G_END_DECLS
