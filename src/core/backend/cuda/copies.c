/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copies.h"

#include <string.h>

#include "gpu.h"

#define PIECE_BYTES ((gsize)4 * 1024 * 1024)

static gboolean
make_event (cudaEvent_t *event, GError **error)
{
  return ccs_gpu_check (
      cudaEventCreateWithFlags (event, cudaEventDisableTiming), "event", error);
}

gboolean
ccs_gpu_copies_init (CcsGpuCopies *self, GError **error)
{
  g_mutex_init (&self->lock);
  if (!ccs_gpu_check (
          cudaStreamCreateWithFlags (&self->stream, cudaStreamNonBlocking),
          "stream of copies", error)
      || !ccs_gpu_check (cudaHostAlloc ((void **)&self->up,
                                        CCS_STAGING_HALVES * PIECE_BYTES,
                                        cudaHostAllocDefault),
                         "pinned memory", error)
      || !ccs_gpu_check (cudaHostAlloc ((void **)&self->down, PIECE_BYTES,
                                        cudaHostAllocDefault),
                         "pinned memory", error)
      || !make_event (&self->uploaded, error))
    return FALSE;
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (!make_event (&self->staged[i], error))
      return FALSE;
  return TRUE;
}

void
ccs_gpu_copies_clear (CcsGpuCopies *self)
{
  if (self->stream) {
    cudaStreamSynchronize (self->stream);
    cudaStreamDestroy (self->stream);
  }
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (self->staged[i])
      cudaEventDestroy (self->staged[i]);
  if (self->uploaded)
    cudaEventDestroy (self->uploaded);
  if (self->up)
    cudaFreeHost (self->up);
  if (self->down)
    cudaFreeHost (self->down);
  g_mutex_clear (&self->lock);
}

gboolean
ccs_gpu_copies_zero (CcsGpuCopies *self, void *memory, gsize bytes,
                     GError **error)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  ok = ccs_gpu_check (cudaMemsetAsync (memory, 0, bytes, self->stream),
                      "clearing", error)
       && ccs_gpu_check (cudaStreamSynchronize (self->stream), "clearing",
                         error);
  g_mutex_unlock (&self->lock);
  return ok;
}

/* With the lock, as what follows. */
static gboolean
upload_piece (CcsGpuCopies *self, char *to, const char *from, gsize bytes,
              GError **error)
{
  const guint half = self->next_half++ % CCS_STAGING_HALVES;
  char *staging = self->up + half * PIECE_BYTES;

  if (!ccs_gpu_check (cudaEventSynchronize (self->staged[half]), "upload",
                      error))
    return FALSE;
  memcpy (staging, from, bytes);
  return ccs_gpu_check (cudaMemcpyAsync (to, staging, bytes,
                                         cudaMemcpyHostToDevice, self->stream),
                        "upload", error)
         && ccs_gpu_check (cudaEventRecord (self->staged[half], self->stream),
                           "upload", error);
}

gboolean
ccs_gpu_copies_upload (CcsGpuCopies *self, void *to, gconstpointer from,
                       gsize bytes, GError **error)
{
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  for (gsize at = 0; ok && at < bytes; at += PIECE_BYTES)
    ok = upload_piece (self, (char *)to + at, (const char *)from + at,
                       MIN (PIECE_BYTES, bytes - at), error);
  ok = ok
       && ccs_gpu_check (cudaEventRecord (self->uploaded, self->stream),
                         "upload", error);
  g_mutex_unlock (&self->lock);
  return ok;
}

static gboolean
download_piece (CcsGpuCopies *self, char *to, const char *from, gsize bytes,
                GError **error)
{
  if (!ccs_gpu_check (cudaMemcpyAsync (self->down, from, bytes,
                                       cudaMemcpyDeviceToHost, self->stream),
                      "download", error)
      || !ccs_gpu_check (cudaStreamSynchronize (self->stream), "download",
                         error))
    return FALSE;
  memcpy (to, self->down, bytes);
  return TRUE;
}

gboolean
ccs_gpu_copies_download (CcsGpuCopies *self, void *to, gconstpointer from,
                         gsize bytes, GError **error)
{
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  for (gsize at = 0; ok && at < bytes; at += PIECE_BYTES)
    ok = download_piece (self, (char *)to + at, (const char *)from + at,
                         MIN (PIECE_BYTES, bytes - at), error);
  g_mutex_unlock (&self->lock);
  return ok;
}

gboolean
ccs_gpu_copies_join (CcsGpuCopies *self, cudaStream_t stream, GError **error)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  ok = ccs_gpu_check (cudaStreamWaitEvent (stream, self->uploaded, 0),
                      "waiting for uploads", error);
  g_mutex_unlock (&self->lock);
  return ok;
}
