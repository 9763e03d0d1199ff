/* Forcing the spool's files to disk: a thread, and the descriptors that wait for it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../log.h"
#include "../thread.h"
#include "spool_flush.h"

enum { WAITING_MAX = 32 };

struct waiting {
	uint64_t id; /* 0: the directory */
	int fd;	     /* ours */
};

struct spool_flusher {
	const char *output, *path;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct waiting waiting[WAITING_MAX]; /* oldest first */
	unsigned n;
	bool stop;
	uint64_t said; /* the thread's */
};

static void force(struct spool_flusher *f, struct waiting w)
{
	if ((w.id ? fdatasync(w.fd) : fsync(w.fd)) && log_allowed(&f->said, 60))
		log_error("output %s: cannot force the spool %s to disk: %s", f->output, f->path,
			  strerror(errno));
	close(w.fd);
}

static void *flusher_thread(void *arg)
{
	struct spool_flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		struct waiting next;

		while (!f->n && !f->stop)
			pthread_cond_wait(&f->wake, &f->lock);
		if (!f->n)
			break;
		next = f->waiting[0];
		f->n--;
		memmove(f->waiting, f->waiting + 1, f->n * sizeof(f->waiting[0]));
		pthread_mutex_unlock(&f->lock);
		force(f, next);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct spool_flusher *spool_flusher_start(const char *output, const char *path)
{
	struct spool_flusher *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return NULL;
	f->output = output;
	f->path = path;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	err = thread_start(&f->thread, flusher_thread, f);
	if (!err)
		return f;
	free(f);
	errno = -err;
	return NULL;
}

/* Forcing one that waits covers what was written since it was taken, too. */
static bool waits(const struct spool_flusher *f, uint64_t id)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->waiting[i].id == id)
			return true;
	return false;
}

bool spool_flusher_take(struct spool_flusher *f, uint64_t id, int fd)
{
	bool taken;
	int own;

	pthread_mutex_lock(&f->lock);
	taken = waits(f, id);
	if (!taken && f->n < WAITING_MAX && (own = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0) {
		f->waiting[f->n++] = (struct waiting){id, own};
		pthread_cond_signal(&f->wake);
		taken = true;
	}
	pthread_mutex_unlock(&f->lock);
	return taken;
}

void spool_flusher_stop(struct spool_flusher *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
