/* All settings of the program, read from a YAML file and the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * settings_table.c describes each setting once; the parser, bounds, defaults, the example file and
 * the reference page come from there. Modules take their own options struct and never this one. */
#ifndef WEIR_SETTINGS_H
#define WEIR_SETTINGS_H

#include "../buffer.h"
#include "../decode/decoder.h"
#include "../enrich/enrich.h"
#include "../../loaders/load_options.h"
#include "../log.h"
#include "../ops/ops.h"
#include "../publish/publish.h"
#include "../rx/rx.h"
#include "../security/security.h"

struct settings {
	enum log_level log_level;
	struct rx_options rx;
	struct decode_options decode;
	struct enrich_options enrich;
	struct publish_options publish;
	struct ops_options ops;
	struct clickhouse_options clickhouse;
	struct load_options load;
	struct security_options security;
	char *state_directory;	/* what must survive a restart */
	char *templates_topic;	/* agents share templates through it; NULL: they do not */
	unsigned drain_seconds; /* at stop, wait this long for the outputs */
};

/* All that a command needs: defaults, then the file (NULL: none), then `sets` ("key=value", later
 * ones win), then what follows from other settings, then the checks across settings. Returns 0, or
 * -EINVAL (-errno where the file cannot be read) with one line for each fault appended to errors.
 * s must be freed in either case. */
int settings_read(struct settings *s, const char *path, const char *const *sets, unsigned n_sets,
		  struct buffer *errors);

/* The steps of the above. After init everything has its default. */
int settings_init(struct settings *s);
int settings_load(struct settings *s, const char *path, struct buffer *errors);
int settings_finish(struct settings *s, struct buffer *errors);
void settings_free(struct settings *s);

/* Sets one: "exporters.rate_limit", "5k". Lists are replaced by the comma-separated values. Items
 * of `outputs` are outputs[0], outputs[0].format …; the index one past the last appends, and an
 * item may be given whole as file:PATH or kafka:BROKERS/TOPIC. 0 or -EINVAL and a line. */
int settings_set(struct settings *s, const char *key, const char *value, struct buffer *errors);

/* The settings in force, as YAML that settings_load takes. Secrets are printed as ***. */
void settings_print(const struct settings *s, struct buffer *to);

/* Calls fn for each setting that differs; before and after are YAML values, secrets as ***.
 * Returns how many differ. */
typedef void (*settings_changed)(const char *key, bool reloadable, const char *before,
				 const char *after, void *arg);
unsigned settings_diff(const struct settings *before, const struct settings *after,
		       settings_changed fn, void *arg);

/* The first output of type kafka, or NULL. */
const struct output_options *settings_kafka_output(const struct settings *s);

/* Documents that come from the table: conf.example/weir.yaml, docs/CONFIGURATION.md, and the short
 * list for --help. */
void settings_example(struct buffer *to);
void settings_reference(struct buffer *to);
void settings_help(struct buffer *to);

#endif
