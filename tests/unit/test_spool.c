/* The spool: order, restarts, torn files, bounds, disks that fail.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "publish/spool.h"

enum { CAPACITY = 100000, LENGTH = 50000, ROWS = 10 };

static char dir[] = "/tmp/weir-spool-XXXXXX", path[64];
static struct message *message;
static uint64_t dropped, damaged;

static void count_dropped(void *arg, const struct spool_rows *rows, bool is_damaged)
{
	(void)arg;
	*(is_damaged ? &damaged : &dropped) += rows->n[0];
}

static unsigned flushes;
static bool hangs;

static const struct timespec moment = {.tv_nsec = 1000000};

/* Instead of the C library's, for the library under test, too. */
int fdatasync(int fd)
{
	(void)fd;
	while (__atomic_load_n(&hangs, __ATOMIC_ACQUIRE))
		nanosleep(&moment, NULL);
	__atomic_fetch_add(&flushes, 1, __ATOMIC_RELEASE);
	return 0;
}

/* So many and no more, within a moment. */
static void assert_flushes(unsigned n)
{
	for (unsigned i = 0; i < 5000 && __atomic_load_n(&flushes, __ATOMIC_ACQUIRE) < n; i++)
		nanosleep(&moment, NULL);
	for (unsigned i = 0; i < 20; i++)
		nanosleep(&moment, NULL);
	assert_int_equal(__atomic_load_n(&flushes, __ATOMIC_ACQUIRE), n);
}

static struct spool_options options(uint64_t max_bytes)
{
	return (struct spool_options){
		.path = path,
		.name = "test",
		.max_bytes = max_bytes,
		.sync = SPOOL_SYNC_SECOND,
		.dropped = count_dropped,
	};
}

static struct spool *open_spool(uint64_t max_bytes)
{
	const struct spool_options o = options(max_bytes);

	return spool_open(&o);
}

static void group_of(uint64_t i, char group[MESSAGE_GROUP_MAX + 1])
{
	memset(group, 0, MESSAGE_GROUP_MAX + 1);
	memset(group, 'a', i % 3 == 2 ? MESSAGE_GROUP_MAX : i % 3);
}

/* Message number i, with contents that tell it from the others. */
static struct message *make(uint64_t i)
{
	memset(message, 0, sizeof(*message));
	message->len = LENGTH + (uint32_t)(i % 100);
	message->rows = ROWS;
	message->boot = 77;
	message->sequence = i;
	message->worker = 3;
	message->format = FORMAT_PROTOBUF;
	message->exporter.b[15] = (uint8_t)i;
	group_of(i, message->group);
	memset(message->bytes, (int)(i % 251), message->len);
	return message;
}

static void put(struct spool *s, uint64_t i)
{
	assert_int_equal(spool_put(s, make(i)), 0);
}

/* Reads the next message, which must be number i and whole. The caller frees it. */
static struct message *next(struct spool *s, uint64_t i)
{
	struct message *m = calloc(1, sizeof(*m) + CAPACITY);
	char group[MESSAGE_GROUP_MAX + 1];

	memset(m->group, 'x', sizeof(m->group));
	assert_true(spool_next(s, m, CAPACITY));
	group_of(i, group);
	assert_string_equal(m->group, group);
	assert_int_equal(m->sequence, i);
	assert_int_equal(m->len, LENGTH + i % 100);
	assert_int_equal(m->rows, ROWS);
	assert_int_equal(m->boot, 77);
	assert_int_equal(m->worker, 3);
	assert_int_equal(m->format, FORMAT_PROTOBUF);
	assert_int_equal(m->exporter.b[15], i & 255);
	for (uint32_t k = 0; k < m->len; k++)
		assert_int_equal(m->bytes[k], i % 251);
	return m;
}

static void take(struct spool *s, uint64_t i)
{
	struct message *m = next(s, i);

	spool_done(s, m);
	free(m);
}

static void is_empty(struct spool *s)
{
	assert_false(spool_next(s, message, CAPACITY));
	assert_int_equal(spool_unread(s).n[0], 0);
}

/* The segment files; the name of the last in `last`, if not NULL. */
static unsigned segments(char last[600])
{
	DIR *d = opendir(path);
	struct dirent *e;
	char best[300] = "";
	unsigned n = 0;

	while ((e = readdir(d)))
		if (strstr(e->d_name, ".spool")) {
			n++;
			if (strcmp(e->d_name, best) > 0)
				snprintf(best, sizeof(best), "%s", e->d_name);
		}
	closedir(d);
	if (last)
		snprintf(last, 600, "%s/%s", path, best);
	return n;
}

static int set_up(void **state)
{
	char command[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	dropped = damaged = 0;
	log_set_level(LOG_LEVEL_ERROR);
	return system(command);
}

static void messages_come_out_in_order_over_segments(void **state)
{
	struct spool *s = open_spool(64 << 20);

	(void)state;
	for (uint64_t i = 0; i < 200; i++)
		put(s, i);
	assert_int_equal(spool_unread(s).n[0], 200 * ROWS);
	assert_true(segments(NULL) > 2);
	for (uint64_t i = 0; i < 100; i++)
		take(s, i);
	put(s, 200);
	for (uint64_t i = 100; i < 201; i++)
		take(s, i);
	is_empty(s);
	spool_tick(s, NULL);
	assert_int_equal(segments(NULL), 0); /* nothing stays behind */
	spool_close(s, NULL);
}

static void a_restart_continues_where_it_was_acknowledged(void **state)
{
	struct spool *s = open_spool(64 << 20);
	struct message *on_way;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		put(s, i);
	for (uint64_t i = 0; i < 4; i++)
		take(s, i);
	on_way = next(s, 4); /* read and never acknowledged */
	on_way->sent_next = next(s, 5);
	spool_close(s, on_way);
	free(on_way->sent_next);
	free(on_way);

	s = open_spool(64 << 20);
	assert_int_equal(spool_unread(s).n[0], 6 * ROWS);
	put(s, 10);
	for (uint64_t i = 4; i < 11; i++)
		take(s, i);
	is_empty(s);
	spool_close(s, NULL);
}

static void without_a_close_nothing_is_lost(void **state)
{
	pid_t child;

	(void)state;
	child = fork();
	if (!child) { /* dies as by kill -9 */
		struct spool *s = open_spool(64 << 20);

		for (uint64_t i = 0; i < 30; i++)
			put(s, i);
		take(s, 0);
		spool_tick(s, NULL);
		take(s, 1); /* not noted */
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0)
		;
	struct spool *s = open_spool(64 << 20);
	for (uint64_t i = 1; i < 30; i++)
		take(s, i);
	is_empty(s);
	spool_close(s, NULL);
}

static void what_was_sent_comes_before_what_waits(void **state)
{
	struct spool *s = open_spool(64 << 20);
	struct message *sent[3];

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		sent[i] = calloc(1, sizeof(*message) + CAPACITY);
		memcpy(sent[i], make(i), sizeof(*message) + CAPACITY);
		sent[i]->spool.segment = spool_reserve(s);
	}
	put(s, 3); /* waits; only then are the others written */
	put(s, 4);
	assert_int_equal(spool_put_sent(s, sent[0]), 0);
	assert_int_equal(spool_put_sent(s, sent[1]), 0);
	assert_int_equal(spool_put_sent(s, sent[2]), 0);
	assert_int_equal(spool_unread(s).n[0], 2 * ROWS);
	spool_done(s, sent[0]);
	sent[1]->sent_next = sent[2];
	spool_close(s, sent[1]);

	s = open_spool(64 << 20);
	for (uint64_t i = 1; i < 5; i++)
		take(s, i);
	is_empty(s);
	spool_close(s, NULL);
	for (uint64_t i = 0; i < 3; i++)
		free(sent[i]);
}

static void a_torn_tail_is_cut_at_any_length(void **state)
{
	(void)state;
	for (unsigned cut = 1; cut < LENGTH + 60; cut += 1777) {
		struct spool *s;
		char last[600];
		struct stat st;

		set_up(NULL);
		s = open_spool(64 << 20);
		for (uint64_t i = 0; i < 5; i++)
			put(s, i);
		spool_close(s, NULL);
		segments(last);
		assert_int_equal(stat(last, &st), 0);
		assert_int_equal(truncate(last, st.st_size - cut), 0);
		s = open_spool(64 << 20);
		assert_int_equal(spool_unread(s).n[0], 4 * ROWS);
		put(s, 5); /* behind the cut */
		for (uint64_t i = 0; i < 4; i++)
			take(s, i);
		take(s, 5);
		is_empty(s);
		spool_close(s, NULL);
	}
}

static void flip(const char *name, off_t offset)
{
	int fd = open(name, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void a_flipped_bit_is_not_sent(void **state)
{
	struct spool *s = open_spool(64 << 20);
	char last[600];

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		put(s, i);
	spool_close(s, NULL);
	segments(last);
	flip(last, 3 * LENGTH);
	s = open_spool(64 << 20);
	assert_int_equal(spool_unread(s).n[0], 2 * ROWS);
	take(s, 0);
	take(s, 1);
	is_empty(s);

	/* and while it runs: what cannot be read is counted */
	for (uint64_t i = 0; i < 5; i++)
		put(s, i);
	segments(last);
	flip(last, 3 * LENGTH);
	take(s, 0);
	take(s, 1);
	is_empty(s);
	assert_int_equal(damaged, 3 * ROWS);
	spool_close(s, NULL);
}

/* The group says which topic a message goes to. */
static void a_flipped_bit_in_the_group_is_not_sent(void **state)
{
	struct spool *s = open_spool(64 << 20);
	char last[600];
	struct stat st;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) /* the last of them with the longest name */
		put(s, i);
	spool_close(s, NULL);
	segments(last);
	assert_int_equal(stat(last, &st), 0);
	flip(last, st.st_size - (LENGTH + 2) - MESSAGE_GROUP_MAX);
	s = open_spool(64 << 20);
	take(s, 0);
	take(s, 1);
	is_empty(s);
	spool_close(s, NULL);
}

static void a_full_spool_drops_its_oldest(void **state)
{
	const uint64_t max = 20 << 20;
	struct spool *s = open_spool(max);
	uint64_t left;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		put(s, i);
	left = spool_unread(s).n[0] / ROWS;
	assert_int_equal(left * ROWS + dropped, 1000 * ROWS);
	assert_true(left * LENGTH <= max && left * LENGTH > max * 8 / 10);
	for (uint64_t i = 1000 - left; i < 1000; i++)
		take(s, i);
	is_empty(s);
	spool_close(s, NULL);
}

static void the_disk_is_forced_as_often_as_the_settings_say(void **state)
{
	static const unsigned wanted[][2] = {
		[SPOOL_SYNC_MESSAGE] = {5, 5},
		[SPOOL_SYNC_SECOND] = {0, 1},
		[SPOOL_SYNC_NEVER] = {0, 0},
	};

	(void)state;
	for (unsigned sync = 0; sync < 3; sync++) {
		struct spool_options o = options(100 << 20);
		struct spool *s;

		o.sync = (enum spool_sync)sync;
		s = spool_open(&o);
		flushes = 0;
		for (unsigned i = 0; i < 5; i++)
			put(s, i);
		assert_flushes(wanted[sync][0]);
		spool_tick(s, NULL);
		assert_flushes(wanted[sync][1]);
		spool_tick(s, NULL); /* nothing new: nothing to force */
		assert_flushes(wanted[sync][1]);
		for (unsigned i = 0; i < 5; i++)
			take(s, i);
		spool_close(s, NULL);
	}
}

/* A segment that is full is not written any more, and not left to the next second. */
static void a_full_segment_is_forced_at_once(void **state)
{
	struct spool *s = open_spool(16 << 20);
	unsigned i = 0;

	(void)state;
	flushes = 0;
	while (segments(NULL) < 2)
		put(s, i++);
	assert_flushes(1);
	for (unsigned k = 0; k < i; k++)
		take(s, k);
	spool_close(s, NULL);
}

/* Messages go on into the spool and out of it, and closing waits until all is on disk. */
static void a_disk_that_hangs_holds_nobody_up(void **state)
{
	struct spool *s = open_spool(200 << 20);

	(void)state;
	flushes = 0;
	hangs = true;
	for (unsigned i = 0; i < 2000; i++) { /* 100 MB in many segments, some ticks in each */
		put(s, i);
		if (i % 50 == 0)
			spool_tick(s, NULL);
	}
	for (unsigned i = 0; i < 1900; i++)
		take(s, i);
	assert_int_equal(flushes, 0);
	__atomic_store_n(&hangs, false, __ATOMIC_RELEASE);
	spool_close(s, NULL);
	assert_true(flushes > 0);
	s = open_spool(200 << 20);
	assert_int_equal(spool_unread(s).n[0], 100 * ROWS);
	for (unsigned i = 1900; i < 2000; i++)
		take(s, i);
	spool_close(s, NULL);
}

/* As if an earlier run had put it there. */
static void made_seconds_ago(unsigned seconds)
{
	uint64_t created;
	char file[600];
	int fd;

	segments(file);
	fd = open(file, O_RDWR);
	assert_int_equal(pread(fd, &created, 8, 8), 8);
	created -= seconds;
	assert_int_equal(pwrite(fd, &created, 8, 8), 8);
	close(fd);
}

static void what_is_too_old_is_dropped_and_counted(void **state)
{
	struct spool_options o = options(100 << 20);
	struct spool *s = spool_open(&o);

	(void)state;
	put(s, 1);
	put(s, 2);
	spool_close(s, NULL);
	made_seconds_ago(60);
	o.max_seconds = 3600;
	s = spool_open(&o);
	spool_tick(s, NULL);
	assert_int_equal(spool_unread(s).n[0], 2 * ROWS);
	spool_close(s, NULL);
	o.max_seconds = 50;
	s = spool_open(&o);
	spool_tick(s, NULL);
	assert_int_equal(dropped, 2 * ROWS);
	assert_int_equal(damaged, 0);
	is_empty(s);
	put(s, 3);
	take(s, 3);
	spool_close(s, NULL);
	assert_int_equal(segments(NULL), 0);
}

static void a_disk_that_fails_changes_nothing(void **state)
{
	struct spool *s = open_spool(64 << 20);
	struct rlimit before, limit;
	uint64_t fit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 5 * LENGTH;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (fit = 0; fit < 100 && !spool_put(s, make(fit)); fit++)
		;
	setrlimit(RLIMIT_FSIZE, &before);
	assert_in_range(fit, 3, 5);
	assert_int_equal(spool_unread(s).n[0], fit * ROWS);
	put(s, fit); /* it works again */
	for (uint64_t i = 0; i <= fit; i++)
		take(s, i);
	is_empty(s);
	spool_close(s, NULL);
}

static void a_second_user_is_refused(void **state)
{
	struct spool *s = open_spool(64 << 20);

	(void)state;
	assert_non_null(s);
	log_set_level(LOG_LEVEL_ERROR);
	assert_null(open_spool(64 << 20));
	spool_close(s, NULL);
	s = open_spool(64 << 20);
	assert_non_null(s);
	spool_close(s, NULL);
}

static void other_files_are_left_alone(void **state)
{
	struct spool *s = open_spool(64 << 20);
	char name[128];
	FILE *f;

	(void)state;
	put(s, 0);
	spool_close(s, NULL);
	snprintf(name, sizeof(name), "%s/00000000000000ff.spool", path);
	f = fopen(name, "w");
	fputs("somebody's notes, which are longer than the header of a segment is", f);
	fclose(f);
	s = open_spool(64 << 20);
	assert_int_equal(spool_unread(s).n[0], ROWS);
	spool_close(s, NULL);
	assert_int_equal(access(name, F_OK), 0);
}

static int prepare(void **state)
{
	(void)state;
	message = malloc(sizeof(*message) + CAPACITY);
	return mkdtemp(dir) && message ? 0 : -1;
}

static int clean_up(void **state)
{
	set_up(state);
	free(message);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(messages_come_out_in_order_over_segments, set_up),
		cmocka_unit_test_setup(a_restart_continues_where_it_was_acknowledged, set_up),
		cmocka_unit_test_setup(without_a_close_nothing_is_lost, set_up),
		cmocka_unit_test_setup(what_was_sent_comes_before_what_waits, set_up),
		cmocka_unit_test_setup(a_torn_tail_is_cut_at_any_length, set_up),
		cmocka_unit_test_setup(a_flipped_bit_is_not_sent, set_up),
		cmocka_unit_test_setup(a_flipped_bit_in_the_group_is_not_sent, set_up),
		cmocka_unit_test_setup(a_full_spool_drops_its_oldest, set_up),
		cmocka_unit_test_setup(the_disk_is_forced_as_often_as_the_settings_say, set_up),
		cmocka_unit_test_setup(a_full_segment_is_forced_at_once, set_up),
		cmocka_unit_test_setup(a_disk_that_hangs_holds_nobody_up, set_up),
		cmocka_unit_test_setup(what_is_too_old_is_dropped_and_counted, set_up),
		cmocka_unit_test_setup(a_disk_that_fails_changes_nothing, set_up),
		cmocka_unit_test_setup(a_second_user_is_refused, set_up),
		cmocka_unit_test_setup(other_files_are_left_alone, set_up),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
