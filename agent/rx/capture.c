/* Capture files as a row of frames: opening, and the classic pcap format.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

enum {
	PCAP_MAGIC_US = 0xa1b2c3d4,
	PCAP_MAGIC_NS = 0xa1b23c4d,
	PCAPNG_SECTION = 0x0a0d0d0a, /* reads the same in both byte orders */
	READ_BUFFER = 256 * 1024,
};

uint16_t capture_u16(const struct capture *c, const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap16(v) : v;
}

uint32_t capture_u32(const struct capture *c, const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap32(v) : v;
}

bool capture_fail(struct capture *c, const char *format, ...)
{
	va_list ap;
	int n = snprintf(c->problem, sizeof(c->problem), "%.200s: ", c->name);

	va_start(ap, format);
	vsnprintf(c->problem + n, sizeof(c->problem) - (size_t)n, format, ap);
	va_end(ap);
	return false;
}

bool capture_read(struct capture *c, void *to, size_t n, bool may_end)
{
	const char *why;
	int code, got;

	got = gzread(c->file, to, (unsigned)n);
	if (got == (int)n) {
		c->at += n;
		return true;
	}
	why = gzerror(c->file, &code);
	if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
		return capture_fail(c, "cannot be read after byte %llu: %s",
				    (unsigned long long)c->at,
				    code == Z_ERRNO ? strerror(errno) : why);
	if (got == 0 && may_end && code != Z_BUF_ERROR)
		return false;
	return capture_fail(c,
			    "is cut short at byte %llu, in packet %llu; what came before is used",
			    (unsigned long long)c->at + (unsigned)(got > 0 ? got : 0),
			    (unsigned long long)c->frames + 1);
}

bool capture_skip(struct capture *c, uint64_t n)
{
	uint8_t bin[4096];

	while (n > 0) {
		size_t part = n < sizeof(bin) ? (size_t)n : sizeof(bin);

		if (!capture_read(c, bin, part, false))
			return false;
		n -= part;
	}
	return true;
}

static bool classic_open(struct capture *c, uint32_t magic)
{
	uint8_t rest[20];

	switch (magic) {
	case PCAP_MAGIC_US:
	case PCAP_MAGIC_NS:
		break;
	case __builtin_bswap32(PCAP_MAGIC_US):
	case __builtin_bswap32(PCAP_MAGIC_NS):
		c->swapped = true;
		break;
	default:
		return capture_fail(c, "is neither pcap nor pcapng (it begins with %08x)",
				    __builtin_bswap32(magic));
	}
	c->nanoseconds = magic == PCAP_MAGIC_NS || magic == __builtin_bswap32(PCAP_MAGIC_NS);
	if (!capture_read(c, rest, sizeof(rest), false))
		return capture_fail(c, "is cut short in the pcap file header");
	if (capture_u16(c, rest) != 2)
		return capture_fail(c, "is pcap version %u.%u; only 2.x is known",
				    capture_u16(c, rest), capture_u16(c, rest + 2));
	c->link = capture_u32(c, rest + 16) &
		  0xffff; /* above: length of the frame check sequence */
	return true;
}

static bool classic_next(struct capture *c, uint8_t *bytes, struct frame *frame)
{
	uint8_t header[16];
	uint32_t fraction;

	if (!capture_read(c, header, sizeof(header), true))
		return false;
	fraction = capture_u32(c, header + 4);
	frame->time_ns = (uint64_t)capture_u32(c, header) * 1000000000u +
			 (c->nanoseconds ? fraction : (uint64_t)fraction * 1000);
	frame->link = c->link;
	frame->len = capture_u32(c, header + 8);
	if (frame->len > FRAME_MAX)
		return capture_fail(c,
				    "is damaged at byte %llu: packet %llu claims %u bytes; what "
				    "came before is used",
				    (unsigned long long)c->at, (unsigned long long)c->frames + 1,
				    frame->len);
	return capture_read(c, bytes, frame->len, false);
}

int capture_open(struct capture *c, const char *path)
{
	bool standard_input = !strcmp(path, "-");
	uint32_t magic;
	int fd;

	memset(c, 0, sizeof(*c));
	c->name = standard_input ? "standard input" : path;
	fd = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int code = errno;

		capture_fail(c, "cannot be opened: %s", strerror(code));
		return -code;
	}
	c->file = gzdopen(fd, "rb");
	if (!c->file) {
		close(fd);
		capture_fail(c, "cannot be opened: out of memory");
		return -ENOMEM;
	}
	gzbuffer(c->file, READ_BUFFER);
	if (!capture_read(c, &magic, sizeof(magic), true)) {
		if (!c->problem[0])
			capture_fail(c, "is empty");
		else if (c->at == 0 && gzeof(c->file))
			capture_fail(c, "is too short for a capture file");
		return -EINVAL;
	}
	c->ng = magic == PCAPNG_SECTION;
	return (c->ng ? pcapng_open(c) : classic_open(c, magic)) ? 0 : -EINVAL;
}

bool capture_next(struct capture *c, uint8_t *bytes, struct frame *frame)
{
	if (c->problem[0])
		return false;
	if (!(c->ng ? pcapng_next(c, bytes, frame) : classic_next(c, bytes, frame)))
		return false;
	c->frames++;
	c->last_ns = frame->time_ns;
	return true;
}

void capture_close(struct capture *c)
{
	if (c->file)
		gzclose(c->file);
	free(c->interfaces);
	memset(c, 0, sizeof(*c));
}
