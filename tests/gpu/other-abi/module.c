/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module with another ABI, of which the library can read only the ABI
 * number. */
#include "backend/host.h"

extern const CcsBackendModule ccs_backend_module;
const CcsBackendModule ccs_backend_module = { .abi = CCS_BACKEND_ABI + 1 };
