/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Graphs of cuDNN operations and their execution plans. */
#include "cudnn-graph.h"

#include <stdbool.h>
#include <string.h>

/* Engines that need more are not used. */
#define MAX_WORKSPACE ((gint64)1 << 30)
/* Notes of one engine; there are CUDNN_NUMERICAL_NOTE_TYPE_COUNT kinds. */
#define MAX_NOTES 32

/* -- descriptors ----------------------------------------------------------- */

static void
destroy_all (const CcsCudaLibraries *lib, GPtrArray *made)
{
  for (guint i = 0; i < made->len; i++)
    lib->cudnnBackendDestroyDescriptor (made->pdata[i]);
  g_ptr_array_unref (made);
}

void
ccs_cudnn_graph_init (CcsCudnnGraph *self, const CcsCudaLibraries *lib)
{
  self->lib = lib;
  self->made = g_ptr_array_new ();
  self->operations
      = g_array_new (FALSE, FALSE, sizeof (cudnnBackendDescriptor_t));
  self->status = CUDNN_STATUS_SUCCESS;
}

void
ccs_cudnn_graph_clear (CcsCudnnGraph *self)
{
  if (self->made)
    destroy_all (self->lib, self->made);
  g_array_unref (self->operations);
}

cudnnBackendDescriptor_t
ccs_cudnn_make (CcsCudnnGraph *self, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t made = NULL;

  if (self->status == CUDNN_STATUS_SUCCESS)
    self->status = self->lib->cudnnBackendCreateDescriptor (type, &made);
  if (self->status != CUDNN_STATUS_SUCCESS)
    return NULL;
  g_ptr_array_add (self->made, made);
  return made;
}

void
ccs_cudnn_set (CcsCudnnGraph *self, cudnnBackendDescriptor_t descriptor,
               cudnnBackendAttributeName_t attribute,
               cudnnBackendAttributeType_t type, gint64 n, gconstpointer values)
{
  if (self->status == CUDNN_STATUS_SUCCESS)
    self->status = self->lib->cudnnBackendSetAttribute (descriptor, attribute,
                                                        type, n, values);
}

void
ccs_cudnn_finalize (CcsCudnnGraph *self, cudnnBackendDescriptor_t descriptor)
{
  if (self->status == CUDNN_STATUS_SUCCESS)
    self->status = self->lib->cudnnBackendFinalize (descriptor);
}

void
ccs_cudnn_add_operation (CcsCudnnGraph *self,
                         cudnnBackendDescriptor_t operation)
{
  ccs_cudnn_finalize (self, operation);
  g_array_append_val (self->operations, operation);
}

static cudnnDataType_t
data_type_of (CcsDType dtype)
{
  return dtype == CCS_BF16  ? CUDNN_DATA_BFLOAT16
         : dtype == CCS_F16 ? CUDNN_DATA_HALF
                            : CUDNN_DATA_FLOAT;
}

cudnnBackendDescriptor_t
ccs_cudnn_tensor (CcsCudnnGraph *self, gint64 uid, CcsDType dtype,
                  const CcsCudnnShape *shape, gint64 alignment)
{
  const cudnnDataType_t type = data_type_of (dtype);
  const bool is_virtual = alignment == 0;
  const gint64 bytes = is_virtual ? (gint64)ccs_dtype_size (dtype) : alignment;
  cudnnBackendDescriptor_t tensor
      = ccs_cudnn_make (self, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1,
                 &uid);
  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE,
                 CUDNN_TYPE_DATA_TYPE, 1, &type);
  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64,
                 G_N_ELEMENTS (shape->dim), shape->dim);
  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
                 G_N_ELEMENTS (shape->stride), shape->stride);
  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT,
                 CUDNN_TYPE_INT64, 1, &bytes);
  ccs_cudnn_set (self, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN,
                 1, &is_virtual);
  ccs_cudnn_finalize (self, tensor);
  return tensor;
}

/* -- choosing an engine ---------------------------------------------------- */

/* Returns whether a precision allows an engine with this numerical note.
 * Unknown notes of newer libraries are not allowed. */
static gboolean
allows (CcsPrecision precision, cudnnBackendNumericalNote_t note)
{
  switch (note) {
  case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
  case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
    return precision != CCS_PRECISION_FP32;
  case CUDNN_NUMERICAL_NOTE_WINOGRAD:
  case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
  case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP:
    return TRUE;
  default:
    return FALSE;
  }
}

static gboolean
is_allowed (CcsCudnnGraph *self, const CcsGpu *gpu,
            cudnnBackendDescriptor_t config)
{
  cudnnBackendDescriptor_t engine
      = ccs_cudnn_make (self, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendNumericalNote_t notes[MAX_NOTES];
  gint64 n = 0;

  if (engine == NULL
      || self->lib->cudnnBackendGetAttribute (
             config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
             1, &n, &engine)
             != CUDNN_STATUS_SUCCESS
      || self->lib->cudnnBackendGetAttribute (
             engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
             CUDNN_TYPE_NUMERICAL_NOTE, G_N_ELEMENTS (notes), &n, notes)
             != CUDNN_STATUS_SUCCESS
      || n > MAX_NOTES)
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    if (!allows (gpu->base.base.precision, notes[i]))
      return FALSE;
  return TRUE;
}

/* Sets the device of @descriptor. */
static cudnnStatus_t
set_device (const CcsGpu *gpu, cudnnBackendDescriptor_t descriptor,
            cudnnBackendAttributeName_t handle,
            cudnnBackendAttributeName_t described)
{
  if (gpu->described)
    return gpu->lib->cudnnBackendSetAttribute (descriptor, described,
                                               CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                               &gpu->described);
  return gpu->lib->cudnnBackendSetAttribute (descriptor, handle,
                                             CUDNN_TYPE_HANDLE, 1, &gpu->cudnn);
}

/* Makes @plan from @config. Returns FALSE if that fails or if the plan needs
 * too much memory. */
static gboolean
compile (CcsCudnnGraph *self, const CcsGpu *gpu,
         cudnnBackendDescriptor_t config, CcsCudnnPlan *plan)
{
  const CcsCudaLibraries *lib = self->lib;
  gint64 workspace = 0, n = 0;

  if (lib->cudnnBackendCreateDescriptor (
          CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &plan->plan)
      != CUDNN_STATUS_SUCCESS)
    return FALSE;
  if (set_device (gpu, plan->plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                  CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP)
          == CUDNN_STATUS_SUCCESS
      && lib->cudnnBackendSetAttribute (
             plan->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config)
             == CUDNN_STATUS_SUCCESS
      && lib->cudnnBackendFinalize (plan->plan) == CUDNN_STATUS_SUCCESS
      && lib->cudnnBackendGetAttribute (
             plan->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
             CUDNN_TYPE_INT64, 1, &n, &workspace)
             == CUDNN_STATUS_SUCCESS
      && workspace <= MAX_WORKSPACE) {
    plan->workspace = workspace;
    return TRUE;
  }
  g_clear_pointer (&plan->plan, lib->cudnnBackendDestroyDescriptor);
  return FALSE;
}

/* Moves the ownership of a descriptor to another graph. */
static void
move_descriptor (CcsCudnnGraph *from, CcsCudnnGraph *to,
                 cudnnBackendDescriptor_t descriptor)
{
  g_ptr_array_remove_fast (from->made, descriptor);
  g_ptr_array_add (to->made, descriptor);
}

/* Returns the number of configurations that cuDNN proposes for @operations, and
 * the configurations, best first, in *@configs (transfer container). */
static gint64
propose (CcsCudnnGraph *self, const CcsGpu *gpu,
         cudnnBackendDescriptor_t operations, cudnnBackendHeurMode_t mode,
         cudnnBackendDescriptor_t **configs)
{
  cudnnBackendDescriptor_t heuristic
      = ccs_cudnn_make (self, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  gint64 n = 0;

  ccs_cudnn_set (self, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &operations);
  ccs_cudnn_set (self, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE,
                 CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (gpu->described)
    ccs_cudnn_set (self, heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &gpu->described);
  ccs_cudnn_finalize (self, heuristic);
  if (self->status == CUDNN_STATUS_SUCCESS)
    self->status = self->lib->cudnnBackendGetAttribute (
        heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
        0, &n, NULL);
  *configs = g_new0 (cudnnBackendDescriptor_t, MAX (n, 1));
  for (gint64 i = 0; i < n; i++)
    (*configs)[i] = ccs_cudnn_make (self, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (self->status == CUDNN_STATUS_SUCCESS && n > 0)
    self->status = self->lib->cudnnBackendGetAttribute (
        heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
        n, &n, *configs);
  return self->status == CUDNN_STATUS_SUCCESS ? n : 0;
}

/* Chooses among the configurations that cuDNN proposes in one mode; keeps only
 * that one. */
static gboolean
choose_in_mode (CcsCudnnGraph *self, const CcsGpu *gpu,
                cudnnBackendDescriptor_t operations,
                cudnnBackendHeurMode_t mode, CcsCudnnPlan *plan)
{
  g_autofree cudnnBackendDescriptor_t *configs = NULL;
  CcsCudnnGraph proposals;
  gboolean found = FALSE;
  gint64 n;

  ccs_cudnn_graph_init (&proposals, self->lib);
  n = propose (&proposals, gpu, operations, mode, &configs);
  for (gint64 i = 0; i < n && !found; i++) {
    found = is_allowed (&proposals, gpu, configs[i])
            && compile (&proposals, gpu, configs[i], plan);
    if (found)
      move_descriptor (&proposals, self, configs[i]);
  }
  ccs_cudnn_graph_clear (&proposals);
  return found;
}

static gboolean
choose_engine (CcsCudnnGraph *self, const CcsGpu *gpu,
               cudnnBackendDescriptor_t operations, CcsCudnnPlan *plan)
{
  if (choose_in_mode (self, gpu, operations, CUDNN_HEUR_MODE_A, plan)
      || choose_in_mode (self, gpu, operations, CUDNN_HEUR_MODE_FALLBACK, plan))
    return TRUE;
  self->status = CUDNN_STATUS_NOT_SUPPORTED;
  return FALSE;
}

/* -- plans ----------------------------------------------------------------- */

/* Frees a plan in the device's context, because it may have loaded code there.
 */
static void
plan_free (gpointer data)
{
  CcsCudnnPlan *self = data;
  const CUcontext outer = ccs_gpu_enter (self->gpu);

  g_clear_pointer (&self->pack, self->lib->cudnnBackendDestroyDescriptor);
  g_clear_pointer (&self->plan, self->lib->cudnnBackendDestroyDescriptor);
  if (self->made)
    destroy_all (self->lib, self->made);
  ccs_gpu_leave (self->gpu, outer);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsCudnnPlan, plan_free)

/* Makes the variant pack: the plan's tensors and its workspace, some of them in
 * @scratch. */
static cudnnStatus_t
make_pack (CcsCudnnPlan *self, void *scratch)
{
  const CcsCudaLibraries *lib = self->lib;
  const CcsCudnnMemory *memory = &self->memory;
  void *data[CCS_CUDNN_MAX_TENSORS];
  void *workspace = (char *)scratch + memory->scratch;
  cudnnStatus_t status;

  for (guint i = 0; i < memory->n; i++)
    data[i] = ccs_call_data (&memory->operands[i], scratch);
  g_clear_pointer (&self->pack, lib->cudnnBackendDestroyDescriptor);
  status = lib->cudnnBackendCreateDescriptor (
      CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &self->pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = lib->cudnnBackendSetAttribute (
        self->pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
        memory->n, memory->uids);
  if (status == CUDNN_STATUS_SUCCESS)
    status = lib->cudnnBackendSetAttribute (
        self->pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
        memory->n, data);
  if (status == CUDNN_STATUS_SUCCESS)
    status = lib->cudnnBackendSetAttribute (self->pack,
                                            CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                            CUDNN_TYPE_VOID_PTR, 1, &workspace);
  if (status == CUDNN_STATUS_SUCCESS)
    status = lib->cudnnBackendFinalize (self->pack);
  self->packed_scratch = scratch;
  return status;
}

static void
run_plan (CcsCuda *cuda, gpointer state, void *scratch)
{
  CcsGpu *gpu = (CcsGpu *)cuda;
  CcsCudnnPlan *self = state;
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;

  if (self->pack == NULL || self->packed_scratch != scratch)
    status = make_pack (self, scratch);
  if (status == CUDNN_STATUS_SUCCESS)
    status
        = self->lib->cudnnBackendExecute (gpu->cudnn, self->plan, self->pack);
  if (status != CUDNN_STATUS_SUCCESS)
    ccs_gpu_fail (
        cuda,
        g_strdup_printf ("cuDNN: %s", self->lib->cudnnGetErrorString (status)));
}

gboolean
ccs_cudnn_plan (CcsCudnnGraph *graph, CcsGpu *gpu, const CcsCudnnMemory *memory,
                CcsCall *call)
{
  g_autoptr (CcsCudnnPlan) plan = g_new0 (CcsCudnnPlan, 1);
  cudnnBackendDescriptor_t operations
      = ccs_cudnn_make (graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

  plan->gpu = gpu;
  plan->lib = graph->lib;
  plan->memory = *memory;
  ccs_cudnn_set (graph, operations, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, graph->operations->len,
                 graph->operations->data);
  if (gpu->described == NULL)
    ccs_cudnn_set (graph, operations, CUDNN_ATTR_OPERATIONGRAPH_HANDLE,
                   CUDNN_TYPE_HANDLE, 1, &gpu->cudnn);
  ccs_cudnn_finalize (graph, operations);
  if (graph->status != CUDNN_STATUS_SUCCESS
      || !choose_engine (graph, gpu, operations, plan))
    return FALSE;
  plan->made = g_steal_pointer (&graph->made);
  call->run = run_plan;
  call->scratch = memory->scratch + plan->workspace;
  call->free_state = plan_free;
  call->state = g_steal_pointer (&plan);
  return TRUE;
}
