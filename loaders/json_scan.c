/* Walks over JSON text without building a tree.
 * SPDX-License-Identifier: Apache-2.0 */
#include "json_scan.h"

enum { DEPTH_MAX = 64 };

static void skip_space(struct json_walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' || *w->p == '\r' || *w->p == '\t'))
		w->p++;
}

/* Behind the string that begins at p, or NULL. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

static const char *value_end(const char *p, const char *end)
{
	char open[DEPTH_MAX];
	unsigned depth = 0;

	if (p == end)
		return NULL;
	if (*p != '{' && *p != '[') {
		if (*p == '"')
			return string_end(p, end);
		while (p < end && !strchr(",]} \n\r\t:\"[{", *p))
			p++;
		return p;
	}
	while (p < end) {
		switch (*p) {
		case '"':
			p = string_end(p, end);
			if (!p)
				return NULL;
			continue;
		case '{':
		case '[':
			if (depth == DEPTH_MAX)
				return NULL;
			open[depth++] = *p;
			break;
		case '}':
		case ']':
			if (open[--depth] != (*p == '}' ? '{' : '['))
				return NULL;
			if (!depth)
				return p + 1;
			break;
		}
		p++;
	}
	return NULL;
}

static bool begin(struct json_walk *w, struct json_slice value, char open)
{
	*w = (struct json_walk){.p = value.p, .end = value.p ? value.p + value.n : value.p};
	skip_space(w);
	w->failed = w->p == w->end || *w->p != open;
	if (!w->failed)
		w->p++;
	return !w->failed;
}

bool json_walk_object(struct json_walk *w, struct json_slice value)
{
	return begin(w, value, '{');
}

bool json_walk_array(struct json_walk *w, struct json_slice value)
{
	return begin(w, value, '[');
}

static bool stop(struct json_walk *w, bool failed)
{
	w->failed |= failed;
	w->ended = true;
	return false;
}

/* To the next member or item, over the comma between them. */
static bool advance(struct json_walk *w, char close)
{
	if (w->failed || w->ended)
		return false;
	skip_space(w);
	if (w->p == w->end)
		return stop(w, true);
	if (*w->p == close)
		return stop(w, false);
	if (w->began) {
		if (*w->p != ',')
			return stop(w, true);
		w->p++;
		skip_space(w);
	}
	w->began = true;
	return true;
}

static bool take(struct json_walk *w, struct json_slice *value)
{
	const char *end;

	skip_space(w);
	end = value_end(w->p, w->end);
	if (!end || end == w->p)
		return stop(w, true);
	*value = (struct json_slice){w->p, (size_t)(end - w->p)};
	w->p = end;
	return true;
}

bool json_next_member(struct json_walk *w, struct json_slice *key, struct json_slice *value)
{
	if (!advance(w, '}') || !take(w, key))
		return false;
	if (!json_is_string(*key))
		return stop(w, true);
	key->p++;
	key->n -= 2;
	skip_space(w);
	if (w->p == w->end || *w->p != ':')
		return stop(w, true);
	w->p++;
	return take(w, value);
}

bool json_next_item(struct json_walk *w, struct json_slice *value)
{
	return advance(w, ']') && take(w, value);
}

struct json_slice json_member(struct json_slice object, const char *key)
{
	struct json_slice k, v;
	struct json_walk w;

	if (json_walk_object(&w, object))
		while (json_next_member(&w, &k, &v))
			if (json_is(k, key))
				return v;
	return (struct json_slice){NULL, 0};
}

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static void put_utf8(struct buffer *to, unsigned c)
{
	if (c < 0x80) {
		buffer_char(to, (char)c);
	} else if (c < 0x800) {
		buffer_char(to, (char)(0xc0 | c >> 6));
		buffer_char(to, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buffer_char(to, (char)(0xe0 | c >> 12));
		buffer_char(to, (char)(0x80 | (c >> 6 & 63)));
		buffer_char(to, (char)(0x80 | (c & 63)));
	} else {
		buffer_char(to, (char)(0xf0 | c >> 18));
		buffer_char(to, (char)(0x80 | (c >> 12 & 63)));
		buffer_char(to, (char)(0x80 | (c >> 6 & 63)));
		buffer_char(to, (char)(0x80 | (c & 63)));
	}
}

/* \uXXXX, or two of them for what is above U+FFFF. Returns behind it, or NULL. */
static const char *put_escape(struct buffer *to, const char *p, const char *end)
{
	int high = end - p >= 4 ? hex4(p) : -1, low = -1;

	if (high < 0)
		return NULL;
	if (high >= 0xd800 && high < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u')
		low = hex4(p + 6);
	if (low >= 0xdc00 && low < 0xe000) {
		put_utf8(to, 0x10000 + ((unsigned)(high & 0x3ff) << 10 | (unsigned)(low & 0x3ff)));
		return p + 10;
	}
	put_utf8(to, high >= 0xd800 && high < 0xe000 ? 0xfffd : (unsigned)high);
	return p + 4;
}

bool json_text(struct json_slice s, struct buffer *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *p = s.p + 1, *end = s.p + s.n - 1;

	if (!json_is_string(s) || *end != '"')
		return false;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p)), *known;

		buffer_bytes(to, p, (size_t)((escape ? escape : end) - p));
		if (!escape)
			return !to->failed;
		p = escape + 1;
		if (p < end && *p == 'u') {
			p = put_escape(to, p + 1, end);
			if (!p)
				return false;
			continue;
		}
		known = p < end && *p ? strchr(from, *p) : NULL;
		if (!known)
			return false;
		buffer_char(to, into[known - from]);
		p++;
	}
	return !to->failed;
}
