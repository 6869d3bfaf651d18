/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread that owns execution: OpenMP keeps a pool of threads per thread
 * that starts parallel regions, so everything that computes is put here,
 * whichever thread asks for it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsWorker CcsWorker;

typedef void (*CcsWork) (gpointer data);

/* @n_threads: OpenMP threads of the regions started on it. */
CcsWorker *ccs_worker_new (gint n_threads, GError **error);
/* Waits for what is queued, then ends the thread and its pool. In a process
 * that was forked off later there is neither, and only memory is freed. */
void ccs_worker_free (CcsWorker *self);
/* Runs @work (@data) on the worker and returns when it is done. Callers are
 * served in the order they came. On the worker itself it runs at once.
 * CCS_ERROR_BACKEND in a process that was forked off after ccs_worker_new():
 * threads do not go along. */
gboolean ccs_worker_call (CcsWorker *self, CcsWork work, gpointer data,
                          GError **error);

G_END_DECLS
