/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renders first-order ambisonics binaurally: decodes to loudspeakers in the
 * corners of a cube and applies their measured responses. Both steps are
 * combined into one pair of filters per ambisonic channel. */
#pragma once

#include "hrir.h"
#include "prepare.h"

G_BEGIN_DECLS

#define CCS_AMBISONIC_CHANNELS 4

typedef struct _CcsAmbisonic CcsAmbisonic;

CcsAmbisonic *ccs_ambisonic_new (CcsAmbisonicOrder order, guint rate,
                                 const char *sofa, GError **error);
void ccs_ambisonic_free (CcsAmbisonic *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsAmbisonic, ccs_ambisonic_free)

/* Resets the filters. */
void ccs_ambisonic_reset (CcsAmbisonic *self);
/* Renders the next @n samples of @planes [4][n]. Consecutive pieces join
 * without a break. */
void ccs_ambisonic_render (CcsAmbisonic *self, float *const *planes, gsize n,
                           float *left, float *right);

G_END_DECLS
