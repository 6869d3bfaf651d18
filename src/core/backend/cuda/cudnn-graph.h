/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Graphs of cuDNN operations, built without a word about what they compute:
 * descriptors that live and die together, and execution plans chosen among the
 * engines that a precision allows. */
#pragma once

#include "gpu.h"

G_BEGIN_DECLS

/* Descriptors under construction. After the first failure every call does
 * nothing and gives NULL. */
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
/* Takes a finalised operation into the graph; they are kept in this order. */
void ccs_cudnn_add_operation (CcsCudnnGraph *self,
                              cudnnBackendDescriptor_t operation);

/* Dimensions N, C, H, W and the elements between neighbours in each. */
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

/* What the tensors of a graph stand for. */
typedef struct
{
  gint64 uids[CCS_CUDNN_MAX_TENSORS];
  CcsCallOperand operands[CCS_CUDNN_MAX_TENSORS];
  guint n;
  gsize scratch; /* bytes of scratch before the graph's workspace */
} CcsCudnnMemory;

/* A compiled graph on fixed memory. Nothing says that a plan copies what it was
 * made of: the descriptors of its graph stay as long as it does. */
typedef struct
{
  CcsGpu *gpu;
  const CcsCudaLibraries *lib;
  GPtrArray *made; /* cudnnBackendDescriptor_t */
  cudnnBackendDescriptor_t plan, pack;
  CcsCudnnMemory memory;
  gsize workspace;
  void *packed_scratch; /* the scratch that pack was made for */
} CcsCudnnPlan;

/* Finds an engine that the precision allows for the operations of @graph on
 * @memory. On success fills @call, which owns the plan; else says why in
 * graph->status. */
gboolean ccs_cudnn_plan (CcsCudnnGraph *graph, CcsGpu *gpu,
                         const CcsCudnnMemory *memory, CcsCall *call);

G_END_DECLS
