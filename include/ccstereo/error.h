/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error domain of libccstereo. */
#pragma once

#include <glib.h>

#include <ccstereo/export.h>

G_BEGIN_DECLS

/**
 * CCS_ERROR:
 *
 * The domain of all errors that libccstereo reports. A message names the file,
 * the tensor or the argument, and the reason.
 */
#define CCS_ERROR (ccs_error_quark ())

/**
 * CcsError:
 * @CCS_ERROR_ARGUMENT: an argument is outside the range that the function
 *   accepts
 * @CCS_ERROR_FORMAT: the content of a file does not conform to its format
 * @CCS_ERROR_MODEL: a well-formed file holds no CCStereo model (missing,
 *   unexpected or wrongly shaped tensors, non-finite weights)
 * @CCS_ERROR_SHAPE: the operands of an operation do not fit together
 * @CCS_ERROR_BACKEND: a backend is missing or cannot do what is asked
 * @CCS_ERROR_IO: a file could not be read or written
 * @CCS_ERROR_MEMORY: memory could not be allocated on the host or the device
 * @CCS_ERROR_CANCELLED: the caller cancelled the operation
 *
 * Codes of the domain %CCS_ERROR.
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

/**
 * ccs_error_quark:
 *
 * Returns the quark of the error domain; see %CCS_ERROR. Thread-safe.
 *
 * Returns: the quark
 */
CCS_API GQuark ccs_error_quark (void);

G_END_DECLS
