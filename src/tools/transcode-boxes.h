/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header of an MP4 or MOV file that libavformat has written: a tree of
 * boxes at the end of the file, which may be changed and may grow. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define TRANSCODE_BOX_HEAD 8  /* bytes: size and type */
#define TRANSCODE_BOX_DEPTH 8 /* largest nesting */

/* -- bytes ---------------------------------------------------------------- */
/* Integers are big-endian; offsets are from the start of the array. */

void transcode_box_put_32 (GByteArray *to, guint32 value);
guint32 transcode_box_get_32 (const GByteArray *in, guint at);
/* Starts a box; transcode_box_end() sets its size. Returns its offset. */
guint transcode_box_begin (GByteArray *to, const char *type);
/* Starts a box with @version and no flags. */
guint transcode_box_begin_full (GByteArray *to, const char *type,
                                guint8 version);
void transcode_box_end (GByteArray *to, guint start);

/* -- a way into the header ------------------------------------------------ */

/**
 * TranscodeBoxes:
 * @at: where boxes begin that hold each other, from the header itself
 * @depth: how many
 */
typedef struct
{
  guint at[TRANSCODE_BOX_DEPTH];
  guint depth;
} TranscodeBoxes;

#define TRANSCODE_BOXES_HEADER ((TranscodeBoxes){ { 0 }, 1 })

/* Return start and end of the content of the innermost box. */
guint transcode_boxes_start (const TranscodeBoxes *self);
guint transcode_boxes_end (const TranscodeBoxes *self,
                           const GByteArray *header);
/* Enters the box at byte @at of the innermost box. Returns FALSE if there is no
 * box. */
gboolean transcode_boxes_enter_at (TranscodeBoxes *self,
                                   const GByteArray *header, guint at);
/* Enters box @n, from 0, with @type in the innermost box. Returns FALSE if it
 * does not exist. */
gboolean transcode_boxes_enter (TranscodeBoxes *self, const GByteArray *header,
                                const char *type, guint n);
/* Replaces @length bytes at @at in the innermost box by @bytes. */
void transcode_boxes_replace (const TranscodeBoxes *self, GByteArray *header,
                              guint at, guint length, const GByteArray *bytes);

/* -- the header in its file ----------------------------------------------- */

/* Returns the header of @path, its box "moov"; NULL if it has none. (transfer
 * full) */
GByteArray *transcode_header_read (const char *path);

/* Changes a header. Returns FALSE if the header is not as expected. */
typedef gboolean (*TranscodeHeaderChange) (GByteArray *header,
                                           gconstpointer data);

/* Changes the header of @path. Returns FALSE if that fails. */
gboolean transcode_header_change (const char *path,
                                  TranscodeHeaderChange change,
                                  gconstpointer data);

G_END_DECLS
