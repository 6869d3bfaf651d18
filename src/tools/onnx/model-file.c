/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-file.h"

#include "model/net.h"
#include "translate.h"

#define FEATURES_DOC                                                           \
  "float32 [N,7,14,D]: one frame's features, of the same model"

const char *const onnx_part_name[ONNX_N_PARTS] = { "encoder", "audio" };

static const char *const part_doc[ONNX_N_PARTS] = {
  "Visual encoder of a CCStereo model: features of video frames, for the "
  "audio net of the same model (same ccstereo.model_id).",
  "Audio net of a CCStereo model: from a window of mono audio and the "
  "features of the frame at its centre, the difference of the binaural "
  "channels: left = (mix + difference)/2, right = (mix - difference)/2."
};

static gboolean
translate_encoder (CcsProgram *program, const CcsModelConfig *config,
                   OnnxGraph *graph, GError **error)
{
  CcsNetEncoder io = ccs_net_encoder (program, config, ONNX_PROGRAM_BATCH);
  const OnnxBinding inputs[] = {
    { io.pictures, "frames",
      "uint8 [N,224,448,3]: RGB frames, resized to 480x240 with an antialiased "
      "bicubic filter, then cropped to 448x224" },
  };

  return onnx_translate (
      program,
      &(OnnxInterface){ inputs,
                        G_N_ELEMENTS (inputs),
                        { io.visual_feat, "features", FEATURES_DOC } },
      graph, error);
}

static gboolean
translate_audio (CcsProgram *program, const CcsModelConfig *config,
                 OnnxGraph *graph, GError **error)
{
  CcsNetWindow io = ccs_net_window (program, config, ONNX_PROGRAM_BATCH);
  const OnnxBinding inputs[] = {
    { io.mono, "mix",
      "float32 [N,10080]: left + right at 16 kHz, 0.63 s, at any level" },
    { io.visual_feat, "features", FEATURES_DOC },
  };

  return onnx_translate (
      program,
      &(OnnxInterface){ inputs,
                        G_N_ELEMENTS (inputs),
                        { io.difference, "difference",
                          "float32 [N,10080]: left - right, at the level of "
                          "the mix" } },
      graph, error);
}

static gboolean (*const translate[ONNX_N_PARTS]) (CcsProgram *program,
                                                  const CcsModelConfig *config,
                                                  OnnxGraph *graph,
                                                  GError **error)
    = { translate_encoder, translate_audio };

GByteArray *
onnx_model_file (OnnxPart part, CcsStateDict *params,
                 const CcsModelConfig *config, GHashTable *metadata,
                 GError **error)
{
  g_autoptr (CcsProgram) program = ccs_program_new (params, FALSE);
  g_autoptr (OnnxGraph) graph = onnx_graph_new ();
  g_autofree char *name = g_strconcat ("ccstereo-", onnx_part_name[part], NULL);

  if (!translate[part](program, config, graph, error))
    return NULL;
  return onnx_graph_model (graph, name, part_doc[part], metadata);
}
