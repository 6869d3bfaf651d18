/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batching of items, from one or several callers and on different backends:
 * results do not depend on it. */
#include <ccstereo/error.h>
#include <check.h>

#include "model-support.h"
#include "plan/plan.h"
#include "../suite.h"
#include "model/model-private.h"

START_TEST (features_do_not_depend_on_how_many_frames_are_encoded_at_once)
{
  g_autoptr (CcsModel) model = published_model ();
  guint n = CCS_MODEL_FRAME_BATCH + 1;
  g_auto (Items) one_by_one = items_new (model, n);
  g_auto (Items) together = items_new (model, n);

  for (guint i = 0; i < n; i++)
    encode (model, &one_by_one, i, 1);
  for (guint count = 2; count <= n; count++) {
    encode (model, &together, 0, count);
    ck_assert_msg (same_rows (one_by_one.features, together.features, count,
                              together.feature_size),
                   "%u at once differ from one by one", count);
  }
}
END_TEST

START_TEST (differences_do_not_depend_on_how_many_windows_run_at_once)
{
  g_autoptr (CcsModel) model = published_model ();
  guint n = CCS_MODEL_WINDOW_BATCH + 1;
  g_auto (Items) one_by_one = items_new (model, n);
  g_auto (Items) together = items_new (model, n);

  for (guint i = 0; i < n; i++)
    separate (model, &one_by_one, i, 1);
  for (guint count = 2; count <= n; count++) {
    separate (model, &together, 0, count);
    ck_assert_msg (same_rows (one_by_one.differences, together.differences,
                              count, CCS_WINDOW),
                   "%u at once differ from one by one", count);
  }
}
END_TEST

START_TEST (results_do_not_depend_on_the_number_of_threads)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) alone = model_on (1, params);
  g_autoptr (CcsModel) team = model_on (_i, params);
  const guint n
      = ccs_model_preferred_frames (team) + 1; /* more than one item per lane */
  g_auto (Items) ours = items_new (alone, n);
  g_auto (Items) theirs = items_new (team, n);

  encode (alone, &ours, 0, n);
  encode (team, &theirs, 0, n);
  ck_assert (same_rows (ours.features, theirs.features, n, ours.feature_size));
  separate (alone, &ours, 0, n);
  separate (team, &theirs, 0, n);
  ck_assert (same_rows (ours.differences, theirs.differences, n, CCS_WINDOW));
}
END_TEST

/* -- backends that prefer larger batches ----------------------------------- */

/* The CPU backend with other properties: no lanes, up to two batches merged
 * into one, and four batches preferred per call. The largest planned batch
 * is recorded. */
static CcsBackendClass joint_class;
static const CcsBackendClass *cpu_class;
static gint64 largest_planned;

static gboolean
prepare_noting (CcsBackend *backend, CcsKernel *kernel,
                const CcsKernelHints *hints, GError **error)
{
  if (kernel->op->kind == CCS_OP_CONV2D)
    largest_planned = MAX (largest_planned, kernel->in[0].shape.dim[0]);
  return cpu_class->prepare (backend, kernel, hints, error);
}

static CcsModel *
joint_model (CcsStateDict *params)
{
  CcsModel *model = model_on (1, params);
  CcsBackend *backend = ccs_model_backend (model);

  largest_planned = 0;
  cpu_class = backend->klass;
  joint_class = *cpu_class;
  joint_class.bulk = 4;
  joint_class.joint = 2;
  joint_class.run_lanes = NULL;
  joint_class.prepare = prepare_noting;
  backend->klass = &joint_class;
  return model;
}

START_TEST (a_larger_batch_is_run_where_there_is_as_much)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) plain = model_on (2, params);
  g_autoptr (CcsModel) joint = joint_model (params);
  const guint n = 2 * CCS_MODEL_FRAME_BATCH;
  g_auto (Items) ours = items_new (plain, n);
  g_auto (Items) theirs = items_new (joint, n);

  ck_assert_uint_eq (ccs_model_preferred_frames (joint), 2 * n);
  encode (plain, &ours, 0, n);
  encode (joint, &theirs, 0, n / 2 - 1);
  ck_assert_int_eq (largest_planned, CCS_MODEL_FRAME_BATCH);
  encode (joint, &theirs, 0, n);
  ck_assert_int_eq (largest_planned, n);
  ck_assert (same_rows (ours.features, theirs.features, n, ours.feature_size));
}
END_TEST

/* Items of many streams arrive together, so the large batch is planned. */
START_TEST (streams_that_fill_a_larger_batch_get_it_planned)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) model = joint_model (params);
  g_autoptr (GError) error = NULL;
  const guint filling = CCS_MODEL_FRAME_BATCH;

  for (guint element = 0; element < 2 * filling; element++)
    assert_ok (ccs_model_warm_up (model, FALSE, &error), error);
  ck_assert_int_eq (largest_planned, CCS_MODEL_WINDOW_BATCH);
  assert_ok (ccs_model_warm_up (model, FALSE, &error), error);
  ck_assert_int_eq (largest_planned, 2 * CCS_MODEL_WINDOW_BATCH);
}
END_TEST

/* -- a device that works asynchronously ------------------------------------ */

/* The same backend, but a run executes only when its caller waits for it. */
typedef struct
{
  const CcsKernel *kernels;
  guint n;
  void *scratch;
  gpointer inner; /* list of the CPU backend */
  gboolean under_way;
} LateList;

static struct
{
  guint under_way;      /* runs */
  guint most_under_way; /* maximum of under_way */
  guint uploads_beside; /* uploads during a run */
  guint failing_wait;   /* index from 1; 0: no wait fails */
} late;

static gboolean
late_run (CcsBackend *backend, const CcsKernel *kernels, guint n, void *scratch,
          gpointer *capture, GError **error)
{
  LateList *list = *capture;

  if (!list)
    *capture = list = g_new0 (LateList, 1);
  ck_assert (!list->under_way);
  list->kernels = kernels;
  list->n = n;
  list->scratch = scratch;
  list->under_way = TRUE;
  late.under_way++;
  late.most_under_way = MAX (late.most_under_way, late.under_way);
  return TRUE;
}

static gboolean
late_wait (CcsBackend *backend, gpointer capture, GError **error)
{
  LateList *list = capture;

  ck_assert (list->under_way);
  list->under_way = FALSE;
  late.under_way--;
  if (late.failing_wait > 0 && --late.failing_wait == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "the device is gone");
    return FALSE;
  }
  return cpu_class->run (backend, list->kernels, list->n, list->scratch,
                         &list->inner, error);
}

static void
late_drop_capture (CcsBackend *backend, gpointer capture)
{
  LateList *list = capture;

  ck_assert (!list->under_way);
  cpu_class->drop_capture (backend, list->inner);
  g_free (list);
}

static gboolean
late_upload (CcsBackend *backend, void *to, const gconstpointer *rows, guint n,
             gsize bytes, GError **error)
{
  late.uploads_beside += late.under_way > 0;
  return cpu_class->upload (backend, to, rows, n, bytes, error);
}

static CcsModel *
late_model (CcsStateDict *params)
{
  CcsModel *model = joint_model (params);

  joint_class.run = late_run;
  joint_class.wait = late_wait;
  joint_class.drop_capture = late_drop_capture;
  joint_class.upload = late_upload;
  return model;
}

/* One caller has several batches. All but the first are uploaded while
 * another batch runs. */
START_TEST (inputs_go_up_while_the_device_is_at_work)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) plain = model_on (2, params);
  g_autoptr (CcsModel) model = late_model (params);
  const guint each = 2 * CCS_MODEL_WINDOW_BATCH, n = 2 * each + 1;
  g_auto (Items) ours = items_new (plain, n);
  g_auto (Items) theirs = items_new (model, n);

  separate (plain, &ours, 0, n);
  separate (model, &theirs, 0, n);
  ck_assert_uint_eq (late.most_under_way, 2);
  ck_assert_uint_eq (late.uploads_beside, 2); /* a mix and a feature */
  ck_assert_uint_eq (late.under_way, 0);
  ck_assert (same_rows (ours.differences, theirs.differences, n, CCS_WINDOW));
}
END_TEST

/* The call waits for all runs that it started, and the next call works. */
START_TEST (a_run_that_fails_leaves_nothing_under_way)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) plain = model_on (2, params);
  g_autoptr (CcsModel) model = late_model (params);
  g_autoptr (GError) error = NULL;
  const guint n = 4 * CCS_MODEL_WINDOW_BATCH;
  g_auto (Items) ours = items_new (plain, n);
  g_auto (Items) theirs = items_new (model, n);

  late.failing_wait = 1 + _i;
  ck_assert (!ccs_model_separate (model, (const float *const *)theirs.mixes,
                                  (const float *const *)theirs.features, n,
                                  theirs.differences, &error));
  ck_assert_str_eq (error->message, "the device is gone");
  ck_assert_uint_eq (late.under_way, 0);
  late.failing_wait = 0;
  separate (plain, &ours, 0, n);
  separate (model, &theirs, 0, n);
  ck_assert (same_rows (ours.differences, theirs.differences, n, CCS_WINDOW));
}
END_TEST

/* -- concurrent callers ---------------------------------------------------- */

typedef struct
{
  CcsModel *model;
  Items items;
} Caller;

static gpointer
call_many_times (gpointer data)
{
  Caller *caller = data;

  for (guint round = 0; round < 3; round++) {
    encode (caller->model, &caller->items, 0, caller->items.n);
    separate (caller->model, &caller->items, 0, caller->items.n);
  }
  return NULL;
}

START_TEST (threads_that_share_a_model_do_not_disturb_each_other)
{
  g_autoptr (CcsModel) model = published_model ();
  Caller callers[3];
  GThread *threads[G_N_ELEMENTS (callers)];

  for (guint i = 0; i < G_N_ELEMENTS (callers); i++) {
    callers[i] = (Caller){ model, items_new (model, i + 1) };
    threads[i] = g_thread_new ("caller", call_many_times, &callers[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++) {
    g_auto (Items) alone = items_new (model, i + 1);
    encode (model, &alone, 0, alone.n);
    separate (model, &alone, 0, alone.n);
    ck_assert (same_rows (alone.differences, callers[i].items.differences,
                          alone.n, CCS_WINDOW));
    items_clear (&callers[i].items);
  }
}
END_TEST

#define N_STREAMS 8

/* Makes items of stream @stream, which differ from those of other streams. */
static Items
items_of_stream (const CcsModel *model, guint stream)
{
  Items items = items_new (model, 2 + stream % 3);

  for (guint i = 0; i < items.n; i++) {
    for (gsize j = 0; j < PICTURE_BYTES; j++)
      items.pictures[i][j] ^= stream;
    for (gsize j = 0; j < CCS_WINDOW; j++)
      items.mixes[i][j] *= 1 + stream;
  }
  return items;
}

static gpointer
call_one_by_one (gpointer data)
{
  Caller *caller = data;

  for (guint i = 0; i < caller->items.n; i++) {
    encode (caller->model, &caller->items, i, 1);
    separate (caller->model, &caller->items, i, 1);
  }
  return NULL;
}

/* Each stream has one item at a time, as live streams do. Their calls are
 * run together on a model with plans for batches. */
START_TEST (calls_that_are_run_together_give_what_each_would_alone)
{
  g_autoptr (CcsModel) model = published_model ();
  g_autoptr (GError) error = NULL;
  Caller callers[N_STREAMS];
  GThread *threads[N_STREAMS];

  for (guint element = 0; element < 3; element++)
    assert_ok (ccs_model_warm_up (model, FALSE, &error), error);
  for (guint i = 0; i < N_STREAMS; i++) {
    callers[i] = (Caller){ model, items_of_stream (model, i) };
    threads[i] = g_thread_new ("stream", call_one_by_one, &callers[i]);
  }
  for (guint i = 0; i < N_STREAMS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < N_STREAMS; i++) {
    Items *found = &callers[i].items;
    g_auto (Items) alone = items_of_stream (model, i);
    Caller caller = { model, alone };

    call_one_by_one (&caller);
    ck_assert (same_rows (alone.features, found->features, found->n,
                          found->feature_size));
    ck_assert (same_rows (alone.differences, found->differences, found->n,
                          CCS_WINDOW));
    items_clear (found);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("model-batches");
  TCase *alone = tcase_create ("alone");
  TCase *backends = tcase_create ("backends");
  TCase *callers = tcase_create ("callers");

  tcase_add_test (
      alone, features_do_not_depend_on_how_many_frames_are_encoded_at_once);
  tcase_add_test (alone,
                  differences_do_not_depend_on_how_many_windows_run_at_once);
  tcase_add_loop_test (alone, results_do_not_depend_on_the_number_of_threads, 2,
                       5);
  suite_add_tcase (suite, alone);

  tcase_add_test (backends, a_larger_batch_is_run_where_there_is_as_much);
  tcase_add_test (backends, streams_that_fill_a_larger_batch_get_it_planned);
  tcase_add_test (backends, inputs_go_up_while_the_device_is_at_work);
  tcase_add_loop_test (backends, a_run_that_fails_leaves_nothing_under_way, 0,
                       2);
  suite_add_tcase (suite, backends);

  tcase_add_test (callers,
                  threads_that_share_a_model_do_not_disturb_each_other);
  tcase_add_test (callers,
                  calls_that_are_run_together_give_what_each_would_alone);
  suite_add_tcase (suite, callers);

  return run_suite (suite);
}
