/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.html: a run on one page that needs nothing else: loss curves, the
 * metric table, and for some test clips spectrograms and the interaural level
 * over time of truth, prediction and mono. */
#pragma once

#include "dataset.h"

G_BEGIN_DECLS

/* Reads @dir's metrics, evaluates @model_path on @limit clips of @options, and
 * writes @dir/report.html. @title: what the run was. */
gboolean ccs_report_write (const char *dir, const char *title,
                           const char *model_path, const char *backend,
                           const CcsDatasetOptions *options, guint limit,
                           GError **error);

G_END_DECLS
