/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inference on windows: computes the difference from the mix, at any level, and
 * the feature, at the level of the mix. */
#include "net.h"

CcsNetWindow
ccs_net_window (CcsProgram *p, const CcsModelConfig *config, gint batch)
{
  CcsShape feature = CCS_SHAPE (batch, CCS_FEATURE_HEIGHT, CCS_FEATURE_WIDTH,
                                ccs_model_config_dim (config));
  CcsValueId skips[CCS_N_UPCONV];
  CcsValueId level, gain, mix, tokens, mask, spectrum, difference;
  CcsNetWindow io;

  io.mono
      = ccs_program_input (p, "mono", CCS_F32, CCS_SHAPE (batch, CCS_WINDOW));
  io.visual_feat = ccs_program_input (p, "visual_feat", CCS_F32, feature);

  level = ccs_level (p, io.mono, CCS_LEVEL_TARGET, CCS_LEVEL_FLOOR);
  ccs_program_name (p, "mono_normalised", level);
  gain = ccs_program_result (p, level, 1);
  ccs_program_name (p, "normalizer", gain);
  mix = ccs_program_name (p, "mix_spec", ccs_net_stft (p, level));

  ccs_net_audio_encode (p, config, mix, skips);
  tokens = ccs_net_fuse (p, config, skips[CCS_N_UPCONV - 1], io.visual_feat, 1);
  mask = ccs_net_audio_decode (p, config, tokens, io.visual_feat, skips);

  spectrum = ccs_complex_mul (p, mix, mask, FALSE);
  ccs_program_name (p, "pred_diff_spec", spectrum);
  difference = ccs_net_istft (p, spectrum);
  ccs_program_name (p, "pred_diff", difference);
  io.difference
      = ccs_program_output (p, "difference", ccs_mul (p, difference, gain));
  return io;
}
