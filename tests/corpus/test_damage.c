/* Captures of real exporters, damaged: cut at each byte and with bits flipped. Whatever comes, the
 * decoders stay within the bytes, accounts close, and what is printed is JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * CORPUS: where the captures are (../shared/corpus). DAMAGE_SECONDS: how long each test may take
 * (10; 0: until all is done), DAMAGE_SEED: of the bit flips. Made for the sanitizers. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "clock.h"
#include "decode/exporter.h"
#include "decode/print.h"
#include "rx/pcap.h"

enum {
	STRIDE = 31, /* cuts are made in so many rounds, so that each place has some when time ends
		      */
	JSON_EVERY = 8,
	FLIPS_MAX = 4, /* in one datagram */
};

struct capture {
	char path[512];
	struct datagram *datagrams; /* with copies of their bytes */
	size_t n;
};

static struct capture *captures;
static size_t n_captures;

/* Both users of the walkers: records as sent, and flows. */
struct victim {
	struct account account;
	struct exporter_store *print_store, *flow_store;
	struct elements *elements;
	struct printer *printer;
	struct buffer out;
	struct decoder decoder;
	struct flow_batch batch;
	uint64_t datagrams;
};

static void discard(struct flow_batch *batch, void *arg)
{
	(void)arg;
	batch->n = batch->n_exts = batch->n_samples = 0;
}

static void keep(struct buffer *out, void *arg)
{
	(void)out;
	(void)arg;
}

static struct victim *victim_new(void)
{
	struct victim *v = aligned_alloc(_Alignof(struct victim), sizeof(*v));
	struct printer_config config = {.max_nesting = decode_defaults.max_nesting, .flush = keep};

	assert_non_null(v);
	memset(v, 0, sizeof(*v));
	v->print_store = exporter_store_new(&decode_defaults, 1);
	v->flow_store = exporter_store_new(&decode_defaults, 1);
	assert_int_equal(elements_open(&v->elements, true, NULL), 0);
	config.store = v->print_store;
	config.elements = v->elements;
	config.account = &v->account;
	config.out = &v->out;
	v->printer = printer_new(&config);
	assert_non_null(v->printer);
	memset(&v->account, 0, sizeof(v->account));
	decoder_init(&v->decoder, &decode_defaults, v->flow_store, &v->account, 0);
	assert_int_equal(flow_batch_init(&v->batch, 64, 8), 0);
	v->batch.full = discard;
	return v;
}

static void victim_free(struct victim *v)
{
	printer_free(v->printer);
	buffer_free(&v->out);
	elements_close(v->elements);
	flow_batch_free(&v->batch);
	exporter_store_free(v->print_store);
	exporter_store_free(v->flow_store);
	free(v);
}

/* Each line by itself, no key twice. */
static void check_json(const struct buffer *out, const struct capture *c, const char *what)
{
	const char *line = out->p, *end;

	for (size_t left = out->len; left; left -= (size_t)(end - line), line = end) {
		json_error_t error;
		json_t *json;

		end = memchr(line, '\n', left);
		if (!end)
			fail_msg("%s, %s: output ends within a line", c->path, what);
		end++;
		json = json_loadb(line, (size_t)(end - line),
				  JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				  &error);
		if (!json)
			fail_msg("%s, %s: %s in %.*s", c->path, what, error.text, (int)(end - line),
				 line);
		json_decref(json);
	}
}

/* Feeds `len` bytes, copied to where the sanitizer watches their end. */
static void feed(struct victim *v, const struct capture *c, const struct datagram *dg,
		 const uint8_t *bytes, uint32_t len, const char *what)
{
	struct datagram damaged = *dg;
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	damaged.data = copy;
	damaged.len = len;
	v->datagrams++;

	buffer_clear(&v->out);
	assert_in_range(printer_datagram(v->printer, &damaged, v->datagrams), DECODE_OK,
			DECODE_STATUS_MAX - 1);
	if (v->datagrams % JSON_EVERY == 0)
		check_json(&v->out, c, what);

	assert_in_range(decoder_datagram(&v->decoder, &damaged, &v->batch), DECODE_OK,
			DECODE_STATUS_MAX - 1);
	discard(&v->batch, NULL);
	rcu_quiescent_state();
	free(copy);
}

static void feed_all(struct victim *v, const struct capture *c)
{
	for (size_t i = 0; i < c->n; i++)
		feed(v, c, &c->datagrams[i], c->datagrams[i].data, c->datagrams[i].len, "intact");
}

/* Every datagram ends in one counter. */
static void check_accounts(const struct victim *v)
{
	static const enum account_id ends[] = {ACCOUNT_DECODED, ACCOUNT_DECODED_PARTLY,
					       ACCOUNT_MALFORMED, ACCOUNT_UNKNOWN_VERSION,
					       ACCOUNT_EXPORTER_LIMIT};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sum += account_get(&v->account, ends[i]);
	assert_int_equal(sum, v->datagrams);
}

static double now(void)
{
	return (double)clock_monotonic_ns() / 1e9;
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static double deadline(void)
{
	unsigned long s = setting("DAMAGE_SECONDS", 10);

	return s ? now() + (double)s : 1e18;
}

/* xorshift64: the same damage for the same seed. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void need_captures(const char *name)
{
	if (n_captures)
		return;
	print_message("SKIP %s: no captures at the corpus's place\n", name);
	skip();
}

static void cut_at_each_byte(void **state)
{
	double end = deadline();
	uint64_t cuts = 0, all = 0;

	(void)state;
	need_captures(__func__);
	for (size_t i = 0; i < n_captures; i++)
		for (size_t j = 0; j < captures[i].n; j++)
			all += captures[i].datagrams[j].len;
	for (unsigned round = 0; round < STRIDE && now() < end; round++) {
		for (size_t i = 0; i < n_captures && now() < end; i++) {
			const struct capture *c = &captures[i];
			struct victim *v = victim_new();

			feed_all(v, c);
			for (size_t j = 0; j < c->n; j++) {
				const struct datagram *dg = &c->datagrams[j];

				for (uint32_t len = round; len < dg->len; len += STRIDE, cuts++)
					feed(v, c, dg, dg->data, len, "cut");
			}
			check_accounts(v);
			victim_free(v);
		}
	}
	print_message("%llu of %llu possible cuts in %zu captures\n", (unsigned long long)cuts,
		      (unsigned long long)all, n_captures);
	assert_true(cuts > 0);
}

static void flipped_bits(void **state)
{
	uint64_t seed = setting("DAMAGE_SEED", 1), random = seed | 1;
	double end = deadline();
	uint64_t damaged = 0;
	uint8_t *bytes = malloc(RX_DATAGRAM_MAX);

	(void)state;
	need_captures(__func__);
	assert_non_null(bytes);
	print_message("DAMAGE_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned round = 0; now() < end && round < 1000; round++) {
		for (size_t i = 0; i < n_captures && now() < end; i++) {
			const struct capture *c = &captures[i];
			struct victim *v = victim_new();

			feed_all(v, c);
			for (size_t j = 0; j < c->n; j++) {
				const struct datagram *dg = &c->datagrams[j];
				uint64_t flips = 1 + next_random(&random) % FLIPS_MAX;

				if (!dg->len || dg->len > RX_DATAGRAM_MAX)
					continue;
				memcpy(bytes, dg->data, dg->len);
				while (flips--) {
					uint64_t bit = next_random(&random) % (8 * dg->len);

					bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
				}
				feed(v, c, dg, bytes, dg->len, "flipped");
				damaged++;
			}
			check_accounts(v);
			victim_free(v);
		}
	}
	free(bytes);
	print_message("%llu datagrams\n", (unsigned long long)damaged);
	assert_true(damaged > 0);
}

/* A capture file cut short gives the datagrams before the cut and says so. */
static void cut_files(void **state)
{
	static struct account account;
	double end = deadline();
	uint64_t files = 0;

	(void)state;
	need_captures(__func__);
	for (unsigned round = 0; round < 8 * STRIDE && now() < end; round++) {
		for (size_t i = 0; i < n_captures && now() < end; i++) {
			const struct capture *c = &captures[i];
			int from = open(c->path, O_RDONLY), fd = memfd_create("cut", 0);
			char path[64], error[512];
			struct datagram dg[RX_BATCH];
			struct pcap *pcap;
			unsigned n;
			size_t seen = 0;
			uint8_t *bytes;
			ssize_t size;
			off_t length;

			assert_true(from >= 0 && fd >= 0);
			size = lseek(from, 0, SEEK_END);
			length = (off_t)((uint64_t)size * round / (8 * STRIDE)) + round % 7;
			length = length < size ? length : size - 1;
			bytes = malloc((size_t)size);
			assert_non_null(bytes);
			assert_int_equal(pread(from, bytes, (size_t)size, 0), size);
			assert_int_equal(write(fd, bytes, (size_t)length), length);
			free(bytes);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			if (!pcap_open(&pcap, path, NULL, error, sizeof(error))) {
				while ((n = pcap_receive(pcap, dg, RX_BATCH, &account))) {
					for (unsigned j = 0; j < n; j++, seen++) {
						assert_true(seen < c->n);
						assert_int_equal(dg[j].len, c->datagrams[seen].len);
						assert_memory_equal(dg[j].data,
								    c->datagrams[seen].data,
								    dg[j].len);
					}
					pcap_release(pcap);
				}
				assert_true(seen < c->n || !c->n);
				pcap_close(pcap);
			}
			close(from);
			close(fd);
			files++;
		}
	}
	print_message("%llu files\n", (unsigned long long)files);
	assert_true(files > 0);
}

static void load_capture(const char *path)
{
	static struct account account;
	struct capture *c;
	struct datagram dg[RX_BATCH];
	struct pcap *pcap;
	char error[512];
	unsigned n;

	captures = realloc(captures, (n_captures + 1) * sizeof(*captures));
	if (!captures)
		abort();
	c = &captures[n_captures++];
	memset(c, 0, sizeof(*c));
	snprintf(c->path, sizeof(c->path), "%s", path);
	if (pcap_open(&pcap, path, NULL, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	while ((n = pcap_receive(pcap, dg, RX_BATCH, &account))) {
		c->datagrams = realloc(c->datagrams, (c->n + n) * sizeof(*c->datagrams));
		if (!c->datagrams)
			abort();
		for (unsigned i = 0; i < n; i++) {
			uint8_t *copy = malloc(dg[i].len + 1);

			if (!copy)
				abort();
			memcpy(copy, dg[i].data, dg[i].len);
			c->datagrams[c->n] = dg[i];
			c->datagrams[c->n++].data = copy;
		}
		pcap_release(pcap);
	}
	pcap_close(pcap);
}

static void load_captures(void)
{
	const char *corpus = getenv("CORPUS");
	char directory[256], path[512];
	struct dirent **names;
	int n;

	snprintf(directory, sizeof(directory), "%s/pcap", corpus ? corpus : "../shared/corpus");
	n = scandir(directory, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(names[i]->d_name, '.');

		if (dot && !strcmp(dot, ".pcap")) {
			snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
			load_capture(path);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void unload_captures(void)
{
	for (size_t i = 0; i < n_captures; i++) {
		for (size_t j = 0; j < captures[i].n; j++)
			free((uint8_t *)captures[i].datagrams[j].data);
		free(captures[i].datagrams);
	}
	free(captures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_each_byte),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(cut_files),
	};
	int r;

	rcu_register_thread();
	load_captures();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unload_captures();
	rcu_unregister_thread();
	return r;
}
