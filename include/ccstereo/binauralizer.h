/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streaming engine: audio in buffers of any size and features with
 * timestamps in, stereo of the same length out. */
#pragma once

#include <glib-object.h>

#include <ccstereo/export.h>
#include <ccstereo/model.h>

G_BEGIN_DECLS

/**
 * CcsBinauralizer:
 *
 * Makes a stream of audio binaural.
 *
 * The mix M is the sum of the input's channels at the input's rate. The model
 * predicts the difference D at %CCS_MODEL_RATE; the output is L = (M + D)/2 and
 * R = (M - D)/2 at the input's rate, so that L + R is the mix. Windows start at
 * multiples of the hop, counted from the first sample pushed. Each uses the
 * feature nearest in time to its centre, the earlier of two equally near. The
 * output does not depend on how the input was split into buffers.
 *
 * Times are in nanoseconds from the first sample. One thread at a time may use
 * an object; different objects are independent and may share a model.
 */
typedef struct _CcsBinauralizer CcsBinauralizer;

/**
 * CCS_TYPE_BINAURALIZER: (skip)
 *
 * The boxed type of #CcsBinauralizer.
 */
#define CCS_TYPE_BINAURALIZER (ccs_binauralizer_get_type ())
CCS_API GType ccs_binauralizer_get_type (void);

/**
 * CCS_BINAURALIZER_MIN_RATE:
 *
 * Lowest sample rate in Hz.
 */
#define CCS_BINAURALIZER_MIN_RATE 4000
/**
 * CCS_BINAURALIZER_MAX_RATE:
 *
 * Highest sample rate in Hz.
 */
#define CCS_BINAURALIZER_MAX_RATE 384000
/**
 * CCS_BINAURALIZER_MAX_WIDTH:
 *
 * Largest stereo width.
 */
#define CCS_BINAURALIZER_MAX_WIDTH 2.
/**
 * CCS_BINAURALIZER_LOUDEST:
 *
 * Largest sample that the model processes, 180 dB above full scale. The model
 * gets silence for louder and for non-finite samples.
 */
#define CCS_BINAURALIZER_LOUDEST 1e9f

/**
 * CcsBinauralizerOptions:
 * @rate: sample rate of input and output in Hz, %CCS_BINAURALIZER_MIN_RATE to
 *   %CCS_BINAURALIZER_MAX_RATE
 * @channels: channels of the input, 1 or 2; the channels of stereo are added. A
 *   mono input is the mix itself.
 * @hop: samples between windows at %CCS_MODEL_RATE, 1 to %CCS_WINDOW; more is
 *   faster
 * @lookahead: future audio used per output sample, in samples at
 *   %CCS_MODEL_RATE, @hop to %CCS_WINDOW. Less means lower latency and lower
 *   quality.
 * @batch: whether to collect windows for a full batch, which is faster and adds
 *   latency. The output is the same.
 * @width: stereo width: 0 mono, 1 as predicted, at most
 *   %CCS_BINAURALIZER_MAX_WIDTH
 *
 * Options of a binauralizer. Initialize them with
 * %CCS_BINAURALIZER_OPTIONS_INIT.
 */
typedef struct
{
  guint rate;
  guint channels;
  guint hop;
  guint lookahead;
  gboolean batch;
  float width;
  /*< private >*/
  gpointer padding[4];
} CcsBinauralizerOptions;

/**
 * CCS_BINAURALIZER_OPTIONS_INIT:
 *
 * Initializer of a #CcsBinauralizerOptions: mono input at 48 kHz, the published
 * hop and lookahead, full batches, width 1.
 */
#define CCS_BINAURALIZER_OPTIONS_INIT                                          \
  {                                                                            \
    48000, 1, CCS_HOP, CCS_WINDOW, TRUE, 1.f,                                  \
    {                                                                          \
      NULL                                                                     \
    }                                                                          \
  }

/**
 * CCS_TYPE_BINAURALIZER_OPTIONS: (skip)
 *
 * The boxed type of #CcsBinauralizerOptions.
 */
#define CCS_TYPE_BINAURALIZER_OPTIONS (ccs_binauralizer_options_get_type ())
CCS_API GType ccs_binauralizer_options_get_type (void);

/**
 * ccs_binauralizer_options_new:
 *
 * Makes binauralizer options with the values of %CCS_BINAURALIZER_OPTIONS_INIT.
 *
 * Returns: (transfer full): the options
 */
CCS_API CcsBinauralizerOptions *ccs_binauralizer_options_new (void);

/**
 * ccs_binauralizer_options_copy:
 * @self: options
 *
 * Copies @self.
 *
 * Returns: (transfer full): a copy
 */
CCS_API CcsBinauralizerOptions *
ccs_binauralizer_options_copy (const CcsBinauralizerOptions *self);

/**
 * ccs_binauralizer_options_free:
 * @self: (transfer full) (nullable): options
 *
 * Frees what ccs_binauralizer_options_new() or ccs_binauralizer_options_copy()
 * returned.
 */
CCS_API void ccs_binauralizer_options_free (CcsBinauralizerOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBinauralizerOptions,
                               ccs_binauralizer_options_free)

/**
 * ccs_binauralizer_new:
 * @model: a model, to which a reference is added
 * @options: (nullable): options; %NULL: %CCS_BINAURALIZER_OPTIONS_INIT
 * @error: return location for a #GError
 *
 * Makes a binauralizer.
 *
 * Errors: %CCS_ERROR_ARGUMENT for an option outside its range,
 * %CCS_ERROR_MEMORY.
 *
 * Returns: (transfer full): the binauralizer, or %NULL on error
 */
CCS_API CcsBinauralizer *
ccs_binauralizer_new (CcsModel *model, const CcsBinauralizerOptions *options,
                      GError **error);

/**
 * ccs_binauralizer_ref:
 * @self: a binauralizer
 *
 * Adds a reference to @self. Thread-safe.
 *
 * Returns: (transfer full): @self
 */
CCS_API CcsBinauralizer *ccs_binauralizer_ref (CcsBinauralizer *self);

/**
 * ccs_binauralizer_unref:
 * @self: (transfer full) (nullable): a binauralizer
 *
 * Releases a reference to @self. Thread-safe.
 */
CCS_API void ccs_binauralizer_unref (CcsBinauralizer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBinauralizer, ccs_binauralizer_unref)

/**
 * ccs_binauralizer_push_feature: (skip)
 * @self: a binauralizer
 * @time: time of the frame
 * @feature: ccs_model_feature_size() floats, which are copied
 * @error: return location for a #GError
 *
 * Adds the feature of the frame at @time. Of several features with the same
 * time the first is used.
 *
 * Errors: %CCS_ERROR_ARGUMENT if @time is before that of the last feature.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_push_feature (CcsBinauralizer *self,
                                                gint64 time,
                                                const float *feature,
                                                GError **error);

/**
 * ccs_binauralizer_push_feature_bytes: (rename-to ccs_binauralizer_push_feature)
 * @self: a binauralizer
 * @time: time of the frame
 * @feature: what ccs_model_encode_bytes() returned
 * @error: return location for a #GError
 *
 * Adds the feature of the frame at @time, as ccs_binauralizer_push_feature()
 * does.
 *
 * Errors: %CCS_ERROR_ARGUMENT if @feature has another size than features of
 * the model; as for ccs_binauralizer_push_feature().
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_push_feature_bytes (CcsBinauralizer *self,
                                                      gint64 time,
                                                      GBytes *feature,
                                                      GError **error);

/**
 * ccs_binauralizer_push_gap:
 * @self: a binauralizer
 * @time: end of the gap
 *
 * Declares that no further feature has a time before @time: windows whose
 * centre is before it do not wait for one. If there has been no feature at all
 * they have none, also if one has come by the time they run: D = 0.
 */
CCS_API void ccs_binauralizer_push_gap (CcsBinauralizer *self, gint64 time);

/**
 * ccs_binauralizer_end_features:
 * @self: a binauralizer
 *
 * Declares that no further feature comes. Windows that wait may run with the
 * features that are there.
 */
CCS_API void ccs_binauralizer_end_features (CcsBinauralizer *self);

/**
 * ccs_binauralizer_push_audio: (skip)
 * @self: a binauralizer
 * @samples: @frames x channels interleaved samples, which are copied
 * @frames: samples per channel
 * @error: return location for a #GError
 *
 * Adds audio. Where the mix is not finite, or exceeds
 * %CCS_BINAURALIZER_LOUDEST, the model gets silence; the output has the mix as
 * it is.
 *
 * Errors: %CCS_ERROR_ARGUMENT after ccs_binauralizer_drain(), and if more than
 * 2^29 frames would wait; %CCS_ERROR_MEMORY.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_push_audio (CcsBinauralizer *self,
                                              const float *samples,
                                              gsize frames, GError **error);

/**
 * ccs_binauralizer_push_audio_bytes: (rename-to ccs_binauralizer_push_audio)
 * @self: a binauralizer
 * @samples: interleaved samples: 32-bit floats in the machine's byte order
 * @error: return location for a #GError
 *
 * Adds audio, as ccs_binauralizer_push_audio() does.
 *
 * Errors: %CCS_ERROR_ARGUMENT if @samples do not divide into frames; as for
 * ccs_binauralizer_push_audio().
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_push_audio_bytes (CcsBinauralizer *self,
                                                    GBytes *samples,
                                                    GError **error);

/**
 * ccs_binauralizer_push_silence:
 * @self: a binauralizer
 * @frames: samples per channel
 * @error: return location for a #GError
 *
 * Adds silence for a gap in the audio. A window of nothing but such silence
 * waits for no feature and is not passed to the model: its difference is 0.
 *
 * Errors: as ccs_binauralizer_push_audio().
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_push_silence (CcsBinauralizer *self,
                                                gsize frames, GError **error);

/**
 * ccs_binauralizer_drain:
 * @self: a binauralizer
 * @error: return location for a #GError
 *
 * Ends the audio: completes the last window with silence and runs what can run.
 * Windows that wait for a feature run in ccs_binauralizer_process() when the
 * features are there or have ended.
 *
 * Errors: as for ccs_binauralizer_process().
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_drain (CcsBinauralizer *self, GError **error);

/**
 * ccs_binauralizer_available:
 * @self: a binauralizer
 *
 * Returns the number of stereo frames that can be pulled now.
 *
 * Returns: the number of frames
 */
CCS_API gsize ccs_binauralizer_available (const CcsBinauralizer *self);

/**
 * ccs_binauralizer_process:
 * @self: a binauralizer
 * @force: whether complete windows run without waiting for features or for a
 *   full batch
 * @error: return location for a #GError
 *
 * Runs the windows that can run. A window waits until features or a gap reach
 * its centre or features have ended, and with the batch option for a full
 * batch. With @force all complete windows run, with the nearest feature that is
 * there, or with none: D = 0. After an error nothing is lost: the same windows
 * run in the next call.
 *
 * Errors: %CCS_ERROR_BACKEND, %CCS_ERROR_MEMORY.
 *
 * Returns: %TRUE on success
 */
CCS_API gboolean ccs_binauralizer_process (CcsBinauralizer *self,
                                           gboolean force, GError **error);

/**
 * ccs_binauralizer_pull: (skip)
 * @self: a binauralizer
 * @out: buffer of 2 x @frames floats: interleaved left and right samples
 * @frames: largest number of frames to write
 *
 * Moves processed frames to @out.
 *
 * Returns: the number of frames written
 */
CCS_API gsize ccs_binauralizer_pull (CcsBinauralizer *self, float *out,
                                     gsize frames);

/**
 * ccs_binauralizer_pull_bytes: (rename-to ccs_binauralizer_pull)
 * @self: a binauralizer
 * @frames: largest number of frames to return
 *
 * Returns processed frames, as ccs_binauralizer_pull() does.
 *
 * Returns: (transfer full): interleaved left and right samples: 32-bit floats
 *   in the machine's byte order; empty if none can be pulled
 */
CCS_API GBytes *ccs_binauralizer_pull_bytes (CcsBinauralizer *self,
                                             gsize frames);

/**
 * ccs_binauralizer_reset:
 * @self: a binauralizer
 *
 * Discards all audio and features, for a new stream. Model, options and the
 * current width are kept.
 */
CCS_API void ccs_binauralizer_reset (CcsBinauralizer *self);

/**
 * ccs_binauralizer_set_width:
 * @self: a binauralizer
 * @width: stereo width, 0 to %CCS_BINAURALIZER_MAX_WIDTH
 *
 * Changes the stereo width of frames that are not yet pulled, over a ramp
 * without a click. Before the first pull it applies at once.
 */
CCS_API void ccs_binauralizer_set_width (CcsBinauralizer *self, float width);

/**
 * ccs_binauralizer_latency:
 * @self: a binauralizer
 *
 * Returns the largest delay of the output in frames: of n frames pushed, at
 * least n - latency can be pulled after ccs_binauralizer_process() if no window
 * waits for features.
 *
 * Returns: the latency in frames at the input's rate
 */
CCS_API gsize ccs_binauralizer_latency (const CcsBinauralizer *self);

/**
 * ccs_binauralizer_next_center:
 * @self: a binauralizer
 *
 * Returns the centre of the first complete window that waits for features, that
 * is, up to which time features are needed.
 *
 * Returns: a time, or -1 if no window waits
 */
CCS_API gint64 ccs_binauralizer_next_center (const CcsBinauralizer *self);

/**
 * ccs_binauralizer_windows:
 * @self: a binauralizer
 *
 * Returns how many windows have been run since the first frame or the last
 * ccs_binauralizer_reset(). Window i begins at i hops.
 *
 * Returns: the number of windows
 *
 * Since: 0.2
 */
CCS_API guint64 ccs_binauralizer_windows (const CcsBinauralizer *self);

/**
 * ccs_binauralizer_centered_windows:
 * @self: a binauralizer
 *
 * Returns how many windows had no feature, so that their D = 0.
 *
 * Returns: the number of windows
 */
CCS_API guint64 ccs_binauralizer_centered_windows (const CcsBinauralizer *self);

G_END_DECLS
