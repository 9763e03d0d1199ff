/* The tables in use: loading, watching, swapping.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "../clock.h"
#include "../log.h"
#include "enricher.h"
#include "table_file.h"

enum { NICE = 10 };

/* What a file was when it was last looked at. */
static void look(const char *path, struct watched_file *w)
{
	struct stat st;

	memset(w, 0, sizeof(*w));
	if (stat(path, &st))
		return;
	w->there = true;
	w->device = st.st_dev;
	w->inode = st.st_ino;
	w->size = st.st_size;
	w->changed = st.st_mtim;
	w->made = st.st_ctim;
}

static bool same(const struct watched_file *a, const struct watched_file *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec && a->made.tv_sec == b->made.tv_sec &&
	       a->made.tv_nsec == b->made.tv_nsec;
}

static void set(uint64_t *to, uint64_t v)
{
	__atomic_store_n(to, v, __ATOMIC_RELAXED);
}

static void loaded(struct enrich_table *t, uint64_t entries, uint64_t bytes, uint64_t ns)
{
	set(&t->entries, entries);
	set(&t->bytes, bytes);
	set(&t->load_ms, ns / 1000000);
	set(&t->loaded_s, clock_real_s());
	set(&t->loads, t->loads + 1);
}

/* The table that `weir load trie` has made, where ip.mmdb is the one file there is. NULL where that
 * cannot be had, which is said: then it is built. */
static struct ip_table *read_ready_made(const struct enricher *e, const struct ip_table_options *o)
{
	struct table_identity id;
	struct ip_table *t;
	char why[200];

	if (!e->ready_made || o->n_paths != 1 || o->paths[0] != e->paths[0])
		return NULL;
	if (access(e->ready_made, F_OK)) {
		log_info("there is no %s: the table of addresses is built of %s, which takes "
			 "longer; `weir load trie` makes both",
			 e->ready_made, o->paths[0]);
		return NULL;
	}
	if (!table_identify(o->paths[0], &id)) {
		log_warning("%s is not used: %s does not say which table was made of it",
			    e->ready_made, o->paths[0]);
		return NULL;
	}
	t = table_read(e->ready_made, &id, o, why, sizeof(why));
	if (!t)
		log_warning("%s %s: the table of addresses is built of %s, which takes longer",
			    e->ready_made, why, o->paths[0]);
	return t;
}

static void load_addresses(struct enricher *e)
{
	const char *paths[IP_TABLE_FILES_MAX];
	struct ip_table_options o = {
		.paths = paths,
		.writers = e->writers,
		.as_names = e->options->as_names,
		.geo = e->options->geo,
		.networks = e->options->networks,
		.refs = e->options->refs,
	};
	struct enrich_table *t = &e->tables[0];
	struct ip_table *next = NULL, *old;
	bool ready_made;
	char error[400];

	for (unsigned i = 0; i < e->n_mmdb; i++)
		if (e->files[i].there)
			paths[o.n_paths++] = e->paths[i];
	if (o.n_paths) {
		next = read_ready_made(e, &o);
		ready_made = next;
		if (!next)
			next = ip_table_load(&o, error, sizeof(error));
		if (!next) {
			set(&t->refused, t->refused + 1);
			log_error("%s; %s", error,
				  e->ip ? "the addresses known before stay in use"
					: "addresses are not enriched until it is mended");
			return;
		}
		log_info("addresses: %" PRIu64 " prefixes from %s%s, %zu MiB, %s in %" PRIu64 " ms",
			 next->n_prefixes, paths[0], o.n_paths > 1 ? " and others" : "",
			 next->size >> 20, ready_made ? "read ready-made" : "built",
			 next->load_ns / 1000000);
		loaded(t, next->n_prefixes, next->size, next->load_ns);
	} else if (e->ip) {
		log_warning("%s is gone: the addresses known before stay in use", e->paths[0]);
		return;
	}
	old = __atomic_exchange_n(&e->ip, next, __ATOMIC_ACQ_REL);
	if (old) {
		synchronize_rcu();
		ip_table_free(old);
	}
}

static void load_meta(struct enricher *e)
{
	struct enrich_table *t = &e->tables[1];
	const char *path = e->paths[e->n_mmdb];
	uint64_t start = clock_monotonic_ns(), took;
	struct meta *next, *old;
	char error[400];

	if (!e->files[e->n_mmdb].there) {
		if (e->meta)
			log_warning("%s is gone: the metadata known before stay in use", path);
		return;
	}
	next = meta_load(path, e->writers, error, sizeof(error));
	if (!next) {
		set(&t->refused, t->refused + 1);
		log_error("%s; %s", error,
			  e->meta ? "the metadata known before stay in use"
				  : "exporters and interfaces are not enriched until it is mended");
		return;
	}
	took = clock_monotonic_ns() - start;
	log_info("metadata: %u devices, %u interfaces, %u applications, %u AS from %s, loaded in "
		 "%" PRIu64 " ms",
		 next->n_devices, next->n_interfaces, next->n_applications, next->n_as, path,
		 took / 1000000);
	loaded(t,
	       (uint64_t)next->n_devices + next->n_interfaces + next->n_applications + next->n_as,
	       next->size, took);
	next->generation = ++e->generation;
	old = __atomic_exchange_n(&e->meta, next, __ATOMIC_ACQ_REL);
	if (old) {
		synchronize_rcu();
		meta_free(old);
	}
}

/* Loads what is not as it was. A file that was refused is tried again when it has changed. */
static void check(struct enricher *e)
{
	bool addresses = false, meta = false;

	for (unsigned i = 0; i < e->n_paths; i++) {
		struct watched_file now;

		look(e->paths[i], &now);
		if (same(&now, &e->files[i]))
			continue;
		e->files[i] = now;
		*(i < e->n_mmdb ? &addresses : &meta) = true;
	}
	if (addresses)
		load_addresses(e);
	if (meta)
		load_meta(e);
}

static void *watch(void *arg)
{
	struct enricher *e = arg;

	/* Loading takes a second of a processor: that is not to be at the cost of receiving. On
	 * Linux this is for the one thread. */
	setpriority(PRIO_PROCESS, 0, NICE);
	prctl(PR_SET_NAME, "weir/enrich");
	pthread_mutex_lock(&e->lock);
	while (!e->stop) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += e->options->check_seconds;
		while (!e->stop && !e->asked) {
			if (!e->options->check_seconds) /* only when asked to, at SIGHUP */
				pthread_cond_wait(&e->wake, &e->lock);
			else if (pthread_cond_timedwait(&e->wake, &e->lock, &until) == ETIMEDOUT)
				break;
		}
		e->asked = false;
		if (e->stop)
			break;
		pthread_mutex_unlock(&e->lock);
		check(e);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

static bool add_path(struct enricher *e, const char *directory, const char *name)
{
	char **to = &e->paths[e->n_paths];

	if (asprintf(to, "%s%s%s", directory ? directory : "", directory ? "/" : "", name) < 0) {
		*to = NULL;
		return false;
	}
	e->n_paths++;
	return true;
}

static bool find_files(struct enricher *e)
{
	const struct enrich_options *o = e->options;
	bool wanted = o->as || o->as_names || o->geo || o->networks || o->refs, ok = true;

	if (wanted && o->cache) {
		ok = add_path(e, o->cache, "ip.mmdb");
		if (asprintf(&e->ready_made, "%s/ip.table", o->cache) < 0) {
			e->ready_made = NULL;
			ok = false;
		}
	}
	for (unsigned i = 0; wanted && ok && i < o->n_mmdb; i++)
		ok = add_path(e, NULL, o->mmdb[i]);
	e->n_mmdb = e->n_paths;
	if (ok && o->cache)
		ok = add_path(e, o->cache, "meta.json");
	return ok;
}

struct enricher *enricher_open(const struct enrich_options *o,
			       const info_writer *const writers[INFO_FORMATS])
{
	struct enricher *e = calloc(1, sizeof(*e));
	pthread_condattr_t monotonic;
	char error[400];

	if (!e) {
		log_error("out of memory");
		return NULL;
	}
	e->options = o;
	e->tables[0].name = "addresses";
	e->tables[1].name = "metadata";
	for (unsigned f = 0; f < INFO_FORMATS; f++)
		e->writers[f] = writers[f];
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	e->rules = rules_new(o->rules, o->n_rules, error, sizeof(error));
	if (!e->rules && *error) {
		log_error("enrich.rules: %s", error);
		enricher_close(e);
		return NULL;
	}
	if (!find_files(e)) {
		log_error("out of memory");
		enricher_close(e);
		return NULL;
	}
	for (unsigned i = e->n_mmdb - o->n_mmdb; i < e->n_mmdb && e->n_mmdb >= o->n_mmdb; i++) {
		struct watched_file f;

		look(e->paths[i], &f);
		if (!f.there)
			log_warning("enrich.mmdb: there is no file %s", e->paths[i]);
	}
	check(e);
	return e;
}

void enricher_watch(struct enricher *e)
{
	if (!e->n_paths)
		return;
	e->watching = !pthread_create(&e->thread, NULL, watch, e);
	if (!e->watching)
		log_warning("no thread to watch %s: what is replaced there is not noticed",
			    e->paths[0]);
}

void enricher_close(struct enricher *e)
{
	if (!e)
		return;
	if (e->watching) {
		pthread_mutex_lock(&e->lock);
		e->stop = true;
		pthread_cond_signal(&e->wake);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->thread, NULL);
	}
	ip_table_free(e->ip);
	meta_free(e->meta);
	rules_free(e->rules);
	for (unsigned i = 0; i < e->n_paths; i++)
		free(e->paths[i]);
	free(e->ready_made);
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void enricher_check(struct enricher *e)
{
	pthread_mutex_lock(&e->lock);
	e->asked = true;
	pthread_cond_signal(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

void enricher_tables(const struct enricher *e, struct enrich_table to[ENRICH_TABLES])
{
	for (unsigned i = 0; i < ENRICH_TABLES; i++) {
		const struct enrich_table *t = &e->tables[i];

		to[i] = (struct enrich_table){
			.name = t->name,
			.entries = __atomic_load_n(&t->entries, __ATOMIC_RELAXED),
			.bytes = __atomic_load_n(&t->bytes, __ATOMIC_RELAXED),
			.loaded_s = __atomic_load_n(&t->loaded_s, __ATOMIC_RELAXED),
			.load_ms = __atomic_load_n(&t->load_ms, __ATOMIC_RELAXED),
			.loads = __atomic_load_n(&t->loads, __ATOMIC_RELAXED),
			.refused = __atomic_load_n(&t->refused, __ATOMIC_RELAXED),
		};
	}
}

const struct ip_table *enricher_ip_table(const struct enricher *e)
{
	return __atomic_load_n(&e->ip, __ATOMIC_ACQUIRE);
}

const struct meta *enricher_meta(const struct enricher *e)
{
	return __atomic_load_n(&e->meta, __ATOMIC_ACQUIRE);
}
