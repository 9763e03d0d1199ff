/* weir load: brings metadata to ClickHouse and to the agent's cache.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../loaders/load.h"
#include "../clock.h"
#include "../conf/table.h"
#include "../log.h"
#include "commands.h"

enum { SETS_MAX = 64, EVERY_MAX = 366 * 86400 };

static const struct loader *const loaders[] = {
	&load_caida, &load_geolite, &load_scireg, &load_cric,	 &load_scinet,
	&load_files, &load_trie,    &load_schema, &load_rollups, &load_export,
};

struct request {
	const char *config, *cache;
	const char *sets[SETS_MAX];
	unsigned n_sets;
	bool force, dry_run, every_given;
	long every; /* s; -1: once */
};

static int usage(FILE *to)
{
	fprintf(to, "usage: weir load NAME [OPTION...] [SOURCE...]\n\n"
		    "Brings metadata to ClickHouse, each changed row as a new version, and to the "
		    "files that the\nagent enriches flows from.\n\n");
	for (size_t i = 0; i < sizeof(loaders) / sizeof(*loaders); i++)
		fprintf(to, "  %-9s %s\n", loaders[i]->name, loaders[i]->brief);
	fprintf(to, "\n`weir load NAME --help` tells the rest.\n");
	return to == stdout ? 0 : 2;
}

static int help(const struct loader *d)
{
	printf("usage: weir load %s [OPTION...] %s\n\n%s\n"
	       "  -c, --config FILE    the settings; default conf/weir.yaml where that is there. "
	       "Variables come\n"
	       "                       from the environment, else from envs/base.env beside it\n"
	       "  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	       "  -e, --every SECONDS  again and again; -1: once (default%s%s)\n"
	       "      --cache DIR      where the agent looks for its files (enrich.cache)\n"
	       "      --force          a new version of every row, changed or not\n"
	       "  -n, --dry-run        tell what would be written, and write nothing\n"
	       "  -h, --help           print this\n",
	       d->name, d->arguments, d->help, d->interval ? ", or " : "",
	       d->interval ? d->interval : "");
	return 0;
}

static int wrong(const struct loader *d, const char *what, const char *text)
{
	fprintf(stderr, "weir load %s: '%s' %s; `weir load %s --help` tells what it takes\n",
		d->name, what, text, d->name);
	return 2;
}

static bool parse_every(const char *text, long *every)
{
	char *end;

	errno = 0;
	*every = strtol(text, &end, 10);
	return *text && !*end && !errno && *every >= -1 && *every != 0 && *every <= EVERY_MAX;
}

static int parse(struct request *q, const struct loader *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
		{"every", required_argument, NULL, 'e'},  {"cache", required_argument, NULL, 'C'},
		{"force", no_argument, NULL, 'f'},	  {"dry-run", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},	  {}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, ":c:s:e:nh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			q->config = optarg;
			break;
		case 's':
			if (q->n_sets == SETS_MAX)
				return wrong(d, optarg, "is one --set too many");
			q->sets[q->n_sets++] = optarg;
			break;
		case 'e':
			if (!parse_every(optarg, &q->every))
				return wrong(d, optarg,
					     "is not a number of seconds, nor -1 for once");
			q->every_given = true;
			break;
		case 'C':
			q->cache = optarg;
			break;
		case 'f':
			q->force = true;
			break;
		case 'n':
			q->dry_run = true;
			break;
		case 'h':
			return help(d);
		case ':':
			return wrong(d, argv[optind - 1], "needs a value");
		default:
			return wrong(d, argv[optind - 1], "is not an option");
		}
	}
	return -1;
}

/* The value of a setting that belongs to another module. */
static const char *cache_of(const struct settings *s)
{
	const struct setting *row = setting_find(&settings_table, "enrich.cache");
	char *const *text = row && row->type == SETTING_TEXT ? setting_member(row, s) : NULL;

	return text && *text ? *text : "/var/lib/weir/cache";
}

static int make_directory(const char *path)
{
	char part[PATH_MAX];
	struct stat st;

	if (!stat(path, &st))
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	strcpy(part, path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, 0755) && errno != EEXIST ? -errno : 0;
}

static int run_once(struct load *l, const struct loader *d)
{
	uint64_t start = clock_monotonic_ns();
	char took[32];
	int r;

	*l->summary = *l->error = '\0';
	r = d->run(l);
	load_progress_end(l);
	snprintf(took, sizeof(took), "%.1f s", (double)(clock_monotonic_ns() - start) / 1e9);
	if (r)
		log_error("load %s: %s", d->name, *l->error ? l->error : strerror(-r));
	else
		log_info("load %s: %s; took %s%s", d->name, l->summary, took,
			 l->dry_run ? " (dry run, nothing written)" : "");
	return r;
}

/* Runs once, or until a signal comes: then a failed run is told and tried again at its time. */
static int run(struct load *l, const struct loader *d, struct request *q)
{
	const char *text = d->interval ? load_variable(l, d->interval) : NULL;
	int r;

	if (!q->every_given && text && !parse_every(text, &q->every)) {
		log_error("load %s: %s is '%s': a number of seconds or -1 is allowed", d->name,
			  d->interval, text);
		return 2;
	}
	do
		r = run_once(l, d);
	while (q->every > 0 && !load_stopped() && !load_sleep((unsigned)q->every));
	if (q->every > 0 && (!r || r == -EINTR))
		log_info("load %s: stopped", d->name);
	return r && (q->every < 0 || r != -EINTR) ? 1 : 0;
}

static int begin(struct load *l, const struct loader *d, struct request *q, struct settings *s)
{
	struct buffer errors = {0};
	int r;

	if (!q->config && !access("conf/weir.yaml", R_OK))
		q->config = "conf/weir.yaml";
	if (settings_read(s, q->config, q->sets, q->n_sets, &errors)) {
		fwrite(errors.p, 1, errors.len, stderr);
		buffer_free(&errors);
		return 1;
	}
	buffer_free(&errors);
	log_set_level(s->log_level);
	l->settings = q->config ? q->config : "conf/weir.yaml";
	l->cache = q->cache ? q->cache : cache_of(s);
	l->history = s->load.history;
	r = load_begin(l, &s->load, &s->clickhouse);
	if (!l->history)
		l->history = l->cache;
	if (!r && !d->no_directory) {
		r = make_directory(l->history);
		if (r)
			load_fail(l, -r, "%s: cannot be made: %s (load.history names another)",
				  l->history, strerror(-r));
	}
	if (r)
		log_error("load %s: %s", d->name, l->error);
	return r ? 1 : 0;
}

int command_load(int argc, char **argv)
{
	struct request q = {.every = -1};
	const struct loader *d = NULL;
	struct settings s;
	struct load l = {0};
	int r;

	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return usage(stdout);
	for (size_t i = 0; i < sizeof(loaders) / sizeof(*loaders) && !d; i++)
		d = strcmp(loaders[i]->name, argv[1]) ? NULL : loaders[i];
	if (!d) {
		fprintf(stderr,
			"weir load: there is no '%s'; `weir load --help` lists what there is\n",
			argv[1]);
		return 2;
	}
	r = parse(&q, d, argc - 1, argv + 1);
	if (r >= 0)
		return r;
	l.name = d->name;
	l.force = q.force;
	l.dry_run = q.dry_run;
	l.terminal = isatty(STDERR_FILENO);
	l.sources = argv + 1 + optind;
	l.n_sources = (unsigned)(argc - 1 - optind);
	load_catch_signals();
	r = begin(&l, d, &q, &s);
	if (!r)
		r = run(&l, d, &q);
	load_end(&l);
	settings_free(&s);
	return r;
}
