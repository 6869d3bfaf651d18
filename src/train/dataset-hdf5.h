/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two parts of reading an HDF5 list, for ccs_list_read_hdf5() and for
 * fuzzing: the child's answer, and parsing it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads the data set @name of a file in a child process, which may use at most
 * @seconds of CPU time. Returns its answer, whatever it is. Not thread-safe.
 * (transfer full) */
GByteArray *ccs_hdf5_ask (const char *path, const char *name, double seconds);

/* Parses the answer @said of the child process: a list of strings or an error.
 * A truncated answer is an error, too. (element-type utf8) (transfer full) */
GPtrArray *ccs_hdf5_understand (const GByteArray *said, const char *path,
                                const char *name, GError **error);

G_END_DECLS
