/* Messages on disk: segments, records, and what is left of them after a crash.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "../log.h"
#include "spool.h"

#define SEGMENT_SUFFIX ".spool"
#define SEGMENT_MAGIC  0x316c6f6f70736577u /* "wespool1" */

enum {
	RECORD_MAGIC = 0x63657277, /* "wrec" */
	SEGMENT_MIN = 1 << 20,
	SEGMENT_MAX = 64 << 20,
	CLOCK_SET_SECONDS = 10,
	SEGMENTS_PER_SPOOL = 16, /* what is dropped at once when it is full */
};

/* At the beginning of each segment. `acknowledged` is rewritten in place: what comes before that
 * offset need not be sent again. */
struct segment_header {
	uint64_t magic;
	uint64_t created; /* s since 1970 */
	uint64_t acknowledged;
	uint64_t filler;
};

/* Before each message's bytes. */
struct record {
	uint32_t magic;
	uint32_t crc; /* of what follows it: the rest of this, and the bytes */
	uint32_t len, rows;
	uint64_t boot, sequence;
	struct ip_addr exporter;
	uint16_t worker;
	uint8_t counters, format;
	uint32_t filler;
};

struct segment {
	TAILQ_ENTRY(segment) link;
	uint64_t id;
	int fd; /* -1: not open */
	uint64_t created;
	uint64_t size;		 /* bytes that are whole records, and the header */
	uint64_t read;		 /* how far it was read */
	uint64_t acknowledged;	 /* what the file says */
	uint64_t unacknowledged; /* records read, or put as sent, and not done */
	struct spool_rows unread;
	bool unsynced;
};

struct spool {
	struct spool_options o;
	TAILQ_HEAD(segment_list, segment) segments; /* oldest first */
	struct segment *writing;		    /* where spool_put() appends, or NULL */
	uint64_t reserved;			    /* spool_reserve(); 0: not since the last put */
	uint64_t next_id;
	uint64_t bytes;
	uint64_t segment_bytes;
	struct spool_rows unread;
	int dir, lock;
	int64_t clock_offset; /* s that the clock is ahead of the monotonic one */
	uint64_t said_error, said_full;
};

static void segment_name(char name[32], uint64_t id)
{
	snprintf(name, 32, "%016" PRIx64 SEGMENT_SUFFIX, id);
}

static int segment_open(struct spool *s, struct segment *g, int flags)
{
	char name[32];

	if (g->fd >= 0)
		return 0;
	segment_name(name, g->id);
	g->fd = openat(s->dir, name, O_RDWR | O_CLOEXEC | flags, 0600);
	return g->fd < 0 ? -errno : 0;
}

static void segment_close(struct segment *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

static void rows_add(struct spool_rows *a, const struct spool_rows *b)
{
	a->n[0] += b->n[0];
	a->n[1] += b->n[1];
}

static void rows_subtract(struct spool_rows *a, const struct spool_rows *b)
{
	a->n[0] -= b->n[0];
	a->n[1] -= b->n[1];
}

/* Takes the segment off the disk; its unread rows, if any, are lost. */
static void segment_remove(struct spool *s, struct segment *g, bool damaged)
{
	char name[32];

	segment_name(name, g->id);
	unlinkat(s->dir, name, 0);
	if (g->unread.n[0] || g->unread.n[1]) {
		rows_subtract(&s->unread, &g->unread);
		s->o.dropped(s->o.arg, &g->unread, damaged);
	}
	s->bytes -= g->size;
	if (s->writing == g)
		s->writing = NULL;
	TAILQ_REMOVE(&s->segments, g, link);
	segment_close(g);
	free(g);
}

static uint64_t now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec;
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

/* Makes the segment's file and adds it to the list. NULL with *err set when it cannot be made. */
static struct segment *segment_new(struct spool *s, uint64_t id, int *err)
{
	struct segment_header h = {.magic = SEGMENT_MAGIC, .created = now_seconds()};
	struct segment *g = calloc(1, sizeof(*g));
	char name[32];

	*err = -ENOMEM;
	if (!g)
		return NULL;
	g->id = id;
	g->fd = -1;
	g->created = h.created;
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
	if (s->o.sync != SPOOL_SYNC_NEVER)
		fsync(s->dir);
	return g;

failed:
	segment_close(g);
	free(g);
	return NULL;
}

static uint32_t record_crc(const struct record *r, const void *bytes)
{
	const size_t after = offsetof(struct record, len);
	uLong crc = crc32(0, (const Bytef *)r + after, sizeof(*r) - after);

	return (uint32_t)crc32(crc, bytes, r->len);
}

/* Puts the message behind the segment's last record, or leaves the segment as it was. */
static int append(struct spool *s, struct segment *g, const struct message *m)
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
	};
	struct iovec parts[2] = {{&r, sizeof(r)}, {(void *)(uintptr_t)m->bytes, m->len}};
	ssize_t whole = (ssize_t)(sizeof(r) + m->len), done;

	r.crc = record_crc(&r, m->bytes);
	done = pwritev(g->fd, parts, 2, (off_t)g->size);
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

static void make_room(struct spool *s, uint64_t need)
{
	struct segment *g;

	while (s->bytes + need > s->o.max_bytes && (g = TAILQ_FIRST(&s->segments))) {
		if ((g->unread.n[0] || g->unread.n[1]) && log_allowed(&s->said_full, 60))
			log_warning("output %s: the spool %s is full (%" PRIu64
				    " bytes): its oldest flows are dropped; give it more room or "
				    "bring the broker back",
				    s->o.name, s->o.path, s->o.max_bytes);
		segment_remove(s, g, false);
	}
}

/* Nothing more is appended to the segment that was being written. */
static void finish_writing(struct spool *s)
{
	struct segment *g = s->writing;

	s->writing = NULL;
	if (!g)
		return;
	if (g->unsynced && s->o.sync != SPOOL_SYNC_NEVER && fdatasync(g->fd) &&
	    log_allowed(&s->said_error, 60))
		log_error("output %s: cannot force the spool %s to disk: %s", s->o.name, s->o.path,
			  strerror(errno));
	g->unsynced = false;
	segment_close(g);
}

int spool_put(struct spool *s, const struct message *m)
{
	uint64_t need = sizeof(struct record) + sizeof(struct segment_header) + m->len;
	int err;

	if (s->writing && s->writing->size >= s->segment_bytes)
		finish_writing(s);
	make_room(s, need);
	if (!s->writing) {
		s->writing = segment_new(s, s->next_id, &err);
		if (!s->writing)
			return err;
		s->next_id++;
		s->reserved = 0;
	}
	err = segment_open(s, s->writing, 0);
	if (!err)
		err = append(s, s->writing, m);
	if (err)
		return err;
	s->writing->unread.n[m->counters] += m->rows;
	s->unread.n[m->counters] += m->rows;
	return 0;
}

uint64_t spool_reserve(struct spool *s)
{
	if (!s->reserved) {
		finish_writing(s);
		s->reserved = s->next_id++;
	}
	return s->reserved;
}

static struct segment *find(const struct spool *s, uint64_t id)
{
	struct segment *g;

	TAILQ_FOREACH(g, &s->segments, link)
	if (g->id == id)
		return g;
	return NULL;
}

int spool_put_sent(struct spool *s, struct message *m)
{
	struct segment *g = find(s, m->spool.segment);
	int err = 0;

	if (!g)
		g = segment_new(s, m->spool.segment, &err);
	if (!g || (err = segment_open(s, g, 0)))
		return err;
	m->spool.offset = g->size;
	err = append(s, g, m);
	if (err) {
		m->spool.offset = 0;
		return err;
	}
	g->read = g->size;
	g->unacknowledged++;
	return 0;
}

/* Reads the record at `offset` into m. 0: done; 1: it does not fit in m; -1: it is damaged. */
static int read_record(const struct segment *g, uint64_t offset, uint64_t end, struct message *m,
		       size_t capacity, struct record *r)
{
	if (end - offset < sizeof(*r) || pread(g->fd, r, sizeof(*r), (off_t)offset) != sizeof(*r) ||
	    r->magic != RECORD_MAGIC || r->len > end - offset - sizeof(*r) || r->counters > 1)
		return -1;
	if (r->len > capacity)
		return 1;
	if (pread(g->fd, m->bytes, r->len, (off_t)(offset + sizeof(*r))) != (ssize_t)r->len ||
	    record_crc(r, m->bytes) != r->crc)
		return -1;
	return 0;
}

/* What is unread of the segment is lost. */
static void give_up(struct spool *s, struct segment *g)
{
	if (log_allowed(&s->said_error, 60))
		log_error("output %s: the rest of %s/%016" PRIx64 SEGMENT_SUFFIX
			  " is damaged and was dropped: check the disk",
			  s->o.name, s->o.path, g->id);
	rows_subtract(&s->unread, &g->unread);
	s->o.dropped(s->o.arg, &g->unread, true);
	memset(&g->unread, 0, sizeof(g->unread));
	g->read = g->size;
}

static void take_record(struct spool *s, struct segment *g, const struct record *r)
{
	g->read += sizeof(*r) + r->len;
	g->unread.n[r->counters] -= r->rows;
	s->unread.n[r->counters] -= r->rows;
}

bool spool_next(struct spool *s, struct message *m, size_t capacity)
{
	struct segment *g;
	struct record r;

	TAILQ_FOREACH(g, &s->segments, link)
	{
		while (g->read < g->size) {
			int what = segment_open(s, g, 0)
					   ? -1
					   : read_record(g, g->read, g->size, m, capacity, &r);

			if (what < 0) {
				give_up(s, g);
				break;
			}
			if (what > 0) { /* messages were larger in an earlier run */
				struct spool_rows rows = {{0}};

				rows.n[r.counters] = r.rows;
				take_record(s, g, &r);
				s->o.dropped(s->o.arg, &rows, true);
				continue;
			}
			m->len = r.len;
			m->rows = r.rows;
			m->boot = r.boot;
			m->sequence = r.sequence;
			m->exporter = r.exporter;
			m->worker = r.worker;
			m->counters = r.counters;
			m->format = r.format;
			m->spool.segment = g->id;
			m->spool.offset = g->read;
			g->unacknowledged++;
			take_record(s, g, &r);
			if (g->read == g->size && g != s->writing)
				segment_close(g);
			return true;
		}
	}
	return false;
}

void spool_done(struct spool *s, const struct message *m)
{
	struct segment *g = m->spool.offset ? find(s, m->spool.segment) : NULL;

	if (!g) /* never written, or dropped since */
		return;
	g->unacknowledged--;
	if (!g->unacknowledged && g->read == g->size && g != s->writing)
		segment_remove(s, g, false);
}

/* Writes into the segment's file how far it is acknowledged: up to its oldest message on its way.
 */
static void note_acknowledged(struct spool *s, struct segment *g, const struct message *oldest)
{
	const uint64_t place = offsetof(struct segment_header, acknowledged);
	uint64_t offset = g->read;
	bool was_open = g->fd >= 0;

	for (const struct message *m = oldest; m; m = m->sent_next)
		if (m->spool.segment == g->id && m->spool.offset && m->spool.offset < offset)
			offset = m->spool.offset;
	if (offset == g->acknowledged || segment_open(s, g, 0))
		return;
	if (pwrite(g->fd, &offset, sizeof(offset), (off_t)place) == sizeof(offset))
		g->acknowledged = offset;
	g->unsynced = true;
	if (!was_open)
		segment_close(g);
}

static int64_t clock_offset(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)now_seconds() - ts.tv_sec;
}

/* Segments do not become old because somebody set the clock. */
static void follow_clock(struct spool *s)
{
	int64_t by = clock_offset() - s->clock_offset;
	struct segment *g;

	s->clock_offset += by;
	if (llabs(by) < CLOCK_SET_SECONDS)
		return;
	TAILQ_FOREACH(g, &s->segments, link)
	g->created += (uint64_t)by;
}

void spool_tick(struct spool *s, const struct message *oldest)
{
	struct segment *g, *next;
	uint64_t now = now_seconds();

	follow_clock(s);
	for (g = TAILQ_FIRST(&s->segments); g; g = next) {
		next = TAILQ_NEXT(g, link);
		if (!g->unacknowledged && g->read == g->size) {
			segment_remove(s, g, false);
			continue;
		}
		if (s->o.max_seconds && now > g->created + s->o.max_seconds) {
			if ((g->unread.n[0] || g->unread.n[1]) && log_allowed(&s->said_full, 60))
				log_warning("output %s: flows in the spool %s are older than %u s "
					    "and are dropped",
					    s->o.name, s->o.path, s->o.max_seconds);
			segment_remove(s, g, false);
			continue;
		}
		note_acknowledged(s, g, oldest);
		if (g->unsynced && g->fd >= 0 && s->o.sync == SPOOL_SYNC_SECOND) {
			if (fdatasync(g->fd) && log_allowed(&s->said_error, 60))
				log_error("output %s: cannot force the spool %s to disk: %s",
					  s->o.name, s->o.path, strerror(errno));
			g->unsynced = false;
		}
	}
}

struct spool_rows spool_unread(const struct spool *s)
{
	return s->unread;
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
	for (g->size = sizeof(h); g->size < size; g->size += sizeof(r) + r.len) {
		if (read_record(g, g->size, size, m, capacity, &r) != 0)
			break;
		if (g->size < h.acknowledged)
			g->acknowledged = g->read = g->size + sizeof(r) + r.len;
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
	rows_add(&s->unread, &g->unread);
	if (id >= s->next_id)
		s->next_id = id + 1;
	if (g->read == g->size)
		segment_remove(s, g, false);
	return 0;
}

static int load(struct spool *s)
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

struct spool *spool_open(const struct spool_options *o)
{
	struct spool *s = calloc(1, sizeof(*s));
	uint64_t part = o->max_bytes / SEGMENTS_PER_SPOOL;
	int err = -ENOMEM;

	if (!s)
		goto failed;
	s->o = *o;
	s->next_id = 1;
	s->dir = s->lock = -1;
	s->segment_bytes = part < SEGMENT_MIN	? SEGMENT_MIN
			   : part > SEGMENT_MAX ? SEGMENT_MAX
						: part;
	s->clock_offset = clock_offset();
	TAILQ_INIT(&s->segments);
	if (mkdir(o->path, 0750) && errno != EEXIST)
		goto failed_errno;
	s->dir = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		goto failed_errno;
	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		goto failed_errno;
	if (flock(s->lock, LOCK_EX | LOCK_NB)) {
		log_error("output %s: another process or output uses the spool %s; give each its "
			  "own directory",
			  o->name, o->path);
		goto close;
	}
	err = load(s);
	if (!err)
		return s;
	goto failed;

failed_errno:
	err = -errno;
failed:
	log_error("output %s: cannot use the spool %s: %s", o->name, o->path, strerror(-err));
close:
	if (s)
		spool_close(s, NULL);
	return NULL;
}

void spool_close(struct spool *s, const struct message *oldest)
{
	struct segment *g;

	if (s->lock >= 0)
		spool_tick(s, oldest);
	finish_writing(s);
	while ((g = TAILQ_FIRST(&s->segments))) {
		TAILQ_REMOVE(&s->segments, g, link);
		segment_close(g);
		free(g);
	}
	if (s->dir >= 0)
		close(s->dir);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}
