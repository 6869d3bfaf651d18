/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that runs all computations. OpenMP has a pool of threads for each
 * thread that starts parallel regions, so all of them start here. */
#include "worker.h"

#include <ccstereo/error.h>
#include <omp.h>
#include <unistd.h>

typedef struct
{
  CcsWork work;
  gpointer data;
  gboolean done;
} Job;

struct _CcsWorker
{
  GThread *thread;
  pid_t process; /* process that made the thread */
  gint n_threads;
  GMutex lock;
  GCond posted;
  GCond finished;
  GQueue jobs; /* Job, on the stacks of callers */
  gboolean quit;
};

static gpointer
worker_main (gpointer data)
{
  CcsWorker *self = data;

  omp_set_dynamic (0);
  omp_set_num_threads (self->n_threads);
  g_mutex_lock (&self->lock);
  for (;;) {
    GList *link = g_queue_pop_head_link (&self->jobs);

    if (link) {
      Job *job = link->data;

      g_mutex_unlock (&self->lock);
      job->work (job->data);
      g_mutex_lock (&self->lock);
      job->done = TRUE;
      g_cond_broadcast (&self->finished);
    } else if (self->quit) {
      break;
    } else {
      g_cond_wait (&self->posted, &self->lock);
    }
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

CcsWorker *
ccs_worker_new (gint n_threads, GError **error)
{
  CcsWorker *self = g_new0 (CcsWorker, 1);

  self->process = getpid ();
  self->n_threads = n_threads;
  g_mutex_init (&self->lock);
  g_cond_init (&self->posted);
  g_cond_init (&self->finished);
  g_queue_init (&self->jobs);
  self->thread = g_thread_try_new ("ccs-cpu", worker_main, self, error);
  if (!self->thread) {
    ccs_worker_free (self);
    return NULL;
  }
  return self;
}

/* Returns whether this process was forked after the worker was made. Such a
 * child has no worker thread, and the worker's locks may be held for ever. */
static gboolean
is_orphan (const CcsWorker *self)
{
  return self->process != getpid ();
}

void
ccs_worker_free (CcsWorker *self)
{
  if (is_orphan (self)) {
    g_free (self);
    return;
  }
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cond_signal (&self->posted);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (self->thread);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->posted);
  g_cond_clear (&self->finished);
  g_free (self);
}

gboolean
ccs_worker_call (CcsWorker *self, CcsWork work, gpointer data, GError **error)
{
  Job job = { work, data, FALSE };
  GList link = { &job, NULL, NULL };

  if (is_orphan (self)) {
    g_set_error_literal (error, CCS_ERROR, CCS_ERROR_BACKEND,
                         "this process was forked off after the backend cpu "
                         "was opened; it must open its own");
    return FALSE;
  }
  if (g_thread_self () == self->thread) {
    work (data);
    return TRUE;
  }
  g_mutex_lock (&self->lock);
  /* The link is on the stack, so that a run allocates nothing. */
  g_queue_push_tail_link (&self->jobs, &link);
  g_cond_signal (&self->posted);
  while (!job.done)
    g_cond_wait (&self->finished, &self->lock);
  g_mutex_unlock (&self->lock);
  return TRUE;
}
