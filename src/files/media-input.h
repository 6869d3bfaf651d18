/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where programs open media files with libavformat. It decides
 * which demuxers read untrusted files, and keeps them to local files. */
#pragma once

#include <glib.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

/**
 * ccs_media_input_open:
 * @in: (inout): a context from avformat_alloc_context(), with the caller's
 *   options; set to %NULL on error
 * @path: a local file
 * @allow_playlists: also read formats that name other files (HLS, DASH, IMF,
 *   ffconcat scripts), and these files
 * @error: CCS_ERROR_IO or CCS_ERROR_FORMAT, naming @path and the reason
 *
 * Opens @path and reads the parameters of its streams. The format is detected
 * from the content; a URL, a playlist and a format that is not in the list of
 * demuxers are errors.
 */
gboolean ccs_media_input_open (AVFormatContext **in, const char *path,
                               gboolean allow_playlists, GError **error);

/* Checks that @stream is not encrypted, as far as its file says.
 * CCS_ERROR_FORMAT, naming @path. */
gboolean ccs_media_input_check_encryption (const AVStream *stream,
                                           const char *path, GError **error);

G_END_DECLS
