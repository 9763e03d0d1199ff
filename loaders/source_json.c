/* What the loaders of JSON sources share.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/log.h"
#include "source_json.h"
#include "unpack.h"

enum { SOURCES_MAX = 8 };

int source_json(struct load *l, const char *source, struct buffer *text)
{
	struct fetched file;
	struct unpack *u;
	int r = load_fetch_dated(l, source, &file);

	if (r)
		return r;
	r = unpack_open(&u, file.path, ".json", l->o->max_bytes, l->error, sizeof(l->error));
	if (!r) {
		r = unpack_all(u, text);
		if (r)
			load_fail(l, -r, "%s: %s", source, unpack_error(u));
		unpack_close(u);
	}
	fetch_done(&file);
	return r;
}

void source_text(struct row *r, int column, struct json_slice object, const char *member)
{
	struct json_slice v = json_member(object, member), item;
	struct buffer text = {0};
	struct json_walk w;

	if (json_is_string(v))
		json_text(v, &text);
	else if (v.p && json_walk_array(&w, v)) /* several: one text */
		while (json_next_item(&w, &item)) {
			if (text.len)
				buffer_string(&text, ", ");
			json_text(item, &text);
		}
	row_text(r, column, text.p, text.len);
	buffer_free(&text);
}

static struct json_slice number(struct json_slice object, const char *member)
{
	struct json_slice v = json_member(object, member);

	return json_is_string(v) ? (struct json_slice){v.p + 1, v.n - 2} : v;
}

void source_float(struct row *r, int column, struct json_slice object, const char *member)
{
	struct json_slice v = number(object, member);

	if (v.p)
		row_float(r, column, v.p, v.n);
}

void source_uint(struct row *r, int column, struct json_slice object, const char *member)
{
	struct json_slice v = number(object, member);
	uint64_t n = 0;

	if (!v.n || v.n > 19)
		return;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return;
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	if (n <= r->t->columns[column].max)
		row_uint(r, column, n);
}

unsigned source_subnets(struct load *l, struct row *r, int column, struct json_slice array,
			const char *of)
{
	struct json_slice item;
	struct json_walk w;
	struct ip_addr a;
	unsigned length, n = 0;

	if (!json_walk_array(&w, array))
		return 0;
	while (json_next_item(&w, &item)) {
		if (json_is_string(item) && parse_subnet(item.p + 1, item.n - 2, &a, &length)) {
			row_array_subnet(r, column, &a, length);
			n++;
		} else {
			log_warning("load %s: %s of '%s' is no prefix; it is left out", l->name,
				    item.n < 60 ? strndupa(item.p, item.n) : "an item", of);
		}
	}
	return n;
}

void source_id(struct row *r, int column, const char *p, size_t n)
{
	struct buffer b = {0};

	for (size_t i = 0; i < n; i++)
		buffer_char(&b,
			    (unsigned char)p[i] < ' ' || p[i] == '"' || p[i] == '\\' ? '_' : p[i]);
	row_text(r, column, b.p, b.len);
	buffer_free(&b);
}

int source_add(struct source_loader *s)
{
	int r = refs_fill(&s->refs, &s->row, false);

	return r ? r : history_add(s->h, &s->row);
}

int source_load(struct load *l, const char *table, const char *variable, const char *setting,
		int (*rows)(struct source_loader *s, struct json_slice all))
{
	struct source_loader s = {.l = l, .t = meta_table(table)};
	char *names[SOURCES_MAX], *list = NULL;
	int n = load_sources(l, variable, setting, &list, names, SOURCES_MAX), r = n;

	if (!n)
		r = load_fail(l, EINVAL, "no source: name one, or set %s or load.%s", variable,
			      l->name);
	if (r > 0)
		r = refs_open(&s.refs, l, s.t, true);
	s.h = refs_history(&s.refs, s.t);
	for (int i = 0; !r && i < n; i++) {
		struct buffer text = {0};

		r = source_json(l, names[i], &text);
		if (!r)
			r = rows(&s, (struct json_slice){text.p, text.len});
		if (r && !*l->error)
			load_fail(l, -r, "%s: %s", names[i],
				  r == -EBADMSG ? "is not JSON of the form that is expected"
						: strerror(-r));
		buffer_free(&text);
	}
	if (!r && !history_counts(s.h)->rows)
		r = load_fail(l, ENODATA, "%s: holds no rows; nothing was changed", names[0]);
	r = r ? r : history_withdraw(s.h, OWNER_SOURCE);
	r = r ? r : history_commit(s.h);
	if (!r)
		history_tell(s.h);
	refs_close(&s.refs);
	row_free(&s.row);
	free(list);
	return r;
}
