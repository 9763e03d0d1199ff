/* Enrichment: what is known about addresses, exporters, interfaces and ports goes to the flows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables come from files that a loader replaces. A thread watches them, loads what has changed
 * beside the table in use and swaps; the old one is freed when no worker can hold it any more (RCU,
 * urcu-qsbr). A file that is damaged is refused, and the old table stays. */
#ifndef WEIR_ENRICH_H
#define WEIR_ENRICH_H

#include "../account.h"
#include "../flow_info.h"

enum { ENRICH_MMDB_MAX = 7, ENRICH_RULES_MAX = 64, ENRICH_SCOPES_MAX = 16 };

/* Names of exporters and interfaces by regular expressions (PCRE2). All expressions that a rule has
 * must be found; then it gives what it has to fields that nothing has given a value yet. $1 to $9
 * stand for the groups of the last of its expressions. */
struct enrich_rule {
	char *exporter;	   /* in the exporter's name, or its address */
	char *interface;   /* in the interface's name */
	char *description; /* in its description */
	char *group, *role, *site, *region, *tenant;
	char *connectivity, *provider, *boundary;
};

struct enrich_options {
	char *cache; /* directory with ip.mmdb, ip.table and meta.json; NULL: none */
	char *mmdb[ENRICH_MMDB_MAX]; /* further files: GeoLite2, DB-IP */
	unsigned n_mmdb;
	unsigned check_seconds; /* how often files are looked at */
	bool as, as_names, geo, networks, refs;
	bool devices, interfaces, applications, peers;
	bool as_path, policy;
	char *policy_originator, *policy_level;
	char *policy_scopes[ENRICH_SCOPES_MAX];
	unsigned n_policy_scopes;
	bool policy_auto_scopes;
	struct enrich_rule rules[ENRICH_RULES_MAX];
	unsigned n_rules;
};

struct enricher;
struct enrich_worker;
struct ip_table;
struct meta;

/* One of the tables in use, for status and metrics. */
struct enrich_table {
	const char *name;	 /* "addresses", "metadata" */
	uint64_t entries, bytes; /* 0: not loaded */
	uint64_t loaded_s;	 /* s since 1970 */
	uint64_t load_ms;	 /* what loading took */
	uint64_t loads, refused; /* since the start */
};
enum { ENRICH_TABLES = 2 };

/* Loads what is there; what is not there may come later. `writers` are those of the formats in use,
 * NULL for the others. *o must stay as it is. NULL: out of memory or a rule that is wrong, logged.
 */
struct enricher *enricher_open(const struct enrich_options *o,
			       const info_writer *const writers[INFO_FORMATS]);

/* No thread may use it any more, and the caller must not be an RCU reader (rcu_thread_offline) once
 * files are watched. */
void enricher_close(struct enricher *e);

/* Starts the thread that watches the files. Without it what was loaded first stays. */
void enricher_watch(struct enricher *e);

/* Looks at the files now (SIGHUP), without waiting for it. */
void enricher_check(struct enricher *e);

void enricher_tables(const struct enricher *e, struct enrich_table to[ENRICH_TABLES]);

/* For one thread, which is registered with RCU and announces a quiescent state only after the
 * flows have been published. NULL: out of memory. */
struct enrich_worker *enrich_worker_new(struct enricher *e, uint32_t rows, struct account *account);
void enrich_worker_free(struct enrich_worker *w);

/* Attaches what is known to all flows of the batch, at most `rows`, and fills in AS numbers. */
void enrich_batch(struct enrich_worker *w, struct flow_batch *batch);

/* Whether a rule is right: NULL, or what is wrong with it in `error`. */
const char *enrich_check_rule(const struct enrich_rule *rule, char *error, size_t size);

/* The tables in use, for `weir lookup`; NULL where there is none. The caller is an RCU reader. */
const struct ip_table *enricher_ip_table(const struct enricher *e);
const struct meta *enricher_meta(const struct enricher *e);

#endif
