/* A growing byte buffer and the ways of writing text into it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buffer.h"
#include "utf8.h"

void buffer_free(struct buffer *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

char *buffer_reserve(struct buffer *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (!b->p || n > b->cap - b->len) {
		size_t cap = b->cap ? b->cap : 256;
		char *p;

		while (cap - b->len < n)
			cap *= 2;
		p = realloc(b->p, cap);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->len;
}

void buffer_bytes(struct buffer *b, const void *p, size_t n)
{
	char *to = buffer_reserve(b, n);

	if (!to || !n)
		return;
	memcpy(to, p, n);
	b->len += n;
}

void buffer_string(struct buffer *b, const char *s)
{
	buffer_bytes(b, s, strlen(s));
}

void buffer_char(struct buffer *b, char c)
{
	buffer_bytes(b, &c, 1);
}

void buffer_uint(struct buffer *b, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buffer_bytes(b, digits + n, sizeof(digits) - n);
}

void buffer_int(struct buffer *b, int64_t v)
{
	if (v < 0)
		buffer_char(b, '-');
	buffer_uint(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buffer_format(struct buffer *b, const char *format, ...)
{
	va_list ap, again;
	char *to;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	to = n < 0 ? NULL : buffer_reserve(b, (size_t)n + 1);
	if (to) {
		vsnprintf(to, (size_t)n + 1, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buffer_hex(struct buffer *b, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	char *to = buffer_reserve(b, 2 * n);

	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digit[p[i] >> 4];
		to[2 * i + 1] = digit[p[i] & 15];
	}
	b->len += 2 * n;
}

void buffer_mac(struct buffer *b, const uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		if (i)
			buffer_char(b, ':');
		buffer_hex(b, mac + i, 1);
	}
}

void buffer_ipv4(struct buffer *b, const uint8_t v4[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			buffer_char(b, '.');
		buffer_uint(b, v4[i]);
	}
}

void buffer_ipv6(struct buffer *b, const uint8_t v6[16])
{
	char text[INET6_ADDRSTRLEN];

	buffer_string(b, inet_ntop(AF_INET6, v6, text, sizeof(text)));
}

void buffer_ip(struct buffer *b, const struct ip_addr *a)
{
	if (ip_is_v4(a))
		buffer_ipv4(b, a->b + 12);
	else
		buffer_ipv6(b, a->b);
}

void buffer_json_string(struct buffer *b, const char *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;

	buffer_char(b, '"');
	for (size_t i = 0; i < n;) {
		size_t len;

		if (!utf8_character(s + i, n - i, &len)) {
			buffer_string(b, "\xef\xbf\xbd");
		} else if (s[i] == '"' || s[i] == '\\') {
			buffer_char(b, '\\');
			buffer_bytes(b, s + i, 1);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			buffer_format(b, "\\u%04x", s[i]);
		} else if (utf8_ends_line(s + i, len)) {
			buffer_format(b, "\\u%04x", utf8_line_end(s + i, len));
		} else {
			buffer_bytes(b, s + i, len);
		}
		i += len;
	}
	buffer_char(b, '"');
}
