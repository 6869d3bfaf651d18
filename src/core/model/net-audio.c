/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audio U-Net around the fusion (specification section 3): five encoder
 * layers that halve the size of the spectrum, and five decoder layers with skip
 * connections, which compute the mask. */
#include "architecture.h"
#include "net-layer.h"

#define AUDIO CCS_NET_AUDIO "."
#define ENCODER_SLOPE 0.2f
#define BOTTLENECK_HEIGHT 8 /* rows of the bottleneck's 8x2 map */
#define BOTTLENECK_WIDTH (CCS_AUDIO_TOKENS / BOTTLENECK_HEIGHT)

void
ccs_net_audio_encode (CcsProgram *p, const CcsModelConfig *config,
                      CcsValueId spectrum, CcsValueId skips[CCS_N_UPCONV])
{
  CcsValueId x = spectrum;

  for (gint k = 0; k < CCS_N_UPCONV; k++) {
    g_autofree char *layer = g_strdup_printf ("audionet_convlayer%d", k + 1);
    g_autofree char *name = g_strdup_printf ("audio.%s", layer);
    g_autofree char *conv = g_strdup_printf (AUDIO "%s.0", layer);
    g_autofree char *norm = g_strdup_printf (AUDIO "%s.1", layer);
    CcsNetConv spec
        = { .out = ccs_encoder_width[k] * ccs_model_config_ngf (config),
            .kernel = CCS_AUDIO_KERNEL,
            .stride = 2,
            .pad = 1,
            .bias = TRUE };
    x = ccs_net_conv (p, x, conv, spec);
    x = ccs_net_batch_norm (p, x, norm, CCS_NET_NORM_AFFINE, 1,
                            CCS_LEAKY_RELU (ENCODER_SLOPE));
    skips[k] = ccs_program_name (p, name, x);
  }
}

/* Appends decoder layer @k (0 is audionet_upconvlayer1) including its ReLU. */
static CcsValueId
decoder_layer (CcsProgram *p, const CcsModelConfig *config, CcsValueId x,
               CcsValueId visual_feat, gint k)
{
  g_autofree char *layer = g_strdup_printf ("audionet_upconvlayer%d", k + 1);
  g_autofree char *name = g_strdup_printf ("audio.%s", layer);
  g_autofree char *conv_name = g_strdup_printf ("audio.%s.upconv", layer);
  g_autofree char *conv = g_strdup_printf (AUDIO "%s.upconv", layer);
  g_autofree char *norm = g_strdup_printf (AUDIO "%s.upnorm", layer);

  x = ccs_net_upconv (p, x, conv,
                      ccs_decoder_width[k] * ccs_model_config_ngf (config),
                      CCS_NO_ACT);
  ccs_program_name (p, conv_name, x);
  if (config->avad[k]) {
    g_autofree char *norm_name = g_strdup_printf ("audio.%s.upnorm", layer);
    x = ccs_net_avad (p, x, visual_feat, norm);
    /* The published code records the value after the ReLU under the norm's
     * name. */
    ccs_program_name (p, norm_name, x);
  } else {
    x = ccs_net_batch_norm (p, x, norm, CCS_NET_NORM_AFFINE, 1, CCS_RELU);
  }
  return ccs_program_name (p, name, x);
}

/* Appends the last decoder layer: x [B,128,32,2 ngf] -> mask [B,257,64,2]. */
static CcsValueId
mask_layer (CcsProgram *p, CcsValueId x)
{
  CcsValueId y = ccs_net_upconv (p, x, AUDIO "audionet_upconvlayer5.upconv",
                                 CCS_SPECTRUM_CHANNELS, CCS_SIGMOID);

  ccs_program_name (p, "audio.audionet_upconvlayer5", y);
  y = ccs_affine (p, y, 2.f, -1.f);
  return ccs_program_name (p, "mask", ccs_resize_rows (p, y, CCS_BINS));
}

CcsValueId
ccs_net_audio_decode (CcsProgram *p, const CcsModelConfig *config,
                      CcsValueId tokens, CcsValueId visual_feat,
                      const CcsValueId skips[CCS_N_UPCONV])
{
  CcsShape s = ccs_net_shape (p, tokens);
  CcsValueId x = ccs_reshape (
      p, tokens,
      CCS_SHAPE (s.dim[0], BOTTLENECK_HEIGHT, BOTTLENECK_WIDTH, s.dim[2]));

  for (gint k = 0; k < CCS_N_UPCONV - 1; k++) {
    CcsValueId joined[2];
    joined[0] = decoder_layer (p, config, x, visual_feat, k);
    joined[1] = skips[CCS_N_UPCONV - 2 - k];
    x = ccs_concat (p, joined, G_N_ELEMENTS (joined), 3);
  }
  return mask_layer (p, x);
}
