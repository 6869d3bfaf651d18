/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registers all elements. A missing dependency is reported when an element
 * starts, not here, because GStreamer blacklists a plugin that fails to load.
 */
#include "gstccstereobin.h"
#include "gstccstereodec.h"
#include "gstccstereoenc.h"
#include "gsttdsscrop.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean ok = GST_ELEMENT_REGISTER (tdsscrop, plugin);

  ok &= GST_ELEMENT_REGISTER (ccstereoenc, plugin);
  ok &= GST_ELEMENT_REGISTER (ccstereodec, plugin);
  ok &= GST_ELEMENT_REGISTER (ccstereobin, plugin);
  return ok;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, ccstereo,
                   "Binaural audio from mono audio and video (CCStereo)",
                   plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE,
                   "gst-ccstereo")
