/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of data sets: lists of clips, stereo audio, frames. All errors name the
 * file. */
#pragma once

#include <glib.h>

#include "model/config.h"

G_BEGIN_DECLS

/* -- lists -- */

/* Largest number of entries of a list. */
#define CCS_LIST_MAX 1000000

/* Reads the strings of the one-dimensional data set @name of an HDF5 file.
 * (element-type utf8) (transfer full) */
GPtrArray *ccs_list_read_hdf5 (const char *path, const char *name,
                               GError **error);
gboolean ccs_list_write_hdf5 (const char *path, const char *name,
                              const GPtrArray *entries, GError **error);
/* Reads the lines that are not empty. (element-type utf8) (transfer full) */
GPtrArray *ccs_list_read_text (const char *path, GError **error);

/* -- sound -- */

/**
 * CcsSoundFile:
 * @rate: Hz, as stored
 * @frames: as stored
 * @samples: after resampling to 16 kHz
 */
typedef struct
{
  guint rate;
  gsize frames;
  gsize samples;
} CcsSoundFile;

/* Reads the header and the last sample. Fails if the file is not stereo, is
 * empty or shorter than its header says, or has a lower rate than the model. */
gboolean ccs_sound_probe (const char *path, CcsSoundFile *out, GError **error);
/* Reads samples start ... start + n - 1 at 16 kHz. Resamples only this range
 * and some audio around it; the result equals that of resampling the whole
 * file, except for rounding. */
gboolean ccs_sound_read (const char *path, gsize start, gsize n, float *left,
                         float *right, GError **error);
/* Writes 16-bit stereo WAV (CcsOutputFile). It is not forced to the disk. */
gboolean ccs_sound_write (const char *path, guint rate, gsize n,
                          const float *left, const float *right,
                          GError **error);

/* Writes 32-bit float stereo WAV, which is not clipped, through a temporary
 * file. */
gboolean ccs_sound_write_float (const char *path, guint rate, gsize n,
                                const float *left, const float *right,
                                GError **error);

/* -- frames -- */

/* Reads an image of any size as 480x240 RGB, dense rows. */
gboolean ccs_frame_read (const char *path, guint8 *rgb, GError **error);
/* Writes RGB as PNG (CcsOutputFile). It is not forced to the disk. */
gboolean ccs_frame_write (const char *path, gint width, gint height,
                          const guint8 *rgb, GError **error);

/* Writes RGB as JPEG without chroma subsampling, through a temporary file. */
gboolean ccs_frame_write_jpeg (const char *path, gint width, gint height,
                               const guint8 *rgb, GError **error);

/* -- files and folders -- */

/* Checks that @path is a regular file that can be read. */
gboolean ccs_file_readable (const char *path, GError **error);

/* Returns the names in @folder, sorted as strings. (element-type utf8)
 * (transfer full) */
GPtrArray *ccs_folder_list (const char *folder, GError **error);
/* Makes a folder and its parents. */
gboolean ccs_folder_make (const char *folder, GError **error);
/* Makes @path if it is missing and locks it against other processes until the
 * file descriptor that is returned is closed. -1: another program works there
 * (CCS_ERROR_ARGUMENT), or it cannot be made. Where a file system has no locks,
 * nothing is locked. */
int ccs_folder_occupy (const char *path, GError **error);

G_END_DECLS
