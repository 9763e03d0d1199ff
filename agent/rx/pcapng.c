/* The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces and the three packet blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete, still found */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
	INTERFACE_BODY_MAX = 8192, /* what is read of an interface block; its options come early */
};

/* A block's body as it is read: nothing may go past `left`. */
struct block {
	uint32_t type;
	uint32_t left; /* bytes of the body not read yet */
};

static bool damaged(struct capture *c, const char *what, uint32_t number)
{
	return capture_fail(c, "is damaged at byte %llu: %s %u; what came before is used",
			    (unsigned long long)c->at, what, number);
}

static bool block_read(struct capture *c, struct block *b, void *to, uint32_t n)
{
	if (n > b->left)
		return damaged(c, "block is too short for its content by bytes:", n - b->left);
	b->left -= n;
	return capture_read(c, to, n, false);
}

/* What is left of the body, and the length that is repeated after it. */
static bool block_end(struct capture *c, struct block *b)
{
	return capture_skip(c, (uint64_t)b->left + 4);
}

static bool block_length(struct capture *c, const uint8_t *p, uint32_t *body)
{
	uint32_t total = capture_u32(c, p);

	if (total < 12 || total % 4)
		return damaged(c, "block length", total);
	*body = total - 12;
	return true;
}

/* The section header, from its length on. */
static bool section_open(struct capture *c, const uint8_t length[4])
{
	struct block b = {BLOCK_SECTION, 0};
	uint8_t magic[4], rest[12];

	if (!capture_read(c, magic, sizeof(magic), false))
		return false;
	c->swapped = false;
	if (capture_u32(c, magic) != BYTE_ORDER_MAGIC) {
		c->swapped = true;
		if (capture_u32(c, magic) != BYTE_ORDER_MAGIC)
			return damaged(c, "pcapng byte-order magic", capture_u32(c, magic));
	}
	if (!block_length(c, length, &b.left))
		return false;
	if (b.left < sizeof(magic) + sizeof(rest))
		return damaged(c, "section header of", b.left);
	b.left -= sizeof(magic);
	if (!block_read(c, &b, rest, sizeof(rest)))
		return false;
	if (capture_u16(c, rest) != 1)
		return damaged(c, "only pcapng version 1 is known, this section has",
			       capture_u16(c, rest));
	c->n_interfaces = 0;
	return block_end(c, &b);
}

bool pcapng_open(struct capture *c)
{
	uint8_t length[4];

	return capture_read(c, length, sizeof(length), false) && section_open(c, length);
}

static void interface_options(const struct capture *c, struct capture_interface *i,
			      const uint8_t *p, uint32_t len)
{
	while (len >= 4) {
		uint32_t code = capture_u16(c, p), n = capture_u16(c, p + 2);
		uint32_t padded = (n + 3) & ~3u;

		if (code == OPTION_END || n > len - 4)
			return;
		if (code == OPTION_TSRESOL && n == 1)
			i->resolution = p[4];
		if (code == OPTION_TSOFFSET && n == 8) {
			uint64_t v;

			memcpy(&v, p + 4, sizeof(v));
			i->offset = (int64_t)(c->swapped ? __builtin_bswap64(v) : v);
		}
		if (padded > len - 4)
			return;
		p += 4 + padded;
		len -= 4 + padded;
	}
}

static bool interface_add(struct capture *c, struct block *b)
{
	uint8_t body[INTERFACE_BODY_MAX];
	uint32_t n = b->left < sizeof(body) ? b->left : (uint32_t)sizeof(body);
	struct capture_interface *i;

	if (n < 8)
		return damaged(c, "interface block of", n);
	if (!block_read(c, b, body, n))
		return false;
	if (c->n_interfaces == CAPTURE_INTERFACES_MAX)
		return damaged(c, "more interfaces than", CAPTURE_INTERFACES_MAX);
	if (!c->interfaces)
		c->interfaces = calloc(CAPTURE_INTERFACES_MAX, sizeof(*c->interfaces));
	if (!c->interfaces)
		return capture_fail(c, "out of memory");
	i = &c->interfaces[c->n_interfaces++];
	i->link = capture_u16(c, body);
	i->snap_length = capture_u32(c, body + 4);
	i->resolution = 6;
	i->offset = 0;
	interface_options(c, i, body + 8, n - 8);
	return true;
}

/* Ticks of the interface's clock as ns since 1970; what does not fit is 0. */
static uint64_t to_ns(const struct capture_interface *i, uint64_t ticks)
{
	unsigned n = i->resolution & 0x7f;
	unsigned __int128 ns = ticks;
	__int128 sum;

	if (i->resolution & 0x80) {
		ns = ns * 1000000000u >> n; /* n is at most 127 */
	} else {
		for (; n < 9; n++)
			ns *= 10;
		for (; n > 9 && ns; n--)
			ns /= 10;
	}
	sum = (__int128)ns + (__int128)i->offset * 1000000000;
	return sum < 0 || sum > UINT64_MAX ? 0 : (uint64_t)sum;
}

static bool packet(struct capture *c, struct block *b, uint8_t *bytes, struct frame *frame)
{
	const struct capture_interface *i;
	uint8_t h[20];
	uint32_t id = 0;

	if (!block_read(c, b, h, b->type == BLOCK_SIMPLE_PACKET ? 4 : sizeof(h)))
		return false;
	if (b->type == BLOCK_ENHANCED_PACKET)
		id = capture_u32(c, h);
	else if (b->type == BLOCK_PACKET)
		id = capture_u16(c, h);
	if (id >= c->n_interfaces)
		return damaged(c, "packet of unknown interface", id);
	i = &c->interfaces[id];
	frame->link = i->link;
	if (b->type == BLOCK_SIMPLE_PACKET) {
		/* It has neither time nor captured length: the block's end is padding. */
		frame->time_ns = c->last_ns;
		frame->len = capture_u32(c, h);
		if (i->snap_length && frame->len > i->snap_length)
			frame->len = i->snap_length;
		if (frame->len > b->left)
			frame->len = b->left;
	} else {
		frame->time_ns = to_ns(i, (uint64_t)capture_u32(c, h + 4) << 32 |
						  capture_u32(c, h + 8));
		frame->len = capture_u32(c, h + 12);
	}
	if (frame->len > FRAME_MAX)
		return damaged(c, "packet that claims bytes:", frame->len);
	return block_read(c, b, bytes, frame->len) && block_end(c, b);
}

bool pcapng_next(struct capture *c, uint8_t *bytes, struct frame *frame)
{
	uint8_t h[8];

	while (capture_read(c, h, sizeof(h), true)) {
		struct block b = {capture_u32(c, h), 0};

		if (b.type == BLOCK_SECTION) {
			if (!section_open(c, h + 4))
				return false;
			continue;
		}
		if (!block_length(c, h + 4, &b.left))
			return false;
		if (b.type == BLOCK_ENHANCED_PACKET || b.type == BLOCK_PACKET ||
		    b.type == BLOCK_SIMPLE_PACKET)
			return packet(c, &b, bytes, frame);
		if (b.type == BLOCK_INTERFACE && !interface_add(c, &b))
			return false;
		if (!block_end(c, &b))
			return false;
	}
	return false;
}
