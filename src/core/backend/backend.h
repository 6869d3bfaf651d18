/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface of backends: memory, kernels and runs. A backend is opened by
 * name at run time (registry.h). Code outside this folder names none. */
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
  gpointer state; /* of the kernel; nullable */
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
  gboolean one_thread; /* the kernel runs in a lane of run_lanes() */
} CcsKernelHints;

typedef void (*CcsLane) (gpointer user, guint lane);

struct _CcsBackendClass
{
  const char *name;     /* "reference", "cpu", "cuda" */
  gboolean host_memory; /* pointers can be read and written directly */
  /* Preferred number of a model's batches per call, at most
   * CCS_BACKEND_MAX_BULK (0 = 1). */
  guint bulk;
  /* Number of these batches that are merged into one larger batch (0 = 1). */
  guint joint;
  /* Accepts the 16-bit values of ccs_pass_narrow() in a 16-bit precision. */
  gboolean takes_narrow;
  /* Opens the backend. CCS_ERROR_BACKEND says what is missing, including an
   * unsupported precision. (transfer full) */
  CcsBackend *(*open) (const CcsBackendOptions *options, GError **error);
  void (*close) (CcsBackend *self);
  /* Allocates zeroed memory, aligned to at least CCS_ARENA_ALIGNMENT. */
  void *(*alloc) (CcsBackend *self, gsize bytes, GError **error);
  void (*release) (CcsBackend *self, void *memory);
  /* Copies @n rows of @bytes each between host memory, anywhere, and backend
   * memory, one after another. */
  gboolean (*upload) (CcsBackend *self, void *to, const gconstpointer *rows,
                      guint n, gsize bytes, GError **error);
  gboolean (*download) (CcsBackend *self, const gpointer *rows, guint n,
                        gsize bytes, gconstpointer from, GError **error);
  /* Fills @kernel, whose op, row, in and out are set. */
  gboolean (*prepare) (CcsBackend *self, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error);
  /* Runs @n kernels in order. In @capture the backend keeps what it reuses in
   * later runs of the same list (a captured graph); drop_capture frees it. If
   * the class has wait, the kernels may still run after this returned TRUE. The
   * caller then calls wait before the next run of the list, and before it uses
   * the memory of the list. */
  gboolean (*run) (CcsBackend *self, const CcsKernel *kernels, guint n,
                   void *scratch, gpointer *capture, GError **error);
  /* Waits until the last run of the list with @capture has ended. NULL: a run
   * has ended when it returns. */
  gboolean (*wait) (CcsBackend *self, gpointer capture, GError **error);
  void (*drop_capture) (CcsBackend *self, gpointer capture);
  /* Calls @work for the lanes 0 to @n - 1, at most n_threads, each in a
   * separate thread. @work may run kernels that were prepared with one_thread.
   * NULL: the backend has no lanes. */
  gboolean (*run_lanes) (CcsBackend *self, guint n, CcsLane work, gpointer user,
                         GError **error);
};

struct _CcsBackend
{
  const CcsBackendClass *klass;
  gatomicrefcount ref_count;
  gint n_threads;
  CcsPrecision precision;
  /* Constants that plans share (constant.c). A member of the backend, because a
   * process may contain two copies of the library, and a module calls the
   * functions of one of them. */
  GMutex constants_lock;
  GList *constants; /* CcsConstant*, weak; guarded by constants_lock */
};

/* For open: sets CCS_ERROR_BACKEND, which says that @klass does not support
 * @precision, and @why. */
void ccs_backend_refuse_precision (const CcsBackendClass *klass,
                                   CcsPrecision precision, const char *why,
                                   GError **error);

const char *ccs_backend_name (const CcsBackend *self);
/* Copy one row. */
gboolean ccs_backend_upload (CcsBackend *self, void *to, gconstpointer from,
                             gsize bytes, GError **error);
gboolean ccs_backend_download (CcsBackend *self, gpointer to,
                               gconstpointer from, gsize bytes, GError **error);

G_END_DECLS
