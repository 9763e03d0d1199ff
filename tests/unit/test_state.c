/* What was learnt of exporters, saved and read back: whole, within limits, or not at all.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode/state.h"
#include "decode/template.h"
#include "decode_build.h"

static char directory[64], path[96], error[256];

static int setup(void **state)
{
	strcpy(directory, "/tmp/weir-state-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/state", directory);
	error[0] = 0;
	return bench_setup(state);
}

static int teardown(void **state)
{
	unlink(path);
	assert_int_equal(rmdir(directory), 0); /* no temporary file is left */
	return bench_teardown(state);
}

/* Options of each kind, templates of both versions, fixed and variable. */
static void learn_something(void)
{
	start_ipfix(0, 7);
	add_template(256, "8:4 9.1:2 371:v 22:4 10:4 48:4 302:4");
	add_template(257, "1:4");
	add_options_template(300, "302:4", "305:4 306:4 335:8");
	add_options_template(301, "10:4", "34:4 82:8");
	add_options_template(302, "149:4", "160:8");
	set_begin(300);
	put_uint(12, 4);
	put_uint(1, 4);
	put_uint(511, 4);
	put_bytes("random\0", 8);
	set_end();
	set_begin(301);
	put_uint(5, 4);
	put_uint(50, 4);
	put_bytes("ge-0/0/5", 8);
	set_end();
	set_begin(302);
	put_uint(7, 4);
	put_uint(EXPORT_S * 1000ull - 5000, 8);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	start_v9(0, 7);
	add_template(256, "1:4");
	assert_int_equal(send_message(), DECODE_OK);
	bench.source = v6(1);
	start_ipfix(0, 1);
	add_template(256, "2:4");
	add_options_template(300, "149:4", "34:4");
	set_begin(300);
	put_uint(1, 4);
	put_uint(1000, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

static int load(void)
{
	return state_load(bench.store, path, &bench.account, error, sizeof(error));
}

static void save(void)
{
	assert_int_equal(state_save(bench.store, path, error, sizeof(error)), 0);
}

static void what_was_learnt_survives_a_restart(void **state)
{
	const struct template *t;
	struct stat st;

	(void)state;
	learn_something();
	save();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	bench_open(BATCH_ROWS);
	assert_int_equal(load(), 8);
	assert_int_equal(bench.store->n_templates, 8);

	start_ipfix(0, 7);
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_uint(0, 2);
	put_variable("heidi", 5, false);
	put_uint(1000, 4);
	put_uint(5, 4);
	put_uint(99, 4);
	put_uint(12, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_text(&only_ext()->src_user, "heidi");
	assert_text(&only_ext()->in_if_name, "ge-0/0/5");
	assert_int_equal(only_flow()->time_flow_start_ns, (EXPORT_S - 4) * NS_PER_S);
	assert_int_equal(only_flow()->sampling_rate,
			 50); /* sampler 99 is unknown, the interface not */
	t = template_find(domain_get(bench.store,
				     exporter_get(bench.store, &bench.source, bench.now_ns),
				     FLOW_IPFIX, 7),
			  256);
	assert_non_null(t);
	assert_int_equal(t->fields[1].pen, 9);
	assert_int_equal(t->last_seen, bench.now_ns / NS_PER_S);

	start_v9(0, 7);
	set_begin(256);
	put_uint(5, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->bytes, 5);
	bench.source = v6(1);
	start_ipfix(0, 1);
	set_begin(256);
	put_uint(5, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->packets, 5);
	assert_int_equal(only_flow()->sampling_rate, 1000);
}

static void samplers_by_id_are_kept(void **state)
{
	(void)state;
	learn_something();
	save();
	bench_open(BATCH_ROWS);
	assert_int_equal(load(), 8);
	start_ipfix(0, 7);
	add_template(258, "302:4");
	set_begin(258);
	put_uint(12, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->sampling_rate, 512);
	assert_text(&only_ext()->sampler_name, "random");
}

static void saving_twice_replaces_the_file(void **state)
{
	(void)state;
	learn_something();
	save();
	bench_open(BATCH_ROWS);
	save();
	assert_int_equal(load(), 0);
}

static void what_is_too_old_expires_after_all(void **state)
{
	(void)state;
	learn_something();
	save();
	bench_open(BATCH_ROWS);
	assert_int_equal(load(), 8);
	bench.now_ns += (bench.options.template_timeout + 1) * NS_PER_S;
	exporter_store_expire(bench.store, bench.now_ns, &bench.account);
	assert_int_equal(bench.store->n_templates, 0);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_EXPIRED), 8);
}

static void limits_hold_for_what_is_read(void **state)
{
	(void)state;
	learn_something();
	save();
	bench.options.max_templates_per_exporter = 3;
	bench_open(BATCH_ROWS);
	assert_int_equal(load(), 5);
	assert_int_equal(bench.store->n_templates, 5);
	bench.options = decode_defaults;
	bench.options.max_exporters = 1;
	bench_open(BATCH_ROWS);
	assert_in_range(load(), 1, 7);
	bench.options = decode_defaults;
	bench.options.max_fields = 1;
	bench_open(BATCH_ROWS);
	assert_int_equal(load(), 3);
}

static void no_file_is_no_fault(void **state)
{
	(void)state;
	assert_int_equal(load(), -ENOENT);
	assert_string_equal(error, "");
}

static uint8_t *read_file(size_t *len)
{
	FILE *f = fopen(path, "r");
	uint8_t *p = malloc(65536);

	assert_non_null(f);
	assert_non_null(p);
	*len = fread(p, 1, 65536, f);
	fclose(f);
	return p;
}

static void refuse(const uint8_t *p, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	memcpy(exact, p, len);
	bench_open(BATCH_ROWS);
	error[0] = 0;
	assert_int_equal(state_parse(bench.store, exact, len, &bench.account, error, sizeof(error)),
			 -EBADMSG);
	assert_int_not_equal(error[0], 0);
	assert_int_equal(bench.store->n_templates, 0);
	free(exact);
}

static void a_damaged_file_is_refused_whole(void **state)
{
	uint8_t *p;
	size_t len;

	(void)state;
	learn_something();
	save();
	p = read_file(&len);
	for (size_t cut = 0; cut < len; cut++)
		refuse(p, cut);
	for (size_t i = 0; i < len; i++) {
		p[i] ^= 1u << i % 8;
		refuse(p, len);
		p[i] ^= 1u << i % 8;
	}
	bench_open(BATCH_ROWS);
	assert_int_equal(state_parse(bench.store, p, len, &bench.account, error, sizeof(error)), 8);
	free(p);
}

static void faults_of_files_are_told_by_name(void **state)
{
	char elsewhere[128];

	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/none/state", directory);
	assert_int_equal(state_save(bench.store, elsewhere, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, elsewhere));
	assert_int_equal(state_load(bench.store, directory, &bench.account, error, sizeof(error)),
			 -EFBIG);
	assert_non_null(strstr(error, directory));
}

static struct domain *domain_seven(void)
{
	return domain_get(bench.store, exporter_get(bench.store, &bench.source, bench.now_ns),
			  FLOW_IPFIX, 7);
}

/* What another agent is told of template 256, as it was heard `seconds` from now. */
static void put_shared(struct buffer *b, int seconds)
{
	const uint64_t at = bench.now_ns / NS_PER_S + (uint64_t)(int64_t)seconds;

	buffer_clear(b);
	state_put_domain(b, domain_seven(), at * NS_PER_S);
	state_put_template(b, template_find(domain_seven(), 256), at);
	assert_false(b->failed);
}

static int take_shared(const struct buffer *b)
{
	return state_entries(bench.store, (const uint8_t *)b->p, b->len, &bench.account);
}

static void teach(const char *spec)
{
	start_ipfix(0, 7);
	add_template(256, spec);
	assert_int_equal(send_message(), DECODE_OK);
}

static enum decode_status send_octets(uint32_t octets)
{
	start_ipfix(0, 7);
	set_begin(256);
	put_uint(octets, 4);
	set_end();
	return send_message();
}

static void data_that_waits_goes_on_with_a_template_of_another_agent(void **state)
{
	struct buffer shared = {0};

	(void)state;
	teach("1:4");
	put_shared(&shared, 0);
	bench_open(BATCH_ROWS);
	assert_int_equal(send_octets(11), DECODE_NO_TEMPLATE);
	assert_int_equal(take_shared(&shared), 1);
	assert_int_equal(send_octets(12), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_FLOWS), 2);
	assert_int_equal(counted(ACCOUNT_SETS_RESUMED), 1);
	buffer_free(&shared);
}

static void the_later_template_counts(void **state)
{
	struct buffer before = {0}, after = {0};

	(void)state;
	teach("2:4");
	put_shared(&before, -60);
	put_shared(&after, 60);
	bench_open(BATCH_ROWS);
	teach("1:4");
	assert_int_equal(take_shared(&before), 0);
	assert_int_equal(send_octets(5), DECODE_OK);
	assert_int_equal(only_flow()->bytes, 5);
	assert_int_equal(take_shared(&after), 1);
	assert_int_equal(send_octets(6), DECODE_OK);
	assert_int_equal(only_flow()->packets, 6);
	buffer_free(&before);
	buffer_free(&after);
}

static void a_torn_entry_is_told_and_times_are_no_difference(void **state)
{
	struct buffer a = {0}, b = {0};

	(void)state;
	teach("1:4");
	put_shared(&a, 0);
	put_shared(&b, 60);
	assert_int_equal(
		state_entries(bench.store, (const uint8_t *)a.p, a.len - 1, &bench.account),
		-EBADMSG);
	assert_memory_not_equal(a.p, b.p, a.len);
	assert_int_equal(state_clear_times((uint8_t *)b.p, b.len), bench.now_ns / NS_PER_S + 60);
	state_clear_times((uint8_t *)a.p, a.len);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	assert_int_equal(state_clear_times((uint8_t *)a.p, 10), 0);
	buffer_free(&a);
	buffer_free(&b);
}

int main(void)
{
#define state_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		state_test(what_was_learnt_survives_a_restart),
		state_test(samplers_by_id_are_kept),
		state_test(saving_twice_replaces_the_file),
		state_test(what_is_too_old_expires_after_all),
		state_test(limits_hold_for_what_is_read),
		state_test(no_file_is_no_fault),
		state_test(a_damaged_file_is_refused_whole),
		state_test(faults_of_files_are_told_by_name),
		state_test(data_that_waits_goes_on_with_a_template_of_another_agent),
		state_test(the_later_template_counts),
		state_test(a_torn_entry_is_told_and_times_are_no_difference),
	};

	return RUN_TESTS(tests);
}
