/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detects races and misaligned accesses of emulated threads. Code that was
 * compiled with -fsanitize=thread,alignment calls the functions at the end of
 * this file, which replace those of the sanitizers' libraries, for each read
 * and write. Two threads race if they access the same byte, at least one of
 * them writes, and they are in one phase of a block or in two blocks of a
 * launch. The first race or misaligned vector access ends the process. */
#include "../emulated-ops.h"

#define PAGE 4096

typedef struct
{
  guint block;
  gint16 thread, phase;
} Who;

/* Which threads have read a byte. For THREADS, several threads of one
 * block read it in one phase, and the last of them is stored. */
typedef enum
{
  NO_THREAD,
  ONE,
  THREADS,
  BLOCKS
} Crowd;

/* Accesses of a launch to a byte. Blocks run one after another, and their
 * phases in order, so only the last writer has to be stored. */
typedef struct
{
  guint launch, block; /* of the last access */
  gboolean written;
  Who writer, reader;
  Crowd readers;
} Byte;

static GHashTable *pages; /* page index -> Byte [PAGE] */

static Byte *
find_byte (gsize address)
{
  static gsize last = G_MAXSIZE;
  static Byte *page;
  const gsize number = address / PAGE;

  if (number != last) {
    if (!pages)
      pages = g_hash_table_new (NULL, NULL);
    page = g_hash_table_lookup (pages, (gpointer)number);
    if (!page) {
      page = g_new0 (Byte, PAGE);
      g_hash_table_insert (pages, (gpointer)number, page);
    }
    last = number;
  }
  return &page[address % PAGE];
}

static const char *
kernel_name (void)
{
  return ccs_emulated_kernels[ccs_emulated_now.launch->kernel].name;
}

G_NORETURN static void
race (const Who *first, const Who *second)
{
  g_printerr ("kernel %s: thread %d of block %u touches in phase %d what "
              "another of block %u does in phase %d, and one of them writes\n",
              kernel_name (), second->thread, second->block, second->phase,
              first->block, first->phase);
  abort ();
}

static gboolean
comes_first (const Who *first, const Who *second)
{
  return first->block == second->block
         && (first->thread == second->thread || first->phase != second->phase);
}

static void
note_write (Byte *byte, const Who *now)
{
  if (byte->readers != NO_THREAD
      && (!comes_first (&byte->reader, now) || byte->readers == BLOCKS
          || (byte->readers == THREADS && byte->reader.phase == now->phase)))
    race (&byte->reader, now);
  byte->written = TRUE;
  byte->writer = *now;
}

static void
note_read (Byte *byte, const Who *now)
{
  const Who *before = &byte->reader;

  if (byte->readers == NO_THREAD)
    byte->readers = ONE;
  else if (before->block != now->block)
    byte->readers = BLOCKS;
  else if (byte->readers != BLOCKS && before->phase != now->phase)
    byte->readers = ONE;
  else if (byte->readers != BLOCKS && before->thread != now->thread)
    byte->readers = THREADS;
  byte->reader = *now;
}

/* Returns whether this is the first access to @byte. Shared memory has the
 * same address in every block, but is not shared between blocks, so a new
 * block starts without accesses. */
static gboolean
is_new (const Byte *byte, gsize address)
{
  const gsize shared = (gsize)ccs_emulated_now.at->shared;

  return byte->launch != ccs_emulated_now.number
         || (byte->block != ccs_emulated_now.at->block && address >= shared
             && address < shared + ccs_emulated_now.launch->shared);
}

static void
touch (gsize address, gboolean writes, const Who *now)
{
  Byte *byte = find_byte (address);

  if (is_new (byte, address))
    *byte = (Byte){ ccs_emulated_now.number };
  byte->block = now->block;
  if (byte->written && !comes_first (&byte->writer, now))
    race (&byte->writer, now);
  if (writes)
    note_write (byte, now);
  else
    note_read (byte, now);
}

/* Records an access. Variables of a thread are on the host's stack and are
 * ignored. */
static void
look (const void *data, gsize bytes, gboolean writes)
{
  const CcsPlace *at = ccs_emulated_now.at;
  const char *stack = __builtin_frame_address (0);
  Who now;

  if (!ccs_emulated_now.launch
      || ((const char *)data >= stack && (const char *)data < (char *)(at + 1)))
    return;
  now = (Who){ at->block, at->thread, ccs_emulated_now.phase };
  for (gsize i = 0; i < bytes; i++)
    touch ((gsize)data + i, writes, &now);
}

/* -- functions that instrumented code calls -------------------------------- */

G_NORETURN void __ubsan_handle_type_mismatch_v1 (void *what, void *data);
void __tsan_init (void);
void __tsan_func_entry (void *from);
void __tsan_func_exit (void);
void __tsan_read_range (void *data, gsize bytes);
void __tsan_write_range (void *data, gsize bytes);

void
__ubsan_handle_type_mismatch_v1 (void *what, void *data)
{
  g_printerr (
      "kernel %s: %p is not aligned for what is read or written there\n",
      kernel_name (), data);
  abort ();
}

void
__tsan_init (void)
{
}

void
__tsan_func_entry (void *from)
{
}

void
__tsan_func_exit (void)
{
}

void
__tsan_read_range (void *data, gsize bytes)
{
  look (data, bytes, FALSE);
}

void
__tsan_write_range (void *data, gsize bytes)
{
  look (data, bytes, TRUE);
}

#define X(access, bytes, writes)                                               \
  void __tsan_##access##bytes (void *data);                                    \
  void __tsan_##access##bytes (void *data)                                     \
  {                                                                            \
    look (data, bytes, writes);                                                \
  }
#define EVERY_SIZE(access, writes)                                             \
  X (access, 1, writes)                                                        \
  X (access, 2, writes)                                                        \
  X (access, 4, writes)                                                        \
  X (access, 8, writes)                                                        \
  X (access, 16, writes)
EVERY_SIZE (read, FALSE)
EVERY_SIZE (write, TRUE)
EVERY_SIZE (unaligned_read, FALSE)
EVERY_SIZE (unaligned_write, TRUE)
