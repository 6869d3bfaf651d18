/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameter files. */
#pragma once

#include <glib-object.h>

#include <ccstereo/export.h>

G_BEGIN_DECLS

/**
 * CcsFileKind:
 * @CCS_FILE_SAFETENSORS: safetensors, the native format
 * @CCS_FILE_PTH_ZIP: written by torch.save(), zip form
 * @CCS_FILE_PTH_LEGACY: written by torch.save() before PyTorch 1.6
 *
 * Formats of parameter files.
 */
typedef enum
{
  CCS_FILE_SAFETENSORS,
  CCS_FILE_PTH_ZIP,
  CCS_FILE_PTH_LEGACY,
} CcsFileKind;

/**
 * ccs_file_kind_name:
 * @kind: a format
 *
 * Returns the name of @kind for users. Thread-safe.
 *
 * Returns: (transfer none): for example "safetensors"
 */
CCS_API const char *ccs_file_kind_name (CcsFileKind kind);

/**
 * CcsCheckpoint:
 *
 * The content of a parameter file: named tensors and metadata. It is not
 * modified after loading, so that several threads may read it.
 *
 * Files are untrusted input: all sizes are checked against the file before they
 * are used, and a .pth file is read without executing anything in it.
 */
typedef struct _CcsCheckpoint CcsCheckpoint;

/**
 * CCS_TYPE_CHECKPOINT: (skip)
 *
 * The boxed type of #CcsCheckpoint.
 */
#define CCS_TYPE_CHECKPOINT (ccs_checkpoint_get_type ())
CCS_API GType ccs_checkpoint_get_type (void);

/**
 * ccs_checkpoint_load:
 * @path: (type filename): a parameter file
 * @error: return location for a #GError
 *
 * Copies @path into memory and reads it; the format is detected from the
 * content. The file may be modified or truncated afterwards. It must be a
 * regular file of at most 4 GiB. Thread-safe.
 *
 * Errors: %CCS_ERROR_IO if the file cannot be read, %CCS_ERROR_FORMAT if its
 * content is invalid. The message names the file.
 *
 * Returns: (transfer full): the checkpoint, or %NULL on error
 */
CCS_API CcsCheckpoint *ccs_checkpoint_load (const char *path, GError **error);

/**
 * ccs_checkpoint_parse:
 * @bytes: the content of a parameter file
 * @label: names @bytes in error messages
 * @error: return location for a #GError
 *
 * Reads a parameter file from memory. The checkpoint keeps a reference to
 * @bytes. Thread-safe.
 *
 * Errors: %CCS_ERROR_FORMAT if the content is invalid.
 *
 * Returns: (transfer full): the checkpoint, or %NULL on error
 */
CCS_API CcsCheckpoint *ccs_checkpoint_parse (GBytes *bytes, const char *label,
                                             GError **error);

/**
 * ccs_checkpoint_ref:
 * @self: a checkpoint
 *
 * Adds a reference to @self. Thread-safe.
 *
 * Returns: (transfer full): @self
 */
CCS_API CcsCheckpoint *ccs_checkpoint_ref (CcsCheckpoint *self);

/**
 * ccs_checkpoint_unref:
 * @self: (transfer full): a checkpoint
 *
 * Releases a reference to @self. Thread-safe.
 */
CCS_API void ccs_checkpoint_unref (CcsCheckpoint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsCheckpoint, ccs_checkpoint_unref)

/**
 * ccs_checkpoint_kind:
 * @self: a checkpoint
 *
 * Returns the format of the file that @self was read from. Thread-safe.
 *
 * Returns: the format
 */
CCS_API CcsFileKind ccs_checkpoint_kind (const CcsCheckpoint *self);

/**
 * ccs_checkpoint_metadata:
 * @self: a checkpoint
 * @key: a key, for example %CCS_META_RECIPE
 *
 * Looks up an entry of the file's metadata. A .pth file has none. Thread-safe.
 *
 * Returns: (transfer none) (nullable): the entry, or %NULL if it is missing
 */
CCS_API const char *ccs_checkpoint_metadata (const CcsCheckpoint *self,
                                             const char *key);

/**
 * CCS_META_FORMAT:
 *
 * Metadata key: version of the metadata, "1".
 */
#define CCS_META_FORMAT "ccstereo.format"
/**
 * CCS_META_CONFIG:
 *
 * Metadata key: the model's configuration, as ccs_model_describe() writes it.
 */
#define CCS_META_CONFIG "ccstereo.config"
/**
 * CCS_META_RECIPE:
 *
 * Metadata key: how the model was trained.
 */
#define CCS_META_RECIPE "ccstereo.recipe"
/**
 * CCS_META_LICENCE:
 *
 * Metadata key: the licence of the parameters.
 */
#define CCS_META_LICENCE "ccstereo.licence"

G_END_DECLS
