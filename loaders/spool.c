/* Rows under way to a table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "spool.h"

enum { LEVEL = 1 };

int spool_begin(struct spool *s, const char *directory, const char *name)
{
	char name_of[PATH_MAX];
	int fd;

	memset(s, 0, sizeof(*s));
	if (snprintf(name_of, sizeof(name_of), "%s/.%s-XXXXXX", directory, name) >=
	    (int)sizeof(name_of))
		return -ENAMETOOLONG;
	fd = mkostemp(name_of, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name_of);
	snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", fd);
	s->f = fdopen(fd, "w");
	s->zstd = ZSTD_createCCtx();
	s->out_room = ZSTD_CStreamOutSize();
	s->out = malloc(s->out_room);
	if (!s->f)
		close(fd);
	if (!s->f || !s->zstd || !s->out)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

static int push(struct spool *s, const void *p, size_t n, ZSTD_EndDirective directive)
{
	ZSTD_inBuffer in = {.src = p, .size = n};
	size_t left;

	do {
		ZSTD_outBuffer out = {.dst = s->out, .size = s->out_room};

		left = ZSTD_compressStream2(s->zstd, &out, &in, directive);
		if (ZSTD_isError(left))
			return -EIO;
		if (fwrite(s->out, 1, out.pos, s->f) != out.pos)
			return -errno;
	} while (in.pos < in.size || (directive == ZSTD_e_end && left));
	return 0;
}

int spool_write(struct spool *s, const void *p, size_t n)
{
	s->bytes += n;
	return push(s, p, n, ZSTD_e_continue);
}

int spool_end(struct spool *s)
{
	int r = push(s, NULL, 0, ZSTD_e_end);

	if (!r && fflush(s->f))
		r = -errno;
	return r;
}

void spool_free(struct spool *s)
{
	if (s->f)
		fclose(s->f);
	ZSTD_freeCCtx(s->zstd);
	free(s->out);
	memset(s, 0, sizeof(*s));
}

static int copy(int to, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	int r = fd < 0 ? -errno : 0;

	while (!r && (n = sendfile(to, fd, NULL, 1 << 30)))
		if (n < 0)
			r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

int spool_commit(struct spool *s, const char *path, bool replace)
{
	char whole[PATH_MAX], directory[PATH_MAX], *slash;
	int fd, r;

	if (snprintf(whole, sizeof(whole), "%s.new", path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = replace ? 0 : copy(fd, path);
	if (!r || r == -ENOENT)
		r = copy(fd, s->path);
	if (!r && fsync(fd))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(whole, path))
		r = -errno;
	if (r) {
		unlink(whole);
		return r;
	}
	fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return 0;
}
