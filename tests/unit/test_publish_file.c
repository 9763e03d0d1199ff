/* Outputs to files: whole rows, rotation, compression, and what happens when writing fails.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "log.h"
#include "publish/publish.h"

enum { ROWS = 1000, TICK = 100 * 1000 * 1000 };

static char dir[] = "/tmp/weir-test-XXXXXX", path[64];
static struct flow_batch batch;
static struct counter_sample sample;
static struct account account;

static struct publish_options options(enum output_format format)
{
	struct publish_options o = {.collector_id = (char *)"t", .n_outputs = 1};

	o.outputs[0] = (struct output_options){.kind = OUTPUT_FILE,
					       .format = format,
					       .path = path,
					       .message_bytes = 65536,
					       .message_millis = 50,
					       .queue_bytes = 16 << 20};
	return o;
}

static struct publisher *open_publisher(const struct publish_options *o)
{
	struct publisher *p = publisher_open(o, 1);

	assert_non_null(p);
	memset(&account, 0, sizeof(account));
	return p;
}

static uint64_t count(const struct publisher *p, enum account_id id)
{
	return account_get(publisher_account(p, 0), id);
}

/* All of a file, NUL-terminated; the caller frees it. */
static char *read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "re");
	char *text = malloc(64 << 20);

	if (!f)
		fail_msg("%s: %s", name, strerror(errno));
	*len = fread(text, 1, (64 << 20) - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

static unsigned count_lines(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

static unsigned lines_of(const char *name)
{
	size_t len;
	char *text = read_file(name, &len);
	unsigned n = count_lines(text, len);

	assert_true(!len || text[len - 1] == '\n');
	free(text);
	return n;
}

/* Files in the directory whose name begins with `prefix`; the last one's name in `name`. */
static unsigned files_named(const char *prefix, char name[512])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix))) {
			snprintf(name, 512, "%s/%s", dir, e->d_name);
			n++;
		}
	closedir(d);
	return n;
}

static void clear_directory(void)
{
	char name[512];

	while (files_named("f", name))
		unlink(name);
}

static int set_up(void **state)
{
	(void)state;
	clear_directory();
	snprintf(path, sizeof(path), "%s/f", dir);
	batch.n = ROWS;
	batch.n_samples = 0;
	return 0;
}

static void rows_are_written_when_the_output_stops(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p = open_publisher(&o);

	(void)state;
	publish_batch(publisher_worker(p, 0, &account), &batch);
	assert_int_equal(publisher_stop(p, 5), 0);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS), ROWS);
	publisher_close(p, 0);
	assert_int_equal(lines_of(path), ROWS);
}

static void rows_are_written_when_they_have_waited(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p = open_publisher(&o);
	struct publish_worker *w = publisher_worker(p, 0, &account);

	(void)state;
	batch.n = 3;
	publish_batch(w, &batch);
	publish_tick(w, TICK);
	assert_int_equal(lines_of(path), 0);
	publish_tick(w, 2 * TICK);
	for (int i = 0; i < 6000 && count(p, ACCOUNT_PUBLISHED_FLOWS) < 3; i++)
		usleep(10000);
	assert_int_equal(lines_of(path), 3);
	publisher_close(p, 5);
	assert_int_equal(lines_of(path), 3);
}

static void counter_samples_go_to_their_own_file(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p = open_publisher(&o);
	char counters[80];

	(void)state;
	batch.n_samples = 1;
	publish_batch(publisher_worker(p, 0, &account), &batch);
	publisher_stop(p, 5);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_COUNTERS), 1);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS), ROWS);
	publisher_close(p, 0);
	snprintf(counters, sizeof(counters), "%s.counters", path);
	assert_int_equal(lines_of(counters), 1);
	assert_int_equal(lines_of(path), ROWS);
}

static unsigned count_messages(const char *name)
{
	size_t len, at = 0;
	char *text = read_file(name, &len);
	unsigned n = 0;

	for (; at < len; n++) {
		unsigned char first = (unsigned char)text[at], second = (unsigned char)text[at + 1];

		at += first < 128 ? 1u + first : 2u + (first & 127u) + 128u * second;
	}
	assert_int_equal(at, len);
	free(text);
	return n;
}

static void a_later_run_appends_to_whole_rows_only(void **state)
{
	static const enum output_format formats[] = {FORMAT_JSON, FORMAT_PROTOBUF};
	char name[512];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct publish_options o = options(formats[i]);
		struct stat st;

		clear_directory();
		for (unsigned runs = 0; runs < 2; runs++) {
			struct publisher *p = open_publisher(&o);

			publish_batch(publisher_worker(p, 0, &account), &batch);
			publisher_close(p, 5);
		}
		assert_int_equal(files_named("f", name), 1);
		assert_int_equal(formats[i] == FORMAT_JSON ? lines_of(path) : count_messages(path),
				 2 * ROWS);
		/* torn in the middle of a row: put aside, not cut and not appended to */
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, st.st_size - 5), 0);
		publisher_close(open_publisher(&o), 5);
		assert_int_equal(files_named("f.", name), 1);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 0);
	}
}

static void files_rotate_by_size_and_the_oldest_go(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p;
	struct publish_worker *w;
	char name[512];
	struct stat st;

	(void)state;
	o.outputs[0].rotate_bytes = 300000;
	o.outputs[0].rotate_keep = 3;
	p = open_publisher(&o);
	w = publisher_worker(p, 0, &account);
	for (int i = 0; i < 20; i++)
		publish_batch(w, &batch);
	publisher_stop(p, 5);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS), 20 * ROWS);
	publisher_close(p, 0);
	assert_int_equal(files_named("f.2", name), 3);
	assert_int_equal(stat(name, &st), 0);
	assert_true(st.st_size <= 300000 && st.st_size > 200000);
	lines_of(name);
}

static void files_rotate_by_time(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p;
	char name[512];

	(void)state;
	o.outputs[0].rotate_seconds = 1;
	p = open_publisher(&o);
	publish_batch(publisher_worker(p, 0, &account), &batch);
	publish_tick(publisher_worker(p, 0, &account), TICK);
	publish_tick(publisher_worker(p, 0, &account), 2 * TICK);
	for (int i = 0; i < 6000 && !files_named("f.2", name); i++)
		usleep(10000);
	assert_int_equal(files_named("f.2", name), 1);
	assert_int_equal(lines_of(name), ROWS);
	publisher_close(p, 5);
}

/* Decompresses what may be several members, as gunzip does. */
static size_t gunzip(const char *in, size_t len, char *out, size_t room)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)len};

	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	while (z.avail_in) {
		assert_int_equal(inflate(&z, Z_NO_FLUSH), Z_STREAM_END);
		inflateReset(&z);
	}
	inflateEnd(&z);
	return room - z.avail_out;
}

static void compressed_files_are_whole_streams(void **state)
{
	static const enum output_compression kinds[] = {COMPRESS_GZIP, COMPRESS_ZSTD};
	char *out = malloc(64 << 20);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct publish_options o = options(FORMAT_JSON);
		struct publisher *p;
		char name[80], other[512], *text;
		size_t len;

		o.outputs[0].compression = kinds[i];
		p = open_publisher(&o);
		for (int k = 0; k < 10; k++)
			publish_batch(publisher_worker(p, 0, &account), &batch);
		publisher_close(p, 5);
		snprintf(name, sizeof(name), "%s%s", path, i ? ".zst" : ".gz");
		text = read_file(name, &len);
		len = i ? ZSTD_decompress(out, 64 << 20, text, len)
			: gunzip(text, len, out, 64 << 20);
		assert_int_equal(count_lines(out, len), 10 * ROWS);
		free(text);
		/* a later run does not trust its end */
		publisher_close(open_publisher(&o), 5);
		assert_int_equal(files_named("f.2", other), 1);
		clear_directory();
	}
	free(out);
}

static void reopening_follows_a_renamed_file(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p = open_publisher(&o);
	struct publish_worker *w = publisher_worker(p, 0, &account);
	char moved[80];

	(void)state;
	publish_batch(w, &batch);
	publish_tick(w, TICK);
	publish_tick(w, 2 * TICK);
	for (int i = 0; i < 6000 && count(p, ACCOUNT_PUBLISHED_FLOWS) < ROWS; i++)
		usleep(10000);
	snprintf(moved, sizeof(moved), "%s.moved", path);
	assert_int_equal(rename(path, moved), 0);
	publisher_reopen(p);
	publish_batch(w, &batch);
	publisher_close(p, 5);
	assert_int_equal(lines_of(moved), ROWS);
	assert_int_equal(lines_of(path), ROWS);
}

static void a_full_disk_is_counted_and_survived(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p;

	(void)state;
	o.outputs[0].path = (char *)"/dev/full";
	log_set_level(LOG_LEVEL_ERROR);
	p = open_publisher(&o);
	publish_batch(publisher_worker(p, 0, &account), &batch);
	publisher_stop(p, 5);
	assert_int_equal(count(p, ACCOUNT_DROPPED_ERROR), ROWS);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS), 0);
	assert_false(publisher_ended(p));
	publisher_close(p, 0);
}

/* A file may be written in part before the disk is full: that part must go again. */
static void what_was_written_in_part_is_cut_off(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct rlimit before, limit;
	struct publisher *p;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 100000;
	p = open_publisher(&o);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	publish_batch(publisher_worker(p, 0, &account), &batch);
	publisher_stop(p, 5);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(count(p, ACCOUNT_PUBLISHED_FLOWS) > 0);
	assert_true(count(p, ACCOUNT_DROPPED_ERROR) > 0);
	assert_int_equal(lines_of(path), count(p, ACCOUNT_PUBLISHED_FLOWS));
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS) + count(p, ACCOUNT_DROPPED_ERROR), ROWS);
	publisher_close(p, 0);
}

static void a_wrong_path_is_said_at_once(void **state)
{
	struct publish_options o = options(FORMAT_JSON);

	(void)state;
	o.outputs[0].path = (char *)"/nonexistent/f";
	assert_null(publisher_open(&o, 1));
}

/* Puts a pipe in the place of standard output; returns its reading end. */
static int pipe_stdout(int *before)
{
	int fds[2];

	fflush(stdout);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	*before = dup(STDOUT_FILENO);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	return fds[0];
}

static void put_back_stdout(int before)
{
	dup2(before, STDOUT_FILENO);
	close(before);
}

static void a_reader_that_leaves_ends_the_output(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p;
	int before, reader;
	bool ended;
	uint64_t dropped;

	(void)state;
	o.outputs[0].path = (char *)"-";
	reader = pipe_stdout(&before);
	p = open_publisher(&o);
	close(reader);
	publish_batch(publisher_worker(p, 0, &account), &batch);
	publisher_stop(p, 5);
	ended = publisher_ended(p);
	dropped = count(p, ACCOUNT_DROPPED_ERROR);
	publisher_close(p, 0);
	put_back_stdout(before);
	assert_true(ended);
	assert_int_equal(dropped, ROWS);
}

static void *read_slowly(void *arg)
{
	int fd = *(int *)arg;
	char bytes[16384];
	uintptr_t lines = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		lines += count_lines(bytes, (size_t)n);
		usleep(500);
	}
	return (void *)lines;
}

static void a_full_queue_drops_or_waits_as_told(void **state)
{
	(void)state;
	for (int wait = 0; wait < 2; wait++) {
		struct publish_options o = options(FORMAT_JSON);
		struct publisher *p;
		uint64_t published, dropped;
		int before, reader;
		pthread_t thread;
		void *lines;

		o.outputs[0].path = (char *)"-";
		o.outputs[0].queue_bytes = 200000;
		o.wait_when_full = wait;
		reader = pipe_stdout(&before);
		pthread_create(&thread, NULL, read_slowly, &reader);
		p = open_publisher(&o);
		for (int i = 0; i < 30; i++)
			publish_batch(publisher_worker(p, 0, &account), &batch);
		publisher_stop(p, 30);
		published = count(p, ACCOUNT_PUBLISHED_FLOWS);
		dropped = count(p, ACCOUNT_DROPPED_QUEUE_FULL);
		publisher_close(p, 0);
		put_back_stdout(before);
		pthread_join(thread, &lines);
		close(reader);
		assert_int_equal((uintptr_t)lines, published);
		assert_int_equal(published + dropped, 30 * ROWS);
		if (wait)
			assert_int_equal(dropped, 0);
		else
			assert_true(dropped > 0);
	}
}

/* Nobody reads: stopping gives up after its time and says what was lost. */
static void a_reader_that_sleeps_does_not_hold_the_stop(void **state)
{
	struct publish_options o = options(FORMAT_JSON);
	struct publisher *p;
	int before, reader;
	uint64_t lost;

	(void)state;
	o.outputs[0].path = (char *)"-";
	reader = pipe_stdout(&before);
	p = open_publisher(&o);
	for (int i = 0; i < 10; i++)
		publish_batch(publisher_worker(p, 0, &account), &batch);
	lost = publisher_close(p, 1);
	put_back_stdout(before);
	close(reader);
	assert_true(lost > 0 && lost <= 10 * ROWS);
}

static void several_workers_write_whole_rows(void **state)
{
	struct publish_options o = options(FORMAT_PROTOBUF);
	struct publisher *p = publisher_open(&o, 4);
	static struct account accounts[4];

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 40; i++)
		publish_batch(publisher_worker(p, (unsigned)i % 4, &accounts[i % 4]), &batch);
	publisher_stop(p, 5);
	assert_int_equal(count(p, ACCOUNT_PUBLISHED_FLOWS), 40 * ROWS);
	publisher_close(p, 0);
	assert_int_equal(count_messages(path), 40 * ROWS);
}

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || flow_batch_init(&batch, ROWS, 1))
		return -1;
	for (uint32_t i = 0; i < ROWS; i++) {
		batch.rows[i] = (struct flow){.type = FLOW_IPFIX, .bytes = 1500u * i, .proto = 6};
		batch.rows[i].time_received_ns = 1700000000000000000u + i;
		ip_from_v4(&batch.rows[i].sampler_address, &i);
	}
	sample.n_values = 1;
	sample.values[0] = (struct counter_value){.name = "n", .kind = COUNTER_UINT, .u = 1};
	batch.samples[0] = sample;
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	clear_directory();
	flow_batch_free(&batch);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rows_are_written_when_the_output_stops, set_up),
		cmocka_unit_test_setup(rows_are_written_when_they_have_waited, set_up),
		cmocka_unit_test_setup(counter_samples_go_to_their_own_file, set_up),
		cmocka_unit_test_setup(a_later_run_appends_to_whole_rows_only, set_up),
		cmocka_unit_test_setup(files_rotate_by_size_and_the_oldest_go, set_up),
		cmocka_unit_test_setup(files_rotate_by_time, set_up),
		cmocka_unit_test_setup(compressed_files_are_whole_streams, set_up),
		cmocka_unit_test_setup(reopening_follows_a_renamed_file, set_up),
		cmocka_unit_test_setup(a_full_disk_is_counted_and_survived, set_up),
		cmocka_unit_test_setup(what_was_written_in_part_is_cut_off, set_up),
		cmocka_unit_test_setup(a_wrong_path_is_said_at_once, set_up),
		cmocka_unit_test_setup(a_reader_that_leaves_ends_the_output, set_up),
		cmocka_unit_test_setup(a_full_queue_drops_or_waits_as_told, set_up),
		cmocka_unit_test_setup(a_reader_that_sleeps_does_not_hold_the_stop, set_up),
		cmocka_unit_test_setup(several_workers_write_whole_rows, set_up),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
