/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures from PNG and JPEG files as plain 8-bit RGB, the same pixels that
 * Pillow's open().convert("RGB") gives for 8-bit files: alpha is dropped, grey
 * is spread, no gamma or orientation is applied. Larger ones than
 * ccs_frame_size_is_valid() allows are rejected. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CcsPicture:
 * @rgb: height rows of 3 x width bytes, dense
 */
typedef struct
{
  gint width, height;
  guint8 *rgb;
} CcsPicture;

/* The kind is told from the content. CCS_ERROR_IO, CCS_ERROR_FORMAT, naming
 * @path; a damaged or cut-off picture is an error. (transfer full) */
CcsPicture *ccs_picture_load (const char *path, GError **error);
/* The same from memory; @label stands for the file in messages. */
CcsPicture *ccs_picture_parse (gconstpointer data, gsize size,
                               const char *label, GError **error);
void ccs_picture_free (CcsPicture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsPicture, ccs_picture_free)

G_END_DECLS
