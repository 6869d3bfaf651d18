/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the functions that take GBytes check their sizes with. */
#pragma once

#include <ccstereo/binauralizer.h>

G_BEGIN_DECLS

/* Returns the number of channels of the input. */
guint ccs_binauralizer_channels (const CcsBinauralizer *self);
/* Returns the number of floats of a feature. */
gsize ccs_binauralizer_feature_size (const CcsBinauralizer *self);

G_END_DECLS
