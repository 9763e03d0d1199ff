/* Rows of the metadata tables as JSON text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "tables.h"

void row_begin(struct row *r, const struct meta_table *t)
{
	r->t = t;
	buffer_clear(&r->values);
	memset(r->column, 0, t->n * sizeof(*r->column));
}

void row_free(struct row *r)
{
	buffer_free(&r->values);
}

static void start(struct row *r, int column)
{
	r->column[column].at = (uint32_t)r->values.len;
}

static void end(struct row *r, int column)
{
	r->column[column].n = (uint32_t)r->values.len - r->column[column].at;
}

void row_unset(struct row *r, int column)
{
	r->column[column].n = 0;
}

void row_text(struct row *r, int column, const char *p, size_t n)
{
	start(r, column);
	if (n)
		buffer_json_string(&r->values, p, n);
	end(r, column);
}

void row_string(struct row *r, int column, const char *text)
{
	row_text(r, column, text, text ? strlen(text) : 0);
}

void row_uint(struct row *r, int column, uint64_t v)
{
	start(r, column);
	buffer_uint(&r->values, v);
	end(r, column);
}

void row_bool(struct row *r, int column, bool v)
{
	row_json(r, column, v ? "true" : "false", v ? 4 : 5);
}

void row_json(struct row *r, int column, const char *p, size_t n)
{
	start(r, column);
	buffer_bytes(&r->values, p, n);
	end(r, column);
}

/* JSON's form of a number, a plus sign and leading zeros left out. */
bool row_float(struct row *r, int column, const char *p, size_t n)
{
	size_t i = 0, digits = 0;

	if (i < n && *p == '+')
		p++, n--;
	i += i < n && p[i] == '-';
	for (; i < n && p[i] >= '0' && p[i] <= '9'; i++)
		digits++;
	if (!digits || (digits > 1 && p[i - digits] == '0'))
		return false;
	if (i < n && p[i] == '.') {
		for (digits = 0, i++; i < n && p[i] >= '0' && p[i] <= '9'; i++)
			digits++;
		if (!digits)
			return false;
	}
	if (i < n && (p[i] | 32) == 'e') {
		i++;
		i += i < n && (p[i] == '-' || p[i] == '+');
		for (digits = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++)
			digits++;
		if (!digits || digits > 3)
			return false;
	}
	if (i != n)
		return false;
	row_json(r, column, p, n);
	return true;
}

void row_array(struct row *r, int column)
{
	start(r, column);
	buffer_char(&r->values, '[');
}

static void separate(struct row *r, int column)
{
	if (r->values.len > r->column[column].at + 1u)
		buffer_char(&r->values, ',');
}

void row_array_text(struct row *r, int column, const char *p, size_t n)
{
	separate(r, column);
	if (p)
		buffer_json_string(&r->values, p, n);
	else
		buffer_string(&r->values, "null");
}

void print_subnet(struct buffer *to, const struct ip_addr *a, unsigned length)
{
	if (ip_is_v4(a)) {
		buffer_string(to, "[\"::ffff:");
		buffer_ipv4(to, a->b + 12);
	} else {
		buffer_string(to, "[\"");
		buffer_ipv6(to, a->b);
	}
	buffer_string(to, "\",");
	buffer_uint(to, length);
	buffer_char(to, ']');
}

void row_array_subnet(struct row *r, int column, const struct ip_addr *a, unsigned length)
{
	separate(r, column);
	print_subnet(&r->values, a, length);
}

void row_array_end(struct row *r, int column)
{
	buffer_char(&r->values, ']');
	end(r, column);
}

/* A ref as the hash sees it: that it is there, not of which version. What changed in another table
 * changes no row here, but a row whose AS (say) is known from now on is another one. */
static void print_presence(const char *p, size_t n, struct buffer *to)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '"') {
			buffer_char(to, p[i]);
			continue;
		}
		buffer_string(to, "true");
		while (++i < n && p[i] != '"') /* a ref holds no escapes */
			;
	}
}

void row_print(const struct row *r, bool hashed, struct buffer *to)
{
	char before = '{';

	for (unsigned i = 0; i < r->t->n; i++) {
		if (!r->column[i].n || (hashed && r->t->columns[i].flags & COLUMN_UNHASHED))
			continue;
		buffer_char(to, before);
		buffer_char(to, '"');
		buffer_string(to, r->t->columns[i].name);
		buffer_bytes(to, "\":", 2);
		if (hashed && r->t->columns[i].flags & COLUMN_DERIVED)
			print_presence(r->values.p + r->column[i].at, r->column[i].n, to);
		else
			buffer_bytes(to, r->values.p + r->column[i].at, r->column[i].n);
		before = ',';
	}
	buffer_bytes(to, before == '{' ? "{}" : "}", before == '{' ? 2 : 1);
}

const char *row_get(const struct row *r, int column, size_t *n)
{
	const char *p = r->values.p + r->column[column].at;

	*n = r->column[column].n;
	if (!*n)
		return NULL;
	if (*p == '"') {
		p++;
		*n -= 2;
	}
	return p;
}

/* Up to three digits and nothing else. */
static bool small_number(const char *p, size_t n, unsigned max, unsigned *v)
{
	*v = 0;
	if (!n || n > 3)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*v = *v * 10 + (unsigned)(p[i] - '0');
	}
	return *v <= max;
}

/* inet_pton is slow where there are millions. */
static bool parse_ipv4(const char *p, size_t n, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		const char *dot = i < 3 ? memchr(p, '.', n) : p + n;
		unsigned v;

		if (!dot || !small_number(p, (size_t)(dot - p), 255, &v) ||
		    (dot - p > 1 && *p == '0'))
			return false;
		out[i] = (uint8_t)v;
		n -= (size_t)(dot - p) + (i < 3);
		p = dot + (i < 3);
	}
	return !n;
}

static void clear_behind(struct ip_addr *a, unsigned length)
{
	for (unsigned i = length / 8; i < 16; i++)
		a->b[i] = i == length / 8 && length % 8 ? a->b[i] & (uint8_t)(0xff00 >> length % 8)
							: 0;
}

bool parse_subnet(const char *text, size_t n, struct ip_addr *a, unsigned *length)
{
	const char *slash = memchr(text, '/', n);
	size_t address = slash ? (size_t)(slash - text) : n;
	char copy[INET6_ADDRSTRLEN];
	bool v4;

	memset(a, 0, sizeof(*a));
	a->b[10] = a->b[11] = 0xff;
	v4 = parse_ipv4(text, address, a->b + 12);
	if (!v4) {
		if (address >= sizeof(copy))
			return false;
		memcpy(copy, text, address);
		copy[address] = '\0';
		if (strlen(copy) != address || inet_pton(AF_INET6, copy, a->b) != 1)
			return false;
	}
	*length = v4 ? 32 : 128;
	if (slash && !small_number(slash + 1, n - address - 1, *length, length))
		return false;
	if (!v4 && ip_is_v4(a)) { /* ::ffff:192.0.2.0/120 means 192.0.2.0/24 */
		if (*length < 96)
			return false;
		*length -= 96;
		v4 = true;
	}
	clear_behind(a, v4 ? *length + 96 : *length);
	return true;
}
