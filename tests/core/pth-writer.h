/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes .pth files for tests: a zip archive with faults on request, pickles in
 * PyTorch's words, and both forms of torch.save() around them. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "nn/tensor.h"

G_BEGIN_DECLS

/* -- pickles; all append to @pickle -------------------------------------- */
void pickle_begin (GByteArray *pickle);                /* protocol 2 */
void pickle_ops (GByteArray *pickle, const char *ops); /* bytes without NUL */
void pickle_text (GByteArray *pickle, const char *text);
void pickle_int (GByteArray *pickle, gint64 value);
/* A call of _rebuild_tensor_v2. @strides NULL: contiguous. @legacy: the
 * storage's description ends with a view, none. */
void pickle_tensor (GByteArray *pickle, const char *storage_type,
                    const char *key, gint64 storage_elements, gint64 offset,
                    const CcsShape *shape, const gint64 *strides,
                    gboolean legacy);
/* {"state_dict": OrderedDict of @tensors}, whole. Storage keys are "0", "1" ..
 * in order. (transfer full) */
GByteArray *pickle_state_dict (const CcsStateDict *tensors, gboolean legacy);

/* Four floats, and {"a": these as the whole of the storage "0"}.
 * (transfer full) */
extern const float pth_four[4];
GByteArray *pickle_one_tensor (void);

/* -- zip ----------------------------------------------------------------- */
typedef struct _ZipWriter ZipWriter;

ZipWriter *zip_writer_new (void);
/* A stored entry, its content at a multiple of 64, its checksum @crc. */
void zip_writer_add (ZipWriter *self, const char *name, gconstpointer data,
                     gsize size, guint32 crc);
/* Ends the archive (with zip64 records when @zip64) and frees @self. The byte
 * offsets of the central records go to @central where that is not NULL, that
 * of the end record to @end. (transfer full) */
GByteArray *zip_writer_finish (ZipWriter *self, gboolean zip64, GArray *central,
                               gsize *end);

/* -- files --------------------------------------------------------------- */
/* As torch.save({"state_dict": ...}) writes it. (transfer full) */
GBytes *pth_zip (const CcsStateDict *tensors);
GBytes *pth_legacy (const CcsStateDict *tensors);
/* The older form around any pickle: @keys are pickled as the storages' list,
 * @storages is what follows it. (transfer full) */
GBytes *pth_legacy_around (const GByteArray *pickle, const char *const *keys,
                           const GByteArray *storages);
/* One storage as the older form has it: its element count and bytes. */
void pth_legacy_storage (GByteArray *storages, gint64 elements,
                         gconstpointer data, gsize size);
/* Fails the running test unless @file is refused with CCS_ERROR_FORMAT and a
 * message that names it and has @reason. */
void pth_assert_refused (GBytes *file, const char *reason);

G_END_DECLS
