/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of a report that is made from metrics.jsonl: time and steps of the
 * run, and curves of losses, validation and learning rates. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Adds the number of steps and the time they took. @lines are the lines of
 * metrics.jsonl. */
void ccs_report_add_effort (GString *html, char **lines);
/* Adds a plot of each loss, of the validation and of the learning rates. */
void ccs_report_add_curves (GString *html, char **lines);

G_END_DECLS
