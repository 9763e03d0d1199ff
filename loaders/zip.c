/* Finds a member of a zip file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zip.h"

enum {
	END_SIZE = 22,
	COMMENT_MAX = 65535,
	ENTRY_SIZE = 46,
	LOCAL_SIZE = 30,
	DIRECTORY_MAX = 64 << 20,
	ENCRYPTED = 1,
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static int read_at(int fd, void *to, size_t n, uint64_t offset)
{
	ssize_t got = pread(fd, to, n, (off_t)offset);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EBADMSG;
}

/* The end record stands before a comment of unknown length: the last that fits. */
static int find_end(int fd, uint64_t size, uint8_t end[END_SIZE])
{
	size_t n = size < END_SIZE + COMMENT_MAX ? (size_t)size : END_SIZE + COMMENT_MAX;
	uint8_t *tail = n < END_SIZE ? NULL : malloc(n);
	int r = n < END_SIZE ? -EBADMSG : tail ? read_at(fd, tail, n, size - n) : -ENOMEM;

	if (!r) {
		size_t at = n - END_SIZE + 1;

		r = -EBADMSG;
		while (r && at--) {
			if (le32(tail + at) != 0x06054b50 ||
			    le16(tail + at + 20) != n - at - END_SIZE)
				continue;
			memcpy(end, tail + at, END_SIZE);
			r = 0;
		}
	}
	free(tail);
	return r;
}

/* Where the data stands: behind the local header, whose lengths may differ. */
static int locate(int fd, uint64_t size, const uint8_t *entry, struct zip_member *m)
{
	uint8_t local[LOCAL_SIZE];
	uint16_t method = le16(entry + 10);
	uint64_t at = le32(entry + 42);
	int r;

	m->crc = le32(entry + 16);
	m->packed = le32(entry + 20);
	m->unpacked = le32(entry + 24);
	m->deflated = method == 8;
	if ((method && method != 8) || le16(entry + 8) & ENCRYPTED || m->packed == UINT32_MAX ||
	    m->unpacked == UINT32_MAX || at == UINT32_MAX)
		return -ENOTSUP;
	r = read_at(fd, local, sizeof(local), at);
	if (r)
		return r;
	if (le32(local) != 0x04034b50)
		return -EBADMSG;
	m->offset = at + LOCAL_SIZE + le16(local + 26) + le16(local + 28);
	return m->offset + m->packed <= size ? 0 : -EBADMSG;
}

int zip_find(int fd, const char *suffix, struct zip_member *m)
{
	uint8_t end[END_SIZE], *directory;
	size_t length, suffix_length = strlen(suffix), at = 0;
	struct stat st;
	uint64_t start;
	int r;

	if (fstat(fd, &st))
		return -errno;
	r = find_end(fd, (uint64_t)st.st_size, end);
	if (r)
		return r;
	length = le32(end + 12);
	start = le32(end + 16);
	if (start == UINT32_MAX || length == UINT32_MAX)
		return -ENOTSUP;
	if (length > DIRECTORY_MAX || start + length > (uint64_t)st.st_size)
		return -EBADMSG;
	directory = malloc(length + 1);
	r = directory ? read_at(fd, directory, length, start) : -ENOMEM;
	while (!r) {
		const uint8_t *entry = directory + at;
		size_t name;

		if (at == length) {
			r = -ENOMSG;
			break;
		}
		if (length - at < ENTRY_SIZE || le32(entry) != 0x02014b50) {
			r = -EBADMSG;
			break;
		}
		name = le16(entry + 28);
		at += ENTRY_SIZE + name + le16(entry + 30) + le16(entry + 32);
		if (at > length) {
			r = -EBADMSG;
			break;
		}
		if (name >= suffix_length &&
		    !memcmp(entry + ENTRY_SIZE + name - suffix_length, suffix, suffix_length)) {
			r = locate(fd, (uint64_t)st.st_size, entry, m);
			break;
		}
	}
	free(directory);
	return r;
}
