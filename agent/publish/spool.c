/* Messages on disk: put, read in order, acknowledged, dropped when there is no room.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../clock.h"
#include "../log.h"
#include "spool_segment.h"

enum {
	SEGMENT_MIN = 1 << 20,
	SEGMENT_MAX = 64 << 20,
	CLOCK_SET_SECONDS = 10,
	SEGMENTS_PER_SPOOL = 16, /* what is dropped at once when it is full */
};

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

/* Has what was written to the segment forced to disk, now or when it is next asked for. */
static void have_forced(struct spool *s, struct segment *g)
{
	bool was_open = g->fd >= 0;

	if (!g->unsynced || !s->flusher || segment_open(s, g, 0))
		return;
	if (spool_flusher_take(s->flusher, g->id, g->fd))
		g->unsynced = false;
	if (!was_open)
		segment_close(g);
}

/* Nothing more is appended to the segment that was being written. */
static void finish_writing(struct spool *s)
{
	struct segment *g = s->writing;

	s->writing = NULL;
	if (!g)
		return;
	have_forced(s, g);
	segment_close(g);
}

int spool_put(struct spool *s, const struct message *m)
{
	uint64_t need = sizeof(struct record) + sizeof(struct segment_header) + MESSAGE_GROUP_MAX +
			m->len;
	int err;

	if (s->writing && s->writing->size >= s->segment_bytes)
		finish_writing(s);
	make_room(s, need);
	if (!s->writing) {
		s->writing = segment_new(s, s->next_id, clock_real_s(), &err);
		if (!s->writing)
			return err;
		s->next_id++;
		s->reserved = 0;
	}
	err = segment_open(s, s->writing, 0);
	if (!err)
		err = segment_append(s, s->writing, m);
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
		g = segment_new(s, m->spool.segment, clock_real_s(), &err);
	if (!g || (err = segment_open(s, g, 0)))
		return err;
	m->spool.offset = g->size;
	err = segment_append(s, g, m);
	if (err) {
		m->spool.offset = 0;
		return err;
	}
	g->read = g->size;
	g->unacknowledged++;
	return 0;
}

/* What is unread of the segment is lost. */
static void give_up(struct spool *s, struct segment *g)
{
	if (log_allowed(&s->said_error, 60))
		log_error("output %s: the rest of %s/%016" PRIx64 SEGMENT_SUFFIX
			  " is damaged and was dropped: check the disk",
			  s->o.name, s->o.path, g->id);
	spool_rows_subtract(&s->unread, &g->unread);
	s->o.dropped(s->o.arg, &g->unread, true);
	memset(&g->unread, 0, sizeof(g->unread));
	g->read = g->size;
}

static void take_record(struct spool *s, struct segment *g, const struct record *r)
{
	g->read += sizeof(*r) + record_len(r);
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
					   : segment_read(g, g->read, g->size, m, capacity, &r);

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
	uint64_t offset = g->read;

	for (const struct message *m = oldest; m; m = m->sent_next)
		if (m->spool.segment == g->id && m->spool.offset && m->spool.offset < offset)
			offset = m->spool.offset;
	segment_acknowledge(s, g, offset);
}

static int64_t clock_offset(void)
{
	return (int64_t)clock_real_s() - (int64_t)(clock_monotonic_ns() / 1000000000u);
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
	uint64_t now = clock_real_s();

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
		if (s->o.sync == SPOOL_SYNC_SECOND)
			have_forced(s, g);
	}
	if (s->dir_unsynced && s->flusher && spool_flusher_take(s->flusher, 0, s->dir))
		s->dir_unsynced = false;
}

struct spool_rows spool_unread(const struct spool *s)
{
	return s->unread;
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
	if (o->sync != SPOOL_SYNC_NEVER) {
		s->flusher = spool_flusher_start(o->name, o->path);
		if (!s->flusher)
			goto failed_errno;
	}
	err = spool_load(s);
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

/* All is on disk then, also what the flusher had no room for. */
static void finish_flushing(struct spool *s)
{
	struct segment *g;

	if (!s->flusher)
		return;
	spool_flusher_stop(s->flusher);
	s->flusher = NULL;
	TAILQ_FOREACH(g, &s->segments, link)
	if (g->unsynced && !segment_open(s, g, 0))
		fdatasync(g->fd);
	if (s->dir_unsynced)
		fsync(s->dir);
}

void spool_close(struct spool *s, const struct message *oldest)
{
	struct segment *g;

	if (s->lock >= 0)
		spool_tick(s, oldest);
	finish_writing(s);
	finish_flushing(s);
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
