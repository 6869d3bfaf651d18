/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a model only this project's own programs use: its configuration, and
 * models of parameters in memory. The rest is public: <ccstereo/model.h>. */
#pragma once

#include <ccstereo/model.h>

#include "../backend/backend.h"
#include "config.h"

G_BEGIN_DECLS

/* Makes a model of @params on @backend; never shared. @label names @params in
 * messages. (transfer full) */
CcsModel *ccs_model_new (CcsStateDict *params, const char *label,
                         CcsBackend *backend, GError **error);

/* Returns the configuration of @self. (transfer none) */
const CcsModelConfig *ccs_model_config (const CcsModel *self);
/* Returns the backend that @self runs on. (transfer none) */
CcsBackend *ccs_model_backend (const CcsModel *self);

G_END_DECLS
