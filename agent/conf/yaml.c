/* Reading the settings file: YAML to members, each fault with its line.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "table.h"

struct loader {
	const char *file;
	yaml_document_t document;
	struct environment *environment;
	struct setting_lines *lines;
	struct buffer *errors;
	unsigned faults;
};

__attribute__((format(printf, 3, 4))) static void fault(struct loader *l, const yaml_node_t *at,
							const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buffer_format(l->errors, "%s:%zu: %s\n", l->file, at->start_mark.line + 1, text);
	l->faults++;
}

static yaml_node_t *node_at(struct loader *l, int index)
{
	return yaml_document_get_node(&l->document, index);
}

static const char *scalar(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

static bool is_null(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*scalar(n) || !strcmp(scalar(n), "~") || !strcmp(scalar(n), "null"));
}

static void remember_line(struct loader *l, const char *key, const yaml_node_t *at)
{
	struct setting_line *p = realloc(l->lines->p, (l->lines->n + 1) * sizeof(*p));

	if (!p)
		return;
	l->lines->p = p;
	p[l->lines->n].key = strdup(key);
	p[l->lines->n].line = (unsigned)at->start_mark.line + 1;
	if (p[l->lines->n].key)
		l->lines->n++;
}

unsigned setting_lines_find(const struct setting_lines *l, const char *key)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->p[i].key, key))
			return l->p[i].line;
	return 0;
}

void setting_lines_free(struct setting_lines *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->p[i].key);
	free(l->p);
	memset(l, 0, sizeof(*l));
}

/* The text of a scalar with its variables replaced, or NULL after telling the fault. NUL bytes end
 * a text silently in C, so they are refused. */
static char *text_of(struct loader *l, const yaml_node_t *n, const char *key)
{
	char *text, *missing;

	if (n->type != YAML_SCALAR_NODE) {
		fault(l, n, "%s takes a single value, not a %s", key,
		      n->type == YAML_SEQUENCE_NODE ? "list" : "map");
		return NULL;
	}
	if (strlen(scalar(n)) != n->data.scalar.length) {
		fault(l, n, "%s holds a NUL byte", key);
		return NULL;
	}
	text = environment_expand(l->environment, scalar(n), &missing);
	if (missing)
		fault(l, n, "%s: environment variable '%s' is not set", key, missing);
	else if (!text)
		fault(l, n, "%s: out of memory", key);
	free(missing);
	return text;
}

/* Puts a scalar into the member or, for lists, behind its items. Secrets are not quoted. */
static void load_value(struct loader *l, const yaml_node_t *n, const struct setting *s,
		       const char *key, void *base, bool item)
{
	struct buffer why = {0};
	char *text = text_of(l, n, key);
	int r;

	if (!text)
		return;
	r = item ? setting_assign_item(s, base, text, &why) : setting_assign(s, base, text, &why);
	buffer_char(&why, '\0');
	if (r && why.p && s->type == SETTING_SECRET)
		fault(l, n, "the value %s for %s", why.p, key);
	else if (r && why.p)
		fault(l, n, "'%s' %s for %s", text, why.p, key);
	buffer_free(&why);
	if (s->type == SETTING_SECRET)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void load_properties(struct loader *l, const yaml_node_t *n, const struct setting *s,
			    const char *key, void *base)
{
	if (n->type != YAML_MAPPING_NODE) {
		fault(l, n, "%s takes a map of NAME: VALUE", key);
		return;
	}
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *k = node_at(l, p->key);
		struct kafka_property *to;
		char *name = text_of(l, k, key), *value = NULL;

		if (name)
			value = text_of(l, node_at(l, p->value), key);
		for (unsigned i = 0; value && i < setting_count(s, base); i++) {
			to = setting_item(s, base, i);
			if (!strcmp(to->name, name)) {
				fault(l, k, "%s.%s stands here twice", key, name);
				free(value);
				value = NULL;
			}
		}
		to = value ? setting_append(s, base) : NULL;
		if (value && !to)
			fault(l, k, "%s has more than %u entries", key, s->max_items);
		if (to) {
			to->name = name;
			to->value = value;
		} else {
			free(name);
			free(value);
		}
	}
}

static void load_map(struct loader *l, const yaml_node_t *map, const struct setting_table *t,
		     void *base, const char *above, const char *shown);

/* An item of a list of maps: a map, or text in the short form. */
static void load_item(struct loader *l, const yaml_node_t *n, const struct setting *s,
		      const char *key, void *base, long i)
{
	char at[288];
	unsigned before = l->faults;
	void *item;

	snprintf(at, sizeof(at), "%s[%ld]", key, i);
	remember_line(l, at, n);
	if (n->type != YAML_MAPPING_NODE) {
		load_value(l, n, s, at, base, true);
		return;
	}
	item = setting_append(s, base);
	if (!item) {
		fault(l, n, "%s has more than %u items", key, s->max_items);
		return;
	}
	load_map(l, n, s->items, item, "", at);
	for (unsigned k = 0; k < s->items->n && before == l->faults; k++) {
		const struct setting *r = &s->items->rows[k];
		bool found = false;

		for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     p < n->data.mapping.pairs.top; p++)
			found |= !strcmp(scalar(node_at(l, p->key)), r->path);
		if (r->flags & SETTING_REQUIRED && !found)
			fault(l, n, "%s needs '%s'", at, r->path);
	}
}

static void load_setting(struct loader *l, const yaml_node_t *n, const struct setting *s,
			 const char *key, void *base)
{
	remember_line(l, key, n);
	if (s->flags & SETTING_LIST)
		setting_clear_list(s, base);
	if (is_null(n)) {
		if (!(s->flags & SETTING_LIST) && s->type != SETTING_TEXT &&
		    s->type != SETTING_SECRET)
			fault(l, n, "%s has no value", key);
		else if (!(s->flags & SETTING_LIST))
			setting_clear(s, setting_member(s, base));
		return;
	}
	if (s->type == SETTING_PROPERTIES) {
		load_properties(l, n, s, key, base);
		return;
	}
	if (!(s->flags & SETTING_LIST) || n->type == YAML_SCALAR_NODE) {
		load_value(l, n, s, key, base, false);
		return;
	}
	if (n->type != YAML_SEQUENCE_NODE) {
		fault(l, n, "%s takes a list, not a map", key);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		if (s->type == SETTING_MAPS)
			load_item(l, node_at(l, *i), s, key, base,
				  i - n->data.sequence.items.start);
		else
			load_value(l, node_at(l, *i), s, key, base, true);
	}
}

/* True where `path` leads to settings without being one: "exporters.sampling". */
static bool is_section(const struct setting_table *t, const char *path)
{
	size_t n = strlen(path);

	for (unsigned i = 0; i < t->n; i++)
		if (!strncmp(t->rows[i].path, path, n) && t->rows[i].path[n] == '.')
			return true;
	return false;
}

static bool seen_before(struct loader *l, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *key = scalar(node_at(l, pair->key));

	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *k = node_at(l, p->key);

		if (k->type == YAML_SCALAR_NODE && !strcmp(scalar(k), key))
			return true;
	}
	return false;
}

static void unknown(struct loader *l, const yaml_node_t *at, const struct setting_table *t,
		    const char *path, const char *shown)
{
	const char *near = setting_suggest(t, path);
	const char *dot = *shown ? "." : "";

	if (near)
		fault(l, at, "unknown setting '%s%s%s' (did you mean '%s%s%s'?)", shown, dot, path,
		      shown, dot, near);
	else
		fault(l, at, "unknown setting '%s%s%s'", shown, dot, path);
}

/* One mapping of the file. `above` is the path that leads to it within the table; `shown` is what
 * stands before that in messages. The depth is bounded, as only known sections are entered. */
static void load_map(struct loader *l, const yaml_node_t *map, const struct setting_table *t,
		     void *base, const char *above, const char *shown)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *k = node_at(l, p->key), *v = node_at(l, p->value);
		char path[128], key[256];
		const struct setting *s;
		int n;

		if (k->type != YAML_SCALAR_NODE) {
			fault(l, k, "the name of a setting is a word");
			continue;
		}
		n = snprintf(path, sizeof(path), "%s%s%s", above, *above ? "." : "", scalar(k));
		if (n >= (int)sizeof(path)) {
			fault(l, k, "unknown setting '%.60s...'", scalar(k));
			continue;
		}
		snprintf(key, sizeof(key), "%s%s%s", shown, *shown ? "." : "", path);
		s = setting_find(t, path);
		if (seen_before(l, map, p) || (s && setting_lines_find(l->lines, key)))
			fault(l, k, "'%s' stands here twice", key);
		else if (s)
			load_setting(l, v, s, key, base);
		else if (!is_section(t, path))
			unknown(l, k, t, path, shown);
		else if (v->type == YAML_MAPPING_NODE)
			load_map(l, v, t, base, path, shown);
		else if (!is_null(v))
			fault(l, v, "%s is a section: its settings stand below it, indented", key);
	}
}

static void parser_fault(struct loader *l, const yaml_parser_t *p)
{
	const yaml_mark_t *m = p->error == YAML_READER_ERROR ? NULL : &p->problem_mark;

	if (m)
		buffer_format(l->errors, "%s:%zu: not YAML: %s\n", l->file, m->line + 1,
			      p->problem ? p->problem : "unreadable");
	else
		buffer_format(l->errors, "%s: not YAML: %s at byte %zu\n", l->file,
			      p->problem ? p->problem : "unreadable", p->problem_offset);
	l->faults++;
}

static void load_document(struct loader *l, struct settings *s)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->document);

	if (!root || is_null(root))
		return; /* an empty file: all defaults */
	if (root->type == YAML_MAPPING_NODE)
		load_map(l, root, &settings_table, s, "", "");
	else
		fault(l, root, "the file must hold NAME: VALUE lines");
}

int settings_load_lines(struct settings *s, const char *path, struct setting_lines *lines,
			struct buffer *errors)
{
	struct loader l = {.file = path, .lines = lines, .errors = errors};
	yaml_parser_t parser;
	FILE *f = fopen(path, "re");
	int r;

	if (!f) {
		r = -errno;
		buffer_format(errors, "%s: %s\n", path, strerror(errno));
		return r;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return -ENOMEM;
	}
	l.environment = environment_new(path);
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, &l.document)) {
		parser_fault(&l, &parser);
	} else {
		yaml_document_t more;

		load_document(&l, s);
		yaml_document_delete(&l.document);
		if (!yaml_parser_load(&parser, &more)) {
			parser_fault(&l, &parser);
		} else {
			const yaml_node_t *root = yaml_document_get_root_node(&more);

			if (root)
				fault(&l, root, "a second YAML document; there must be one");
			yaml_document_delete(&more);
		}
	}
	yaml_parser_delete(&parser);
	environment_free(l.environment);
	fclose(f);
	return l.faults ? -EINVAL : 0;
}
