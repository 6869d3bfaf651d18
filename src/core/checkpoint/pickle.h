/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subset of Python's pickle that describes tensors. The machine builds
 * plain values and calls nothing. The few globals that it accepts are names of
 * values that it builds itself; any other global is an error. */
#pragma once

#include "pickle-values.h"

G_BEGIN_DECLS

/* Runs the pickle at the start of @data. @used is its length up to STOP. */
gboolean ccs_pickle_run (CcsPickle *self, const guint8 *data, gsize size,
                         CcsPickleValue *value, gsize *used, GError **error);

G_END_DECLS
