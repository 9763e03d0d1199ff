/* weir load rollups: what the rollups of ClickHouse lack, from the flows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block of flows and its sums are stored in parts of their own. A server that is killed, or an
 * insert that fails, between them leaves a rollup short, and what came with that block is not taken
 * a second time. The views …_missing (deploy/clickhouse/repeatable/12_rollups.sql) tell the
 * difference; put in, they tell none. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/log.h"
#include "load.h"

enum { DAYS = 2, DAYS_MAX = 20000, QUIET = 60 /* s */, QUIET_MAX = 86400 };

__attribute__((format(printf, 4, 5))) static int ask(struct load *l, const char *what,
						     struct buffer *answer, const char *format, ...)
{
	char *sql = NULL;
	va_list ap;
	int r;

	if (load_stopped())
		return load_fail(l, EINTR, "stopped");
	va_start(ap, format);
	r = vasprintf(&sql, format, ap);
	va_end(ap);
	if (r < 0)
		return load_fail(l, ENOMEM, "out of memory");
	buffer_clear(answer);
	r = clickhouse_query(l->clickhouse, sql, answer);
	if (r)
		load_fail(l, -r, "%s: %s", what, clickhouse_error(l->clickhouse));
	free(sql);
	return r;
}

/* "name\ttarget" of one rollup: what it lacks goes in. */
static int make_good(struct load *l, char *line, const char *call, unsigned *repaired)
{
	const char *database = l->at.database ? l->at.database : "default";
	char *target = strchr(line, '\t'), *flows;
	struct buffer answer = {0};
	int r;

	if (!target)
		return load_fail(l, EPROTO, "ClickHouse answers '%.100s'", line);
	*target++ = '\0';
	r = ask(l, target, &answer,
		"SELECT count(), sum(toInt64(flow_count)) FROM `%s`.`%s_missing`(%s) FORMAT TSV",
		database, line, call);
	flows = !r && answer.p ? strchr(answer.p, '\t') : NULL;
	if (!r && flows && *answer.p != '0') {
		*flows++ = '\0';
		flows[strcspn(flows, "\n")] = '\0';
		log_warning("load rollups: %s: %s rows differ from the flows, by %s flows%s", line,
			    answer.p, flows, l->dry_run ? "" : "; made good");
		++*repaired;
		if (!l->dry_run)
			r = ask(l, target, &answer,
				"INSERT INTO `%s`.`%s` SELECT * FROM `%s`.`%s_missing`(%s)",
				database, target, database, line, call);
	}
	buffer_free(&answer);
	return r;
}

static int number(struct load *l, const char *what, const char *text, unsigned max, unsigned *to)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || n > max)
		return load_fail(l, EINVAL, "%s is '%s': 0 to %u", what, text, max);
	*to = (unsigned)n;
	return 0;
}

static int rollups_run(struct load *l)
{
	const char *database = l->at.database ? l->at.database : "default";
	const char *given = load_variable(l, "ROLLUP_QUIET");
	unsigned days = DAYS, quiet = QUIET, all = 0, repaired = 0;
	struct buffer names = {0};
	char call[128], text[32], *save = NULL;
	struct tm tm;
	time_t since;
	int r = 0;

	if (l->n_sources > 1)
		return load_fail(l, EINVAL, "'%s': one number of days is taken", l->sources[1]);
	if (!l->clickhouse)
		return load_fail(l, EINVAL,
				 "no ClickHouse is configured; set clickhouse.host, or "
				 "CLICKHOUSE_HOST");
	if (l->n_sources)
		r = number(l, "the number of days", l->sources[0], DAYS_MAX, &days);
	if (!r && given)
		r = number(l, "ROLLUP_QUIET", given, QUIET_MAX, &quiet);
	since = time(NULL) - (time_t)days * 86400;
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&since, &tm));
	snprintf(call, sizeof(call), "since = '%s', quiet = %u", text, quiet);
	if (!r)
		r = ask(l, "rollups", &names,
			"SELECT left(name, -8) AS rollup, if(concat(rollup, '_local') IN (SELECT "
			"name FROM system.tables WHERE database = '%s'), concat(rollup, '_local'), "
			"rollup) FROM system.tables WHERE database = '%s' AND name LIKE "
			"'data\\\\_flow\\\\_by\\\\_%%\\\\_missing' ORDER BY name FORMAT TSV",
			database, database);
	buffer_char(&names, '\0');
	for (char *line = r || names.failed ? NULL : strtok_r(names.p, "\n", &save); line && !r;
	     line = strtok_r(NULL, "\n", &save)) {
		load_progress(l, "rollups", all, 0);
		r = make_good(l, line, call, &repaired);
		all++;
	}
	load_progress_end(l);
	if (!r && !all)
		r = load_fail(l, ENOENT, "database %s has no rollups; run weir load schema first",
			      database);
	if (!r)
		snprintf(l->summary, sizeof(l->summary), "%u of %u rollups %s", repaired, all,
			 l->dry_run ? "differ from the flows" : "were short and are made good");
	buffer_free(&names);
	return r;
}

const struct loader load_rollups = {
	.name = "rollups",
	.brief = "what the rollups lack after a crash of ClickHouse, from the flows",
	.arguments = "[DAYS]",
	.help = "Compares the rollups with the flows of the last DAYS (2) days and puts in what they\n"
		"lack: a server that is killed between the two leaves a rollup short. Also fills a\n"
		"window that was added to the schema later. Windows to which flows came within the\n"
		"last ROLLUP_QUIET (60) seconds are left for the next time. With --dry-run it only\n"
		"tells. In a cluster: against one replica of each shard.\n",
	.interval = "ROLLUP_INTERVAL",
	.run = rollups_run,
	.no_directory = true,
};
