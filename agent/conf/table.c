/* Walking the table of settings and the structs that it describes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "table.h"

const struct setting *setting_find(const struct setting_table *t, const char *path)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->rows[i].path, path))
			return &t->rows[i];
	return NULL;
}

/* Edit distance (insert, remove, replace, swap neighbours), at most `limit` + 1. */
static unsigned distance(const char *a, const char *b, unsigned limit)
{
	enum { LONGEST = 64 };
	unsigned row[3][LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *one = row[(i + 2) % 3], *two = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = one[j - 1] + (a[i - 1] != b[j - 1]);

			if (one[j] + 1 < best)
				best = one[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb] <= limit ? row[la % 3][lb] : limit + 1;
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

const char *setting_suggest(const struct setting_table *t, const char *path)
{
	unsigned limit = 1 + (unsigned)strlen(path) / 6, best = limit + 1;
	const char *found = NULL;

	for (unsigned i = 0; i < t->n; i++) {
		unsigned d = distance(t->rows[i].path, path, limit);

		if (d < best) {
			best = d;
			found = t->rows[i].path;
		}
	}
	/* The right word in the wrong place. */
	for (unsigned i = 0; !found && i < t->n; i++)
		if (!strcmp(last_part(t->rows[i].path), last_part(path)))
			found = t->rows[i].path;
	return found;
}

void *setting_member(const struct setting *s, const void *base)
{
	return (char *)base + s->offset;
}

static unsigned *count_of(const struct setting *s, const void *base)
{
	return (unsigned *)((char *)base + s->count_offset);
}

unsigned setting_count(const struct setting *s, const void *base)
{
	return *count_of(s, base);
}

void *setting_item(const struct setting *s, const void *base, unsigned i)
{
	char *items = setting_member(s, base);

	if (s->flags & SETTING_ALLOCATED)
		items = *(char **)items;
	return items + i * s->size;
}

void *setting_append(const struct setting *s, void *base)
{
	unsigned n = setting_count(s, base);
	void *item;

	if (n >= s->max_items)
		return NULL;
	if (s->flags & SETTING_ALLOCATED) {
		char **items = setting_member(s, base);
		char *more = realloc(*items, (n + 1) * s->size);

		if (!more)
			return NULL;
		*items = more;
	}
	item = setting_item(s, base, n);
	memset(item, 0, s->size);
	if (s->items && setting_defaults(s->items, item)) {
		setting_clear(s, item);
		return NULL;
	}
	*count_of(s, base) = n + 1;
	return item;
}

void setting_clear(const struct setting *s, void *value)
{
	struct kafka_property *p = value;
	char **text = value;

	switch (s->type) {
	case SETTING_TEXT:
	case SETTING_SECRET:
		if (*text && s->type == SETTING_SECRET)
			explicit_bzero(*text, strlen(*text));
		free(*text);
		*text = NULL;
		break;
	case SETTING_PROPERTIES:
		free(p->name);
		free(p->value);
		memset(p, 0, sizeof(*p));
		break;
	case SETTING_MAPS:
		setting_clear_all(s->items, value);
		break;
	default:
		break;
	}
}

void setting_clear_list(const struct setting *s, void *base)
{
	for (unsigned i = 0; i < setting_count(s, base); i++)
		setting_clear(s, setting_item(s, base, i));
	if (s->flags & SETTING_ALLOCATED) {
		char **items = setting_member(s, base);

		free(*items);
		*items = NULL;
	}
	*count_of(s, base) = 0;
}

void setting_clear_all(const struct setting_table *t, void *base)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (t->rows[i].flags & SETTING_LIST)
			setting_clear_list(&t->rows[i], base);
		else
			setting_clear(&t->rows[i], setting_member(&t->rows[i], base));
	}
}

int setting_defaults(const struct setting_table *t, void *base)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct setting *s = &t->rows[i];
		struct buffer why = {0};
		int r = 0;

		if (s->fallback)
			r = setting_assign(s, base, s->fallback, &why);
		buffer_free(&why);
		if (r)
			return r;
	}
	return 0;
}

int setting_assign(const struct setting *s, void *base, const char *text, struct buffer *why)
{
	char *copy, *save = NULL;
	int r = 0;

	if (!(s->flags & SETTING_LIST))
		return setting_parse(s, setting_member(s, base), text, why);
	setting_clear_list(s, base);
	if (s->type == SETTING_MAPS)
		return *text ? setting_assign_item(s, base, text, why) : 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	for (char *item = strtok_r(copy, ", ", &save); item && !r;
	     item = strtok_r(NULL, ", ", &save))
		r = setting_assign_item(s, base, item, why);
	free(copy);
	return r;
}

int setting_assign_item(const struct setting *s, void *base, const char *text, struct buffer *why)
{
	void *item = setting_append(s, base);
	int r;

	if (!item) {
		buffer_format(why, "is one more than the %u allowed", s->max_items);
		return -EINVAL;
	}
	r = setting_parse(s, item, text, why);
	if (r) {
		setting_clear(s, item);
		--*count_of(s, base);
	}
	return r;
}
