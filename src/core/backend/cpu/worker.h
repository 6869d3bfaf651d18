/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that runs all computations. OpenMP has a pool of threads for each
 * thread that starts parallel regions, so all of them start here. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsWorker CcsWorker;

typedef void (*CcsWork) (gpointer data);

/* Starts the thread. Its parallel regions have @n_threads. */
CcsWorker *ccs_worker_new (gint n_threads, GError **error);
/* Waits for queued jobs, then ends the thread and its pool. In a child after
 * fork(), which has neither, it frees memory only. */
void ccs_worker_free (CcsWorker *self);
/* Runs @work (@data) on the worker and returns when it is done. Callers are
 * served in the order they came. On the worker itself it runs at once.
 * CCS_ERROR_BACKEND in a process that was forked off after ccs_worker_new():
 * threads do not go along. */
gboolean ccs_worker_call (CcsWorker *self, CcsWork work, gpointer data,
                          GError **error);

G_END_DECLS
