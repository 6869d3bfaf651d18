/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests ask the simulated driver besides. */
#pragma once

#include <glib.h>

/* A variable of the environment: no code for this device is found. */
#define SIMULATED_NO_CODE "CCSTEREO_SIMULATED_NO_CODE"

/* Bytes that were copied from the device to the host so far. */
gsize simulated_downloaded_bytes (void);
