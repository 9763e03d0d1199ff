/* What was learnt of exporters, saved over a restart.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../buffer.h"
#include "names.h"
#include "sampler.h"
#include "state.h"
#include "template.h"

static const char MAGIC[8] = "WEIRSTAT";

enum {
	FORMAT_VERSION = 1,
	HEADER = 8 + 4 + 4 + 4, /* magic, version, length, checksum */
	FILE_MAX = 1024 << 20,	/* bytes */
	FIELDS_MAX = 4096,
};

/* An entry begins with one of these; TEMPLATE, SAMPLER and NAME belong to the DOMAIN before them.
 */
enum entry { ENTRY_DOMAIN = 1, ENTRY_TEMPLATE, ENTRY_SAMPLER, ENTRY_NAME };

/* Writing. */

static void put8(struct buffer *b, uint8_t v)
{
	buffer_bytes(b, &v, sizeof(v));
}

static void put16(struct buffer *b, uint16_t v)
{
	buffer_bytes(b, &v, sizeof(v));
}

static void put32(struct buffer *b, uint32_t v)
{
	buffer_bytes(b, &v, sizeof(v));
}

static void put64(struct buffer *b, uint64_t v)
{
	buffer_bytes(b, &v, sizeof(v));
}

void state_put_template(struct buffer *b, const struct template *t, uint64_t seen_s)
{
	put8(b, ENTRY_TEMPLATE);
	put16(b, t->id);
	put8(b, t->options);
	put64(b, seen_s);
	put16(b, t->n_scope);
	put16(b, t->n_fields);
	for (uint16_t i = 0; i < t->n_fields; i++) {
		put32(b, t->fields[i].pen);
		put16(b, t->fields[i].id);
		put16(b, t->fields[i].length);
	}
}

static bool save_template(uint64_t key, void *value, void *arg)
{
	const struct template *t = value;
	struct buffer *b = arg;

	(void)key;
	state_put_template(b, t, __atomic_load_n(&t->last_seen, __ATOMIC_RELAXED));
	return !b->failed;
}

static bool save_sampler(uint64_t key, void *value, void *arg)
{
	struct buffer *b = arg;

	if (key >> 32 == SAMPLER_ONLY)
		return true; /* follows from the others */
	put8(b, ENTRY_SAMPLER);
	put8(b, (uint8_t)(key >> 32));
	put32(b, (uint32_t)key);
	put32(b, (uint32_t)(uintptr_t)value);
	return !b->failed;
}

void state_put_samplers(struct buffer *b, const struct domain *d)
{
	idtable_each(&d->samplers, save_sampler, b);
}

/* The names of one group, and how many there are. */
struct name_group {
	struct buffer *to; /* NULL: they are counted only */
	unsigned group, groups, n;
};

static void save_name(enum name_kind kind, uint64_t id, const struct text *name, void *arg)
{
	struct name_group *g = arg;

	if ((id ^ id >> 8 ^ id >> 16 ^ kind) % g->groups != g->group)
		return;
	g->n++;
	if (!g->to)
		return;
	put8(g->to, ENTRY_NAME);
	put8(g->to, (uint8_t)kind);
	put64(g->to, id);
	put8(g->to, (uint8_t)name->len);
	buffer_bytes(g->to, name->p, name->len);
}

void state_put_names(struct buffer *b, const struct domain *d, unsigned group, unsigned groups)
{
	struct name_group g = {.to = b, .group = group, .groups = groups};

	names_each(d, save_name, &g);
}

bool state_has_names(const struct domain *d, unsigned group, unsigned groups)
{
	struct name_group g = {.group = group, .groups = groups};

	names_each(d, save_name, &g);
	return g.n > 0;
}

void state_put_domain(struct buffer *b, const struct domain *d, uint64_t seen_ns)
{
	put8(b, ENTRY_DOMAIN);
	buffer_bytes(b, d->exporter->address.b, sizeof(d->exporter->address.b));
	put32(b, d->version);
	put32(b, d->id);
	put64(b, seen_ns);
	put64(b, __atomic_load_n(&d->system_init_ms, __ATOMIC_RELAXED));
}

static bool save_domain(struct domain *d, void *arg)
{
	struct buffer *b = arg;

	state_put_domain(b, d, exporter_last_seen(d->exporter));
	idtable_each(&d->templates, save_template, b);
	state_put_samplers(b, d);
	state_put_names(b, d, 0, 1);
	return !b->failed;
}

uint64_t state_clear_times(uint8_t *p, size_t len)
{
	enum {
		DOMAIN_SEEN = 1 + 16 + 4 + 4,
		DOMAIN_LENGTH = DOMAIN_SEEN + 8 + 8,
		TEMPLATE_SEEN = DOMAIN_LENGTH + 1 + 2 + 1,
	};
	uint64_t domain = 0, template = 0;

	if (len < DOMAIN_LENGTH || p[0] != ENTRY_DOMAIN)
		return 0;
	memcpy(&domain, p + DOMAIN_SEEN, sizeof(domain));
	memset(p + DOMAIN_SEEN, 0, sizeof(domain));
	if (len >= TEMPLATE_SEEN + sizeof(template) && p[DOMAIN_LENGTH] == ENTRY_TEMPLATE) {
		memcpy(&template, p + TEMPLATE_SEEN, sizeof(template));
		memset(p + TEMPLATE_SEEN, 0, sizeof(template));
	}
	domain /= 1000000000u;
	return template > domain ? template : domain;
}

static int fail(char *error, size_t size, const char *what, const char *path, int err)
{
	snprintf(error, size, "cannot %s %s: %s", what, path, strerror(err));
	return -err;
}

/* Writes all of it or says why not. */
static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_save(struct exporter_store *s, const char *path, char *error, size_t error_size)
{
	uint8_t header[HEADER];
	char temporary[PATH_MAX];
	struct buffer b = {0};
	uint32_t word;
	int fd, err = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return fail(error, error_size, "write", path, ENAMETOOLONG);
	buffer_bytes(&b, header, sizeof(header));
	domain_each(s, save_domain, &b);
	if (b.failed || b.len > FILE_MAX) {
		buffer_free(&b);
		return fail(error, error_size, "write", path, ENOMEM);
	}
	memcpy(header, MAGIC, sizeof(MAGIC));
	word = FORMAT_VERSION;
	memcpy(header + 8, &word, 4);
	word = (uint32_t)(b.len - HEADER);
	memcpy(header + 12, &word, 4);
	word = (uint32_t)crc32(0, (const Bytef *)b.p + HEADER, (uInt)(b.len - HEADER));
	memcpy(header + 16, &word, 4);
	memcpy(b.p, header, sizeof(header));

	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err = fail(error, error_size, "create", temporary, errno);
		goto out;
	}
	err = write_all(fd, b.p, b.len);
	close(fd);
	if (err < 0) {
		fail(error, error_size, "write", temporary, -err);
		unlink(temporary);
	} else if (rename(temporary, path) < 0) {
		err = fail(error, error_size, "rename to", path, errno);
		unlink(temporary);
	}
out:
	buffer_free(&b);
	return err;
}

/* Reading: a cursor that gives zeros and remembers when the bytes are used up. */

struct reader {
	const uint8_t *p, *end;
	bool short_of;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	static const uint8_t nothing[256];
	const uint8_t *p = r->p;

	if (r->short_of || n > (size_t)(r->end - r->p)) {
		r->short_of = true;
		return nothing;
	}
	r->p += n;
	return p;
}

#define DEFINE_GET(bits)                                   \
	static uint##bits##_t get##bits(struct reader *r)  \
	{                                                  \
		uint##bits##_t v;                          \
		memcpy(&v, take(r, sizeof(v)), sizeof(v)); \
		return v;                                  \
	}
DEFINE_GET(8)
DEFINE_GET(16)
DEFINE_GET(32)
DEFINE_GET(64)

/* *later: the exporter was heard here after these entries were made. */
static struct domain *load_domain(struct exporter_store *s, struct reader *r, bool *later)
{
	struct ip_addr address;
	struct exporter *e;
	struct domain *d;
	uint32_t version, id;
	uint64_t seen, init;

	memcpy(&address, take(r, sizeof(address)), sizeof(address));
	version = get32(r);
	id = get32(r);
	seen = get64(r);
	init = get64(r);
	if (r->short_of || version == FLOW_UNKNOWN || version > FLOW_IPFIX)
		return NULL;
	e = exporter_get(s, &address, seen);
	d = e ? domain_get(s, e, version, id) : NULL;
	*later = d && exporter_last_seen(e) > seen;
	if (d && init && !*later)
		__atomic_store_n(&d->system_init_ms, init, __ATOMIC_RELAXED);
	return d;
}

static bool load_template(struct exporter_store *s, struct domain *d, struct reader *r,
			  struct account *account)
{
	uint16_t id = get16(r);
	bool options = get8(r);
	uint64_t seen = get64(r);
	uint16_t n_scope = get16(r), n_fields = get16(r);
	struct template_field fields[FIELDS_MAX];
	const struct template *t;

	if (n_fields > FIELDS_MAX || n_scope > n_fields || id < IPFIX_MIN_DATA_SET) {
		r->short_of = true;
		return false;
	}
	for (uint16_t i = 0; i < n_fields; i++) {
		fields[i].pen = get32(r);
		fields[i].id = get16(r);
		fields[i].length = get16(r);
	}
	if (r->short_of || !d)
		return false;
	t = template_find(d, id);
	if (t && __atomic_load_n(&t->last_seen, __ATOMIC_RELAXED) > seen)
		return false; /* the exporter has told it since */
	if (template_define(s, d, id, options, fields, n_fields, n_scope, seen, account) !=
	    DECODE_OK)
		return false;
	if (__atomic_load_n(&d->waiting, __ATOMIC_RELAXED))
		__atomic_store_n(&d->resume, true, __ATOMIC_RELEASE);
	return true;
}

static void load_sampler(struct exporter_store *s, struct domain *d, struct reader *r)
{
	uint8_t key = get8(r);
	uint32_t id = get32(r), rate = get32(r);

	if (!r->short_of && d && key < SAMPLER_ONLY)
		sampler_learn(s, d, (enum sampler_key)key, id, rate);
}

static void load_name(struct exporter_store *s, struct domain *d, struct reader *r)
{
	uint8_t kind = get8(r);
	uint64_t id = get64(r);
	uint8_t len = get8(r);
	const char *text = (const char *)take(r, len);

	if (!r->short_of && d && kind <= NAME_APPLICATION)
		names_learn(s, d, (enum name_kind)kind, id, text, len);
}

static int damaged(char *error, size_t size, const char *why)
{
	snprintf(error, size, "%s; it is left aside, exporters will send their templates again",
		 why);
	return -EBADMSG;
}

static int entries(struct exporter_store *s, struct reader *r, struct account *account)
{
	struct domain *d = NULL;
	bool later = false;
	int templates = 0;

	while (r->p < r->end && !r->short_of) {
		switch (get8(r)) {
		case ENTRY_DOMAIN:
			d = load_domain(s, r, &later);
			break;
		case ENTRY_TEMPLATE:
			templates += load_template(s, d, r, account);
			break;
		case ENTRY_SAMPLER:
			load_sampler(s, later ? NULL : d, r);
			break;
		case ENTRY_NAME:
			load_name(s, later ? NULL : d, r);
			break;
		default:
			r->short_of = true;
		}
	}
	return templates;
}

int state_entries(struct exporter_store *s, const uint8_t *p, size_t len, struct account *account)
{
	struct reader r = {.p = p, .end = p + len};
	int templates = entries(s, &r, account);

	return r.short_of ? -EBADMSG : templates;
}

int state_parse(struct exporter_store *s, const uint8_t *p, size_t len, struct account *account,
		char *error, size_t error_size)
{
	struct reader r = {.p = p, .end = p + len};
	int templates;
	uint32_t version, length, checksum;

	if (len < HEADER || memcmp(take(&r, sizeof(MAGIC)), MAGIC, sizeof(MAGIC)))
		return damaged(error, error_size, "not a state file");
	version = get32(&r);
	length = get32(&r);
	checksum = get32(&r);
	if (version != FORMAT_VERSION)
		return damaged(error, error_size, "state file of another version");
	if (length != len - HEADER)
		return damaged(error, error_size, "state file is cut short");
	if (checksum != crc32(0, r.p, length))
		return damaged(error, error_size, "state file is damaged (checksum)");
	templates = entries(s, &r, account);
	return r.short_of ? damaged(error, error_size, "state file is damaged (entries)")
			  : templates;
}

int state_load(struct exporter_store *s, const char *path, struct account *account, char *error,
	       size_t error_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;
	uint8_t *p = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0) {
		result = fail(error, error_size, "open", path, errno);
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		result = fail(error, error_size, "read", path, EFBIG);
		goto out;
	}
	p = malloc((size_t)st.st_size + 1);
	if (!p) {
		result = fail(error, error_size, "read", path, ENOMEM);
		goto out;
	}
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, p + len, (size_t)st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	result = state_parse(s, p, len, account, error, error_size);
out:
	free(p);
	if (fd >= 0)
		close(fd);
	return result;
}
