/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-time.h"

/* Lowest valid time: G_MININT64 is AV_NOPTS_VALUE. */
#define LOWEST (-G_MAXINT64)

gint64
transcode_time_rescale (gint64 time, AVRational from, AVRational to)
{
  gint64 result;

  if (time == AV_NOPTS_VALUE)
    return time;
  result = av_rescale_q (time, from, to);
  if (result != G_MININT64)
    return result;
  return time < 0 ? LOWEST : G_MAXINT64;
}

gint64
transcode_time_add (gint64 a, gint64 b)
{
  gint64 sum;

  if (a == AV_NOPTS_VALUE || b == AV_NOPTS_VALUE)
    return AV_NOPTS_VALUE;
  if (__builtin_add_overflow (a, b, &sum) || sum == AV_NOPTS_VALUE)
    return a < 0 ? LOWEST : G_MAXINT64;
  return sum;
}

gint64
transcode_time_negate (gint64 time)
{
  return time == G_MININT64 ? G_MAXINT64 : -time;
}
