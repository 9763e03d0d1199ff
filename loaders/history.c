/* Type-2 history of a metadata table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../agent/log.h"
#include "history.h"
#include "json_scan.h"
#include "spool.h"
#include "unpack.h"
#include "versions.h"

enum { ID_MAX = 200, ONE_BLOCK_ROWS = 500000, WITHDRAW_FREELY = 10, KEY_SEPARATOR = 31 };

#define FILE_MARK "\"file\""

struct history {
	struct load *l;
	const struct meta_table *t;
	struct versions versions;
	struct history_counts counts;
	struct spool spool;
	uint64_t spooled; /* rows */
	int lock;
	EVP_MD *md5;
	EVP_MD_CTX *digest;
	struct buffer text, line;
	char now[32];
	bool withdrawing; /* what history_withdraw() passes to its callback */
	enum history_owner owner;
	uint64_t owned, missing;
};

const struct history_counts *history_counts(const struct history *h)
{
	return &h->counts;
}

const char *history_table_name(struct load *l, const struct meta_table *t)
{
	const char *name = load_variable(l, t->variable);

	return name ? name : t->name;
}

static void path_of(const struct load *l, const char *table, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.jsonl.zst", l->history, table);
}

static int each_local(struct load *l, const char *table,
		      int (*each)(char *line, size_t n, void *arg), void *arg)
{
	char path[PATH_MAX], *line;
	struct unpack *u;
	size_t n;
	int r;

	path_of(l, table, path);
	r = unpack_open(&u, path, NULL, UINT64_MAX, l->error, sizeof(l->error));
	if (r)
		return r;
	while ((r = unpack_line(u, &line, &n)) > 0) {
		r = each(line, n, arg);
		if (r < 0)
			break;
		if (unpack_line_number(u) % 8192 == 0) {
			load_progress(l, table, unpack_position(u), unpack_size(u));
			if (load_stopped()) {
				r = load_fail(l, EINTR, "stopped");
				break;
			}
		}
	}
	if (r < 0 && *unpack_error(u))
		load_fail(l, -r, "%s: %s (move it away to begin a new history)", path,
			  unpack_error(u));
	else if (r < 0 && !*l->error)
		load_fail(l, -r, "%s:%u: %s", path, unpack_line_number(u),
			  r == -EBADMSG ? "is not JSON" : strerror(-r));
	unpack_close(u);
	return r;
}

static int each_remote(struct load *l, const char *sql,
		       int (*each)(char *line, size_t n, void *arg), void *arg)
{
	int r = clickhouse_lines(l->clickhouse, sql, each, arg);

	if (r && !*l->error)
		load_fail(l, -r, "%s", clickhouse_error(l->clickhouse));
	return r;
}

int history_each(struct load *l, const char *table, int (*each)(char *line, size_t n, void *arg),
		 void *arg)
{
	const struct meta_table *t = meta_table(table);
	struct buffer sql = {0};
	int r;

	if (!l->clickhouse)
		return each_local(l, table, each, arg);
	buffer_string(&sql, t && t->unversioned ? "SELECT * EXCEPT (insert_time) FROM "
						: "SELECT * FROM ");
	clickhouse_quote_name(&sql, t ? history_table_name(l, t) : table);
	buffer_string(&sql, t && t->unversioned ? " FINAL" : "");
	buffer_string(&sql,
		      " FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers=0, "
		      "output_format_json_escape_forward_slashes=0");
	buffer_char(&sql, '\0');
	r = sql.failed ? load_fail(l, ENOMEM, "out of memory") : each_remote(l, sql.p, each, arg);
	buffer_free(&sql);
	return r;
}

/* One kept version. `hash` is 32 hex digits; NULL where the table has none. */
static int know(struct history *h, const char *id, size_t id_n, uint32_t number, const char *hash,
		bool withdrawn, bool file)
{
	struct version *v;

	if (h->withdrawing)
		return 0;
	v = versions_add(&h->versions, id, id_n);
	if (!v)
		return load_fail(h->l, ENOMEM, "out of memory");
	if (number < v->number)
		return 0;
	v->number = number & VERSION_NUMBER_MAX;
	v->withdrawn = withdrawn;
	v->owned = file; /* whose it is: settled by history_withdraw() */
	for (int i = 0; hash && i < 16; i++) {
		char byte[3] = {hash[2 * i], hash[2 * i + 1], '\0'};

		v->hash[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return 0;
}

static int withdraw_one(struct history *h, const char *id, size_t n);

static int take(struct history *h, const char *id, size_t id_n, uint32_t number, const char *hash,
		bool withdrawn, bool file)
{
	if (h->withdrawing)
		return withdraw_one(h, id, id_n);
	return know(h, id, id_n, number, hash, withdrawn, file);
}

/* What tells one row of an unversioned table from the others. */
static void natural_key(struct buffer *to, struct json_slice id, struct json_slice protocol,
			struct json_slice min, struct json_slice max)
{
	buffer_clear(to);
	buffer_bytes(to, id.p, id.n);
	buffer_char(to, KEY_SEPARATOR);
	buffer_bytes(to, protocol.p, protocol.n);
	buffer_char(to, KEY_SEPARATOR);
	buffer_bytes(to, min.p, min.n);
	buffer_char(to, KEY_SEPARATOR);
	buffer_bytes(to, max.p, max.n);
}

static struct json_slice unquoted(struct json_slice s)
{
	return json_is_string(s) ? (struct json_slice){s.p + 1, s.n - 2} : s;
}

static int take_json(char *text, size_t n, void *arg)
{
	struct json_slice line = {text, n}, key, value, id = {0}, ref = {0}, hash = {0}, tag = {0},
			  ext = {0}, protocol = {0}, min = {0}, max = {0};
	struct history *h = arg;
	struct json_walk w;

	if (!json_walk_object(&w, line))
		return n ? -EBADMSG : 0;
	while (json_next_member(&w, &key, &value)) {
		if (json_is(key, "id"))
			id = unquoted(value);
		else if (json_is(key, "ref"))
			ref = unquoted(value);
		else if (json_is(key, "hash"))
			hash = unquoted(value);
		else if (json_is(key, "tag"))
			tag = value;
		else if (json_is(key, "ext"))
			ext = value;
		else if (json_is(key, "protocol"))
			protocol = unquoted(value);
		else if (json_is(key, "port_range_min"))
			min = value;
		else if (json_is(key, "port_range_max"))
			max = value;
	}
	if (w.failed || !id.p || (hash.p && hash.n != 32))
		return -EBADMSG;
	if (h->t->unversioned) {
		natural_key(&h->text, id, protocol, min, max);
		return take(h, h->text.p, h->text.len, 1, hash.p, false, true);
	}
	return take(h, id.p, id.n, version_number(ref.p ? ref.p : "", ref.n), hash.p,
		    tag.p && memmem(tag.p, tag.n, "\"withdrawn\"", 11),
		    ext.p && memmem(ext.p, ext.n, FILE_MARK, sizeof(FILE_MARK) - 1));
}

/* id, ref, hash, withdrawn, from a file: as known_sql() asks for them. */
static int take_tsv(char *text, size_t n, void *arg)
{
	struct history *h = arg;
	char *field[5], *rest = text;

	for (int i = 0; i < 5; i++) {
		field[i] = strsep(&rest, "\t");
		if (!field[i])
			return load_fail(h->l, EBADMSG, "ClickHouse answers '%.100s'", text);
	}
	(void)n;
	if (h->t->unversioned)
		return take(h, field[0], strlen(field[0]), 1, NULL, false, true);
	return take(h, field[0], strlen(field[0]), version_number(field[1], strlen(field[1])),
		    strlen(field[2]) == 32 ? field[2] : NULL, *field[3] == '1', *field[4] == '1');
}

static void known_sql(struct history *h, struct buffer *sql)
{
	if (h->t->unversioned)
		buffer_string(sql, "SELECT concat(id, char(31), protocol, char(31), "
				   "toString(port_range_min), char(31), toString(port_range_max)), "
				   "'', '', 0, 0 FROM ");
	else
		buffer_string(sql,
			      "SELECT toString(id), ref, hash, has(tag, 'withdrawn'), "
			      "position(ifNull(toString(ext.data_source), ''), 'file') > 0 FROM ");
	clickhouse_quote_name(sql, history_table_name(h->l, h->t));
	buffer_string(sql, h->t->unversioned ? " FORMAT TabSeparatedRaw" : " FORMAT TabSeparated");
	buffer_char(sql, '\0');
}

static int read_known(struct history *h)
{
	struct buffer sql = {0};
	int r;

	if (!h->l->clickhouse) {
		r = each_local(h->l, h->t->name, take_json, h);
		if (r == -ENOENT)
			*h->l->error = '\0';
		return r == -ENOENT ? 0 : r;
	}
	known_sql(h, &sql);
	r = sql.failed ? load_fail(h->l, ENOMEM, "out of memory")
		       : each_remote(h->l, sql.p, take_tsv, h);
	buffer_free(&sql);
	return r;
}

int history_open(struct history **out, struct load *l, const struct meta_table *t, bool to_write)
{
	struct history *h = calloc(1, sizeof(*h));
	time_t now = time(NULL);
	struct tm tm;
	int r = 0;

	*out = h;
	if (!h)
		return load_fail(l, ENOMEM, "out of memory");
	h->l = l;
	h->t = t;
	h->lock = -1;
	strftime(h->now, sizeof(h->now), "%Y-%m-%d %H:%M:%S", gmtime_r(&now, &tm));
	h->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	h->digest = EVP_MD_CTX_new();
	if (!h->md5 || !h->digest)
		r = load_fail(l, ENOTSUP, "this machine's OpenSSL has no MD5, which hashes need");
	if (!r && to_write) {
		h->lock = load_lock(l, l->history, t->name);
		r = h->lock < 0 ? h->lock : 0;
	}
	if (!r && to_write) {
		r = spool_begin(&h->spool, l->history, t->name);
		if (r)
			load_fail(l, -r, "%s: %s", l->history, strerror(-r));
	}
	if (!r)
		r = read_known(h);
	if (r) {
		history_close(h);
		*out = NULL;
	}
	return r;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	spool_free(&h->spool);
	if (h->lock >= 0)
		close(h->lock);
	versions_free(&h->versions);
	EVP_MD_CTX_free(h->digest);
	EVP_MD_free(h->md5);
	buffer_free(&h->text);
	buffer_free(&h->line);
	free(h);
}

static bool good_id(const char *id, size_t n)
{
	if (!id || !n || n > ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)id[i] < ' ' || id[i] == '"' || id[i] == '\\' || id[i] == 127)
			return false;
	return true;
}

const char *history_ref(const struct history *h, const char *id, size_t n, char ref[REF_MAX])
{
	const struct version *v = good_id(id, n) ? versions_find(&h->versions, id, n) : NULL;

	if (!v || !v->number || v->withdrawn)
		return NULL;
	snprintf(ref, REF_MAX, "%.*s__v%u", (int)n, id, (unsigned)v->number);
	return ref;
}

static void hash_text(struct history *h, uint8_t hash[16])
{
	EVP_DigestInit_ex2(h->digest, h->md5, NULL);
	EVP_DigestUpdate(h->digest, h->text.p, h->text.len);
	EVP_DigestFinal_ex(h->digest, hash, NULL);
}

static struct json_slice column_of(const struct row *r, const char *name)
{
	struct json_slice s = {0};
	int column = meta_column(r->t, name);

	if (column >= 0)
		s.p = row_get(r, column, &s.n);
	return s;
}

/* The entry of the row's id, its hash in `hash`. NULL with *error 0: the row is refused. */
static struct version *entry_of(struct history *h, struct row *r, uint8_t hash[16],
				struct json_slice *id, int *error)
{
	struct version *v;

	*error = 0;
	*id = column_of(r, "id");
	if (!good_id(id->p, id->n)) {
		if (!h->counts.refused++)
			log_warning("load %s: %s: '%.*s' cannot be an id: 1 to %d bytes without "
				    "quotes are; such rows are left out",
				    h->l->name, h->t->name, (int)(id->n < 60 ? id->n : 60),
				    id->p ? id->p : "", ID_MAX);
		return NULL;
	}
	if (h->t->unversioned)
		natural_key(&h->text, *id, column_of(r, "protocol"), column_of(r, "port_range_min"),
			    column_of(r, "port_range_max"));
	v = h->t->unversioned ? versions_add(&h->versions, h->text.p, h->text.len)
			      : versions_add(&h->versions, id->p, id->n);
	buffer_clear(&h->text);
	row_print(r, true, &h->text);
	if (!v || h->text.failed || r->values.failed) {
		*error = load_fail(h->l, ENOMEM, "out of memory");
		return NULL;
	}
	hash_text(h, hash);
	return v;
}

static void decide(struct history *h, struct version *v, const uint8_t hash[16])
{
	bool differs = memcmp(v->hash, hash, 16) != 0;

	if (h->t->unversioned && h->l->clickhouse)
		differs = false; /* what the key does not say is not compared */
	if (v->fresh || (v->number && !differs && !h->l->force))
		return;
	if (v->number)
		h->counts.changed++;
	else
		h->counts.added++;
	v->number++;
	v->fresh = 1;
	v->withdrawn = 0;
	memcpy(v->hash, hash, 16);
}

int history_decide(struct history *h, struct row *r)
{
	struct json_slice id;
	uint8_t hash[16];
	int error;
	struct version *v = entry_of(h, r, hash, &id, &error);

	if (v && !v->seen)
		decide(h, v, hash);
	return error;
}

/* One line of the spool: ref and hash in front of the row's own text. */
static int spool_row(struct history *h, const struct row *r, const struct version *v,
		     struct json_slice id)
{
	int error;

	buffer_clear(&h->line);
	buffer_char(&h->line, '{');
	if (!h->t->unversioned) {
		buffer_string(&h->line, "\"ref\":\"");
		buffer_bytes(&h->line, id.p, id.n);
		buffer_string(&h->line, "__v");
		buffer_uint(&h->line, v->number);
		buffer_string(&h->line, "\",");
	}
	if (!h->t->unversioned || !h->l->clickhouse) {
		buffer_string(&h->line, "\"hash\":\"");
		buffer_hex(&h->line, v->hash, 16);
		buffer_string(&h->line, "\",");
	}
	if (!h->l->clickhouse)
		buffer_format(&h->line, "\"insert_time\":\"%s\",", h->now);
	buffer_clear(&h->text);
	row_print(r, false, &h->text);
	buffer_bytes(&h->line, h->text.p + 1, h->text.len - 1);
	buffer_char(&h->line, '\n');
	if (h->line.failed || h->text.failed)
		return load_fail(h->l, ENOMEM, "out of memory");
	error = spool_write(&h->spool, h->line.p, h->line.len);
	if (error)
		return load_fail(h->l, -error, "%s: %s", h->spool.path, strerror(-error));
	h->spooled++;
	return 0;
}

int history_add(struct history *h, struct row *r)
{
	struct json_slice id;
	uint8_t hash[16];
	int error;
	struct version *v = entry_of(h, r, hash, &id, &error);

	h->counts.rows++;
	if (!v)
		return error;
	if (v->seen) {
		h->counts.repeated++;
		return 0;
	}
	decide(h, v, hash);
	v->seen = 1;
	/* an unversioned table is written whole where it is a file */
	if (!v->fresh)
		h->counts.unchanged++;
	if (v->fresh || (h->t->unversioned && !h->l->clickhouse))
		return spool_row(h, r, v, id);
	return 0;
}

static bool is_owned(const struct version *v, enum history_owner owner)
{
	return v->owned == (owner == OWNER_FILES) && !v->withdrawn;
}

static int withdraw_one(struct history *h, const char *id, size_t n)
{
	struct version *v = good_id(id, n) ? versions_find(&h->versions, id, n) : NULL;
	struct row r = {0};
	uint8_t hash[16];
	int error;

	if (!v || v->seen || !v->number || !is_owned(v, h->owner))
		return 0;
	row_begin(&r, h->t);
	row_text(&r, meta_column(h->t, "id"), id, n);
	row_json(&r, meta_column(h->t, "tag"), "[\"withdrawn\"]", 13);
	if (h->owner == OWNER_FILES)
		row_json(&r, meta_column(h->t, "ext"), "{\"data_source\":[\"file\"]}", 24);
	buffer_clear(&h->text);
	row_print(&r, true, &h->text);
	hash_text(h, hash);
	memcpy(v->hash, hash, 16);
	v->number++;
	v->fresh = v->withdrawn = v->seen = 1;
	h->counts.withdrawn++;
	error = spool_row(h, &r, v, (struct json_slice){id, n});
	row_free(&r);
	return error;
}

int history_withdraw(struct history *h, enum history_owner owner)
{
	uint64_t owned = 0, missing = 0;
	int r;

	for (size_t i = 0; i < h->versions.room; i++) {
		const struct version *v = &h->versions.p[i];

		if (!v->used || v->fresh || !v->number || !is_owned(v, owner))
			continue;
		owned++;
		missing += !v->seen;
	}
	if (!missing || owner == OWNER_NOBODY || h->t->unversioned)
		return 0;
	if (missing > WITHDRAW_FREELY && missing > owned / 2) {
		log_warning("load %s: %s: %" PRIu64 " of %" PRIu64 " known rows are not in the "
			    "source any more; that is too many to be true, so they are kept (look "
			    "at the source)",
			    h->l->name, h->t->name, missing, owned);
		return 0;
	}
	h->withdrawing = true;
	h->owner = owner;
	r = read_known(h);
	h->withdrawing = false;
	return r;
}

static ssize_t more_of_spool(char *to, size_t room, void *arg)
{
	return load_stopped() ? -EINTR : unpack_read(arg, to, room);
}

static int insert(struct history *h, const char *table)
{
	/* one block, and so one part: all or nothing */
	static const char settings[] = "min_insert_block_size_rows=1000000&max_insert_block_size="
				       "1000000&min_insert_block_size_bytes=0&async_insert=0";
	struct load *l = h->l;
	struct buffer sql = {0};
	struct unpack *u;
	int r = unpack_open(&u, h->spool.path, NULL, UINT64_MAX, l->error, sizeof(l->error));

	if (r)
		return r;
	buffer_string(&sql, "INSERT INTO ");
	clickhouse_quote_name(&sql, table);
	buffer_string(&sql, " FORMAT JSONEachRow");
	buffer_char(&sql, '\0');
	r = clickhouse_insert(l->clickhouse, sql.p, settings, more_of_spool, u);
	if (r)
		load_fail(l, -r, "%s: %s", table, clickhouse_error(l->clickhouse));
	buffer_free(&sql);
	unpack_close(u);
	return r;
}

__attribute__((format(printf, 3, 4))) static int run_sql(struct history *h, struct buffer *answer,
							 const char *format, ...)
{
	struct buffer sql = {0};
	char text[1024];
	va_list ap;
	int r;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buffer_bytes(&sql, text, strlen(text) + 1);
	r = sql.failed ? -ENOMEM : clickhouse_query(h->l->clickhouse, sql.p, answer);
	if (r)
		load_fail(h->l, -r, "%s", clickhouse_error(h->l->clickhouse));
	buffer_free(&sql);
	return r;
}

/* What is more than one block goes to a table beside it first, whose parts are then attached in one
 * step. Tables of other engines than MergeTree and its kin (Distributed, say) get it in blocks. The
 * table beside it is not replicated even where the other is: made AS that alone, it would have the
 * other's path in Keeper. */
static int insert_by_way(struct history *h, const char *table)
{
	struct buffer keys = {0};
	int r = run_sql(h, &keys,
			"SELECT concat('ENGINE = MergeTree PRIMARY KEY (', primary_key, ') ORDER "
			"BY (', sorting_key, ')') FROM system.tables WHERE database = "
			"currentDatabase() AND name = '%s' AND endsWith(engine, 'MergeTree') AND "
			"partition_key = '' FORMAT TSVRaw",
			table);

	buffer_char(&keys, '\0');
	if (!r && (keys.failed || !strchr(keys.p, '\n'))) {
		r = keys.failed ? load_fail(h->l, ENOMEM, "out of memory") : insert(h, table);
		buffer_free(&keys);
		return r;
	}
	r = r ? r : run_sql(h, NULL, "DROP TABLE IF EXISTS `%s__load` SYNC", table);
	r = r ? r : run_sql(h, NULL, "CREATE TABLE `%s__load` AS `%s` %s", table, table, keys.p);
	buffer_free(&keys);
	if (!r) {
		char aside[256];

		snprintf(aside, sizeof(aside), "%s__load", table);
		r = insert(h, aside);
	}
	r = r ? r
	      : run_sql(h, NULL, "ALTER TABLE `%s` ATTACH PARTITION tuple() FROM `%s__load`", table,
			table);
	if (r) {
		char error[sizeof(h->l->error)];

		strcpy(error, h->l->error);
		run_sql(h, NULL, "DROP TABLE IF EXISTS `%s__load` SYNC", table);
		strcpy(h->l->error, error);
		return r;
	}
	return run_sql(h, NULL, "DROP TABLE IF EXISTS `%s__load` SYNC", table);
}

static int commit_local(struct history *h)
{
	char path[PATH_MAX];
	int r;

	path_of(h->l, h->t->name, path);
	r = spool_commit(&h->spool, path, h->t->unversioned);
	return r ? load_fail(h->l, -r, "%s: %s", path, strerror(-r)) : 0;
}

int history_commit(struct history *h)
{
	const char *table = history_table_name(h->l, h->t);
	/* a file without versions is written anew, also where rows have gone */
	bool whole = h->t->unversioned && !h->l->clickhouse;
	bool differs = whole ? h->counts.added || h->counts.changed || h->versions.n > h->spooled
			     : h->spooled > 0;
	int r;

	if (h->l->dry_run || !differs)
		return 0;
	if (load_stopped())
		return load_fail(h->l, EINTR, "stopped before %s was written; it is as it was",
				 h->t->name);
	r = spool_end(&h->spool);
	if (r)
		return load_fail(h->l, -r, "%s: %s", h->spool.path, strerror(-r));
	load_progress(h->l, h->t->name, 0, 0);
	if (!h->l->clickhouse)
		return commit_local(h);
	return h->spooled > ONE_BLOCK_ROWS ? insert_by_way(h, table) : insert(h, table);
}

void history_tell(const struct history *h)
{
	const struct history_counts *c = &h->counts;
	struct load *l = h->l;
	size_t at = strlen(l->summary);

#define SAY(...)                                                                       \
	at += (size_t)snprintf(l->summary + at, sizeof(l->summary) - at, __VA_ARGS__); \
	at = at < sizeof(l->summary) ? at : sizeof(l->summary) - 1
	SAY("%s%s: %" PRIu64 " rows read, %" PRIu64 " new, %" PRIu64 " changed, %" PRIu64
	    " unchanged",
	    at ? "; " : "", h->t->name, c->rows, c->added, c->changed, c->unchanged);
	if (c->withdrawn) {
		SAY(", %" PRIu64 " withdrawn", c->withdrawn);
	}
	if (c->repeated) {
		SAY(", %" PRIu64 " repeated", c->repeated);
	}
	if (c->refused) {
		SAY(", %" PRIu64 " refused", c->refused);
	}
#undef SAY
}
