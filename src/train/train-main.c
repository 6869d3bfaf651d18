/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-train: see --help. */
#include "output-file.h"
#include "program-locale.h"
#include "trainer.h"
#include <stdio.h>

enum
{
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_INTERRUPTED = 130,
};

static volatile gint stop;

static void
ask_to_stop (int signal_number)
{
  stop = 1;
}

static int
fail (GError *error, int status)
{
  fprintf (stderr, "ccstereo-train: %s\n", error->message);
  g_error_free (error);
  return status;
}

static int
run (const CcsTrainSettings *settings)
{
  GError *error = NULL;

  ccs_output_files_guard (settings->benchmark ? NULL : ask_to_stop);
  if (settings->benchmark)
    return ccs_train_benchmark (settings, &error) ? EXIT_DONE
                                                  : fail (error, EXIT_FAILED);
  switch (ccs_train (settings, &stop, &error)) {
  case CCS_RUN_DONE:
    return EXIT_DONE;
  case CCS_RUN_INTERRUPTED:
    fprintf (stderr,
             "ccstereo-train: stopped and saved in %s; --resume "
             "goes on\n",
             settings->save_dir);
    return EXIT_INTERRUPTED;
  default:
    return fail (error, EXIT_FAILED);
  }
}

int
main (int argc, char **argv)
{
  CcsTrainSettings settings;
  GError *error = NULL;
  int status = EXIT_DONE;

  ccs_program_set_locale ();
  if (!ccs_train_settings_parse (&settings, &argc, &argv, &error))
    status = fail (error, EXIT_USAGE);
  else if (settings.version)
    puts ("ccstereo-train " CCS_VERSION_STRING);
  else
    status = run (&settings);
  ccs_train_settings_clear (&settings);
  return status;
}
