/* weir load export: flows to Parquet in an object store, each row once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * ClickHouse reads, converts and writes; this drives it and keeps the books in ClickHouse, where
 * the rows are. A row belongs to a batch and a day, which were stored together or not at all. A run
 *   1. is opened;
 *   2. claims the batches that no run has and that are older than the time of grace (export_batch),
 *      late ones as well, and is then planned;
 *   3. writes one object for each hour of the flows' times, under names that follow from the run
 *      and the hour alone, and counts what is in them;
 *   4. is done.
 * One that ended before it was planned has written nothing: its claims are given back. One that
 * ended later is written again: the same rows under the same names. One exporter at a time.
 *
 * Claims of a month are forgotten when all flows that are left are younger by FORGET_DAYS: not by a
 * TTL of their own, which a longer one of the flows would outlive and so send them out again. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/log.h"
#include "load.h"

enum {
	GRACE = 10,	     /* s; an insert that is under way may take that long */
	ROWS_MAX = 20000000, /* of one run; what is left is for the next */
	FORGET_DAYS = 60,
};

struct export
{
	struct load *l;
	const char *database;
	struct buffer store; /* s3('URL', 'KEY', 'SECRET', 'Parquet' without the URL's end */
	struct buffer login;
	unsigned grace; /* s */
	uint64_t rows;
	unsigned runs;
};

/* One query and the first line of its answer. */
__attribute__((format(printf, 4, 5))) static int ask(struct export *e, const char *what,
						     struct buffer *answer, const char *format, ...)
{
	struct buffer ignored = {0};
	char *sql = NULL, *end;
	va_list ap;
	int r;

	if (load_stopped())
		return load_fail(e->l, EINTR, "stopped; the run is continued the next time");
	va_start(ap, format);
	r = vasprintf(&sql, format, ap);
	va_end(ap);
	if (r < 0)
		return load_fail(e->l, ENOMEM, "out of memory");
	if (answer)
		buffer_clear(answer);
	r = clickhouse_query(e->l->clickhouse, sql, answer ? answer : &ignored);
	if (r)
		load_fail(e->l, -r, "%s: %s", what, clickhouse_error(e->l->clickhouse));
	if (!r && answer && answer->p && (end = strchr(answer->p, '\n')))
		*end = '\0';
	explicit_bzero(sql, strlen(sql)); /* one holds the store's secret */
	free(sql);
	buffer_free(&ignored);
	return r;
}

static int set_state(struct export *e, uint64_t run, const char *state)
{
	return ask(e, state, NULL,
		   "INSERT INTO `%s`.export_run (run, state, row_count, first_start, last_start, "
		   "first_insert, last_insert) "
		   "SELECT %" PRIu64 ", '%s', sum(row_count), toDateTime64(min(day), 3, 'UTC'), "
		   "toDateTime64(max(day) + 1, 3, 'UTC'), min(insert_time), max(insert_time) "
		   "FROM `%s`.export_batch WHERE run = %" PRIu64,
		   e->database, run, state, e->database, run);
}

/* Claims what is there for the run: batch and day, in the order of their coming. */
static int plan(struct export *e, uint64_t run, uint64_t *rows)
{
	struct buffer answer = {0};
	int r;

	r = ask(e, "plan", NULL,
		"INSERT INTO `%s`.export_batch (run, batch, day, insert_time, row_count) "
		"SELECT %" PRIu64 ", batch, day, inserted, held FROM ("
		"SELECT batch, day, inserted, held, sum(held) OVER (ORDER BY inserted, batch, day "
		"ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - held AS before FROM ("
		"SELECT batch, day, max(insert_time) AS inserted, sum(n) AS held FROM ("
		"SELECT batch, toDate(start_time) AS day, insert_time, count() AS n "
		"FROM `%s`.data_flow GROUP BY batch, toDate(start_time), insert_time) "
		"WHERE (batch, day) NOT IN (SELECT batch, day FROM `%s`.export_batch) "
		"GROUP BY batch, day HAVING inserted < now64(3) - INTERVAL %u SECOND)) "
		"WHERE before < %d SETTINGS max_block_size = 16777216, "
		"min_insert_block_size_rows = 16777216",
		e->database, run, e->database, e->database, e->grace, ROWS_MAX);
	if (!r)
		r = ask(e, "plan", &answer,
			"SELECT sum(row_count) FROM `%s`.export_batch WHERE run = %" PRIu64,
			e->database, run);
	*rows = r || !answer.p ? 0 : strtoull(answer.p, NULL, 10);
	buffer_free(&answer);
	return r;
}

/* The rows of a planned run that are still there; what is older than the table's TTL has gone. */
static int count_rows(struct export *e, uint64_t run, const char *times, uint64_t *rows)
{
	struct buffer answer = {0};
	int r = ask(e, "rows", &answer,
		    "SELECT count() FROM `%s`.data_flow WHERE %s AND (batch, toDate(start_time)) "
		    "GLOBAL IN (SELECT batch, day FROM `%s`.export_batch WHERE run = %" PRIu64 ")",
		    e->database, times, e->database, run);

	*rows = r || !answer.p ? 0 : strtoull(answer.p, NULL, 10);
	buffer_free(&answer);
	return r;
}

/* Writes the objects of a planned run and counts what is in them. Where rows have expired since, a
 * run that is done stays as it is, for its objects may have them still. */
static int write_objects(struct export *e, uint64_t run, bool done)
{
	struct buffer answer = {0}, times = {0};
	uint64_t want, got, left = 0;
	char *rest;
	int r;

	r = ask(e, "times", &times,
		"SELECT row_count, concat('start_time >= \\'', toString(first_start), '\\' AND "
		"start_time < \\'', toString(last_start), '\\' AND insert_time <= \\'', "
		"toString(last_insert), '\\'') FROM `%s`.export_run WHERE run = %" PRIu64
		" AND state = 'planned' ORDER BY time DESC LIMIT 1 FORMAT TSVRaw",
		e->database, run);
	rest = !r && times.p ? strchr(times.p, '\t') : NULL;
	if (!r && !rest)
		r = load_fail(e->l, EPROTO, "run %" PRIu64 " is not in table export_run", run);
	if (!r)
		r = count_rows(e, run, rest + 1, &left);
	if (r)
		goto out;
	want = strtoull(times.p, NULL, 10);
	if (left < want) {
		log_warning("load export: run %" PRIu64 ": %" PRIu64 " of its %" PRIu64
			    " flows have expired in ClickHouse; %s",
			    run, want - left, want,
			    done ? "its objects stay as they are" : "the others are written");
		if (done || !left)
			goto out;
		want = left;
	}
	load_progress(e->l, "writing", 0, want);
	r = ask(e, "write", NULL,
		"INSERT INTO FUNCTION %sdate={_partition_id}/weir-%" PRIu64 ".parquet'%s) "
		"PARTITION BY concat(toString(toDate(start_time)), '/hour=', "
		"leftPad(toString(toHour(start_time)), 2, '0')) "
		"SELECT * EXCEPT (insert_time, batch) FROM `%s`.flow_export "
		"WHERE %s AND (batch, toDate(start_time)) GLOBAL IN "
		"(SELECT batch, day FROM `%s`.export_batch WHERE run = %" PRIu64 ") "
		"SETTINGS s3_truncate_on_insert = 1, output_format_parquet_compression_method = "
		"'zstd', output_format_parquet_string_as_string = 1, max_partitions_per_insert_block "
		"= 0, max_insert_threads = 1",
		e->store.p, run, e->login.p, e->database, rest + 1, e->database, run);
	if (!r)
		r = ask(e, "count", &answer,
			"SELECT count() FROM %sdate=*/hour=*/weir-%" PRIu64 ".parquet'%s)",
			e->store.p, run, e->login.p);
	if (r)
		goto out;
	got = answer.p ? strtoull(answer.p, NULL, 10) : 0;
	if (got < want || (got > want && want == strtoull(times.p, NULL, 10)))
		r = load_fail(e->l, EIO,
			      "run %" PRIu64 ": %" PRIu64 " rows are in the bucket, not %" PRIu64
			      "; it is written again the next time",
			      run, got, want);
	e->rows += r ? 0 : want;
	e->runs += !r;
out:
	buffer_free(&answer);
	buffer_free(&times);
	return r;
}

static int finish(struct export *e, uint64_t run)
{
	int r = write_objects(e, run, false);

	return r ? r : set_state(e, run, "done");
}

/* What an earlier call left: given back, or written to its end. */
static int recover(struct export *e)
{
	struct buffer answer = {0};
	int r;

	for (;;) {
		uint64_t run;
		char *state;

		r = ask(e, "recover", &answer,
			"SELECT run, argMax(state, time) AS last FROM `%s`.export_run GROUP BY run "
			"HAVING last IN ('open', 'planned') ORDER BY run LIMIT 1",
			e->database);
		state = !r && answer.p ? strchr(answer.p, '\t') : NULL;
		if (r || !state)
			break;
		run = strtoull(answer.p, NULL, 10);
		if (!strcmp(state + 1, "planned")) {
			log_info("load export: run %" PRIu64 " is written again", run);
			r = finish(e, run);
		} else {
			r = ask(e, "recover", NULL,
				"DELETE FROM `%s`.export_batch WHERE run = %" PRIu64
				" SETTINGS lightweight_deletes_sync = 2",
				e->database, run);
			if (!r)
				r = set_state(e, run, "abandoned");
		}
		if (r)
			break;
	}
	buffer_free(&answer);
	return r;
}

static int export_new(struct export *e)
{
	struct buffer answer = {0};
	uint64_t rows = 1;
	int r = 0;

	while (!r && rows) {
		uint64_t run;

		r = ask(e, "run", &answer,
			"SELECT greatest(max(run) + 1, toUnixTimestamp64Milli(now64(3))) FROM "
			"`%s`.export_run",
			e->database);
		if (r)
			break;
		run = answer.p ? strtoull(answer.p, NULL, 10) : 0;
		r = set_state(e, run, "open");
		if (!r)
			r = plan(e, run, &rows);
		if (!r)
			r = set_state(e, run, rows ? "planned" : "abandoned");
		if (!r && rows)
			r = finish(e, run);
	}
	buffer_free(&answer);
	return r;
}

/* Drops the claims on flows that have long expired, month by month. */
static int forget(struct export *e)
{
	struct buffer answer = {0};
	uint64_t month = 1;
	int r = 0;

	while (!r && month) {
		r = ask(e, "forget", &answer,
			"SELECT min(toYYYYMM(day)) FROM `%s`.export_batch WHERE toYYYYMM(day) < "
			"(SELECT if(count() = 0, 0, toYYYYMM(toDate32(min(start_time)) - %d)) "
			"FROM `%s`.data_flow)",
			e->database, FORGET_DAYS, e->database);
		month = r || !answer.p ? 0 : strtoull(answer.p, NULL, 10);
		if (month)
			r = ask(e, "forget", NULL,
				"ALTER TABLE `%s`.export_batch DROP PARTITION %" PRIu64,
				e->database, month);
	}
	buffer_free(&answer);
	return r;
}

/* Writes every run again that has rows of the interval: the same objects, with the same rows. */
static int backfill(struct export *e, const char *from, const char *to)
{
	struct buffer runs = {0}, a = {0}, b = {0};
	char *save = NULL;
	int r;

	clickhouse_quote(&a, from);
	buffer_char(&a, '\0');
	clickhouse_quote(&b, to);
	buffer_char(&b, '\0');
	r = a.failed || b.failed
		    ? load_fail(e->l, ENOMEM, "out of memory")
		    : ask(e, "interval", &runs,
			  "SELECT arrayStringConcat(groupArray(toString(run)), ',') FROM (SELECT "
			  "run FROM `%s`.export_run WHERE state = 'done' AND first_start < "
			  "parseDateTimeBestEffort(%s, 'UTC') AND last_start > "
			  "parseDateTimeBestEffort(%s, 'UTC') GROUP BY run ORDER BY run)",
			  e->database, b.p, a.p);
	for (char *run = r || !runs.p ? NULL : strtok_r(runs.p, ",\n", &save); run && !r;
	     run = strtok_r(NULL, ",\n", &save))
		r = write_objects(e, strtoull(run, NULL, 10), true);
	buffer_free(&runs);
	buffer_free(&a);
	buffer_free(&b);
	return r;
}

int load_store(struct load *l, bool optional, struct buffer *url, const char **key,
	       const char **secret)
{
	const char *endpoint = load_variable(l, "EXPORT_S3_ENDPOINT");
	const char *bucket = load_variable(l, "EXPORT_S3_BUCKET");
	const char *prefix = load_variable(l, "EXPORT_S3_PREFIX");

	*key = load_variable(l, "AWS_ACCESS_KEY_ID");
	*secret = load_variable(l, "AWS_SECRET_ACCESS_KEY");
	if (!endpoint && !optional)
		return load_fail(l, EINVAL,
				 "EXPORT_S3_ENDPOINT is not set: the address of the object store, "
				 "as in https://s3.example.net");
	if (!*key != !*secret && !optional)
		return load_fail(l, EINVAL,
				 "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is not set");
	if (!*secret)
		*key = NULL;
	if (endpoint)
		buffer_format(url, "%.*s/%s/%s%s",
			      (int)(strlen(endpoint) - (endpoint[strlen(endpoint) - 1] == '/')),
			      endpoint, bucket ? bucket : "ipfix", prefix ? prefix : "",
			      prefix && prefix[strlen(prefix) - 1] != '/' ? "/" : "");
	buffer_char(url, '\0');
	if (url->failed)
		return load_fail(l, ENOMEM, "out of memory");
	if (strpbrk(url->p, "'\\{}*?$"))
		return load_fail(l, EINVAL,
				 "EXPORT_S3_…: quotes, braces, stars and dollars cannot stand in "
				 "an object store's address");
	return 0;
}

/* `store` is what stands before an object's name. */
static int set_store(struct export *e)
{
	const char *grace = load_variable(e->l, "EXPORT_GRACE"), *key, *secret;
	struct buffer url = {0};
	int r = load_store(e->l, false, &url, &key, &secret);

	e->grace = grace ? (unsigned)strtoul(grace, NULL, 10) : GRACE;
	if (!r && grace && (strspn(grace, "0123456789") != strlen(grace) || e->grace > 3600))
		r = load_fail(e->l, EINVAL, "EXPORT_GRACE is '%s': 0 to 3600 s", grace);
	if (r) {
		buffer_free(&url);
		return r;
	}
	buffer_format(&e->store, "s3('%s", url.p);
	buffer_char(&e->store, '\0');
	buffer_free(&url);
	if (key) {
		buffer_string(&e->login, ", ");
		clickhouse_quote(&e->login, key);
		buffer_string(&e->login, ", ");
		clickhouse_quote(&e->login, secret);
	}
	buffer_string(&e->login, ", 'Parquet'");
	buffer_char(&e->login, '\0');
	return e->store.failed || e->login.failed ? load_fail(e->l, ENOMEM, "out of memory") : 0;
}

static int export_run(struct load *l)
{
	struct export e = {.l = l, .database = l->at.database ? l->at.database : "default"};
	char count[16];
	int r;

	if (l->n_sources != 0 && l->n_sources != 2)
		return load_fail(l, EINVAL, "an interval is two times, FROM and TO");
	if (!l->clickhouse)
		return load_fail(l, EINVAL,
				 "no ClickHouse is configured; set clickhouse.host, or "
				 "CLICKHOUSE_HOST");
	if (l->dry_run)
		return load_fail(l, EINVAL, "there is no dry run of an export");
	r = set_store(&e);
	if (!r)
		r = recover(&e);
	if (!r)
		r = l->n_sources ? backfill(&e, l->sources[0], l->sources[1]) : export_new(&e);
	if (!r)
		r = forget(&e);
	if (!r)
		snprintf(l->summary, sizeof(l->summary), "%s flows in %u run%s",
			 load_count(e.rows, count), e.runs, e.runs == 1 ? "" : "s");
	if (e.login.p)
		explicit_bzero(e.login.p, e.login.len);
	buffer_free(&e.login);
	buffer_free(&e.store);
	return r;
}

const struct loader load_export = {
	.name = "export",
	.brief = "flows from ClickHouse to Parquet in an object store, each row once",
	.arguments = "[FROM TO]",
	.help = "Writes what is new in ClickHouse as Parquet (zstd) to an object store:\n"
		"date=YYYY-MM-DD/hour=HH/weir-RUN.parquet by the flows' start times, late ones too.\n"
		"Usually with --every 300. A run that was cut short is completed by the next one.\n"
		"With FROM and TO (as in 2026-11-22T10:00:00) the runs with flows of that interval are\n"
		"written again, to the same objects. The environment says where to:\n"
		"EXPORT_S3_ENDPOINT, EXPORT_S3_BUCKET (ipfix), EXPORT_S3_PREFIX, AWS_ACCESS_KEY_ID,\n"
		"AWS_SECRET_ACCESS_KEY; EXPORT_GRACE (10 s): rows younger than that wait for the next run.\n"
		"One exporter at a time.\n",
	.interval = "EXPORT_INTERVAL",
	.run = export_run,
	.no_directory = true,
};
