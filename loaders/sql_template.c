/* SQL files with variables, conditions and loops.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql_template.h"

enum { DEPTH_MAX = 16, NAME_BYTES = 64 };

struct sql_variable {
	struct sql_variable *next;
	char *value;
	char name[];
};

struct lines {
	const char *p, *end;
	unsigned number; /* of the line at p, from 1 */
};

struct run {
	struct sql_template *t;
	int (*statement)(const char *sql, void *arg);
	void *arg;
	struct buffer sql; /* the statement so far */
	unsigned line;	   /* of its last */
};

void sql_template_free(struct sql_template *t)
{
	struct sql_variable *v;

	while ((v = t->variables)) {
		t->variables = v->next;
		explicit_bzero(v->value, strlen(v->value)); /* one is a password */
		free(v->value);
		free(v);
	}
	free(t->creates);
	t->creates = NULL;
}

static struct sql_variable *find(const struct sql_template *t, const char *name)
{
	struct sql_variable *v = t->variables;

	while (v && strcmp(v->name, name))
		v = v->next;
	return v;
}

int sql_template_set(struct sql_template *t, const char *name, const char *value)
{
	struct sql_variable *v = find(t, name);
	char *copy = strdup(value);

	if (copy && !v) {
		v = malloc(sizeof(*v) + strlen(name) + 1);
		if (v) {
			strcpy(v->name, name);
			v->value = NULL;
			v->next = t->variables;
			t->variables = v;
		}
	}
	if (!copy || !v) {
		free(copy);
		return -ENOMEM;
	}
	free(v->value);
	v->value = copy;
	return 0;
}

int sql_template_set_text(struct sql_template *t, const char *name, const char *value)
{
	struct buffer b = {0};
	int r = -ENOMEM;

	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buffer_char(&b, '\\');
		if (*value == '$') /* not one of our variables */
			buffer_string(&b, "\\x24");
		else
			buffer_char(&b, *value);
	}
	buffer_char(&b, '\0');
	if (!b.failed)
		r = sql_template_set(t, name, b.p);
	buffer_free(&b);
	return r;
}

__attribute__((format(printf, 3, 4))) static int wrong(struct sql_template *t, unsigned line,
						       const char *format, ...)
{
	int n = snprintf(t->error, sizeof(t->error), "%s:%u: ", t->file, line);
	va_list ap;

	va_start(ap, format);
	if (n > 0 && (size_t)n < sizeof(t->error))
		vsnprintf(t->error + n, sizeof(t->error) - (size_t)n, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* Appends text with its variables expanded. */
static int expand(struct run *r, struct buffer *to, const char *p, size_t n, unsigned line,
		  unsigned depth)
{
	const char *end = p + n;

	if (depth > DEPTH_MAX)
		return wrong(r->t, line, "variables that stand for each other");
	while (p < end) {
		const char *dollar = memmem(p, (size_t)(end - p), "${", 2);
		const char *close = dollar ? memchr(dollar, '}', (size_t)(end - dollar)) : NULL;
		const struct sql_variable *v;
		char name[NAME_BYTES];
		int err;

		buffer_bytes(to, p, (size_t)((dollar ? dollar : end) - p));
		if (!dollar)
			break;
		if (!close || close - dollar - 2 >= NAME_BYTES)
			return wrong(r->t, line, "'${' without its '}'");
		snprintf(name, sizeof(name), "%.*s", (int)(close - dollar - 2), dollar + 2);
		v = find(r->t, name);
		if (!v)
			return wrong(r->t, line, "there is no variable '%s'", name);
		err = expand(r, to, v->value, strlen(v->value), line, depth + 1);
		if (err)
			return err;
		p = close + 1;
	}
	return to->failed ? -ENOMEM : 0;
}

/* Takes the next line, without its end. */
static bool take(struct lines *l, const char **p, size_t *n)
{
	const char *end;

	if (l->p == l->end)
		return false;
	end = memchr(l->p, '\n', (size_t)(l->end - l->p));
	*p = l->p;
	*n = (size_t)((end ? end : l->end) - l->p);
	l->p = end ? end + 1 : l->end;
	l->number++;
	return true;
}

static bool is_directive(const char *p, size_t n, const char *word, const char **rest, size_t *len)
{
	size_t w = strlen(word);

	if (n < 4 + w || memcmp(p, "--@ ", 4) || memcmp(p + 4, word, w) ||
	    (n > 4 + w && p[4 + w] != ' '))
		return false;
	*rest = n > 4 + w ? p + 5 + w : p + n;
	*len = (size_t)(p + n - *rest);
	return true;
}

static bool opens(const char *p, size_t n)
{
	const char *rest;
	size_t len;

	return is_directive(p, n, "set", &rest, &len) || is_directive(p, n, "if", &rest, &len) ||
	       is_directive(p, n, "for", &rest, &len);
}

/* What stands up to the block's `--@ end`, and what behind its `--@ else`. */
static int take_block(struct run *r, struct lines *from, struct lines *block, struct lines *other)
{
	unsigned depth = 1, opened = from->number;
	const char *p, *rest;
	size_t n, len;

	*block = *from;
	*other = (struct lines){0};
	while (take(from, &p, &n)) {
		if (opens(p, n))
			depth++;
		else if (is_directive(p, n, "end", &rest, &len) && !--depth) {
			*(other->p ? &other->end : &block->end) = p;
			return 0;
		} else if (is_directive(p, n, "else", &rest, &len) && depth == 1) {
			block->end = p;
			*other = *from;
		}
	}
	return wrong(r->t, opened, "a block without its '--@ end'");
}

static int run_lines(struct run *r, struct lines l, struct buffer *text);

static int run_set(struct run *r, const char *name, struct lines block)
{
	struct buffer value = {0};
	int err = run_lines(r, block, &value);

	if (!err) {
		while (value.len && value.p[value.len - 1] == '\n')
			value.len--;
		buffer_char(&value, '\0');
		err = value.failed ? -ENOMEM : sql_template_set(r->t, name, value.p);
	}
	buffer_free(&value);
	return err;
}

static int run_for(struct run *r, const char *name, const char *list, unsigned line,
		   struct lines block, struct buffer *text)
{
	const struct sql_variable *v = find(r->t, list);
	char *items, *save = NULL, value[NAME_BYTES];
	int err = 0;

	if (!v)
		return wrong(r->t, line, "there is no variable '%s'", list);
	items = strdup(v->value);
	if (!items)
		return -ENOMEM;
	snprintf(value, sizeof(value), "%.56s_value", name);
	for (char *item = strtok_r(items, ",", &save); item && !err;
	     item = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(item, '=');

		if (equals)
			*equals = '\0';
		err = sql_template_set(r->t, name, item);
		if (!err)
			err = sql_template_set(r->t, value, equals ? equals + 1 : "");
		if (!err)
			err = run_lines(r, block, text);
	}
	free(items);
	return err;
}

static int run_directive(struct run *r, const char *p, size_t n, struct lines *l,
			 struct buffer *text)
{
	char name[NAME_BYTES] = "", list[NAME_BYTES] = "";
	struct lines block, other;
	const char *rest;
	size_t len;
	int err;

	if (is_directive(p, n, "creates", &rest, &len)) {
		struct buffer value = {0};

		err = expand(r, &value, rest, len, l->number, 0);
		buffer_char(&value, '\0');
		free(r->t->creates);
		r->t->creates = err || value.failed ? NULL : value.p;
		if (!r->t->creates)
			buffer_free(&value);
		return err;
	}
	if (!opens(p, n))
		return wrong(r->t, l->number, "no such directive: %.*s", (int)n, p);
	rest = memchr(p + 4, ' ', n - 4);
	if (rest)
		sscanf(rest, " %63[a-z_0-9]", name);
	if (rest && p[4] == 'f')
		sscanf(rest, " %*[a-z_0-9] in %63[a-z_0-9]", list);
	if (!*name || (p[4] == 'f' && !*list))
		return wrong(r->t, l->number, "a directive without its name: %.*s", (int)n, p);
	err = take_block(r, l, &block, &other);
	if (err)
		return err;
	if (p[4] == 's')
		return run_set(r, name, block);
	if (p[4] == 'f')
		return run_for(r, name, list, block.number, block, text);
	if (!find(r->t, name))
		return wrong(r->t, block.number, "there is no variable '%s'", name);
	return run_lines(r, *find(r->t, name)->value ? block : other, text);
}

/* Hands the statements over, or appends the lines to `text` as they are. */
static int run_lines(struct run *r, struct lines l, struct buffer *text)
{
	const char *p;
	size_t n;
	int err = 0;

	while (!err && l.p && take(&l, &p, &n)) {
		if (n >= 3 && !memcmp(p, "--@", 3)) {
			err = run_directive(r, p, n, &l, text);
		} else if (text) {
			buffer_bytes(text, p, n);
			buffer_char(text, '\n');
		} else if (r->sql.len || (n && memcmp(p, "--", n < 2 ? n : 2))) {
			bool last = n && p[n - 1] == ';';

			r->line = l.number;
			err = expand(r, &r->sql, p, last ? n - 1 : n, l.number, 0);
			buffer_char(&r->sql, last ? '\0' : '\n');
			if (!err && last) {
				err = r->sql.failed ? -ENOMEM : r->statement(r->sql.p, r->arg);
				buffer_clear(&r->sql);
			}
		}
	}
	return err;
}

int sql_template_run(struct sql_template *t, const char *file, const char *text,
		     int (*statement)(const char *sql, void *arg), void *arg)
{
	struct run r = {.t = t, .statement = statement, .arg = arg};
	struct lines l = {.p = text, .end = text + strlen(text)};
	int err;

	t->file = file;
	free(t->creates);
	t->creates = NULL;
	err = run_lines(&r, l, NULL);
	if (!err && r.sql.len)
		err = wrong(t, r.line, "the last statement has no ';'");
	buffer_free(&r.sql);
	return err;
}
