/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin: all elements, always. What an element needs and the machine
 * lacks is reported when it starts, never here: a plugin that fails to load is
 * blacklisted. */
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
                   "Mono sound becomes binaural by what the picture shows",
                   plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE,
                   "gst-ccstereo")
