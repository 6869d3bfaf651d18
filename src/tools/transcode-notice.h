/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Notices to the user of `ccstereo-transcode`. */
#pragma once

/* Called with each notice, a line without its end. */
typedef void (*TranscodeNotice) (const char *text);
