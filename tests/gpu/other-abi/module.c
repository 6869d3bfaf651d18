/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module of another ABI: only the number can be read. */
#include "backend/host.h"

extern const CcsBackendModule ccs_backend_module;
const CcsBackendModule ccs_backend_module = { .abi = CCS_BACKEND_ABI + 1 };
