/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies between host and device on a stream of their own, so that one plan's
 * upload overlaps with the run of another. They pass through two halves of
 * pinned memory each way: one is filled or emptied while the other is on its
 * way. Uploads return before they are done; who reads what they brought calls
 * ccs_gpu_copies_join() first. Downloads return when they are done. */
#pragma once

#include <cuda_runtime_api.h>
#include <glib.h>

G_BEGIN_DECLS

#define CCS_STAGING_HALVES 2

/* One way's pinned memory. */
typedef struct
{
  char *memory;
  cudaEvent_t passed[CCS_STAGING_HALVES]; /* a half's last copy */
} CcsGpuStaging;

typedef struct
{
  GMutex lock; /* one copy at a time */
  cudaStream_t stream;
  CcsGpuStaging up, down;
  guint filling;        /* the half of up that is being filled */
  gsize filled;         /* bytes of it */
  cudaEvent_t uploaded; /* the last upload is done */
} CcsGpuCopies;

/* All of these with the device's context current. A zeroed struct that init
 * failed on can be cleared. */
gboolean ccs_gpu_copies_init (CcsGpuCopies *self, GError **error);
void ccs_gpu_copies_clear (CcsGpuCopies *self);

/* Fills new memory with zeros; returns when it is done. */
gboolean ccs_gpu_copies_zero (CcsGpuCopies *self, void *memory, gsize bytes,
                              GError **error);
/* @rows [n] of @bytes each, which lie one behind the other on the device.
 * Nothing there may still use @to. */
gboolean ccs_gpu_copies_upload (CcsGpuCopies *self, void *to,
                                const gconstpointer *rows, guint n, gsize bytes,
                                GError **error);
/* Likewise. What makes @from has to be done. */
gboolean ccs_gpu_copies_download (CcsGpuCopies *self, const gpointer *rows,
                                  guint n, gsize bytes, gconstpointer from,
                                  GError **error);
/* What is put on @stream from here on comes after every upload so far. Not
 * while @stream is captured. */
gboolean ccs_gpu_copies_join (CcsGpuCopies *self, cudaStream_t stream,
                              GError **error);

G_END_DECLS
