/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameters before the first step (specification section 6): drawn from a
 * seed, each tensor from a stream of its own, with the visual trunk from a
 * ResNet file where one is given. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

/* Every entry of the state_dict of @config. (transfer full) */
CcsStateDict *ccs_initial_params (const CcsModelConfig *config, guint64 seed);

/* Puts what @path holds (a torchvision ResNet, or a whole CCStereo model) in
 * place of the entries of @params with the same names. Errors name the file,
 * and a tensor whose shape differs. */
gboolean ccs_initial_params_load (CcsStateDict *params, const char *path,
                                  GError **error);

G_END_DECLS
