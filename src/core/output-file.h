/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that the programs write. Each has a random name beside its own
 * until it is complete; whatever ends the program before removes it. */
#pragma once

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/**
 * CcsOutputFlags:
 * @CCS_OUTPUT_OVERWRITE: replace a regular file or a link of that name. Without
 *   it, a name that is taken is an error, also if another program takes it
 *   while the file is written.
 * @CCS_OUTPUT_UNSYNCED: leave it to the caller to force the file to the disk,
 *   for one of many (ccs_output_folder_sync())
 */
typedef enum
{
  CCS_OUTPUT_NEW = 0,
  CCS_OUTPUT_OVERWRITE = 1 << 0,
  CCS_OUTPUT_UNSYNCED = 1 << 1,
} CcsOutputFlags;

typedef struct _CcsOutputFile CcsOutputFile;

/* Checks that @path can be written with @flags: nothing is there, or a regular
 * file that may be replaced. CCS_ERROR_IO, naming @path. */
gboolean ccs_output_file_check (const char *path, CcsOutputFlags flags,
                                GError **error);
/* Makes an empty file beside @path, whose name is .NAME.XXXXXX.part. No link is
 * followed. CCS_ERROR_IO, naming @path, as for all that follows. (transfer
 * full) */
CcsOutputFile *ccs_output_file_new (const char *path, CcsOutputFlags flags,
                                    GError **error);
/* Returns the path of the incomplete file, for libraries that open it by name.
 */
const char *ccs_output_file_partial (const CcsOutputFile *self);
/* Returns the file descriptor, opened for reading and writing. (transfer none)
 */
int ccs_output_file_fd (const CcsOutputFile *self);
/* Returns a stream that writes into the file. Its errors may be left to
 * ccs_output_file_commit(). (transfer none) */
FILE *ccs_output_file_stream (CcsOutputFile *self);
gboolean ccs_output_file_write (CcsOutputFile *self, gconstpointer data,
                                gsize size, GError **error);
/* Completes the file: forces it to the disk, closes it and gives it its name. A
 * replaced file's mode is kept. If that fails, the incomplete file is removed
 * and what was at the path remains. */
gboolean ccs_output_file_commit (CcsOutputFile *self, GError **error);
/* Removes the file unless it was committed. */
void ccs_output_file_free (CcsOutputFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsOutputFile, ccs_output_file_free)

/* Whether @name, without a folder, is that of an incomplete file @target (left
 * by a program that was killed). */
gboolean ccs_output_file_is_partial (const char *name, const char *target);

/* Forces all files of the file system that holds @folder to the disk. */
gboolean ccs_output_folder_sync (const char *folder, GError **error);

/* Writes all of @data to @fd. FALSE: errno has the reason. */
gboolean ccs_output_write_all (int fd, gconstpointer data, gsize size);

/* To be called once, at the start of a program. SIGPIPE and SIGXFSZ become
 * errors of write(). SIGINT, SIGTERM and SIGHUP, unless they are ignored, call
 * @stop (async-signal-safe); the second one, and the first without @stop
 * (nullable), removes incomplete files and ends the program, as do crashes and
 * exit(). */
void ccs_output_files_guard (void (*stop) (int number));

G_END_DECLS
