/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that users of libccstereo need. */
#pragma once

#include "error.h"
#include "nn/tensor.h"
#include "backend/backend.h"
#include "audio/resampler.h"
#include "audio/window-grid.h"
#include "vision/frame.h"
#include "vision/picture-file.h"
#include "checkpoint/checkpoint.h"
#include "model/config.h"
#include "model/model.h"
#include "binauralizer/binauralizer.h"
