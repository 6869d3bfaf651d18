/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes and rates that all CCStereo models share. */
#pragma once

/**
 * CCS_MODEL_RATE:
 *
 * Sample rate of the audio that the model processes, in Hz.
 */
#define CCS_MODEL_RATE 16000
/**
 * CCS_WINDOW:
 *
 * Samples of one window at %CCS_MODEL_RATE: 0.63 s.
 */
#define CCS_WINDOW 10080
/**
 * CCS_HOP:
 *
 * Samples between the starts of consecutive windows, as published: a tenth of
 * %CCS_WINDOW.
 */
#define CCS_HOP 1008

/**
 * CCS_RESIZE_WIDTH:
 *
 * Width in pixels to which a frame is resized before it is cropped.
 */
#define CCS_RESIZE_WIDTH 480
/**
 * CCS_RESIZE_HEIGHT:
 *
 * Height in pixels to which a frame is resized before it is cropped.
 */
#define CCS_RESIZE_HEIGHT 240
/**
 * CCS_CROP_WIDTH:
 *
 * Width in pixels of the cropped frame, the visual encoder's input.
 */
#define CCS_CROP_WIDTH 448
/**
 * CCS_CROP_HEIGHT:
 *
 * Height in pixels of the cropped frame, the visual encoder's input.
 */
#define CCS_CROP_HEIGHT 224
/**
 * CCS_ANALYSIS_FPS:
 *
 * Frames that the model uses per second of video.
 */
#define CCS_ANALYSIS_FPS 10

/**
 * CCS_FEATURE_HEIGHT:
 *
 * Rows of a feature map.
 */
#define CCS_FEATURE_HEIGHT 7
/**
 * CCS_FEATURE_WIDTH:
 *
 * Columns of a feature map.
 */
#define CCS_FEATURE_WIDTH 14
