/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads PNG and JPEG files as 8-bit RGB, with the same pixels as Pillow's
 * open().convert("RGB") for 8-bit files: alpha is dropped, grey is expanded,
 * gamma and orientation are ignored. Images larger than
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

/* Reads an image; detects its kind from the content. CCS_ERROR_IO or
 * CCS_ERROR_FORMAT, also for a damaged or truncated image, name @path.
 * (transfer full) */
CcsPicture *ccs_picture_load (const char *path, GError **error);
/* Reads an image from memory. Messages name it @label. */
CcsPicture *ccs_picture_parse (gconstpointer data, gsize size,
                               const char *label, GError **error);
void ccs_picture_free (CcsPicture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsPicture, ccs_picture_free)

G_END_DECLS
