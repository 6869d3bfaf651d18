/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All of libccstereo's public interface. */
#pragma once

#include <ccstereo/backend.h>
#include <ccstereo/binauralizer.h>
#include <ccstereo/checkpoint.h>
#include <ccstereo/constants.h>
#include <ccstereo/error.h>
#include <ccstereo/export.h>
#include <ccstereo/model.h>
#include <ccstereo/version.h>
#include <ccstereo/vision.h>
