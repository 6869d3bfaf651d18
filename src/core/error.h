/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error domain of libccstereo. Every fallible call reports through GError
 * in this domain (or G_FILE_ERROR for what the file system refused), with a
 * message that names the file, the tensor or the argument, and the reason. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CCS_ERROR (ccs_error_quark ())

/**
 * CcsError:
 * @CCS_ERROR_ARGUMENT: a caller's value is outside what the function accepts
 * @CCS_ERROR_FORMAT: a file's bytes are not what its format demands
 * @CCS_ERROR_MODEL: well-formed parameters do not make a CCStereo model
 *   (missing, unexpected or wrongly shaped tensors, non-finite weights)
 * @CCS_ERROR_SHAPE: the operands of an op do not fit together
 * @CCS_ERROR_BACKEND: a backend is missing or refused an op
 * @CCS_ERROR_IO: reading or writing a file failed
 * @CCS_ERROR_MEMORY: a device or host allocation failed
 * @CCS_ERROR_CANCELLED: the caller asked to stop
 */
typedef enum
{
  CCS_ERROR_ARGUMENT,
  CCS_ERROR_FORMAT,
  CCS_ERROR_MODEL,
  CCS_ERROR_SHAPE,
  CCS_ERROR_BACKEND,
  CCS_ERROR_IO,
  CCS_ERROR_MEMORY,
  CCS_ERROR_CANCELLED,
} CcsError;

GQuark ccs_error_quark (void);

G_END_DECLS
