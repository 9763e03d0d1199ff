/* Sends frames by BPF_PROG_TEST_RUN: a million and more a second, without sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LIVE_LOADER_H
#define WEIR_LIVE_LOADER_H

#include <stdint.h>

#include "live.h"

struct live;

/* Room for `frames` frames, which will be sent through the interface, or with `pass` come in
 * through it. NULL and errno if that cannot be. */
struct live *live_open(const char *interface, uint32_t frames, int pass);

/* The i-th frame. Returns 0 or -1 and errno. */
int live_set(struct live *l, uint32_t i, const struct live_frame *f);

/* From now on the first `frames` of them are sent in turn, beginning with the first. */
int live_rewind(struct live *l, uint32_t frames);

/* Sends the next `n`, at most LIVE_RUN_MAX. Returns 0 or -1 and errno. */
int live_send(struct live *l, uint32_t n);

void live_close(struct live *l);

enum { LIVE_RUN_MAX = 256 };

#endif
