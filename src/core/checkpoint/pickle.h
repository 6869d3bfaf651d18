/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subset of Python's pickle that describes tensors. The machine builds
 * plain values and calls nothing: the few globals it knows are names for what
 * it builds itself, every other one is an error. */
#pragma once

#include "pickle-values.h"

G_BEGIN_DECLS

/* Runs one pickle at @data's start; @used are the bytes to its STOP. */
gboolean ccs_pickle_run (CcsPickle *self, const guint8 *data, gsize size,
                         CcsPickleValue *value, gsize *used, GError **error);

G_END_DECLS
