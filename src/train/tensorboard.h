/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TensorBoard event files: scalars by step, in the TFRecord framing. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsTensorBoard CcsTensorBoard;

/* Opens a new event file in @dir for a run that continues at @step: readers
 * ignore the values of earlier files from this step on. (transfer full) */
CcsTensorBoard *ccs_tensorboard_open (const char *dir, guint64 step,
                                      GError **error);
void ccs_tensorboard_close (CcsTensorBoard *self);
gboolean ccs_tensorboard_scalar (CcsTensorBoard *self, const char *tag,
                                 guint64 step, double value, GError **error);

G_END_DECLS
