/* What live.bpf.c and its loader share. SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef WEIR_LIVE_H
#define WEIR_LIVE_H

#include <linux/types.h>

enum {
	LIVE_FRAME_MIN = 14,
	LIVE_FRAME_SIZE = 1536,
};

struct live_frame {
	__u32 len;			/* bytes */
	__u32 sequence_step;		/* added each time the frame is sent; 0: none */
	__u16 sequence_at, checksum_at; /* where in the frame: 4 bytes, and 2 of UDP's checksum */
	__u32 unused;
	__u8 bytes[LIVE_FRAME_SIZE];
};

struct live_position {
	__u32 next, n;
	__u32 interface; /* the frames leave through it */
	__u32 pass;	 /* or, if set, come in through the one they are run on */
};

#endif
