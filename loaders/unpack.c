/* Reads files as they come: plain, gzip, zstd, or a member of a zip file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "unpack.h"
#include "zip.h"

enum { ROOM = 256 << 10 };

enum packing { PLAIN, GZIP, ZIP, ZSTD };

struct unpack {
	int fd;
	enum packing packing;
	uint64_t size, position;  /* of the packed file */
	uint64_t left;		  /* packed bytes that belong to it */
	uint64_t max, done;	  /* unpacked */
	uint32_t crc, crc_wanted; /* zip */
	bool stored;		  /* zip: not packed at all */
	bool ended;		  /* of the packed stream, or of one gzip or zstd frame */
	bool between;		  /* no frame is open */
	z_stream z;
	ZSTD_DStream *zstd;
	uint8_t *in;
	size_t in_at, in_end;
	char *lines; /* unpacked, not yet handed out as lines */
	size_t line_at, line_end, line_room;
	unsigned line_number;
	bool lines_ended;
	char error[256];
};

static int fail(struct unpack *u, int code, const char *why)
{
	snprintf(u->error, sizeof(u->error), "%s", why);
	return -code;
}

/* Makes sure that packed bytes are there, unless the file is at its end. */
static int refill(struct unpack *u)
{
	ssize_t got;

	if (u->in_at < u->in_end || !u->left)
		return 0;
	got = pread(u->fd, u->in, u->left < ROOM ? (size_t)u->left : ROOM, (off_t)u->position);
	if (got < 0)
		return fail(u, errno, strerror(errno));
	if (!got)
		return fail(u, EBADMSG, "is cut short");
	u->in_at = 0;
	u->in_end = (size_t)got;
	u->position += (uint64_t)got;
	u->left -= (uint64_t)got;
	return 0;
}

static ssize_t read_plain(struct unpack *u, uint8_t *to, size_t n)
{
	size_t have = u->in_end - u->in_at;

	n = n < have ? n : have;
	memcpy(to, u->in + u->in_at, n);
	u->in_at += n;
	return (ssize_t)n;
}

/* One step of zlib. gzip files may be several in a row, a zip member is one. */
static ssize_t read_deflate(struct unpack *u, uint8_t *to, size_t n)
{
	int r;

	u->z.next_in = u->in + u->in_at;
	u->z.avail_in = (uInt)(u->in_end - u->in_at);
	u->z.next_out = to;
	u->z.avail_out = (uInt)n;
	r = inflate(&u->z, Z_NO_FLUSH);
	u->in_at = u->in_end - u->z.avail_in;
	u->between = r == Z_STREAM_END;
	if (r == Z_STREAM_END && u->packing == GZIP)
		inflateReset(&u->z);
	else if (r == Z_STREAM_END)
		u->ended = true;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		return fail(u, r == Z_MEM_ERROR ? ENOMEM : EBADMSG,
			    r == Z_MEM_ERROR ? "out of memory" : "is damaged");
	return (ssize_t)(n - u->z.avail_out);
}

static ssize_t read_zstd(struct unpack *u, uint8_t *to, size_t n)
{
	ZSTD_inBuffer in = {.src = u->in, .size = u->in_end, .pos = u->in_at};
	ZSTD_outBuffer out = {.dst = to, .size = n};
	size_t r = ZSTD_decompressStream(u->zstd, &out, &in);

	u->in_at = in.pos;
	u->between = !r;
	if (ZSTD_isError(r))
		return fail(u, EBADMSG, "is damaged");
	return (ssize_t)out.pos;
}

static ssize_t read_step(struct unpack *u, uint8_t *to, size_t n)
{
	if (u->packing == PLAIN || u->stored)
		return read_plain(u, to, n);
	return u->packing == ZSTD ? read_zstd(u, to, n) : read_deflate(u, to, n);
}

ssize_t unpack_read(struct unpack *u, void *to, size_t n)
{
	ssize_t got = 0;
	int r;

	while (!got && !u->ended && n) {
		bool nothing;

		r = refill(u);
		if (r)
			return r;
		nothing = u->in_at == u->in_end;
		if (nothing && (u->packing == PLAIN || u->between)) {
			u->ended = true;
			break;
		}
		got = read_step(u, to, n);
		if (got < 0)
			return got;
		if (!got && nothing && !u->ended)
			return fail(u, EBADMSG, "is cut short");
	}
	u->done += (uint64_t)got;
	if (u->done > u->max)
		return fail(u, EFBIG, "holds more than load.max_size allows");
	if (u->packing == ZIP)
		u->crc = (uint32_t)crc32(u->crc, to, (uInt)got);
	if (u->packing == ZIP && u->ended && u->crc != u->crc_wanted)
		return fail(u, EBADMSG, "is damaged (its checksum is wrong)");
	return got;
}

static int open_packing(struct unpack *u, const char *member)
{
	struct zip_member m;
	int r;

	r = refill(u);
	if (r)
		return r;
	if (u->in_end >= 4 && !memcmp(u->in, "PK\3\4", 4)) {
		r = zip_find(u->fd, member ? member : "", &m);
		if (r == -ENOMSG)
			return fail(u, ENOMSG, "has no such member");
		if (r)
			return fail(u, -r,
				    r == -ENOTSUP ? "is packed in a way that is not known"
						  : "is a damaged zip file");
		u->in_at = u->in_end = 0;
		u->position = m.offset;
		u->left = m.packed;
		u->crc_wanted = m.crc;
		u->packing = ZIP;
		u->stored = !m.deflated;
		return inflateInit2(&u->z, -MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
	}
	if (u->in_end >= 2 && u->in[0] == 0x1f && u->in[1] == 0x8b) {
		u->packing = GZIP;
		return inflateInit2(&u->z, MAX_WBITS + 16) == Z_OK ? 0 : -ENOMEM;
	}
	if (u->in_end >= 4 && !memcmp(u->in, "\x28\xb5\x2f\xfd", 4)) {
		u->packing = ZSTD;
		u->zstd = ZSTD_createDStream();
		return u->zstd ? 0 : -ENOMEM;
	}
	return 0;
}

int unpack_open(struct unpack **out, const char *path, const char *member, uint64_t max_bytes,
		char *error, size_t error_size)
{
	struct unpack *u = calloc(1, sizeof(*u));
	struct stat st;
	int r = -ENOMEM;

	*out = NULL;
	if (!u)
		goto out;
	u->max = max_bytes;
	u->between = true;
	u->in = malloc(ROOM);
	u->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0) {
		r = fail(u, errno, strerror(errno));
		goto out;
	}
	if (fstat(u->fd, &st) || !S_ISREG(st.st_mode)) {
		r = fail(u, EINVAL, "is not a file");
		goto out;
	}
	u->size = u->left = (uint64_t)st.st_size;
	r = u->in ? open_packing(u, member) : -ENOMEM;
out:
	if (!r) {
		*out = u;
		return 0;
	}
	snprintf(error, error_size, "%s: %s", path, u && *u->error ? u->error : strerror(-r));
	unpack_close(u);
	return r;
}

void unpack_close(struct unpack *u)
{
	if (!u)
		return;
	if (u->fd > 0)
		close(u->fd);
	inflateEnd(&u->z);
	ZSTD_freeDStream(u->zstd);
	free(u->in);
	free(u->lines);
	free(u);
}

/* Makes room behind what is there and reads into it. */
static int more_lines(struct unpack *u)
{
	ssize_t got;
	char *p;

	if (u->line_at) {
		memmove(u->lines, u->lines + u->line_at, u->line_end - u->line_at);
		u->line_end -= u->line_at;
		u->line_at = 0;
	}
	if (u->line_room - u->line_end < ROOM / 2) {
		if (u->line_room > UNPACK_LINE_MAX)
			return fail(u, EBADMSG, "has a line that is too long");
		p = realloc(u->lines, u->line_room * 2 + ROOM + 1);
		if (!p)
			return fail(u, ENOMEM, "out of memory");
		u->lines = p;
		u->line_room = u->line_room * 2 + ROOM;
	}
	got = unpack_read(u, u->lines + u->line_end, u->line_room - u->line_end);
	if (got < 0)
		return (int)got;
	u->lines_ended = !got;
	u->line_end += (size_t)got;
	return 0;
}

int unpack_line(struct unpack *u, char **line, size_t *n)
{
	size_t searched = 0;
	char *newline = NULL;
	int r;

	for (;;) {
		size_t have = u->line_end - u->line_at;

		if (have > searched)
			newline = memchr(u->lines + u->line_at + searched, '\n', have - searched);
		if (newline || u->lines_ended)
			break;
		searched = have;
		r = more_lines(u);
		if (r)
			return r;
	}
	if (!newline && u->line_at == u->line_end)
		return 0;
	*line = u->lines + u->line_at;
	*n = newline ? (size_t)(newline - *line) : u->line_end - u->line_at;
	u->line_at += *n + (newline ? 1 : 0);
	if (*n && (*line)[*n - 1] == '\r')
		--*n;
	(*line)[*n] = '\0'; /* room + 1 was allocated */
	u->line_number++;
	return 1;
}

unsigned unpack_line_number(const struct unpack *u)
{
	return u->line_number;
}

int unpack_all(struct unpack *u, struct buffer *to)
{
	ssize_t got;

	do {
		char *p = buffer_reserve(to, ROOM);

		if (!p)
			return fail(u, ENOMEM, "out of memory");
		got = unpack_read(u, p, ROOM);
		if (got < 0)
			return (int)got;
		to->len += (size_t)got;
	} while (got);
	buffer_char(to, '\0');
	if (to->failed)
		return fail(u, ENOMEM, "out of memory");
	to->len--;
	return 0;
}

const char *unpack_error(const struct unpack *u)
{
	return u->error;
}

uint64_t unpack_position(const struct unpack *u)
{
	return u->position;
}

uint64_t unpack_size(const struct unpack *u)
{
	return u->size;
}
