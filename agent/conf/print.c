/* Settings as YAML: those in force, and single ones for comparison.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "print.h"

bool setting_is_secret_property(const char *name)
{
	static const char *const words[] = {"password", "secret", "token", "jaas", ".pem"};

	if (strlen(name) > 4 &&
	    !strcmp(name + strlen(name) - 4, ".url")) /* where tokens are asked for */
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

static void print_item(const struct setting *s, const void *item, struct buffer *to)
{
	const struct kafka_property *p = item;

	if (s->type == SETTING_PROPERTIES) {
		setting_print_text(p->name, to);
		buffer_string(to, ": ");
		setting_print_text(setting_is_secret_property(p->name) ? "***" : p->value, to);
	} else if (s->type == SETTING_MAPS) {
		const char *comma = "";

		buffer_char(to, '{');
		for (unsigned i = 0; i < s->items->n; i++) {
			buffer_format(to, "%s%s: ", comma, s->items->rows[i].path);
			setting_print_member(&s->items->rows[i], item, to);
			comma = ", ";
		}
		buffer_char(to, '}');
	} else {
		setting_print(s, item, to);
	}
}

void setting_print_member(const struct setting *s, const void *base, struct buffer *to)
{
	if (!(s->flags & SETTING_LIST)) {
		setting_print(s, setting_member(s, base), to);
		return;
	}
	buffer_char(to, s->type == SETTING_PROPERTIES ? '{' : '[');
	for (unsigned i = 0; i < setting_count(s, base); i++) {
		buffer_string(to, i ? ", " : "");
		print_item(s, setting_item(s, base, i), to);
	}
	buffer_char(to, s->type == SETTING_PROPERTIES ? '}' : ']');
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_item(const struct setting *s, const void *a, const void *b)
{
	const struct kafka_property *p = a, *q = b;

	switch (s->type) {
	case SETTING_TEXT:
	case SETTING_SECRET:
		return same_text(*(char *const *)a, *(char *const *)b);
	case SETTING_PROPERTIES:
		return same_text(p->name, q->name) && same_text(p->value, q->value);
	case SETTING_MAPS:
		for (unsigned i = 0; i < s->items->n; i++)
			if (!setting_equal(&s->items->rows[i], a, b))
				return false;
		return true;
	case SETTING_PREFIX:
		return !memcmp(a, b, sizeof(struct ip_addr) + 1);
	default:
		return !memcmp(a, b, s->size);
	}
}

bool setting_equal(const struct setting *s, const void *a, const void *b)
{
	if (!(s->flags & SETTING_LIST))
		return same_item(s, setting_member(s, a), setting_member(s, b));
	if (setting_count(s, a) != setting_count(s, b))
		return false;
	for (unsigned i = 0; i < setting_count(s, a); i++)
		if (!same_item(s, setting_item(s, a, i), setting_item(s, b, i)))
			return false;
	return true;
}

void print_indent(struct buffer *to, unsigned columns)
{
	for (unsigned i = 0; i < columns; i++)
		buffer_char(to, ' ');
}

/* How many leading parts ("a." in "a.b") two paths have in common; *start is where they end. */
static unsigned shared_parts(const char *a, const char *b, size_t *start)
{
	unsigned n = 0;

	*start = 0;
	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.') {
			n++;
			*start = i + 1;
		}
	return n;
}

unsigned print_parents(const char *before, const char *path, unsigned indent, struct buffer *to,
		       print_heading heading)
{
	size_t start;
	unsigned depth = shared_parts(before, path, &start);

	for (const char *dot; (dot = strchr(path + start, '.')); depth++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)(dot - path) - (int)start, path + start);
		if (heading)
			heading(name, indent + 2 * depth, to);
		print_indent(to, indent + 2 * depth);
		buffer_format(to, "%s:\n", name);
		start = (size_t)(dot - path) + 1;
	}
	return indent + 2 * depth;
}

const char *print_last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

static void print_table(const struct setting_table *t, const void *base, unsigned indent,
			struct buffer *to)
{
	const char *before = "";

	for (unsigned i = 0; i < t->n; i++) {
		const struct setting *s = &t->rows[i];
		unsigned column;

		column = print_parents(before, s->path, indent, to, NULL);
		before = s->path;
		print_indent(to, column);
		buffer_format(to, "%s:", print_last_part(s->path));
		if (s->type != SETTING_MAPS || !setting_count(s, base)) {
			buffer_char(to, ' ');
			setting_print_member(s, base, to);
			buffer_char(to, '\n');
			continue;
		}
		buffer_char(to, '\n');
		for (unsigned k = 0; k < setting_count(s, base); k++) {
			size_t at = to->len;

			print_table(s->items, setting_item(s, base, k), column + 4, to);
			if (!to->failed)
				to->p[at + column + 2] = '-';
		}
	}
}

void settings_print(const struct settings *s, struct buffer *to)
{
	print_table(&settings_table, s, 0, to);
}
