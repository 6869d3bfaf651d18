/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the protocol buffers wire format, as far as ONNX files need it: a
 * message is a byte array to which fields are appended in any order. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Appends an integer field (int32, int64 or enum) to @message. */
void proto_add_int (GByteArray *message, guint field, gint64 value);
/* Appends a float field. */
void proto_add_float (GByteArray *message, guint field, float value);
/* Appends a bytes field of @size bytes. */
void proto_add_bytes (GByteArray *message, guint field, gconstpointer data,
                      gsize size);
/* Appends a string field; @text is UTF-8. */
void proto_add_string (GByteArray *message, guint field, const char *text);
/* Appends @child (transfer full) as a field of message type. */
void proto_add_message (GByteArray *message, guint field, GByteArray *child);

G_END_DECLS
