/* Putting a finished file aside.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "rotate.h"

#define DIGITS(n)     DIGITS_##n
#define DIGITS_3      "[0-9][0-9][0-9]"
#define DIGITS_6      DIGITS_3 DIGITS_3
#define DIGITS_8      DIGITS_6 "[0-9][0-9]"
#define STAMP_PATTERN "." DIGITS(8) "T" DIGITS(6) "." DIGITS(3) "Z"

/* Length of path without the suffix that it ends with, if it does. */
static int stem_length(const char *path, const char *suffix)
{
	size_t n = strlen(path), s = strlen(suffix);

	if (s && n > s && !strcmp(path + n - s, suffix))
		n -= s;
	return (int)n;
}

int rotate_away(const char *path, const char *suffix)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (int tries = 0; tries < 1000; tries++) {
		char stamp[32], to[PATH_MAX];
		struct tm tm;

		gmtime_r(&now.tv_sec, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
		if (snprintf(to, sizeof(to), "%.*s.%s.%03ldZ%s", stem_length(path, suffix), path,
			     stamp, now.tv_nsec / 1000000, suffix) >= (int)sizeof(to))
			return -ENAMETOOLONG;
		/* link() fails where rename() would replace; some file systems have no links */
		if (!link(path, to))
			return unlink(path) ? -errno : 0;
		if (errno == EEXIST) {
			now.tv_nsec += 1000000;
			if (now.tv_nsec >= 1000000000) {
				now.tv_nsec -= 1000000000;
				now.tv_sec++;
			}
			continue;
		}
		if (errno != EPERM && errno != EOPNOTSUPP)
			return -errno;
		return access(to, F_OK) ? (rename(path, to) ? -errno : 0) : -EEXIST;
	}
	return -EEXIST;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The directory of path in `dir`; returns the name in it. */
static const char *split(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		strcpy(dir, ".");
	else
		snprintf(dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return slash ? slash + 1 : path;
}

int rotate_prune(const char *path, const char *suffix, uint32_t keep)
{
	char dir[PATH_MAX];
	const char *name = split(path, dir);
	int stem = stem_length(name, suffix), err = 0;
	char **found = NULL;
	size_t n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		char pattern[128], **more;

		snprintf(pattern, sizeof(pattern), STAMP_PATTERN "%s", suffix);
		if (strncmp(e->d_name, name, (size_t)stem) || fnmatch(pattern, e->d_name + stem, 0))
			continue;
		more = realloc(found, (n + 1) * sizeof(*found));
		if (more)
			found = more;
		if (!more || !(found[n] = strdup(e->d_name))) {
			err = -ENOMEM;
			break;
		}
		n++;
	}
	if (!err && n > keep) {
		qsort(found, n, sizeof(*found), by_name);
		for (size_t i = 0; i < n - keep; i++)
			if (unlinkat(dirfd(d), found[i], 0))
				err = -errno;
	}
	for (size_t i = 0; i < n; i++)
		free(found[i]);
	free(found);
	closedir(d);
	return err;
}

/* Steps over length-delimited messages; true when the last ends where the file does. */
static bool ends_with_whole_message(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint64_t len = 0;
		unsigned shift = 0;

		do {
			if (p == end || shift > 28)
				return false;
			len |= (uint64_t)(*p & 0x7f) << shift;
			shift += 7;
		} while (*p++ & 0x80);
		if (len > (uint64_t)(end - p))
			return false;
		p += len;
	}
	return true;
}

bool ends_with_whole_row(int fd, uint64_t size, enum output_format format)
{
	uint8_t last, *map;
	bool whole;

	if (!size)
		return true;
	if (format == FORMAT_JSON)
		return pread(fd, &last, 1, (off_t)size - 1) == 1 && last == '\n';
	if (format != FORMAT_PROTOBUF)
		return false;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	whole = ends_with_whole_message(map, map + size);
	munmap(map, size);
	return whole;
}
