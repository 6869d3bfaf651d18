/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and summaries of the commands that ccstereo-datasets implements. */
#pragma once

#include "tool.h"

G_BEGIN_DECLS

#define TOOL_PREPARE "prepare"
#define TOOL_PREPARE_SUMMARY "Make a data set of a folder of videos"
#define TOOL_SCENES "scenes"
#define TOOL_SCENES_SUMMARY "Write synthetic scenes as a data set or as videos"

/* In `ccstereo`: they run ccstereo-datasets. */
extern const ToolCommand tool_run_prepare, tool_run_scenes;
/* In ccstereo-datasets. */
extern const ToolCommand tool_prepare, tool_scenes;

G_END_DECLS
