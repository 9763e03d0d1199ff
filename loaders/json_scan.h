/* Walks over JSON text without building a tree: for files that are large or lines that are many.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structure is checked as far as it is walked (brackets, strings, depth); what a number or a word
 * holds is left to whoever takes it. */
#ifndef WEIR_JSON_SCAN_H
#define WEIR_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../agent/buffer.h"

/* A value as it stands in the text: "text" with its quotes, {…}, […], 12, true, null. */
struct json_slice {
	const char *p;
	size_t n;
};

struct json_walk {
	const char *p, *end;
	bool failed; /* the text is not JSON */
	bool began, ended;
};

/* Begins with an object or an array; false where the value is no such thing. */
bool json_walk_object(struct json_walk *w, struct json_slice value);
bool json_walk_array(struct json_walk *w, struct json_slice value);

/* The next member or item; false at the end, or where the text is not JSON: see w->failed. Keys
 * come without quotes and as they stand (escapes are not resolved). */
bool json_next_member(struct json_walk *w, struct json_slice *key, struct json_slice *value);
bool json_next_item(struct json_walk *w, struct json_slice *value);

/* The value of a member of an object, or a slice with p NULL. */
struct json_slice json_member(struct json_slice object, const char *key);

static inline bool json_is(struct json_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n == n && !memcmp(s.p, text, n);
}
static inline bool json_is_string(struct json_slice s)
{
	return s.n >= 2 && *s.p == '"';
}
static inline bool json_is_null(struct json_slice s)
{
	return !s.p || json_is(s, "null");
}

/* Appends what a string value says, without a NUL. Bytes come as they are, \u escapes as UTF-8.
 * false where it is no string or holds a bad escape. */
bool json_text(struct json_slice s, struct buffer *to);

#endif
