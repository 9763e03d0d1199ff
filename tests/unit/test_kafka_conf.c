/* What librdkafka is told: nothing lost, nothing doubled, the login that the settings mean.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "publish/kafka_conf.h"

/* The settings own their texts. */
#define TEXT(s) ((char[]){s})

static char brokers[] = "192.0.2.1:9092", topic[] = "flows";
static struct output_options plain = {
	.kind = OUTPUT_KAFKA,
	.brokers = brokers,
	.topic = topic,
	.message_bytes = 512 << 10,
};

static void has(const struct output_options *o, const char *property, const char *value)
{
	rd_kafka_conf_t *conf = kafka_conf_new(o, "test");
	char got[256];
	size_t size = sizeof(got);

	assert_non_null(conf);
	assert_int_equal(rd_kafka_conf_get(conf, property, got, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(got, value);
	rd_kafka_conf_destroy(conf);
}

static void a_flow_is_acknowledged_by_all_and_never_given_up(void **state)
{
	(void)state;
	has(&plain, "enable.idempotence", "true");
	has(&plain, "acks", "-1");
	has(&plain, "message.timeout.ms", "0");
	has(&plain, "max.in.flight.requests.per.connection", "1");
	has(&plain, "bootstrap.servers", "192.0.2.1:9092");
}

static void each_compression_is_the_librarys(void **state)
{
	static const char *const names[] = {
		[COMPRESS_NONE] = "none",
		[COMPRESS_GZIP] = "gzip",
		[COMPRESS_ZSTD] = "zstd",
		[COMPRESS_LZ4] = "lz4",
	};
	struct output_options o = plain;

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		o.compression = (enum output_compression)i;
		has(&o, "compression.codec", names[i]);
	}
}

static void properties_stand_above_ours(void **state)
{
	struct output_options o = plain;

	(void)state;
	o.properties[0] = (struct kafka_property){TEXT("linger.ms"), TEXT("77")};
	o.properties[1] = (struct kafka_property){TEXT("client.id"), TEXT("other")};
	o.n_properties = 2;
	has(&o, "linger.ms", "77");
	has(&o, "client.id", "other");
	o.properties[1] = (struct kafka_property){TEXT("no.such.property"), TEXT("1")};
	assert_null(kafka_conf_new(&o, "test"));
}

static void protocol_follows_from_tls_and_login(void **state)
{
	struct output_options o = plain;

	(void)state;
	has(&o, "security.protocol", "plaintext");
	o.tls = true;
	has(&o, "security.protocol", "ssl");
	o.sasl_mechanism = TEXT("SCRAM-SHA-512");
	o.sasl_username = TEXT("weir");
	o.sasl_password = TEXT("secret");
	has(&o, "security.protocol", "sasl_ssl");
	has(&o, "sasl.mechanisms", "SCRAM-SHA-512");
	has(&o, "sasl.username", "weir");
	has(&o, "sasl.password", "secret");
	o.tls = false;
	has(&o, "security.protocol", "sasl_plaintext");
}

static void the_file_stands_above_the_password(void **state)
{
	char path[] = "/tmp/weir-password-XXXXXX";
	struct output_options o = plain;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "from the file\r\nnot this\n", 24), 24);
	close(fd);
	o.sasl_mechanism = TEXT("PLAIN");
	o.sasl_username = TEXT("weir");
	o.sasl_password = TEXT("from the settings");
	has(&o, "sasl.password", "from the settings");
	o.sasl_password_file = path;
	has(&o, "sasl.password", "from the file");
	unlink(path);
	assert_null(kafka_conf_new(&o, "test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_acknowledged_by_all_and_never_given_up),
		cmocka_unit_test(each_compression_is_the_librarys),
		cmocka_unit_test(properties_stand_above_ours),
		cmocka_unit_test(protocol_follows_from_tls_and_login),
		cmocka_unit_test(the_file_stands_above_the_password),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
