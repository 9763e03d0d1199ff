/* Segment files of the spool: their records, and what is left of them after a crash.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "../log.h"
#include "spool_segment.h"

#define SEGMENT_MAGIC 0x316c6f6f70736577u /* "wespool1" */

enum { RECORD_MAGIC = 0x63657277 /* "wrec" */ };

static void segment_name(char name[32], uint64_t id)
{
	snprintf(name, 32, "%016" PRIx64 SEGMENT_SUFFIX, id);
}

int segment_open(struct spool *s, struct segment *g, int flags)
{
	char name[32];

	if (g->fd >= 0)
		return 0;
	segment_name(name, g->id);
	g->fd = openat(s->dir, name, O_RDWR | O_CLOEXEC | flags, 0600);
	return g->fd < 0 ? -errno : 0;
}

void segment_close(struct segment *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

void segment_remove(struct spool *s, struct segment *g, bool damaged)
{
	char name[32];

	segment_name(name, g->id);
	unlinkat(s->dir, name, 0);
	if (g->unread.n[0] || g->unread.n[1]) {
		spool_rows_subtract(&s->unread, &g->unread);
		s->o.dropped(s->o.arg, &g->unread, damaged);
	}
	s->bytes -= g->size;
	if (s->writing == g)
		s->writing = NULL;
	TAILQ_REMOVE(&s->segments, g, link);
	segment_close(g);
	free(g);
}

static void insert_sorted(struct spool *s, struct segment *g)
{
	struct segment *after = TAILQ_LAST(&s->segments, segment_list);

	while (after && after->id > g->id)
		after = TAILQ_PREV(after, segment_list, link);
	if (after)
		TAILQ_INSERT_AFTER(&s->segments, after, g, link);
	else
		TAILQ_INSERT_HEAD(&s->segments, g, link);
	s->bytes += g->size;
}

struct segment *segment_new(struct spool *s, uint64_t id, uint64_t created, int *err)
{
	struct segment_header h = {.magic = SEGMENT_MAGIC, .created = created};
	struct segment *g = calloc(1, sizeof(*g));
	char name[32];

	*err = -ENOMEM;
	if (!g)
		return NULL;
	g->id = id;
	g->fd = -1;
	g->created = created;
	g->size = g->read = g->acknowledged = h.acknowledged = sizeof(h);
	*err = segment_open(s, g, O_CREAT | O_EXCL);
	if (*err)
		goto failed;
	errno = ENOSPC; /* what a short write means */
	if (pwrite(g->fd, &h, sizeof(h), 0) != sizeof(h)) {
		*err = -errno;
		segment_name(name, g->id);
		unlinkat(s->dir, name, 0);
		goto failed;
	}
	insert_sorted(s, g);
	if (s->o.sync == SPOOL_SYNC_MESSAGE)
		fsync(s->dir);
	else
		s->dir_unsynced = true;
	return g;

failed:
	segment_close(g);
	free(g);
	return NULL;
}

static uint32_t record_crc(const struct record *r, const struct message *m)
{
	const size_t after = offsetof(struct record, len);
	uLong crc = crc32(0, (const Bytef *)r + after, sizeof(*r) - after);

	crc = crc32(crc, (const Bytef *)m->group, r->group);
	return (uint32_t)crc32(crc, m->bytes, r->len);
}

int segment_append(struct spool *s, struct segment *g, const struct message *m)
{
	struct record r = {
		.magic = RECORD_MAGIC,
		.len = m->len,
		.rows = m->rows,
		.boot = m->boot,
		.sequence = m->sequence,
		.exporter = m->exporter,
		.worker = m->worker,
		.counters = m->counters,
		.format = m->format,
		.group = (uint16_t)strlen(m->group),
	};
	struct iovec parts[3] = {{&r, sizeof(r)},
				 {(void *)(uintptr_t)m->group, r.group},
				 {(void *)(uintptr_t)m->bytes, m->len}};
	ssize_t whole = (ssize_t)(sizeof(r) + record_len(&r)), done;

	r.crc = record_crc(&r, m);
	done = pwritev(g->fd, parts, 3, (off_t)g->size);
	if (done == whole && s->o.sync == SPOOL_SYNC_MESSAGE && fdatasync(g->fd))
		done = -1;
	if (done != whole) {
		int err = done < 0 ? -errno : -ENOSPC;

		if (ftruncate(g->fd, (off_t)g->size))
			log_debug("spool %s: cannot cut a record off again", s->o.path);
		return err;
	}
	g->size += (uint64_t)whole;
	s->bytes += (uint64_t)whole;
	g->unsynced = true;
	return 0;
}

int segment_read(const struct segment *g, uint64_t offset, uint64_t end, struct message *m,
		 size_t capacity, struct record *r)
{
	struct iovec parts[2] = {{m->group, 0}, {m->bytes, 0}};

	if (end - offset < sizeof(*r) || pread(g->fd, r, sizeof(*r), (off_t)offset) != sizeof(*r) ||
	    r->magic != RECORD_MAGIC || r->group > MESSAGE_GROUP_MAX ||
	    record_len(r) > end - offset - sizeof(*r) || r->counters > 1 ||
	    r->format > FORMAT_NATIVE)
		return -1;
	if (r->len > capacity)
		return 1;
	parts[0].iov_len = r->group;
	parts[1].iov_len = r->len;
	m->group[r->group] = '\0';
	if (preadv(g->fd, parts, 2, (off_t)(offset + sizeof(*r))) != (ssize_t)record_len(r) ||
	    record_crc(r, m) != r->crc)
		return -1;
	return 0;
}

void segment_acknowledge(struct spool *s, struct segment *g, uint64_t offset)
{
	const uint64_t place = offsetof(struct segment_header, acknowledged);
	bool was_open = g->fd >= 0;

	if (offset == g->acknowledged || segment_open(s, g, 0))
		return;
	if (pwrite(g->fd, &offset, sizeof(offset), (off_t)place) == sizeof(offset))
		g->acknowledged = offset;
	if (was_open)
		g->unsynced = true;
	else
		segment_close(g);
}

/* Walks the records of a segment that an earlier run left, and cuts it behind the last whole one.
 * False: it is no segment. */
static bool check_segment(struct spool *s, struct segment *g, struct message *m, size_t capacity)
{
	struct segment_header h;
	struct record r;
	struct stat st;
	uint64_t size;

	if (fstat(g->fd, &st) || pread(g->fd, &h, sizeof(h), 0) != sizeof(h) ||
	    h.magic != SEGMENT_MAGIC)
		return false;
	size = (uint64_t)st.st_size;
	g->created = h.created;
	g->acknowledged = g->read = sizeof(h);
	for (g->size = sizeof(h); g->size < size; g->size += sizeof(r) + record_len(&r)) {
		if (segment_read(g, g->size, size, m, capacity, &r) != 0)
			break;
		if (g->size < h.acknowledged)
			g->acknowledged = g->read = g->size + sizeof(r) + record_len(&r);
		else
			g->unread.n[r.counters] += r.rows;
	}
	if (g->size < size) {
		log_warning("output %s: the last %" PRIu64 " bytes of %s/%016" PRIx64 SEGMENT_SUFFIX
			    " are no whole message, as after a power cut, and were cut off",
			    s->o.name, size - g->size, s->o.path, g->id);
		if (ftruncate(g->fd, (off_t)g->size))
			return false;
	}
	return true;
}

static int load_segment(struct spool *s, const char *name, struct message *m, size_t capacity)
{
	struct segment *g;
	char canonical[32];
	uint64_t id;

	if (sscanf(name, "%16" SCNx64, &id) != 1)
		return 0;
	segment_name(canonical, id);
	if (strcmp(name, canonical))
		return 0; /* not ours */
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->id = id;
	g->fd = -1;
	if (segment_open(s, g, 0) || !check_segment(s, g, m, capacity)) {
		log_warning("output %s: %s/%s is no spool segment and was left alone", s->o.name,
			    s->o.path, name);
		segment_close(g);
		free(g);
		return 0;
	}
	segment_close(g);
	insert_sorted(s, g);
	spool_rows_add(&s->unread, &g->unread);
	if (id >= s->next_id)
		s->next_id = id + 1;
	if (g->read == g->size)
		segment_remove(s, g, false);
	return 0;
}

int spool_load(struct spool *s)
{
	const size_t capacity = 64 << 20; /* more than any message may have */
	struct message *m = malloc(sizeof(*m) + capacity);
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!m || !d)
		err = m ? -errno : -ENOMEM;
	while (!err && (e = readdir(d)))
		err = load_segment(s, e->d_name, m, capacity);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	free(m);
	return err;
}
