/* Capture files as a row of frames: what pcap.c reads through.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RX_CAPTURE_H
#define WEIR_RX_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum {
	FRAME_MAX = 262144,	       /* the longest frame that capture programs write */
	CAPTURE_INTERFACES_MAX = 1024, /* of one pcapng section */
};

/* LINKTYPE_ numbers, as registered for both file formats. */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

struct frame {
	uint64_t time_ns; /* since 1970 */
	uint32_t link;	  /* enum link_type, or another number */
	uint32_t len;	  /* bytes captured */
};

/* One interface of a pcapng section. */
struct capture_interface {
	uint32_t link, snap_length;
	uint8_t resolution; /* if_tsresol: 10^-n s, with the top bit 2^-n s */
	int64_t offset;	    /* if_tsoffset: s */
};

struct capture {
	gzFile file;
	const char *name;
	uint64_t at; /* bytes read of the uncompressed file */
	uint64_t frames;
	bool swapped; /* numbers are in the other byte order */
	bool ng, nanoseconds;
	uint32_t link;	  /* classic pcap */
	uint64_t last_ns; /* time stamp of the previous frame, for those that have none */
	struct capture_interface *interfaces; /* pcapng */
	uint32_t n_interfaces;
	char problem[320]; /* not empty: reading stopped here */
};

/* Opens and reads the file header. Returns 0 or a negative errno with c->problem set; the capture
 * is to be closed in either case. `path` must outlive it; "-" is standard input. */
int capture_open(struct capture *c, const char *path);

/* Reads the next frame into `bytes`, which holds FRAME_MAX. False at the end, with c->problem set
 * if that is not the file's end. */
bool capture_next(struct capture *c, uint8_t *bytes, struct frame *frame);
void capture_close(struct capture *c);

/* Shared by the readers of the two formats. */
uint16_t capture_u16(const struct capture *c, const void *p);
uint32_t capture_u32(const struct capture *c, const void *p);

/* Reads exactly n bytes. False with c->problem set: the file ends inside; with `may_end` and not a
 * byte left, false without a problem. */
bool capture_read(struct capture *c, void *to, size_t n, bool may_end);
bool capture_skip(struct capture *c, uint64_t n);
__attribute__((format(printf, 2, 3))) bool capture_fail(struct capture *c, const char *format, ...);

/* pcapng.c. The first is called after the four bytes of the block type have been read. */
bool pcapng_open(struct capture *c);
bool pcapng_next(struct capture *c, uint8_t *bytes, struct frame *frame);

#endif
