/* Which MMDB file a table was made of.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table_layout.h"

#define METADATA_MARK "\xab\xcd\xefMaxMind.com"

enum { METADATA_MAX = 128 << 10, BLOCK = 1 << 20 };

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(const char *text, uint8_t hash[TABLE_HASH])
{
	for (unsigned i = 0; i < TABLE_HASH; i++) {
		int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);

		if (low < 0)
			return false;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char *find(const char *p, size_t n, const char *what, size_t len)
{
	const char *at = memmem(p, n, what, len);

	return at ? at + len : NULL;
}

/* The hash in the metadata, which is behind the last of its marks. */
static bool find_hash(const char *p, size_t n, uint8_t hash[TABLE_HASH])
{
	const char *end = p + n, *at, *metadata = NULL;

	while ((at = find(p, (size_t)(end - p), METADATA_MARK, sizeof(METADATA_MARK) - 1)))
		metadata = p = at;
	at = metadata ? find(metadata, (size_t)(end - metadata), TABLE_CONTENT,
			     sizeof(TABLE_CONTENT) - 1)
		      : NULL;
	return at && end - at >= TABLE_HASH_TEXT && read_hash(at, hash);
}

bool table_identify(const char *mmdb, struct table_identity *id)
{
	int fd = open(mmdb, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool found = false;
	char *tail = NULL;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		off_t n = st.st_size < METADATA_MAX ? st.st_size : METADATA_MAX;

		id->size = (uint64_t)st.st_size;
		tail = malloc(METADATA_MAX);
		found = tail && pread(fd, tail, (size_t)n, st.st_size - n) == n &&
			find_hash(tail, (size_t)n, id->content);
	}
	free(tail);
	if (fd >= 0)
		close(fd);
	return found;
}

int table_hash(int fd, uint64_t n, uint8_t hash[TABLE_HASH])
{
	struct table_sum s = table_sum_begin();
	uint8_t *block = malloc(BLOCK);
	uint64_t both[2];

	if (!block)
		return -ENOMEM;
	s.lane[0] ^= n;
	for (uint64_t at = 0; at < n;) {
		size_t want = n - at < BLOCK ? (size_t)(n - at) : BLOCK, got = 0;

		while (got < want) {
			ssize_t k = pread(fd, block + got, want - got, (off_t)(at + got));

			if (k <= 0 && (k == 0 || errno != EINTR)) {
				free(block);
				return k ? -errno : -EIO;
			}
			got += k > 0 ? (size_t)k : 0;
		}
		at += want;
		while (got % TABLE_ALIGN)
			block[got++] = 0;
		table_sum_add(&s, block, got);
	}
	free(block);
	both[0] = table_sum_end(&s);
	both[1] = table_sum_mix(s.lane[3], s.lane[0]) ^ table_sum_mix(s.lane[1], s.lane[2]);
	memcpy(hash, both, sizeof(both));
	return 0;
}
