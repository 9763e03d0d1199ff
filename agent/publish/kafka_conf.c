/* From our options to librdkafka's properties.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "encode.h"
#include "kafka_conf.h"
#include "kafka_lz4.h"

enum { SECRET_MAX = 4096, FIXED_SCRAM_VERSION = 0x020601ff };

/* A configuration being made; once something failed the rest does nothing. */
struct maker {
	rd_kafka_conf_t *conf;
	const char *name;
	bool failed;
};

static bool try_set(rd_kafka_conf_t *conf, const char *property, const char *value, char *why,
		    size_t size)
{
	if (rd_kafka_conf_set(conf, property, value, why, size) == RD_KAFKA_CONF_OK)
		return true;
	/* The reason repeats the value. */
	if (strstr(property, "password") || strstr(property, "secret"))
		snprintf(why, size, "the value is refused");
	return false;
}

static void set(struct maker *m, const char *property, const char *value)
{
	char why[512];

	if (m->failed || !value || try_set(m->conf, property, value, why, sizeof(why)))
		return;
	log_error("output %s: librdkafka %s does not take property %s: %s", m->name,
		  rd_kafka_version_str(), property, why);
	m->failed = true;
}

__attribute__((format(printf, 3, 4))) static void set_format(struct maker *m, const char *property,
							     const char *format, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	set(m, property, value);
}

/* The property's value is the first line of a file. */
static void set_secret_file(struct maker *m, const char *property, const char *path)
{
	char line[SECRET_MAX];
	FILE *f;

	if (m->failed || !path)
		return;
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		log_error("output %s: cannot read %s from %s: %s", m->name, property, path,
			  f ? "it is empty" : strerror(errno));
		m->failed = true;
	} else {
		line[strcspn(line, "\r\n")] = '\0';
		set(m, property, line);
	}
	if (f)
		fclose(f);
	explicit_bzero(line, sizeof(line));
}

static void check_readable(struct maker *m, const char *what, const char *path)
{
	FILE *f;

	if (m->failed || !path)
		return;
	f = fopen(path, "re");
	if (f) {
		fclose(f);
		return;
	}
	log_error("output %s: cannot read the %s %s: %s", m->name, what, path, strerror(errno));
	m->failed = true;
}

static void set_security(struct maker *m, const struct output_options *o)
{
	bool tls = o->tls || o->tls_ca || o->tls_cert || o->tls_key;

	if (tls || o->sasl_mechanism)
		set(m, "security.protocol",
		    !o->sasl_mechanism ? "ssl"
		    : tls	       ? "sasl_ssl"
				       : "sasl_plaintext");
	check_readable(m, "CA certificate", o->tls_ca);
	check_readable(m, "certificate", o->tls_cert);
	check_readable(m, "private key", o->tls_key);
	set(m, "ssl.ca.location", o->tls_ca);
	set(m, "ssl.certificate.location", o->tls_cert);
	set(m, "ssl.key.location", o->tls_key);
	set_secret_file(m, "ssl.key.password", o->tls_key_password_file);
}

static void set_password(struct maker *m, const char *property, const struct output_options *o)
{
	if (o->sasl_password_file)
		set_secret_file(m, property, o->sasl_password_file);
	else
		set(m, property, o->sasl_password);
}

/* librdkafka itself asks for tokens and renews them, where it was built to. Without our address it
 * has its own properties. */
static void set_token(struct maker *m, const struct output_options *o)
{
	char features[512];
	size_t size = sizeof(features);

	if (!o->sasl_token_url)
		return;
	if (rd_kafka_conf_get(m->conf, "builtin.features", features, &size) ||
	    !strstr(features, "oidc")) {
		log_error(
			"output %s: librdkafka %s was built without OpenID Connect and cannot ask "
			"for tokens; use a librdkafka that has it, or SCRAM or PLAIN over TLS, or "
			"mTLS",
			m->name, rd_kafka_version_str());
		m->failed = true;
		return;
	}
	set(m, "sasl.oauthbearer.method", "oidc");
	set(m, "sasl.oauthbearer.token.endpoint.url", o->sasl_token_url);
	set(m, "sasl.oauthbearer.scope", o->sasl_scope);
	set(m, "sasl.oauthbearer.client.id", o->sasl_username);
	set_password(m, "sasl.oauthbearer.client.secret", o);
}

static void set_login(struct maker *m, const struct output_options *o)
{
	if (!o->sasl_mechanism)
		return;
	set(m, "sasl.mechanisms", o->sasl_mechanism);
	if (!strcmp(o->sasl_mechanism, "OAUTHBEARER")) {
		set_token(m, o);
		return;
	}
	set(m, "sasl.username", o->sasl_username);
	set_password(m, "sasl.password", o);
	if (!strncmp(o->sasl_mechanism, "SCRAM", 5) && rd_kafka_version() < FIXED_SCRAM_VERSION)
		log_warning("output %s: librdkafka %s cannot do SCRAM with Kafka 4 brokers; use "
			    "librdkafka 2.6.1 or newer, or PLAIN over TLS, or mTLS",
			    m->name, rd_kafka_version_str());
}

static const char *codec(enum output_compression compression)
{
	switch (compression) {
	case COMPRESS_NONE:
		return "none";
	case COMPRESS_GZIP:
		return "gzip";
	case COMPRESS_ZSTD:
		return "zstd";
	case COMPRESS_LZ4:
	case COMPRESS_LZ4_FAST:
		return "lz4";
	}
	return NULL;
}

rd_kafka_conf_t *kafka_conf_new(const struct output_options *o, const char *name)
{
	struct maker m = {.conf = rd_kafka_conf_new(), .name = name};

	set(&m, "bootstrap.servers", o->brokers);
	set(&m, "client.id", "weir");
	set(&m, "enable.idempotence", "true");
	set(&m, "acks", "all");
	/* With more than one request on its way, a partition's first may fail while the second
	 * succeeds: the broker knows no sequence of ours yet, and librdkafka takes the first for
	 * written. One at a time costs little, as a request holds a whole message of many flows. */
	set(&m, "max.in.flight.requests.per.connection", "1");
	/* Our queue and the spool decide what is kept for how long, not librdkafka. */
	set(&m, "message.timeout.ms", "0");
	set(&m, "queue.buffering.max.messages", "1000000");
	set(&m, "queue.buffering.max.kbytes", "2097151");
	/* Buffers are full or old when they come: waiting for more gains nothing. */
	set(&m, "linger.ms", "1");
	set(&m, "compression.codec", codec(o->compression));
	if (o->compression == COMPRESS_LZ4_FAST)
		set_format(&m, "compression.level", "%d", kafka_lz4_fast_level());
	/* Only a single row over the message size makes one longer; the broker has the last word.
	 */
	set_format(&m, "message.max.bytes", "%u", o->message_bytes + ENCODED_ROW_MAX + 64 * 1024);
	/* A batch is refused as a whole when it is over the broker's limit, though each message in
	 * it may be under it: so it may be no longer than one message. */
	set_format(&m, "batch.size", "%u", o->message_bytes);
	set(&m, "socket.keepalive.enable", "true");
	set(&m, "reconnect.backoff.max.ms", "2000");
	set(&m, "log.connection.close", "false");
	set_security(&m, o);
	set_login(&m, o);
	for (unsigned i = 0; i < o->n_properties; i++)
		set(&m, o->properties[i].name, o->properties[i].value);
	if (!m.failed)
		return m.conf;
	rd_kafka_conf_destroy(m.conf);
	return NULL;
}

const char *kafka_property_fault(const struct kafka_property *p, char *why, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool taken = try_set(conf, p->name, p->value, why, size);

	rd_kafka_conf_destroy(conf);
	return taken ? NULL : why;
}
