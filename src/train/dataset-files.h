/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that data sets are made of: lists of clips, stereo sound, frames.
 * Every error names the file. */
#pragma once

#include <glib.h>

#include "model/config.h"

G_BEGIN_DECLS

/* -- lists -- */

/* Most entries of a list that are read. */
#define CCS_LIST_MAX 1000000

/* The strings of the HDF5 file's one-dimensional data set @name. (element-type
 * utf8) (transfer full) */
GPtrArray *ccs_list_read_hdf5 (const char *path, const char *name,
                               GError **error);
gboolean ccs_list_write_hdf5 (const char *path, const char *name,
                              const GPtrArray *entries, GError **error);
/* Lines that are not empty. (element-type utf8) (transfer full) */
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

/* Reads the header and the last frame; a file that is not stereo, is empty or
 * shorter than its header states, or whose rate is below the model's is an
 * error. */
gboolean ccs_sound_probe (const char *path, CcsSoundFile *out, GError **error);
/* Samples start ... start + n - 1 at 16 kHz. What is resampled is the range
 * with some sound around it, and equals the range of the whole, resampled, to
 * rounding. */
gboolean ccs_sound_read (const char *path, gsize start, gsize n, float *left,
                         float *right, GError **error);
/* Writes 16-bit stereo WAV (CcsOutputFile). It is not forced to the disk. */
gboolean ccs_sound_write (const char *path, guint rate, gsize n,
                          const float *left, const float *right,
                          GError **error);

/* The same as 32-bit floats, which are not clipped. */
gboolean ccs_sound_write_float (const char *path, guint rate, gsize n,
                                const float *left, const float *right,
                                GError **error);

/* -- frames -- */

/* A picture of any size as 480x240 RGB, dense rows. */
gboolean ccs_frame_read (const char *path, guint8 *rgb, GError **error);
/* Writes RGB as PNG (CcsOutputFile). It is not forced to the disk. */
gboolean ccs_frame_write (const char *path, gint width, gint height,
                          const guint8 *rgb, GError **error);

/* The same as JPEG, without loss of colour resolution. */
gboolean ccs_frame_write_jpeg (const char *path, gint width, gint height,
                               const guint8 *rgb, GError **error);

/* -- files and folders -- */

/* Whether @path is a regular file that may be read; else why not. */
gboolean ccs_file_readable (const char *path, GError **error);

/* Names in @folder, sorted as strings. (element-type utf8) (transfer full) */
GPtrArray *ccs_folder_list (const char *folder, GError **error);
/* g_mkdir_with_parents() with an error. */
gboolean ccs_folder_make (const char *folder, GError **error);
/* Makes @path if it is missing and locks it against other processes until the
 * file descriptor that is returned is closed. -1: another program works there
 * (CCS_ERROR_ARGUMENT), or it cannot be made. Where a file system has no locks,
 * nothing is locked. */
int ccs_folder_occupy (const char *path, GError **error);

G_END_DECLS
