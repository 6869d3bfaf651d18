/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Additional functions of the simulated driver for tests. */
#pragma once

#include <glib.h>

/* Environment variable with which the driver finds no code for the device. */
#define SIMULATED_NO_CODE "CCSTEREO_SIMULATED_NO_CODE"

/* Returns the number of bytes copied from the device to the host. */
gsize simulated_downloaded_bytes (void);
