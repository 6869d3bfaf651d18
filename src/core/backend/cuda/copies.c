/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copies.h"

#include <string.h>

#include "gpu-check.h"

/* Large enough for fast transfers, small enough for the host's part of a copy
 * to overlap with the transfer. */
#define HALF_BYTES ((gsize)1024 * 1024)

static gboolean
make_event (cudaEvent_t *event, GError **error)
{
  return ccs_gpu_check (
      cudaEventCreateWithFlags (event, cudaEventDisableTiming), "event", error);
}

static gboolean
staging_init (CcsGpuStaging *self, GError **error)
{
  if (!ccs_gpu_check (cudaHostAlloc ((void **)&self->memory,
                                     CCS_STAGING_HALVES * HALF_BYTES,
                                     cudaHostAllocDefault),
                      "pinned memory", error))
    return FALSE;
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (!make_event (&self->passed[i], error))
      return FALSE;
  return TRUE;
}

static void
staging_clear (CcsGpuStaging *self)
{
  for (guint i = 0; i < CCS_STAGING_HALVES; i++)
    if (self->passed[i])
      cudaEventDestroy (self->passed[i]);
  if (self->memory)
    cudaFreeHost (self->memory);
}

static char *
half_of (const CcsGpuStaging *self, guint half)
{
  return self->memory + half * HALF_BYTES;
}

static guint
other_half (guint half)
{
  return (half + 1) % CCS_STAGING_HALVES;
}

gboolean
ccs_gpu_copies_init (CcsGpuCopies *self, GError **error)
{
  g_mutex_init (&self->lock);
  return ccs_gpu_check (
             cudaStreamCreateWithFlags (&self->stream, cudaStreamNonBlocking),
             "stream of copies", error)
         && staging_init (&self->up, error) && staging_init (&self->down, error)
         && make_event (&self->uploaded, error);
}

void
ccs_gpu_copies_clear (CcsGpuCopies *self)
{
  if (self->stream) {
    cudaStreamSynchronize (self->stream);
    cudaStreamDestroy (self->stream);
  }
  if (self->uploaded)
    cudaEventDestroy (self->uploaded);
  staging_clear (&self->up);
  staging_clear (&self->down);
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

/* -- up; with the lock ----------------------------------------------------- */

/* Starts the transfer of the bytes that were written into the half from @begin
 * on. */
static gboolean
send (CcsGpuCopies *self, char *to, gsize begin, GError **error)
{
  const gsize bytes = self->filled - begin;

  return bytes == 0
         || (ccs_gpu_check (cudaMemcpyAsync (
                                to, half_of (&self->up, self->filling) + begin,
                                bytes, cudaMemcpyHostToDevice, self->stream),
                            "upload", error)
             && ccs_gpu_check (
                 cudaEventRecord (self->up.passed[self->filling], self->stream),
                 "upload", error));
}

/* Switches to the other half after its last transfer has ended. */
static gboolean
turn_over (CcsGpuCopies *self, GError **error)
{
  self->filling = other_half (self->filling);
  self->filled = 0;
  return ccs_gpu_check (cudaEventSynchronize (self->up.passed[self->filling]),
                        "upload", error);
}

static gboolean
upload_rows (CcsGpuCopies *self, char *to, const gconstpointer *rows, guint n,
             gsize bytes, GError **error)
{
  gsize begin = self->filled;

  for (guint i = 0; i < n; i++) {
    const char *row = rows[i];

    for (gsize at = 0, part; at < bytes; at += part) {
      if (self->filled == HALF_BYTES) {
        if (!send (self, to, begin, error) || !turn_over (self, error))
          return FALSE;
        to += HALF_BYTES - begin;
        begin = 0;
      }
      part = MIN (bytes - at, HALF_BYTES - self->filled);
      memcpy (half_of (&self->up, self->filling) + self->filled, row + at,
              part);
      self->filled += part;
    }
  }
  return send (self, to, begin, error);
}

gboolean
ccs_gpu_copies_upload (CcsGpuCopies *self, void *to, const gconstpointer *rows,
                       guint n, gsize bytes, GError **error)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  ok = upload_rows (self, to, rows, n, bytes, error)
       && ccs_gpu_check (cudaEventRecord (self->uploaded, self->stream),
                         "upload", error);
  g_mutex_unlock (&self->lock);
  return ok;
}

/* -- down; with the lock --------------------------------------------------- */

/* Returns how many of @all bytes, from @at on, fit into a half. */
static gsize
part_at (gsize all, gsize at)
{
  return MIN (all - at, HALF_BYTES);
}

static gboolean
fetch (CcsGpuCopies *self, const char *from, gsize bytes, guint half,
       GError **error)
{
  return ccs_gpu_check (cudaMemcpyAsync (half_of (&self->down, half), from,
                                         bytes, cudaMemcpyDeviceToHost,
                                         self->stream),
                        "download", error)
         && ccs_gpu_check (
             cudaEventRecord (self->down.passed[half], self->stream),
             "download", error);
}

/* Copies @bytes from a half to the rows, from byte @at of all rows on. */
static void
hand_out (const char *half, gsize at, gsize bytes, const gpointer *rows,
          gsize row_bytes)
{
  for (gsize done = 0, part; done < bytes; done += part) {
    const gsize place = (at + done) % row_bytes;

    part = MIN (bytes - done, row_bytes - place);
    memcpy ((char *)rows[(at + done) / row_bytes] + place, half + done, part);
  }
}

static gboolean
download_rows (CcsGpuCopies *self, const gpointer *rows, gsize row_bytes,
               const char *from, gsize all, GError **error)
{
  guint half = 0;

  if (!fetch (self, from, part_at (all, 0), half, error))
    return FALSE;
  for (gsize at = 0; at < all; at += HALF_BYTES, half = other_half (half)) {
    const gsize next = at + HALF_BYTES;

    if (next < all
        && !fetch (self, from + next, part_at (all, next), other_half (half),
                   error))
      return FALSE;
    if (!ccs_gpu_check (cudaEventSynchronize (self->down.passed[half]),
                        "download", error))
      return FALSE;
    hand_out (half_of (&self->down, half), at, part_at (all, at), rows,
              row_bytes);
  }
  return TRUE;
}

gboolean
ccs_gpu_copies_download (CcsGpuCopies *self, const gpointer *rows, guint n,
                         gsize bytes, gconstpointer from, GError **error)
{
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  if (n > 0 && bytes > 0)
    ok = download_rows (self, rows, bytes, from, n * bytes, error);
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
