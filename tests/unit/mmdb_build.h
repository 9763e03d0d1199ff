/* Writes MMDB files for tests: a tree of prefixes and values given as text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value is written once for each call of mmdb_value(); prefixes refer to it. Nothing is shared
 * and nothing is checked, so that tests can also write what is wrong. */
#ifndef WEIR_MMDB_BUILD_H
#define WEIR_MMDB_BUILD_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mmdb_build {
	uint32_t (*nodes)[2]; /* 0: nothing; bit 31: value at the rest of it; else node */
	uint32_t n_nodes, cap_nodes;
	uint8_t *data;
	size_t len, cap;
	const char *description; /* NULL: none */
};

#define MMDB_BUILD_VALUE 0x80000000u

static inline void mmdb_build_init(struct mmdb_build *m)
{
	memset(m, 0, sizeof(*m));
	m->cap_nodes = 1 << 10;
	m->nodes = calloc(m->cap_nodes, sizeof(*m->nodes));
	m->n_nodes = 1;
}

static inline void mmdb_build_free(struct mmdb_build *m)
{
	free(m->nodes);
	free(m->data);
	memset(m, 0, sizeof(*m));
}

static inline void mmdb_put(struct mmdb_build *m, const void *p, size_t n)
{
	if (m->len + n > m->cap) {
		m->cap = 2 * (m->len + n) + 4096;
		m->data = realloc(m->data, m->cap);
	}
	memcpy(m->data + m->len, p, n);
	m->len += n;
}

/* Type and size of what follows. */
static inline void mmdb_put_head(struct mmdb_build *m, unsigned type, size_t n)
{
	uint8_t head[8], k = 0;
	size_t low = n < 29 ? n : n < 285 ? 29 : 30;

	head[k++] = (uint8_t)((type > 7 ? 0 : type) << 5 | low);
	if (type > 7)
		head[k++] = (uint8_t)(type - 7);
	if (low == 29) {
		head[k++] = (uint8_t)(n - 29);
	} else if (low == 30) {
		head[k++] = (uint8_t)((n - 285) >> 8);
		head[k++] = (uint8_t)(n - 285);
	}
	mmdb_put(m, head, k);
}

static inline void mmdb_put_text(struct mmdb_build *m, const char *text, size_t n)
{
	mmdb_put_head(m, 2, n);
	mmdb_put(m, text, n);
}

static inline void mmdb_put_pointer(struct mmdb_build *m, uint32_t to)
{
	uint8_t p[5] = {1 << 5 | 3 << 3, (uint8_t)(to >> 24), (uint8_t)(to >> 16),
			(uint8_t)(to >> 8), (uint8_t)to};

	mmdb_put(m, p, sizeof(p));
}

static inline void mmdb_put_double(struct mmdb_build *m, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	bits = __builtin_bswap64(bits);
	mmdb_put_head(m, 3, 8);
	mmdb_put(m, &bits, 8);
}

/* JSON as far as it is needed: objects, arrays, texts without escapes, whole numbers (uint32),
 * numbers with a point (double). Returns what follows. */
static inline const char *mmdb_put_json(struct mmdb_build *m, const char *p)
{
	p += strspn(p, " ");
	if (*p == '{' || *p == '[') {
		char close = *p == '{' ? '}' : ']';
		unsigned n = 0, depth = 0;

		for (const char *q = p;; q++) {
			if (*q == '"')
				q = strchr(q + 1, '"');
			else if (*q == '{' || *q == '[')
				depth++;
			else if ((*q == '}' || *q == ']') && !--depth)
				break;
			else if (*q == ',' && depth == 1)
				n++;
		}
		p++;
		p += strspn(p, " ");
		n = *p == close ? 0 : n + 1;
		mmdb_put_head(m, close == '}' ? 7 : 11, n);
		while (n--) {
			if (close == '}') {
				p = mmdb_put_json(m, p);
				p += strspn(p, " :");
			}
			p = mmdb_put_json(m, p);
			p += strspn(p, " ,");
		}
		return p + 1;
	}
	if (*p == '"') {
		const char *end = strchr(p + 1, '"');

		mmdb_put_text(m, p + 1, (size_t)(end - p - 1));
		return end + 1;
	}
	if (memchr(p, '.', strspn(p, "-0123456789."))) {
		char *end;

		mmdb_put_double(m, strtod(p, &end));
		return end;
	} else {
		char *end;
		uint32_t v = __builtin_bswap32((uint32_t)strtoul(p, &end, 10));

		mmdb_put_head(m, 6, 4);
		mmdb_put(m, &v, 4);
		return end;
	}
}

static inline uint32_t mmdb_value(struct mmdb_build *m, const char *json)
{
	uint32_t at = (uint32_t)m->len;

	mmdb_put_json(m, json);
	return at;
}

/* Gives the prefix this value. More specific ones must come later. */
static inline void mmdb_insert(struct mmdb_build *m, const uint8_t address[16], unsigned len,
			       uint32_t value)
{
	uint32_t node = 0;

	for (unsigned i = 0; i < len; i++) {
		unsigned bit = address[i / 8] >> (7 - i % 8) & 1;
		uint32_t next = m->nodes[node][bit];

		if (i == len - 1) {
			m->nodes[node][bit] = value | MMDB_BUILD_VALUE;
			return;
		}
		if (!next || next & MMDB_BUILD_VALUE) {
			if (m->n_nodes == m->cap_nodes) {
				m->cap_nodes *= 2;
				m->nodes = realloc(m->nodes, m->cap_nodes * sizeof(*m->nodes));
			}
			m->nodes[m->n_nodes][0] = m->nodes[m->n_nodes][1] = next;
			next = m->nodes[node][bit] = m->n_nodes++;
		}
		node = next;
	}
}

/* "192.0.2.0/24" or "2001:db8::/32" */
static inline void mmdb_prefix(struct mmdb_build *m, const char *prefix, uint32_t value)
{
	uint8_t address[16] = {0};
	char text[64];
	unsigned len;

	sscanf(prefix, "%63[^/]/%u", text, &len);
	if (inet_pton(AF_INET6, text, address) != 1) {
		inet_pton(AF_INET, text, address + 12);
		len += 96;
	}
	mmdb_insert(m, address, len, value);
}

static inline void mmdb_add(struct mmdb_build *m, const char *prefix, const char *json)
{
	mmdb_prefix(m, prefix, mmdb_value(m, json));
}

/* Writes the file with records of 32 bits and moves it into place. */
static inline void mmdb_build_write(const struct mmdb_build *m, const char *path)
{
	struct mmdb_build meta = {0};
	char count[16], temporary[300];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	f = fopen(temporary, "we");
	if (!f) {
		perror(temporary);
		exit(1);
	}
	for (uint32_t i = 0; i < m->n_nodes; i++)
		for (unsigned k = 0; k < 2; k++) {
			uint32_t r = m->nodes[i][k];

			r = !r			   ? m->n_nodes
			    : r & MMDB_BUILD_VALUE ? m->n_nodes + 16 + (r & ~MMDB_BUILD_VALUE)
						   : r;
			r = __builtin_bswap32(r);
			fwrite(&r, 4, 1, f);
		}
	fwrite("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 1, f);
	fwrite(m->data, 1, m->len, f);
	fwrite("\xab\xcd\xefMaxMind.com", 14, 1, f);
	mmdb_put_head(&meta, 7, 9);
	mmdb_put_text(&meta, "binary_format_major_version", 27);
	mmdb_put(&meta, "\xa1\x02", 2);
	mmdb_put_text(&meta, "binary_format_minor_version", 27);
	mmdb_put(&meta, "\xa0", 1);
	mmdb_put_text(&meta, "build_epoch", 11);
	mmdb_put(&meta, "\x01\x02\x01", 3);
	mmdb_put_text(&meta, "database_type", 13);
	mmdb_put_text(&meta, "test", 4);
	mmdb_put_text(&meta, "description", 11);
	mmdb_put_head(&meta, 7, m->description ? 1 : 0);
	if (m->description) {
		mmdb_put_text(&meta, "en", 2);
		mmdb_put_text(&meta, m->description, strlen(m->description));
	}
	mmdb_put_text(&meta, "ip_version", 10);
	mmdb_put(&meta, "\xa1\x06", 2);
	mmdb_put_text(&meta, "languages", 9);
	mmdb_put_head(&meta, 11, 0);
	mmdb_put_text(&meta, "node_count", 10);
	snprintf(count, sizeof(count), "%u", m->n_nodes);
	mmdb_put_json(&meta, count);
	mmdb_put_text(&meta, "record_size", 11);
	mmdb_put(&meta, "\xa1\x20", 2);
	fwrite(meta.data, 1, meta.len, f);
	free(meta.data);
	fclose(f);
	rename(temporary, path);
}

#endif
