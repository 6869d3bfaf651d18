/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tdsscrop with a frames module for another version of the plugin. */
#include <string.h>

#include "gst-test-support.h"
#include "gsttdsscuda.h"

static GString *logged; /* warnings of the category "tdsscuda" */

static void
keep_warning (GstDebugCategory *category, GstDebugLevel level, const char *file,
              const char *function, gint line, GObject *object,
              GstDebugMessage *message, gpointer user)
{
  if (strcmp (gst_debug_category_get_name (category), "tdsscuda") == 0
      && level == GST_LEVEL_WARNING)
    g_string_append (logged, gst_debug_message_get (message));
}

START_TEST (a_frames_module_of_another_abi_is_rejected_with_a_warning)
{
  g_autofree char *path
      = g_build_filename (g_getenv ("CCSTEREO_CUDA_FRAMES_PATH"),
                          "libccstereo-cudaframes.so", NULL);
  g_autofree char *numbers
      = g_strdup_printf ("%s has ABI %d, but the plugin has %d", path,
                         GST_TDSS_CUDA_ABI + 1, GST_TDSS_CUDA_ABI);
  GstHarness *h;
  g_autoptr (GstCaps) accepted = NULL;
  g_autofree char *text = NULL;

  logged = g_string_new (NULL);
  gst_debug_set_threshold_for_name ("tdsscuda", GST_LEVEL_WARNING);
  gst_debug_add_log_function (keep_warning, NULL, NULL);
  h = gst_harness_new ("tdsscrop");
  accepted = gst_pad_query_caps (GST_PAD_PEER (h->srcpad), NULL);
  text = gst_caps_to_string (accepted);

  ck_assert_msg (strstr (logged->str, numbers) != NULL, "logged: \"%s\"",
                 logged->str);
  ck_assert_msg (strstr (text, GST_TDSS_CUDA_FEATURE) == NULL, "%s", text);
  gst_debug_remove_log_function (keep_warning);
  g_string_free (logged, TRUE);
  gst_harness_teardown (h);
}
END_TEST

static Suite *
frames_abi_suite (void)
{
  Suite *suite = suite_create ("cuda-frames-abi");
  TCase *frames = tcase_create ("frames");

  tcase_add_test (frames,
                  a_frames_module_of_another_abi_is_rejected_with_a_warning);
  suite_add_tcase (suite, frames);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  return gst_test_run (frames_abi_suite ());
}
