/* The spool's inside: segment files and the records in them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SPOOL_SEGMENT_H
#define WEIR_SPOOL_SEGMENT_H

#include <inttypes.h>
#include <sys/queue.h>

#include "spool.h"
#include "spool_flush.h"

#define SEGMENT_SUFFIX ".spool"

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
	uint16_t group; /* bytes of its name, which come before the message's */
	uint16_t filler;
};

/* Bytes behind the record's head. */
static inline uint64_t record_len(const struct record *r)
{
	return (uint64_t)r->group + r->len;
}

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
	bool unsynced; /* something was written that the flusher has not taken yet */
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
	struct spool_flusher *flusher; /* NULL: nothing is forced */
	bool dir_unsynced;
	int64_t clock_offset; /* s that the clock is ahead of the monotonic one */
	uint64_t said_error, said_full;
};

/* The segment's file, open for reading and writing; `flags` as open(2)'s. 0 or a negative errno. */
int segment_open(struct spool *s, struct segment *g, int flags);
void segment_close(struct segment *g);

/* Makes a segment's file and adds it to the list; `created` is in s since 1970. NULL with *err set
 * to a negative errno when it cannot be made. */
struct segment *segment_new(struct spool *s, uint64_t id, uint64_t created, int *err);

/* Takes the segment off the disk and the list; its unread rows, if any, are lost. */
void segment_remove(struct spool *s, struct segment *g, bool damaged);

/* Puts the message behind the open segment's last record, or leaves the segment as it was. 0 or a
 * negative errno. */
int segment_append(struct spool *s, struct segment *g, const struct message *m);

/* Reads the record at `offset` of the open segment, all of whose records end before `end`, into m.
 * 0: done; 1: it does not fit in m; -1: it is damaged. */
int segment_read(const struct segment *g, uint64_t offset, uint64_t end, struct message *m,
		 size_t capacity, struct record *r);

/* Rewrites in place how far the segment is acknowledged: what comes before `offset` need not be
 * sent again. */
void segment_acknowledge(struct spool *s, struct segment *g, uint64_t offset);

/* Adds the segments that an earlier run left in the directory, cut behind their last whole record.
 * 0 or a negative errno. */
int spool_load(struct spool *s);

static inline void spool_rows_add(struct spool_rows *a, const struct spool_rows *b)
{
	a->n[0] += b->n[0];
	a->n[1] += b->n[1];
}

static inline void spool_rows_subtract(struct spool_rows *a, const struct spool_rows *b)
{
	a->n[0] -= b->n[0];
	a->n[1] -= b->n[1];
}

#endif
