/* The latest version of every row of a small table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "latest.h"
#include "versions.h"

struct latest {
	struct load *l;
	struct versions index;
	char **line;
	size_t n, room;
	bool unversioned;
};

static struct json_slice unquoted(struct json_slice s)
{
	return json_is_string(s) ? (struct json_slice){s.p + 1, s.n - 2} : s;
}

struct json_slice kept_text(struct json_slice row, const char *member)
{
	struct json_slice v = json_member(row, member);

	return json_is_null(v) ? (struct json_slice){NULL, 0} : unquoted(v);
}

bool kept_read(struct json_slice row, struct kept *k)
{
	struct json_slice key, value;
	struct json_walk w;

	memset(k, 0, sizeof(*k));
	if (!json_walk_object(&w, row))
		return false;
	while (json_next_member(&w, &key, &value)) {
		if (json_is(key, "id"))
			k->id = unquoted(value);
		else if (json_is(key, "ref"))
			k->ref = unquoted(value);
		else if (json_is(key, "tag"))
			k->withdrawn = memmem(value.p, value.n, "\"withdrawn\"", 11);
	}
	k->number = k->ref.p ? version_number(k->ref.p, k->ref.n) : 0;
	return !w.failed && k->id.p;
}

bool kept_subnet(struct json_slice pair, struct ip_addr *a, unsigned *length)
{
	struct json_slice address, number;
	struct json_walk w;
	unsigned long n;
	char text[64];
	int len;

	if (!json_walk_array(&w, pair) || !json_next_item(&w, &address) ||
	    !json_next_item(&w, &number) || !json_is_string(address) || address.n > 48 ||
	    !number.n || number.n > 3)
		return false;
	address = unquoted(address);
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	n = strtoul(text, NULL, 10);
	if (n <= 32 && address.n > 7 && !strncasecmp(address.p, "::ffff:", 7) &&
	    memchr(address.p, '.', address.n)) /* the length is that of IPv4 */
		address = (struct json_slice){address.p + 7, address.n - 7};
	len = snprintf(text, sizeof(text), "%.*s/%lu", (int)address.n, address.p, n);
	return parse_subnet(text, (size_t)len, a, length);
}

static int take(char *text, size_t n, void *arg)
{
	struct latest *t = arg;
	struct version *v;
	struct kept k;
	char *copy;

	if (!n)
		return 0;
	if (!kept_read((struct json_slice){text, n}, &k))
		return -EBADMSG;
	v = t->unversioned ? versions_add(&t->index, text, n)
			   : versions_add(&t->index, k.id.p, k.id.n);
	copy = v ? strndup(text, n) : NULL;
	if (v && !v->index && t->n == t->room) {
		char **p = reallocarray(t->line, t->room ? 2 * t->room : 64, sizeof(*p));

		if (!p) {
			free(copy);
			return -ENOMEM;
		}
		t->line = p;
		t->room = t->room ? 2 * t->room : 64;
	}
	if (!copy)
		return -ENOMEM;
	if (!v->index) {
		t->line[t->n++] = copy;
		v->index = t->n;
	} else if (k.number > v->number) {
		free(t->line[v->index - 1]);
		t->line[v->index - 1] = copy;
	} else {
		free(copy);
		return 0;
	}
	v->number = k.number & VERSION_NUMBER_MAX;
	return 0;
}

int latest_each(struct load *l, const char *table, int (*each)(struct json_slice row, void *arg),
		void *arg)
{
	const struct meta_table *m = meta_table(table);
	struct latest t = {.l = l, .unversioned = m && m->unversioned};
	int r = history_each(l, table, take, &t);

	if (r == -ENOENT) {
		*l->error = '\0';
		r = 0;
	}
	if (r && !*l->error)
		load_fail(l, -r, "%s: %s", table, strerror(-r));
	for (size_t i = 0; i < t.n; i++) {
		struct json_slice row = {t.line[i], strlen(t.line[i])};
		struct kept k;

		if (!r && kept_read(row, &k) && !k.withdrawn)
			r = each(row, arg);
		free(t.line[i]);
	}
	free(t.line);
	versions_free(&t.index);
	return r;
}
