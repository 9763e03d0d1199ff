/* weir load schema: brings ClickHouse's tables, views and dictionaries to what this version needs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of deploy/clickhouse is part of the program. Files of migrations/ are applied once, in
 * their order; files of repeatable/ again whenever they, or what they are made with, have changed,
 * or when what they create is gone. Table schema_migration remembers. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../agent/log.h"
#include "load.h"
#include "schema_variables.h"
#include "sql_template.h"

static const struct {
	const char *name, *text;
} files[] = {
#include "schema.inc"
};

struct statements {
	char **sql;
	unsigned n;
	uint64_t hash; /* of all of them */
};

struct schema {
	struct load *l;
	struct clickhouse_options at;
	struct clickhouse *clickhouse; /* NULL: dry run without a ClickHouse */
	struct sql_template template;
	struct buffer applied; /* lines of table schema_migration: name, tab, checksum */
	unsigned done, already;
};

const char *schema_file(const char *name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(files[i].name, name))
			return files[i].text;
	return NULL;
}

/* FNV-1a. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3;
	return h;
}

static int keep(const char *sql, void *arg)
{
	struct statements *s = arg;
	char **more = realloc(s->sql, (s->n + 1) * sizeof(*more));
	char *copy = strdup(sql);

	if (more)
		s->sql = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	s->sql[s->n++] = copy;
	s->hash = hash(s->hash, sql);
	return 0;
}

static void forget(struct statements *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		explicit_bzero(s->sql[i], strlen(s->sql[i]));
		free(s->sql[i]);
	}
	free(s->sql);
}

static int query(struct schema *s, const char *what, const char *sql, struct buffer *answer)
{
	struct buffer ignored = {0};
	int r = clickhouse_query(s->clickhouse, sql, answer ? answer : &ignored);

	buffer_free(&ignored);
	return r ? load_fail(s->l, -r, "%s: %s", what, clickhouse_error(s->clickhouse)) : 0;
}

__attribute__((format(printf, 4, 5))) static int
query_format(struct schema *s, const char *what, struct buffer *answer, const char *format, ...)
{
	char *sql = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	if (vasprintf(&sql, format, ap) < 0)
		sql = NULL;
	va_end(ap);
	r = sql ? query(s, what, sql, answer) : -ENOMEM;
	free(sql);
	return r;
}

/* The checksum under which a file was applied; NULL: never. */
static const char *applied_as(const struct schema *s, const char *name, char checksum[17])
{
	const char *line = s->applied.p;
	size_t n = strlen(name);

	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (!strncmp(line, name, n) && line[n] == '\t') {
			snprintf(checksum, 17, "%.16s", line + n + 1);
			return checksum;
		}
	}
	return NULL;
}

/* Whether the object that shows it, "database.name", is there. */
static int exists(struct schema *s, const char *object, bool *there)
{
	const char *dot = object ? strchr(object, '.') : NULL;
	struct buffer answer = {0}, sql = {0}, database = {0};
	int r = 0;

	*there = true;
	if (!dot)
		return 0;
	buffer_bytes(&database, object, (size_t)(dot - object));
	buffer_char(&database, '\0');
	buffer_string(&sql, "SELECT count() FROM system.tables WHERE database = ");
	clickhouse_quote(&sql, database.p ? database.p : "");
	buffer_string(&sql, " AND name = ");
	clickhouse_quote(&sql, dot + 1);
	buffer_char(&sql, '\0');
	r = sql.failed || database.failed ? -ENOMEM : query(s, object, sql.p, &answer);
	if (!r)
		*there = answer.p && *answer.p != '0';
	buffer_free(&answer);
	buffer_free(&sql);
	buffer_free(&database);
	return r;
}

static int apply(struct schema *s, const char *name, const struct statements *all, uint64_t sum)
{
	char what[192];
	int r = 0;

	for (unsigned i = 0; i < all->n && !r; i++) {
		if (load_stopped())
			return load_fail(s->l, EINTR, "stopped before %s was complete", name);
		if (s->l->dry_run) {
			printf("-- %s\n%s;\n\n", name, all->sql[i]);
			continue;
		}
		snprintf(what, sizeof(what), "%s, statement %u of %u", name, i + 1, all->n);
		r = query(s, what, all->sql[i], NULL);
	}
	if (r || s->l->dry_run)
		return r;
	r = query_format(s, name, NULL,
			 "INSERT INTO `%s`.schema_migration (name, checksum, statements, program) "
			 "VALUES ('%s', '%016llx', %u, '%s')",
			 s->at.database, name, (unsigned long long)sum, all->n, WEIR_VERSION);
	if (!r)
		log_info("load schema: %s: applied, %u statement%s", name, all->n,
			 all->n == 1 ? "" : "s");
	return r;
}

static int run_file(struct schema *s, const char *name, const char *text)
{
	struct statements all = {.hash = 0xcbf29ce484222325};
	bool once = !strncmp(name, "migrations/", 11), there = true;
	char checksum[17], want[17];
	const char *before;
	uint64_t sum;
	int r = sql_template_run(&s->template, name, text, keep, &all);

	if (r) {
		forget(&all);
		return load_fail(s->l, -r, "%s",
				 *s->template.error ? s->template.error : strerror(-r));
	}
	sum = once ? hash(all.hash & 0, text) : all.hash;
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)sum);
	before = applied_as(s, name, checksum);
	if (s->clickhouse && all.n && before && !once)
		r = exists(s, s->template.creates, &there);
	if (r || !all.n) {
		/* only names, or not wanted */
	} else if (before && !strcmp(before, want) && there && !s->l->force) {
		s->already++;
	} else if (before && once && strcmp(before, want) && !s->l->force) {
		r = load_fail(s->l, EEXIST,
			      "%s was applied in another form than this program has; use the "
			      "program that applied it, or --force to run it again",
			      name);
	} else {
		r = apply(s, name, &all, sum);
		s->done++;
	}
	forget(&all);
	return r;
}

/* The databases and the table that remembers; and what it knows. */
static int prepare(struct schema *s)
{
	struct statements all = {0};
	static const char sql[] =
		"CREATE DATABASE IF NOT EXISTS ${database} ${on_cluster};\n"
		"CREATE DATABASE IF NOT EXISTS ${ingest} ${on_cluster};\n"
		"CREATE TABLE IF NOT EXISTS ${database}.schema_migration ${on_cluster}\n"
		"(\n    name String,\n    checksum String,\n    statements UInt32,\n"
		"    program LowCardinality(String),\n"
		"    applied DateTime64(3, 'UTC') DEFAULT now64(3)\n)\n"
		"ENGINE = ${replicated}MergeTree${everywhere} ORDER BY (name, applied);\n";
	struct buffer there = {0};
	int r = sql_template_run(&s->template, "schema_migration", sql, keep, &all);

	if (r)
		load_fail(s->l, -r, "%s", s->template.error);
	for (unsigned i = 0; i < all.n && !r; i++) {
		if (s->l->dry_run)
			printf("%s;\n\n", all.sql[i]);
		else
			r = query(s, "database", all.sql[i], NULL);
	}
	forget(&all);
	if (!r && s->clickhouse)
		r = query_format(s, "schema_migration", &there,
				 "SELECT count() FROM system.tables WHERE database = '%s' AND "
				 "name = 'schema_migration'",
				 s->at.database);
	if (!r && there.p && *there.p == '1')
		r = query_format(s, "schema_migration", &s->applied,
				 "SELECT name, argMax(checksum, applied) FROM "
				 "`%s`.schema_migration GROUP BY name",
				 s->at.database);
	buffer_free(&there);
	return r;
}

static int schema_run(struct load *l)
{
	struct schema s = {.l = l, .at = l->at};
	int r;

	if (l->n_sources)
		return load_fail(l, EINVAL, "'%s': no argument is expected", l->sources[0]);
	if (!l->at.host && !l->dry_run)
		return load_fail(l, EINVAL,
				 "no ClickHouse is configured; set clickhouse.host, or "
				 "CLICKHOUSE_HOST");
	if (!s.at.database)
		s.at.database = (char *)"default";
	r = schema_variables(l, &s.template);
	if (r) {
		sql_template_free(&s.template);
		return r;
	}
	/* The database may not be there yet: not to be named as the current one. */
	if (l->at.host) {
		struct clickhouse_options at = l->at;

		at.database = NULL;
		s.clickhouse = clickhouse_open(&at);
		r = s.clickhouse ? prepare(&s) : -ENOMEM;
		for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !r; i++)
			if (strncmp(files[i].name, "proto/", 6))
				r = run_file(&s, files[i].name, files[i].text);
		clickhouse_close(s.clickhouse);
	} else {
		r = prepare(&s);
		for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !r; i++)
			if (strncmp(files[i].name, "proto/", 6))
				r = run_file(&s, files[i].name, files[i].text);
	}
	if (!r)
		snprintf(l->summary, sizeof(l->summary), "%u files %s, %u as they should be",
			 s.done, l->dry_run ? "to apply" : "applied", s.already);
	buffer_free(&s.applied);
	sql_template_free(&s.template);
	return r;
}

const struct loader load_schema = {
	.name = "schema",
	.brief = "tables, views and dictionaries of ClickHouse; runs again without harm",
	.arguments = "",
	.help = "Creates what is missing in ClickHouse and changes what has changed; says what it\n"
		"does, and with --dry-run prints the SQL. The variables that shape it are listed in\n"
		"docs/CLICKHOUSE.md: CLICKHOUSE_CLUSTER_NAME, CLICKHOUSE_KAFKA_BROKERS,\n"
		"CLICKHOUSE_FLOW_TTL, CLICKHOUSE_FLOW_MV_BY_EDGE_AS and others.\n",
	.run = schema_run,
	.no_directory = true,
};
