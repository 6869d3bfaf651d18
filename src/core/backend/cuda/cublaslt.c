/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matrix products with cuBLASLt, which is column-major: a row-major y [M,N] is
 * its N x M matrix, so b is its first operand and a its second, both without a
 * transpose. */
#include "gpu.h"

/* Enough for partial sums of products that are split along K. */
#define MAX_WORKSPACE ((gsize)32 * 1024 * 1024)
/* Largest alignment that is declared; more has no effect. */
#define MAX_ALIGNMENT 256

typedef struct
{
  const CcsCudaLibraries *lib;
  cublasLtMatmulDesc_t product;
  cublasLtMatrixLayout_t b, a, y;
  cublasLtMatmulAlgo_t algo;
  CcsCallOperand b_operand, a_operand, y_operand;
  float alpha;
  gsize scratch; /* bytes of scratch before the workspace */
  gsize workspace;
} Matmul;

static void
matmul_free (gpointer data)
{
  Matmul *self = data;

  g_clear_pointer (&self->product, self->lib->cublasLtMatmulDescDestroy);
  g_clear_pointer (&self->b, self->lib->cublasLtMatrixLayoutDestroy);
  g_clear_pointer (&self->a, self->lib->cublasLtMatrixLayoutDestroy);
  g_clear_pointer (&self->y, self->lib->cublasLtMatrixLayoutDestroy);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Matmul, matmul_free)

static void
run_matmul (CcsCuda *cuda, gpointer state, void *scratch)
{
  static const float zero = 0.f;
  CcsGpu *gpu = (CcsGpu *)cuda;
  Matmul *self = state;
  void *y = ccs_call_data (&self->y_operand, scratch);
  void *workspace = self->workspace ? (char *)scratch + self->scratch : NULL;
  const cublasStatus_t status = self->lib->cublasLtMatmul (
      gpu->cublaslt, self->product, &self->alpha,
      ccs_call_data (&self->b_operand, scratch), self->b,
      ccs_call_data (&self->a_operand, scratch), self->a, &zero, y, self->y, y,
      self->y, &self->algo, workspace, self->workspace, gpu->stream);

  if (status != CUBLAS_STATUS_SUCCESS)
    ccs_gpu_fail (
        cuda, g_strdup_printf ("cuBLASLt: %s",
                               self->lib->cublasLtGetStatusString (status)));
}

static cudaDataType_t
data_type_of (CcsDType dtype)
{
  return dtype == CCS_BF16  ? CUDA_R_16BF
         : dtype == CCS_F16 ? CUDA_R_16F
                            : CUDA_R_32F;
}

/* Describes the last two dimensions of @x as a batch of matrices. */
static cublasStatus_t
make_layout (const Matmul *self, const CcsOperand *x,
             cublasLtMatrixLayout_t *layout)
{
  const guint rank = x->shape.rank;
  const gint64 rows = x->shape.dim[rank - 2], columns = x->shape.dim[rank - 1];
  const gint32 batch = ccs_shape_rows (&x->shape) / rows;
  const gint64 apart = rows * x->pitch;
  cublasStatus_t status = self->lib->cublasLtMatrixLayoutCreate (
      layout, data_type_of (x->dtype), columns, rows, x->pitch);

  if (status == CUBLAS_STATUS_SUCCESS)
    status = self->lib->cublasLtMatrixLayoutSetAttribute (
        *layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = self->lib->cublasLtMatrixLayoutSetAttribute (
        *layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &apart,
        sizeof apart);
  return status;
}

/* Returns whether cuBLASLt can add bias and ReLU: only for a single matrix. */
static gboolean
has_own_epilogue (const CcsKernel *kernel)
{
  const CcsActKind act = kernel->op->attrs.matmul.act.kind;

  return kernel->out[0].shape.rank == 2 && kernel->in[2].data
         && (act == CCS_ACT_NONE || act == CCS_ACT_RELU);
}

static cublasStatus_t
set_epilogue (const Matmul *self, const CcsKernel *kernel)
{
  const CcsOperand *bias = &kernel->in[2];
  const cublasLtEpilogue_t epilogue
      = kernel->op->attrs.matmul.act.kind == CCS_ACT_RELU
            ? CUBLASLT_EPILOGUE_RELU_BIAS
            : CUBLASLT_EPILOGUE_BIAS;
  cublasStatus_t status = self->lib->cublasLtMatmulDescSetAttribute (
      self->product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  return self->lib->cublasLtMatmulDescSetAttribute (
      self->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias->data,
      sizeof bias->data);
}

static cublasStatus_t
make_product (Matmul *self, const CcsKernel *kernel,
              cublasComputeType_t compute, gboolean epilogue)
{
  const cublasOperation_t turn_b
      = kernel->op->attrs.matmul.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t turn_a
      = kernel->op->attrs.matmul.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  cublasStatus_t status = self->lib->cublasLtMatmulDescCreate (
      &self->product, compute, CUDA_R_32F);

  /* cuBLASLt's A is our b. */
  if (status == CUBLAS_STATUS_SUCCESS)
    status = self->lib->cublasLtMatmulDescSetAttribute (
        self->product, CUBLASLT_MATMUL_DESC_TRANSA, &turn_b, sizeof turn_b);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = self->lib->cublasLtMatmulDescSetAttribute (
        self->product, CUBLASLT_MATMUL_DESC_TRANSB, &turn_a, sizeof turn_a);
  if (status == CUBLAS_STATUS_SUCCESS && epilogue)
    status = set_epilogue (self, kernel);
  return status;
}

static guint32
alignment_of (const CcsCallOperand *x)
{
  const gsize place = x->in_scratch ? x->at : (gsize)x->operand.data;
  guint32 alignment = sizeof (float);

  while (alignment < MAX_ALIGNMENT && place % (2 * alignment) == 0)
    alignment *= 2;
  return alignment;
}

/* Sets the conditions for the choice of an algorithm: alignment, workspace, and
 * sums in a fixed order. */
static cublasStatus_t
make_preference (const Matmul *self, cublasLtMatmulPreference_t *preference)
{
  const gsize workspace = MAX_WORKSPACE;
  const guint32 reduction
      = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  const guint32 align_b = alignment_of (&self->b_operand);
  const guint32 align_a = alignment_of (&self->a_operand);
  const guint32 align_y = alignment_of (&self->y_operand);
  const struct
  {
    cublasLtMatmulPreferenceAttributes_t attribute;
    gconstpointer value;
    gsize bytes;
  } settings[] = {
    { CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace },
    { CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction,
      sizeof reduction },
    { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &align_b, sizeof align_b },
    { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &align_a, sizeof align_a },
    { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &align_y, sizeof align_y },
    { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &align_y, sizeof align_y },
  };
  cublasStatus_t status
      = self->lib->cublasLtMatmulPreferenceCreate (preference);

  for (guint i = 0;
       i < G_N_ELEMENTS (settings) && status == CUBLAS_STATUS_SUCCESS; i++)
    status = self->lib->cublasLtMatmulPreferenceSetAttribute (
        *preference, settings[i].attribute, settings[i].value,
        settings[i].bytes);
  return status;
}

static cublasStatus_t
choose_algorithm (Matmul *self, const CcsGpu *gpu)
{
  cublasLtMatmulPreference_t preference = NULL;
  cublasLtMatmulHeuristicResult_t found;
  int n = 0;
  cublasStatus_t status = make_preference (self, &preference);

  if (status == CUBLAS_STATUS_SUCCESS)
    status = self->lib->cublasLtMatmulAlgoGetHeuristic (
        gpu->cublaslt, self->product, self->b, self->a, self->y, self->y,
        preference, 1, &found, &n);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = n > 0 ? found.state : CUBLAS_STATUS_NOT_SUPPORTED;
  if (status == CUBLAS_STATUS_SUCCESS) {
    self->algo = found.algo;
    self->workspace = found.workspaceSize;
  }
  if (preference)
    self->lib->cublasLtMatmulPreferenceDestroy (preference);
  return status;
}

/* Tries one compute type for @site. CUBLAS_STATUS_NOT_SUPPORTED if there is no
 * algorithm. */
static cublasStatus_t
try_matmul (const CcsGpu *gpu, const CcsCallSite *site,
            cublasComputeType_t compute, gboolean epilogue, CcsCall *call)
{
  g_autoptr (Matmul) self = g_new0 (Matmul, 1);
  cublasStatus_t status;

  self->lib = gpu->lib;
  self->a_operand = site->in[0];
  self->b_operand = site->in[1];
  self->y_operand = site->out;
  self->scratch = site->scratch;
  self->alpha = site->kernel->op->attrs.matmul.alpha;
  status = make_product (self, site->kernel, compute, epilogue);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = make_layout (self, &self->b_operand.operand, &self->b);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = make_layout (self, &self->a_operand.operand, &self->a);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = make_layout (self, &self->y_operand.operand, &self->y);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = choose_algorithm (self, gpu);
  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  call->run = run_matmul;
  call->scratch = self->scratch + self->workspace;
  call->epilogue = epilogue;
  call->free_state = matmul_free;
  call->state = g_steal_pointer (&self);
  return CUBLAS_STATUS_SUCCESS;
}

/* Returns the compute type; products of 16-bit factors are summed in float. */
static cublasComputeType_t
compute_type_of (CcsPrecision precision)
{
  return precision == CCS_PRECISION_FP32   ? CUBLAS_COMPUTE_32F_PEDANTIC
         : precision == CCS_PRECISION_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                           : CUBLAS_COMPUTE_32F;
}

gboolean
ccs_cuda_call_matmul (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                      GError **error)
{
  CcsGpu *gpu = (CcsGpu *)cuda;
  const gboolean epilogue = has_own_epilogue (site->kernel);
  const cublasComputeType_t compute
      = compute_type_of (gpu->base.base.precision);
  cublasStatus_t status = try_matmul (gpu, site, compute, epilogue, call);

  if (status != CUBLAS_STATUS_SUCCESS && epilogue)
    status = try_matmul (gpu, site, compute, FALSE, call);
  /* Plain 32F is as precise, except for the order of sums. */
  if (status != CUBLAS_STATUS_SUCCESS)
    status = try_matmul (gpu, site, CUBLAS_COMPUTE_32F, FALSE, call);
  if (status == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s: cuBLASLt: %s",
               site->kernel->row->name,
               gpu->lib->cublasLtGetStatusString (status));
  return FALSE;
}
