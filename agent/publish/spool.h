/* Messages on disk: what the broker does not take now, in order, across restarts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A directory of segment files, oldest first by name. A record is a message with a checksum; what a
 * crash tore off is found and cut at start. A record stays until it is acknowledged. One thread
 * uses a spool; another one, which is the spool's own, forces it to disk. */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H

#include "message.h"
#include "publish.h"

/* Rows by kind of message: [0] flows, [1] counter samples. */
struct spool_rows {
	uint64_t n[2];
};

struct spool_options {
	const char *path, *name; /* directory; the output's name for messages */
	uint64_t max_bytes;	 /* all segments together */
	uint32_t max_seconds;	 /* age of a segment; 0: no limit */
	enum spool_sync sync;
	/* Rows were lost: the spool was full or they were too old, or a file was damaged. */
	void (*dropped)(void *arg, const struct spool_rows *rows, bool damaged);
	void *arg;
};

struct spool;

/* Opens the directory, which it makes where it is missing, and checks what an earlier run left.
 * NULL with one message logged when that cannot be done or another process uses it. */
struct spool *spool_open(const struct spool_options *o);

/* Forces all to disk, notes what is acknowledged and closes. The files stay. */
void spool_close(struct spool *s, const struct message *oldest);

/* Appends a copy of the message. Drops the oldest segment when there is no room. Returns 0 or a
 * negative errno, and then nothing is changed. */
int spool_put(struct spool *s, const struct message *m);

/* The segment for messages that are sent now without being in the spool, should they have to be
 * written later: after all that was put before, before all that is put from now on. */
uint64_t spool_reserve(struct spool *s);

/* Writes a copy of a message that was sent, to the segment m->spool.segment that was reserved for
 * it, and notes its place. Returns 0 or a negative errno. */
int spool_put_sent(struct spool *s, struct message *m);

/* Reads the oldest record not read yet into m, which holds up to `capacity` bytes, and notes its
 * place. Returns false when there is none. */
bool spool_next(struct spool *s, struct message *m, size_t capacity);

/* The message's record, if it has one, is not needed any more. */
void spool_done(struct spool *s, const struct message *m);

/* To be called about once a second: forces to disk, notes what is acknowledged, drops what is too
 * old. `oldest` are the messages on their way, oldest first, linked by sent_next. */
void spool_tick(struct spool *s, const struct message *oldest);

/* Rows that are in no message: not read yet. */
struct spool_rows spool_unread(const struct spool *s);

#endif
