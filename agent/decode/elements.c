/* Information Elements: the built-in tables, a user's file, look-up.
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "../log.h"
#include "elements.h"

/* Ascending: IANA (pen 0), then enterprises, then what only NetFlow v9 has. */
#define ELEMENT_KEY(pen, id) ((uint64_t)(pen) << 16 | (id))
#define ELEMENT_KEY_V9(id)   ((uint64_t)1 << 48 | (id))

enum {
	IANA_END = 0x10000,    /* first key that is not IANA's */
	NTOP = 35632,	       /* an enterprise whose elements, */
	NTOP_V9 = 57472,       /* in NetFlow v9, are the field types from here on */
	NAME_MAX_LENGTH = 100, /* of an element in a user's file */
};

enum element_type {
#define T(name, kind) TYPE_##name = ELEMENT_##kind,
	ELEMENT_TYPES(T)
#undef T
};

static const struct element built_in[] = {
#define ELEMENT(pen, id, text, type) \
	{.key = ELEMENT_KEY(pen, id), .name = text, .kind = (enum element_kind)TYPE_##type},
#define ELEMENT_V9(id, text, type) \
	{.key = ELEMENT_KEY_V9(id), .name = text, .kind = (enum element_kind)TYPE_##type},
#include "elements.inc"
#undef ELEMENT
#undef ELEMENT_V9
};

enum { BUILT_IN = sizeof(built_in) / sizeof(*built_in) };

static const struct {
	const char *name;
	enum element_kind kind;
} types[] = {
#define T(name, kind) {#name, ELEMENT_##kind},
	ELEMENT_TYPES(T)
#undef T
};

struct elements {
	bool vendor_names;
	struct element *user; /* ascending by key; the names are ours */
	size_t n_user;
};

static int by_key(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static const struct element *find(const struct element *table, size_t n, uint64_t key)
{
	struct element wanted = {.key = key};

	return n ? bsearch(&wanted, table, n, sizeof(*table), by_key) : NULL;
}

static const struct element *find_key(const struct elements *e, uint64_t key)
{
	const struct element *found = find(e->user, e->n_user, key);

	if (!found && (key < IANA_END || e->vendor_names))
		found = find(built_in, BUILT_IN, key);
	return found;
}

const struct element *elements_find(const struct elements *e, enum flow_type version, uint32_t pen,
				    uint16_t id)
{
	const struct element *found = find_key(e, ELEMENT_KEY(pen, id));

	if (!found && version == FLOW_NETFLOW_V9) {
		found = find_key(e, ELEMENT_KEY_V9(id));
		if (!found && id >= NTOP_V9)
			found = find_key(e, ELEMENT_KEY(NTOP, id - NTOP_V9));
	}
	return found;
}

/* A decimal number up to max; false: it is none. */
static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	*value = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		*value = *value * 10 + (uint64_t)(*text - '0');
		if (*value > max)
			return false;
	}
	return true;
}

static bool good_name(const char *name)
{
	if (!isalpha((unsigned char)*name) || strlen(name) > NAME_MAX_LENGTH)
		return false;
	while (isalnum((unsigned char)*name) || *name == '_' || *name == '-')
		name++;
	return !*name;
}

static bool find_type(const char *name, enum element_kind *kind)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!strcmp(types[i].name, name)) {
			*kind = types[i].kind;
			return true;
		}
	}
	return false;
}

/* One row into *row (the name still belongs to the line). 0 or -EINVAL after a message. */
static int parse_row(char *line, struct element *row, const char *path)
{
	char *column[4], *rest = line;
	uint64_t pen, id;
	unsigned n = 0;

	while (n < 4 && rest)
		column[n++] = strsep(&rest, "\t");
	if (n < 4 || rest) {
		log_error("%s:%u: not four columns pen, id, name, type between tabs", path,
			  row->line);
		return -EINVAL;
	}
	if (!strcmp(column[0], "v9")) {
		if (!parse_number(column[1], UINT16_MAX, &id))
			goto bad_id;
		row->key = ELEMENT_KEY_V9(id);
	} else {
		if (!parse_number(column[0], UINT32_MAX, &pen)) {
			log_error("%s:%u: pen '%s' is neither a number up to 4294967295 nor v9",
				  path, row->line, column[0]);
			return -EINVAL;
		}
		if (!parse_number(column[1], INT16_MAX, &id))
			goto bad_id;
		row->key = ELEMENT_KEY(pen, id);
	}
	if (!good_name(column[2])) {
		log_error(
			"%s:%u: name '%.100s' is not a letter and up to %d letters, digits, _ and -",
			path, row->line, column[2], NAME_MAX_LENGTH - 1);
		return -EINVAL;
	}
	row->name = column[2];
	if (!find_type(column[3], &row->kind)) {
		log_error("%s:%u: type '%.100s' is not one of RFC 7011's (unsigned32, string, "
			  "ipv4Address, octetArray …)",
			  path, row->line, column[3]);
		return -EINVAL;
	}
	return 0;
bad_id:
	log_error("%s:%u: id '%.100s' is not a number up to %d", path, row->line, column[1],
		  strcmp(column[0], "v9") ? INT16_MAX : UINT16_MAX);
	return -EINVAL;
}

/* Appends the rows of the file to e->user in their order. */
static int read_rows(struct elements *e, FILE *f, const char *path)
{
	size_t size = 0, cap = 0;
	char *line = NULL;
	unsigned number = 0;
	ssize_t length;
	int r = 0;

	while (!r && (length = getline(&line, &size, f)) >= 0) {
		struct element row = {.line = ++number};

		while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = 0;
		if (!length || *line == '#')
			continue;
		if (e->n_user == cap) {
			size_t more = cap ? 2 * cap : 64;
			struct element *grown = realloc(e->user, more * sizeof(*grown));

			if (!grown) {
				r = -ENOMEM;
				break;
			}
			e->user = grown;
			cap = more;
		}
		r = parse_row(line, &row, path);
		if (r)
			break;
		row.name = strdup(row.name);
		if (row.name)
			e->user[e->n_user++] = row;
		else
			r = -ENOMEM;
	}
	if (!r && ferror(f)) {
		r = -EIO;
		log_error("%s: cannot be read", path);
	}
	free(line);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct element *const *)a)->name,
		      (*(const struct element *const *)b)->name);
}

/* One element has one row, and one name belongs to one element: else the keys of a record could not
 * be told apart. Built-in rows that the user replaces do not count. */
static int check_rows(const struct elements *e, const char *path)
{
	const struct element **all = malloc((e->n_user + BUILT_IN) * sizeof(*all));
	size_t n = 0;
	int r = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_user; i++) {
		all[n++] = &e->user[i];
		if (i && e->user[i].key == e->user[i - 1].key) {
			log_error("%s:%u: the element of line %u again", path,
				  MAX(e->user[i].line, e->user[i - 1].line),
				  MIN(e->user[i].line, e->user[i - 1].line));
			r = -EINVAL;
			goto out;
		}
	}
	for (size_t i = 0; i < BUILT_IN; i++)
		if ((built_in[i].key < IANA_END || e->vendor_names) &&
		    !find(e->user, e->n_user, built_in[i].key))
			all[n++] = &built_in[i];
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(all[i - 1]->name, all[i]->name))
			continue;
		log_error("%s:%u: another element has the name '%s', choose another", path,
			  MAX(all[i - 1]->line, all[i]->line), all[i]->name);
		r = -EINVAL;
		break;
	}
out:
	free(all);
	return r;
}

static int load(struct elements *e, const char *path)
{
	FILE *f = fopen(path, "re");
	int r;

	if (!f) {
		r = -errno;
		log_error("%s: cannot be opened: %s", path, strerror(errno));
		return r;
	}
	r = read_rows(e, f, path);
	fclose(f);
	if (r)
		return r;
	if (e->n_user)
		qsort(e->user, e->n_user, sizeof(*e->user), by_key);
	return check_rows(e, path);
}

int elements_open(struct elements **to, bool vendor_names, const char *path)
{
	struct elements *e = calloc(1, sizeof(*e));
	int r;

	*to = NULL;
	if (!e)
		return -ENOMEM;
	e->vendor_names = vendor_names;
	r = path ? load(e, path) : 0;
	if (r)
		elements_close(e);
	else
		*to = e;
	return r;
}

void elements_close(struct elements *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_user; i++)
		free((char *)e->user[i].name);
	free(e->user);
	free(e);
}
