/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of kernels. Adjacent kernels of the same kind become one launch over a
 * table in device memory, if none reads what another writes. */
#include "cuda-backend.h"

#include <string.h>

#define MAX_TABLE_LAUNCHES 2
#define TABLE_ALIGNMENT 16 /* bytes, of the entries of a table */

/* A step of a run: a kernel, or @n kernels as a table. */
typedef struct
{
  const CcsKernel *kernels;
  guint n;
  gsize first_at, entries_at,
      parts_at; /* offsets in the memory of the tables */
  CcsLaunch launches[MAX_TABLE_LAUNCHES];
  guint n_launches;
} Step;

struct _CcsCudaList
{
  CcsCuda *cuda;
  GArray *steps; /* Step */
  char *tables;  /* device memory, or NULL */
};

static const CcsSteps *
steps_of (const CcsKernel *kernel)
{
  return kernel->state;
}

/* -- which kernels go together --------------------------------------------- */

static gboolean
overlap (const CcsOperand *a, const CcsOperand *b)
{
  const char *first = a->data, *second = b->data;

  return first && second
         && first < second + ccs_shape_elements (&b->shape) * sizeof (float)
         && second < first + ccs_shape_elements (&a->shape) * sizeof (float);
}

/* Returns whether @kernel's op writes its input @k, as ADAM writes parameter
 * and moments. */
static gboolean
writes_input (const CcsKernel *kernel, guint k)
{
  return steps_of (kernel)->table == CCS_TABLE_ADAM
         && (k == 0 || k == 2 || k == 3);
}

/* Returns whether @a writes an operand of @b. */
static gboolean
disturbs (const CcsKernel *a, const CcsKernel *b)
{
  for (guint k = 0; k < CCS_MAX_INPUTS; k++) {
    const CcsOperand *written = k < CCS_MAX_OUTPUTS && a->out[k].data
                                    ? &a->out[k]
                                : writes_input (a, k) ? &a->in[k]
                                                      : NULL;

    if (!written)
      continue;
    for (guint j = 0; j < CCS_MAX_INPUTS; j++)
      if (overlap (written, &b->in[j]))
        return TRUE;
    if (overlap (written, &b->out[0]))
      return TRUE;
  }
  return FALSE;
}

static gboolean
goes_with (const CcsKernel *kernel, const CcsKernel *others, guint n)
{
  for (guint i = 0; i < n; i++)
    if (disturbs (kernel, &others[i]) || disturbs (&others[i], kernel))
      return FALSE;
  return TRUE;
}

/* Returns how many of @kernels, from the first on, form one step. */
static guint
count_together (const CcsKernel *kernels, guint n)
{
  const CcsTableKind table = steps_of (kernels)->table;
  guint together = 1;

  while (table != CCS_TABLE_NONE && together < n
         && steps_of (&kernels[together])->table == table
         && goes_with (&kernels[together], kernels, together))
    together++;
  return together;
}

/* -- tables ---------------------------------------------------------------- */

/* Reserves @bytes at the end of @image and returns their offset. */
static gsize
reserve (GByteArray *image, gsize bytes)
{
  const gsize at
      = (image->len + TABLE_ALIGNMENT - 1) / TABLE_ALIGNMENT * TABLE_ALIGNMENT;

  g_byte_array_set_size (image, at + bytes);
  return at;
}

static gsize
entry_bytes (CcsTableKind table)
{
  return table == CCS_TABLE_ADAM ? sizeof (CcsAdamEntry)
                                 : sizeof (CcsSquaresEntry);
}

/* Writes the step's table into @image. Returns the number of blocks. */
static guint
write_table (Step *step, CcsTableKind table, GByteArray *image)
{
  const gsize bytes = entry_bytes (table);
  guint blocks = 0;

  step->first_at = reserve (image, (step->n + 1) * sizeof (guint));
  step->entries_at = reserve (image, step->n * bytes);
  for (guint i = 0; i < step->n; i++) {
    const CcsKernel *kernel = &step->kernels[i];
    guint *first = (guint *)(image->data + step->first_at);

    first[i] = blocks;
    blocks += (ccs_shape_elements (&kernel->in[0].shape) + CCS_TABLE_BLOCK - 1)
              / CCS_TABLE_BLOCK;
    first[i + 1] = blocks;
    memcpy (image->data + step->entries_at + i * bytes,
            &steps_of (kernel)->entry, bytes);
  }
  return blocks;
}

static void
add_launch (Step *step, CcsKernelId kernel, guint blocks, gsize shared)
{
  CcsLaunch *launch = &step->launches[step->n_launches++];

  launch->kernel = kernel;
  launch->blocks = blocks;
  launch->shared = shared;
}

static void
plan_table (Step *step, GByteArray *image)
{
  const gsize shared = CCS_BLOCK_THREADS * sizeof (double);
  const CcsTableKind table = steps_of (step->kernels)->table;
  guint blocks;

  if (table == CCS_TABLE_NONE)
    return;
  blocks = write_table (step, table, image);
  if (table == CCS_TABLE_ADAM) {
    add_launch (step, CCS_KERNEL_adam, blocks, 0);
    return;
  }
  step->parts_at = reserve (image, blocks * sizeof (double));
  add_launch (step, CCS_KERNEL_squares, blocks, shared);
  add_launch (step, CCS_KERNEL_squares_finish, step->n, shared);
}

/* Sets the addresses of the tables in the launches. */
static void
point_launches (Step *step, char *tables)
{
  for (guint i = 0; i < step->n_launches; i++) {
    CcsLaunch *launch = &step->launches[i];

    if (launch->kernel == CCS_KERNEL_adam)
      launch->params.adam
          = (CcsAdamParams){ (const guint *)(tables + step->first_at),
                             (const CcsAdamEntry *)(tables + step->entries_at),
                             step->n };
    else
      launch->params.squares = (CcsSquaresParams){
        (const guint *)(tables + step->first_at),
        (const CcsSquaresEntry *)(tables + step->entries_at), step->n,
        (double *)(tables + step->parts_at)
      };
  }
}

static gboolean
upload_tables (CcsCudaList *self, const GByteArray *image, GError **error)
{
  CcsBackend *backend = &self->cuda->base;
  const gconstpointer data = image->data;

  if (image->len == 0)
    return TRUE;
  self->tables = backend->klass->alloc (backend, image->len, error);
  if (self->tables == NULL
      || !backend->klass->upload (backend, self->tables, &data, 1, image->len,
                                  error))
    return FALSE;
  for (guint i = 0; i < self->steps->len; i++)
    point_launches (&g_array_index (self->steps, Step, i), self->tables);
  return TRUE;
}

/* -- the list -------------------------------------------------------------- */

CcsCudaList *
ccs_cuda_list_new (CcsCuda *cuda, const CcsKernel *kernels, guint n,
                   GError **error)
{
  g_autoptr (CcsCudaList) self = g_new0 (CcsCudaList, 1);
  g_autoptr (GByteArray) image = g_byte_array_new ();

  self->cuda = cuda;
  self->steps = g_array_new (FALSE, TRUE, sizeof (Step));
  for (guint i = 0; i < n;) {
    Step step = { .kernels = &kernels[i], count_together (&kernels[i], n - i) };

    plan_table (&step, image);
    g_array_append_val (self->steps, step);
    i += step.n;
  }
  if (!upload_tables (self, image, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ccs_cuda_list_free (CcsCudaList *self)
{
  if (self->tables)
    self->cuda->base.klass->release (&self->cuda->base, self->tables);
  g_array_unref (self->steps);
  g_free (self);
}

gboolean
ccs_cuda_list_run (const CcsCudaList *self, void *scratch, GError **error)
{
  CcsCuda *cuda = self->cuda;

  for (guint i = 0; i < self->steps->len; i++) {
    const Step *step = &g_array_index (self->steps, Step, i);

    if (step->n_launches == 0)
      step->kernels->run (&cuda->base, step->kernels->state, scratch);
    for (guint k = 0; k < step->n_launches && !cuda->failure; k++)
      ccs_cuda_launch (cuda, &step->launches[k]);
    if (cuda->failure) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s: %s",
                   step->kernels->row->name, cuda->failure);
      g_clear_pointer (&cuda->failure, g_free);
      return FALSE;
    }
  }
  return TRUE;
}
