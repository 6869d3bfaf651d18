/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Graphs of cuDNN operations: descriptors that are freed together, and
 * execution plans, chosen among the engines that a precision allows.
 * Independent of what the operations compute. */
#pragma once

#include "gpu.h"

G_BEGIN_DECLS

/* Descriptors that are being built. After the first error calls have no effect
 * and return NULL. */
typedef struct
{
  const CcsCudaLibraries *lib;
  GPtrArray *made; /* cudnnBackendDescriptor_t; NULL once a plan has them */
  GArray *operations;
  cudnnStatus_t status;
} CcsCudnnGraph;

void ccs_cudnn_graph_init (CcsCudnnGraph *self, const CcsCudaLibraries *lib);
void ccs_cudnn_graph_clear (CcsCudnnGraph *self);
cudnnBackendDescriptor_t ccs_cudnn_make (CcsCudnnGraph *self,
                                         cudnnBackendDescriptorType_t type);
void ccs_cudnn_set (CcsCudnnGraph *self, cudnnBackendDescriptor_t descriptor,
                    cudnnBackendAttributeName_t attribute,
                    cudnnBackendAttributeType_t type, gint64 n,
                    gconstpointer values);
void ccs_cudnn_finalize (CcsCudnnGraph *self,
                         cudnnBackendDescriptor_t descriptor);
/* Adds a finalised operation; operations keep their order. */
void ccs_cudnn_add_operation (CcsCudnnGraph *self,
                              cudnnBackendDescriptor_t operation);

/* Dimensions N, C, H, W and their strides in elements. */
typedef struct
{
  gint64 dim[4], stride[4];
} CcsCudnnShape;

/* Describes the tensor @uid, whose memory is aligned to @alignment bytes (0: a
 * virtual tensor, inside the graph). */
cudnnBackendDescriptor_t ccs_cudnn_tensor (CcsCudnnGraph *self, gint64 uid,
                                           CcsDType dtype,
                                           const CcsCudnnShape *shape,
                                           gint64 alignment);

/* -- plans ----------------------------------------------------------------- */

#define CCS_CUDNN_MAX_TENSORS 5

/* The memory of the tensors of a graph. */
typedef struct
{
  gint64 uids[CCS_CUDNN_MAX_TENSORS];
  CcsCallOperand operands[CCS_CUDNN_MAX_TENSORS];
  guint n;
  gsize scratch; /* bytes of scratch before the graph's workspace */
} CcsCudnnMemory;

/* A compiled graph on fixed memory. It keeps the descriptors of its graph,
 * because cuDNN does not document that plans copy them. */
typedef struct
{
  CcsGpu *gpu;
  const CcsCudaLibraries *lib;
  GPtrArray *made; /* cudnnBackendDescriptor_t */
  cudnnBackendDescriptor_t plan, pack;
  CcsCudnnMemory memory;
  gsize workspace;
  void *packed_scratch; /* scratch for which pack was made */
} CcsCudnnPlan;

/* Finds an engine that the precision allows for the operations of @graph on
 * @memory. On success fills @call, which owns the plan; otherwise graph->status
 * is the error. */
gboolean ccs_cudnn_plan (CcsCudnnGraph *graph, CcsGpu *gpu,
                         const CcsCudnnMemory *memory, CcsCall *call);

G_END_DECLS
