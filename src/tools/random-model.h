/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Models with made-up parameters, where only the work counts. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

/* Every parameter of @config, a function of its name alone: well-scaled noise
 * (activations keep their magnitude), positive variances. (transfer full) */
CcsStateDict *random_model_params (const CcsModelConfig *config);
/* Evenly distributed in [0,1): element @index of the sequence called @name. */
double random_unit (const char *name, guint64 index);

G_END_DECLS
