/* Fuzzes the printing of records as sent: templates, data, lists and samples in sequence.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The input is several datagrams, each after its length in two bytes (network order); what does not
 * fit that form is one datagram. Checked beside what the sanitizers see: the output is whole lines
 * of JSON without a key twice. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "decode/exporter.h"
#include "decode/print.h"
#include "mutate_messages.h"

static struct elements *elements;
static struct buffer out;

static void check(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "fuzz_print: %s\n", what);
		abort();
	}
}

/* Parsing is slow: only what is not long. */
static void check_lines(struct buffer *b, void *arg)
{
	enum { PARSED_MAX = 4096 };
	const char *line = b->p, *next;

	(void)arg;
	for (size_t left = b->len; left; left -= (size_t)(next - line), line = next) {
		json_t *json;

		next = memchr(line, '\n', left);
		check(next, "the output ends within a line");
		next++;
		if (next - line > PARSED_MAX)
			continue;
		json = json_loadb(line, (size_t)(next - line),
				  JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				  NULL);
		check(json, "a line is not JSON");
		json_decref(json);
	}
	buffer_clear(b);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rcu_register_thread();
	check(!elements_open(&elements, true, NULL), "out of memory");
	return 0;
}

static void one_datagram(struct printer *p, const uint8_t *data, uint32_t len, unsigned n)
{
	static const uint8_t from[4] = {192, 0, 2, 1};
	struct datagram dg = {.len = len, .received_ns = 1700000000000000000u};
	/* A copy of its own, so that a read beyond its end is seen. */
	uint8_t *copy = malloc(len ? len : 1);

	check(copy, "out of memory");
	memcpy(copy, data, len);
	dg.data = copy;
	ip_from_v4(&dg.src, from);
	printer_datagram(p, &dg, n);
	free(copy);
	check_lines(&out, NULL);
	rcu_quiescent_state();
	rcu_barrier();
}

/* Do the length prefixes end exactly where the input does? */
static bool is_sequence(const uint8_t *p, size_t size)
{
	while (size >= 2 && be16(p) <= size - 2) {
		size_t step = 2u + be16(p);

		p += step;
		size -= step;
	}
	return size == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct account account = {0};
	struct decode_options options = decode_defaults;
	struct printer_config config = {
		.account = &account,
		.elements = elements,
		.max_nesting = options.max_nesting,
		.out = &out,
		.flush = check_lines,
	};
	struct printer *p;
	unsigned n = 0;

	options.max_templates_per_exporter = 16;
	options.max_fields = 64; /* a long list of empty fields makes a record of any length slow */
	config.store = exporter_store_new(&options, 1);
	check(config.store, "out of memory");
	p = printer_new(&config);
	check(p, "out of memory");
	if (!size || !is_sequence(data, size)) {
		one_datagram(p, data, size < 65507 ? size : 65507, ++n);
		size = 0;
	}
	while (size) {
		uint16_t len = be16(data);

		one_datagram(p, data + 2, len, ++n);
		data += 2 + len;
		size -= 2u + len;
	}
	printer_free(p);
	exporter_store_free(config.store);
	rcu_quiescent_state();
	rcu_barrier();
	return 0;
}
