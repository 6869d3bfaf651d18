/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two halves of reading an HDF5 list, for ccs_list_read_hdf5() and for
 * fuzzing: what a child process answers, and what is made of that. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Has a child process of @seconds of CPU time at the most read the file's data
 * set @name. What it said, up to its end, whatever that was. Not for two
 * threads at once. (transfer full) */
GByteArray *ccs_hdf5_ask (const char *path, const char *name, double seconds);

/* Parses the answer @said of the child process: a list of strings or an error.
 * A truncated answer is an error, too. (element-type utf8) (transfer full) */
GPtrArray *ccs_hdf5_understand (const GByteArray *said, const char *path,
                                const char *name, GError **error);

G_END_DECLS
