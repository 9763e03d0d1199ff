/* The file sink: whole messages appended by a thread of its own, files rotated.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is written by one write() and a failed one is cut off again, so that a file always ends
 * at the end of a row. With compression each message is a gzip member or a zstd frame of its own:
 * what gunzip and zstd read as one stream, and what a crash can tear only at its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../log.h"
#include "../thread.h"
#include "compress.h"
#include "encode.h"
#include "rotate.h"
#include "sink.h"

struct file {
	char *path; /* with the compression's suffix; "-" is standard output */
	int fd;	    /* -1: not open */
	bool regular;
	uint64_t size;
	time_t opened;
};

struct file_sink {
	struct sink sink;
	struct file flows, counters;
	bool counters_with_flows; /* standard output */
	pthread_t thread;
	bool started;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct message_queue queue; /* the three under the lock */
	bool stopping, reopening;

	struct compressor compressor;
	uint64_t said_error;
	struct message *current; /* being written */
};

static struct file_sink *of(struct sink *s)
{
	return (struct file_sink *)s; /* its first member */
}

static bool is_stdout(const struct file *f)
{
	return !strcmp(f->path, "-");
}

/* Opens the file for appending. One whose end is not known to be whole is put aside first: we never
 * cut what an earlier run, or somebody else, wrote. Returns 0 or a negative errno. */
static int open_file(struct file_sink *s, struct file *f)
{
	const struct output_options *o = s->sink.options;
	struct stat st;
	int err;

	f->opened = time(NULL);
	f->size = 0;
	f->regular = false;
	if (is_stdout(f)) {
		f->fd = STDOUT_FILENO;
		return 0;
	}
	f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (f->fd < 0)
		f->fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC); /* a device */
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	f->regular = true;
	f->size = (uint64_t)st.st_size;
	if (!f->size ||
	    (o->compression == COMPRESS_NONE && ends_with_whole_row(f->fd, f->size, o->format)))
		return 0;
	close(f->fd);
	f->fd = -1;
	err = rotate_away(f->path, compression_suffix(o->compression));
	return err ? err : open_file(s, f);
}

static void close_file(struct file *f)
{
	if (f->fd >= 0 && !is_stdout(f))
		close(f->fd);
	f->fd = -1;
}

static void rotate(struct file_sink *s, struct file *f)
{
	const struct output_options *o = s->sink.options;
	const char *suffix = compression_suffix(o->compression);
	int err;

	close_file(f);
	err = rotate_away(f->path, suffix);
	if (!err && o->rotate_keep)
		err = rotate_prune(f->path, suffix, o->rotate_keep);
	if (err && log_allowed(&s->said_error, 60))
		log_warning("output %s: cannot rotate: %s", s->sink.name, strerror(-err));
}

static bool is_due(const struct file_sink *s, const struct file *f, uint64_t more)
{
	const struct output_options *o = s->sink.options;

	if (!f->regular || !f->size)
		return false;
	return (o->rotate_bytes && f->size + more > o->rotate_bytes) ||
	       (o->rotate_seconds && time(NULL) - f->opened >= (time_t)o->rotate_seconds);
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done;
		int old;

		/* Stopping may have to end this thread here, where it holds nothing. */
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
		done = write(fd, p, n);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) { /* somebody made our standard output so */
			struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

			poll(&poll_fd, 1, 1000);
			continue;
		}
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Appends a message or leaves the file as it was. Returns 0 or a negative errno. */
static int append(struct file_sink *s, struct file *f, const struct message *m)
{
	size_t len = m->len;
	const uint8_t *p = compress_message(&s->compressor, m->bytes, &len);
	int err;

	if (!p)
		return -EIO;
	if (f->fd >= 0 && is_due(s, f, len))
		rotate(s, f);
	if (f->fd < 0) {
		err = open_file(s, f);
		if (err)
			return err;
	}
	err = write_all(f->fd, p, len);
	if (!err)
		f->size += len;
	else if (f->regular && ftruncate(f->fd, (off_t)f->size))
		close_file(f); /* opening it again looks at how it ends */
	return err;
}

static void write_message(struct file_sink *s, struct message *m)
{
	struct file *f = m->counters && !s->counters_with_flows ? &s->counters : &s->flows;
	int err;

	s->current = m;
	err = sink_ended(&s->sink) ? -EPIPE : append(s, f, m);
	if (!err) {
		sink_count_delivered(&s->sink, m);
	} else {
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		if (err == -EPIPE && is_stdout(f))
			__atomic_store_n(&s->sink.ended, true, __ATOMIC_RELAXED);
		else if (log_allowed(&s->said_error, 60))
			log_error("%s: cannot write: %s; flows are dropped until it works again",
				  f->path, strerror(-err));
	}
	s->current = NULL;
	message_give_back(&s->sink.pool, m);
}

/* Closes files so that the next message opens what is at their paths by then. */
static void idle_work(struct file_sink *s, bool reopening)
{
	struct file *files[] = {&s->flows, &s->counters};

	for (unsigned i = 0; i < 2; i++) {
		if (files[i]->fd < 0)
			continue;
		if (reopening)
			close_file(files[i]);
		else if (is_due(s, files[i], 0))
			rotate(s, files[i]);
	}
}

static void *file_thread(void *arg)
{
	struct file_sink *s = arg;
	struct message *m;
	bool stopping, reopening;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	do {
		pthread_mutex_lock(&s->lock);
		if (!s->queue.head && !s->stopping && !s->reopening) {
			struct timespec until;

			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec++;
			pthread_cond_timedwait(&s->work, &s->lock, &until);
		}
		m = message_queue_take(&s->queue);
		stopping = s->stopping;
		reopening = s->reopening;
		s->reopening = false;
		pthread_mutex_unlock(&s->lock);
		idle_work(s, reopening);
		message_pool_trim(&s->sink.pool, clock_coarse_ns());
		if (m)
			write_message(s, m);
	} while (m || !stopping);
	return NULL;
}

static void file_submit(struct sink *sink, struct message *m)
{
	struct file_sink *s = of(sink);

	pthread_mutex_lock(&s->lock);
	message_queue_put(&s->queue, m);
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

static void file_reopen(struct sink *sink)
{
	struct file_sink *s = of(sink);

	pthread_mutex_lock(&s->lock);
	s->reopening = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

/* Waits for the thread, and ends it where it stands when a pipe's reader keeps it in a write. */
static void join(struct file_sink *s, unsigned seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	if (pthread_timedjoin_np(s->thread, NULL, &until)) {
		pthread_cancel(s->thread);
		pthread_join(s->thread, NULL);
	}
}

static uint64_t file_stop(struct sink *sink, unsigned seconds)
{
	struct file_sink *s = of(sink);
	uint64_t before = account_get(&sink->account, ACCOUNT_DROPPED_ERROR);
	struct message *m;

	if (!s->started)
		return 0;
	s->started = false;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	join(s, seconds);
	if (s->current)
		sink_count_dropped(sink, s->current, ACCOUNT_DROPPED_ERROR);
	while ((m = message_queue_take(&s->queue)))
		sink_count_dropped(sink, m, ACCOUNT_DROPPED_ERROR);
	return account_get(&sink->account, ACCOUNT_DROPPED_ERROR) - before;
}

static void file_free(struct sink *sink)
{
	struct file_sink *s = of(sink);

	close_file(&s->flows);
	close_file(&s->counters);
	free(s->flows.path);
	free(s->counters.path);
	compressor_free(&s->compressor);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	free(s);
}

/* path with the suffixes that it does not have yet. */
static char *full_path(const char *path, const char *middle, const char *suffix)
{
	size_t n = strlen(path), k = strlen(suffix);
	char *full;

	if (!strcmp(path, "-"))
		return strdup(path);
	if (n > k && !strcmp(path + n - k, suffix))
		n -= k;
	return asprintf(&full, "%.*s%s%s", (int)n, path, middle, suffix) < 0 ? NULL : full;
}

static int file_start(struct sink *sink)
{
	struct file_sink *s = of(sink);
	/* Without signals a broken pipe is an error of write(). */
	int err = thread_start(&s->thread, file_thread, s);

	s->started = !err;
	return err;
}

struct sink *file_sink_open(const struct output_options *o)
{
	static const struct sink_operations operations = {
		.start = file_start,
		.submit = file_submit,
		.reopen = file_reopen,
		.stop = file_stop,
		.free = file_free,
	};
	const char *suffix = compression_suffix(o->compression);
	struct file_sink *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	int err;

	if (!s) {
		log_error("output file:%s: out of memory", o->path);
		return NULL;
	}
	s->sink.op = &operations;
	s->sink.options = o;
	s->flows.fd = s->counters.fd = -1;
	message_queue_init(&s->queue);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	snprintf(s->sink.name, sizeof(s->sink.name), "file:%s", o->path);

	s->counters_with_flows = !o->counter_path && !strcmp(o->path, "-");
	s->flows.path = full_path(o->path, "", suffix);
	s->counters.path = o->counter_path ? full_path(o->counter_path, "", suffix)
					   : full_path(o->path, ".counters", suffix);
	err = -ENOMEM;
	if (s->flows.path && s->counters.path)
		err = compressor_init(&s->compressor, o->compression,
				      o->message_bytes + ENCODED_ROW_MAX);
	if (err == -EINVAL) {
		log_error("output %s: files are compressed with gzip or zstd only", s->sink.name);
		goto failed;
	}
	/* Opened now so that a wrong path is known at once; that of counters when there are some.
	 */
	if (!err)
		err = open_file(s, &s->flows);
	if (!err)
		return &s->sink;
	log_error("output %s: %s", s->sink.name, strerror(-err));
failed:
	file_free(&s->sink);
	return NULL;
}
