/* What every `weir load …` has: its settings, where it writes, how it tells.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch.h"
#include "clickhouse.h"

struct environment;

struct load {
	const struct load_options *o;
	struct clickhouse_options at; /* with the variables of the environment above the settings */
	struct clickhouse *clickhouse; /* NULL: none is configured */
	struct environment *environment;
	const char *name;     /* of the loader: "caida" */
	const char *cache;    /* directory of ip.mmdb, ip.table and meta.json */
	const char *history;  /* directory of the versions, and of what is under way */
	const char *settings; /* path of the settings file; what stands beside it is found */
	char *const *sources; /* from the command line */
	unsigned n_sources;
	bool force;	  /* write a new version of every row */
	bool dry_run;	  /* tell, but write nothing */
	bool terminal;	  /* show progress */
	uint64_t shown;	  /* ns, when progress was last shown */
	char **variables; /* what load_variable() returned; load_end() frees it */
	unsigned n_variables;
	char summary[512]; /* what a run did, one line */
	char error[1024];  /* why it failed, one line */
};

/* One of the things that can be loaded: `weir load NAME`. */
struct loader {
	const char *name;
	const char *brief;     /* one line for the list */
	const char *arguments; /* behind the options, in the usage line */
	const char *help;      /* the rest of --help */
	const char *interval;  /* MetrANOVA's variable with the seconds between runs; may be NULL */
	int (*run)(struct load *l); /* 0 and a summary, or a negative errno and an error */
	bool no_directory; /* talks with ClickHouse alone: load.history need not be there */
};

extern const struct loader load_caida, load_geolite, load_scireg, load_cric, load_scinet,
	load_files, load_trie, load_schema, load_rollups, load_export;

/* The object store of exports, from the environment: what stands before an object's name, and the
 * login (NULL: none). Where it is optional, an empty text if none is set. Returns 0 or a negative
 * errno and an error. */
int load_store(struct load *l, bool optional, struct buffer *url, const char **key,
	       const char **secret);

/* Sets l->error and returns -code. */
__attribute__((format(printf, 3, 4))) int load_fail(struct load *l, int code, const char *format,
						    ...);

/* The variable of the environment, else of envs/base.env beside the settings file. NULL where it is
 * not set or empty; a comment behind the value (' #…') is cut off. Valid until load_end(). */
const char *load_variable(struct load *l, const char *name);

/* Waits until no other `weir load` writes `name` in that directory, and has others wait until the
 * descriptor that it returns is closed. A negative errno and an error where that failed. */
int load_lock(struct load *l, const char *directory, const char *name);

/* Takes over settings and environment, connects nothing. Returns 0 or a negative errno and an
 * error. load_end() also after a failure. */
int load_begin(struct load *l, const struct load_options *o, const struct clickhouse_options *at);
void load_end(struct load *l);

/* What was given on the command line, else in MetrANOVA's variable, else in the setting: at most
 * `max` names, in `list` (which the caller frees, and they point into). Returns how many, or a
 * negative errno. */
int load_sources(struct load *l, const char *variable, const char *setting, char **list,
		 char *names[], unsigned max);

/* Brings a source here, with progress. %Y, %m, %d are those of the first of the month `months_back`
 * months ago. */
int load_fetch(struct load *l, const char *source, unsigned months_back, struct fetched *to);

/* The same, going back up to six months where the file is not there; only what names a date is
 * asked for again. Says in the log what it took. */
int load_fetch_dated(struct load *l, const char *source, struct fetched *to);

/* Shows "what  done of total" on a terminal, a few times a second; total 0: unknown. */
void load_progress(struct load *l, const char *what, uint64_t done, uint64_t total);
void load_progress_end(struct load *l);

/* SIGTERM or SIGINT has come: stop at the next good place with -EINTR. */
bool load_stopped(void);
void load_catch_signals(void);

/* Sleeps; true when there is a reason to stop. */
bool load_sleep(unsigned seconds);

/* "1234567" as "1.2 M". */
const char *load_count(uint64_t n, char text[16]);

#endif
