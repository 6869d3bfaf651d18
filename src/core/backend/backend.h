/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam between programs and hardware: memory, kernels and runs. A backend
 * is found by name at run time (registry.h); nothing outside this directory
 * names one in code. */
#pragma once

#include <ccstereo/backend.h>

#include "../nn/op-table.h"

G_BEGIN_DECLS

typedef struct _CcsBackend CcsBackend;
typedef struct _CcsBackendClass CcsBackendClass;

/* Number of values of CcsPrecision. */
#define CCS_N_PRECISIONS (CCS_PRECISION_FP16 + 1)

#define CCS_BACKEND_MAX_BULK 16

/* Bytes to which memory is aligned, and each value in it. */
#define CCS_ARENA_ALIGNMENT 64

/* A compiled op, ready to run on fixed memory. */
typedef struct
{
  const CcsOp *op;
  const CcsOpRow *row;
  CcsOperand in[CCS_MAX_INPUTS];
  CcsOperand out[CCS_MAX_OUTPUTS];
  void (*run) (CcsBackend *backend, gpointer state, void *scratch);
  gpointer state; /* the kernel's own; NULL where none */
  GDestroyNotify free_state;
  gsize scratch; /* bytes run needs; the plan gives the maximum
                  * of all kernels, aligned to 64 */
} CcsKernel;

/* Which inputs never change between runs (inference parameters), so that
 * prepare may pack them: @tensor identifies the content, and a backend may
 * share one packed copy between plans that have the same tensor. */
typedef struct
{
  CcsTensor *constant[CCS_MAX_INPUTS]; /* NULL: it changes */
  gboolean one_thread; /* it runs in a lane, as run_lanes() has it */
} CcsKernelHints;

typedef void (*CcsLane) (gpointer user, guint lane);

struct _CcsBackendClass
{
  const char *name;     /* "reference", "cpu", "cuda" */
  gboolean host_memory; /* pointers can be read and written directly */
  /* So many of a model's batches it had best be given at a time, at most
   * CCS_BACKEND_MAX_BULK; 0: one. */
  guint bulk;
  /* Of those, so many are best run as one larger batch; 0: one. */
  guint joint;
  /* In a precision of 16 bits it takes values that ccs_pass_narrow() made. */
  gboolean takes_narrow;
  /* (transfer full); NULL with CCS_ERROR_BACKEND saying what is missing, a
   * precision that it does not offer included */
  CcsBackend *(*open) (const CcsBackendOptions *options, GError **error);
  void (*close) (CcsBackend *self);
  /* Zeroed memory, aligned to CCS_ARENA_ALIGNMENT at least. */
  void *(*alloc) (CcsBackend *self, gsize bytes, GError **error);
  void (*release) (CcsBackend *self, void *memory);
  /* @n rows of @bytes each, that lie anywhere in the host's memory and one
   * behind the other in the backend's. */
  gboolean (*upload) (CcsBackend *self, void *to, const gconstpointer *rows,
                      guint n, gsize bytes, GError **error);
  gboolean (*download) (CcsBackend *self, const gpointer *rows, guint n,
                        gsize bytes, gconstpointer from, GError **error);
  /* kernel->op, row, in and out are set; fills the rest. */
  gboolean (*prepare) (CcsBackend *self, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error);
  /* Runs @n kernels in order. @capture (in/out) holds what a backend keeps
   * between runs of this very list (a captured graph); freed by drop_capture.
   * Where there is wait, the kernels may still be under way when it returns
   * TRUE; wait comes before the list's next run, and before anything else
   * touches its memory. */
  gboolean (*run) (CcsBackend *self, const CcsKernel *kernels, guint n,
                   void *scratch, gpointer *capture, GError **error);
  /* Returns when the last run of the list that has @capture is done. NULL: a
   * run is done when it returns. */
  gboolean (*wait) (CcsBackend *self, gpointer capture, GError **error);
  void (*drop_capture) (CcsBackend *self, gpointer capture);
  /* Calls @work for the lanes 0 to @n - 1, at most n_threads, each in a thread
   * of its own, in which kernels that were prepared with one_thread can be run.
   * NULL: a run has the whole machine to itself. */
  gboolean (*run_lanes) (CcsBackend *self, guint n, CcsLane work, gpointer user,
                         GError **error);
};

struct _CcsBackend
{
  const CcsBackendClass *klass;
  gatomicrefcount ref_count;
  gint n_threads;
  CcsPrecision precision;
  /* What its plans share (constant.c). Here, because a process may have two
   * copies of the library, and a module calls the functions of one of them. */
  GMutex constants_lock;
  GList *constants; /* CcsConstant*, weak; guarded by constants_lock */
};

/* For open: CCS_ERROR_BACKEND that @klass does not offer @precision, @why. */
void ccs_backend_refuse_precision (const CcsBackendClass *klass,
                                   CcsPrecision precision, const char *why,
                                   GError **error);

const char *ccs_backend_name (const CcsBackend *self);
/* One row. */
gboolean ccs_backend_upload (CcsBackend *self, void *to, gconstpointer from,
                             gsize bytes, GError **error);
gboolean ccs_backend_download (CcsBackend *self, gpointer to,
                               gconstpointer from, gsize bytes, GError **error);

G_END_DECLS
