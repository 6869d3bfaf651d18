/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes report.html, one page without external files: curves of the losses,
 * the metric table, and for some test clips spectrograms and the interaural
 * level over time of truth, prediction and mono. */
#pragma once

#include "evaluate.h"

G_BEGIN_DECLS

/**
 * CcsReportOptions:
 * @dir: the run's folder, from which metrics are read and to which report.html
 *   is written
 * @title: description of the run
 * @model_path: the model that is evaluated
 * @backend, @where: the backend and its device
 * @dataset, @how: test data and how it is evaluated
 */
typedef struct
{
  const char *dir, *title, *model_path;
  const char *backend;
  const CcsBackendOptions *where;
  CcsDataset *dataset;
  CcsEvaluateOptions how;
} CcsReportOptions;

gboolean ccs_report_write (const CcsReportOptions *options, GError **error);

G_END_DECLS
