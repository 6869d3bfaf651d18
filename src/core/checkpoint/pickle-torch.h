/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PyTorch in pickles: the globals that a pickle may name, and the values that
 * the machine builds for a call of one of them. */
#pragma once

#include "pickle-values.h"

G_BEGIN_DECLS

/* Returns the index of a known global; CCS_ERROR_FORMAT for others. */
gboolean ccs_pickle_find_global (const char *module, gsize module_length,
                                 const char *name, gsize name_length,
                                 guint *global, GError **error);
/* Builds the value of a call of @global with the TUPLE @args. */
gboolean ccs_pickle_call (CcsPickle *self, guint global,
                          const CcsPickleNode *args, CcsPickleValue *result,
                          GError **error);
/* Builds the storage that a persistent id, a TUPLE, describes. */
gboolean ccs_pickle_load_storage (CcsPickle *self, const CcsPickleNode *id,
                                  CcsPickleValue *result, GError **error);

G_END_DECLS
