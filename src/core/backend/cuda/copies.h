/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies between host and device on a separate stream, so that one plan's
 * upload overlaps with the run of another. Copies use two halves of pinned
 * memory in each direction: one is filled or emptied while the other is
 * transferred. An upload returns before it has ended; a user of its data must
 * call ccs_gpu_copies_join(). A download returns when it has ended. */
#pragma once

#include <cuda_runtime_api.h>
#include <glib.h>

G_BEGIN_DECLS

#define CCS_STAGING_HALVES 2

/* The pinned memory of one direction. */
typedef struct
{
  char *memory;
  cudaEvent_t passed[CCS_STAGING_HALVES]; /* end of a half's last transfer */
} CcsGpuStaging;

typedef struct
{
  GMutex lock; /* one copy at a time */
  cudaStream_t stream;
  CcsGpuStaging up, down;
  guint filling;        /* the upload half that is being filled */
  gsize filled;         /* bytes in it */
  cudaEvent_t uploaded; /* end of the last upload */
} CcsGpuCopies;

/* The functions need the device's context to be current. A zeroed struct can be
 * cleared even if ccs_gpu_copies_init() failed. */
gboolean ccs_gpu_copies_init (CcsGpuCopies *self, GError **error);
void ccs_gpu_copies_clear (CcsGpuCopies *self);

/* Fills new memory with zeros and waits. */
gboolean ccs_gpu_copies_zero (CcsGpuCopies *self, void *memory, gsize bytes,
                              GError **error);
/* Uploads @rows [n] of @bytes each, one after another, to @to, which must not
 * be in use on the device. */
gboolean ccs_gpu_copies_upload (CcsGpuCopies *self, void *to,
                                const gconstpointer *rows, guint n, gsize bytes,
                                GError **error);
/* Downloads rows. The work that writes @from must have ended. */
gboolean ccs_gpu_copies_download (CcsGpuCopies *self, const gpointer *rows,
                                  guint n, gsize bytes, gconstpointer from,
                                  GError **error);
/* Makes later work on @stream wait for all uploads so far. Must not be called
 * while @stream is captured. */
gboolean ccs_gpu_copies_join (CcsGpuCopies *self, cudaStream_t stream,
                              GError **error);

G_END_DECLS
