/* weir load files: meta_*.yml to the tables that they name.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/log.h"
#include "refs.h"
#include "yaml_rows.h"

enum { FILES_MAX = 64 };

struct files {
	struct load *l;
	struct refs refs;
	struct yaml_rows *rows[FILES_MAX];
	int n;
	struct row row;
};

/* A row as the file has it, marked as coming from one. */
static void row_of(struct files *f, struct yaml_rows *y, unsigned i)
{
	int ext = meta_column(yaml_rows_table(y), "ext");
	struct buffer marked = {0};
	const char *text;
	size_t n;

	row_begin(&f->row, yaml_rows_table(y));
	yaml_rows_apply(y, i, &f->row);
	buffer_string(&marked, "{\"data_source\":[\"file\"]");
	text = row_get(&f->row, ext, &n);
	if (text && n > 2) {
		buffer_char(&marked, ',');
		buffer_bytes(&marked, text + 1, n - 1);
	} else {
		buffer_char(&marked, '}');
	}
	row_json(&f->row, ext, marked.p, marked.len);
	f->row.values.failed |= marked.failed;
	buffer_free(&marked);
}

/* All files of one table. First every row gets its version, then those that name each other learn
 * it. */
static int load_table(struct files *f, const struct meta_table *t, bool whole)
{
	struct history *h;
	bool any = false;
	int r = 0;

	for (int i = 0; i < f->n; i++)
		any |= yaml_rows_table(f->rows[i]) == t;
	if (!any)
		return 0;
	r = refs_open(&f->refs, f->l, t, true);
	h = refs_history(&f->refs, t);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < f->n; i++) {
			struct yaml_rows *y = f->rows[i];

			for (unsigned k = 0;
			     yaml_rows_table(y) == t && !r && k < yaml_rows_count(y); k++) {
				row_of(f, y, k);
				r = refs_fill(&f->refs, &f->row, false);
				if (!r && pass)
					r = refs_fill(&f->refs, &f->row, true);
				if (!r)
					r = pass ? history_add(h, &f->row)
						 : history_decide(h, &f->row);
			}
		}
	}
	return r || !whole ? r : history_withdraw(h, OWNER_FILES);
}

static int read_all(struct files *f, char *const *paths, int n)
{
	int first = 0, r;

	for (int i = 0; i < n; i++) {
		r = yaml_rows_open(&f->rows[f->n], f->l, paths[i], NULL, false);
		if (!r && yaml_rows_table(f->rows[f->n]))
			f->n++;
		else if (!r)
			yaml_rows_close(f->rows[f->n]);
		first = first ? first : r; /* the faults of all files at once */
	}
	return first;
}

static int load_all(struct files *f, char *const *paths, int n, bool whole)
{
	int r = read_all(f, paths, n);

	for (int i = 0; !r && meta_tables[i]; i++)
		r = load_table(f, meta_tables[i], whole);
	for (int i = 0; !r && meta_tables[i]; i++) {
		struct history *h = refs_history(&f->refs, meta_tables[i]);

		if (!h || !history_counts(h)->rows)
			continue;
		r = history_commit(h);
		if (!r)
			history_tell(h);
	}
	if (!r && !*f->l->summary)
		strcpy(f->l->summary, "no rows");
	return r;
}

/* Every meta_*.yml beside the settings file. */
static int beside(struct load *l, glob_t *found)
{
	const char *slash = strrchr(l->settings, '/');
	char pattern[PATH_MAX];

	snprintf(pattern, sizeof(pattern), "%.*smeta_*.yml",
		 slash ? (int)(slash + 1 - l->settings) : 0, l->settings);
	if (glob(pattern, 0, NULL, found))
		return load_fail(l, ENOENT,
				 "there is no %s: name files, or set FILE_CONSUMER_PATHS or "
				 "load.files",
				 pattern);
	if (found->gl_pathc > FILES_MAX)
		return load_fail(l, E2BIG, "%s: more than %d files", pattern, FILES_MAX);
	return 0;
}

static int run(struct load *l)
{
	const char *given = load_variable(l, "FILE_CONSUMER_FILE_PATHS");
	char *names[FILES_MAX], *list = NULL;
	struct files f = {.l = l};
	glob_t found = {0};
	int n, r;

	n = load_sources(l, given ? "FILE_CONSUMER_FILE_PATHS" : "FILE_CONSUMER_PATHS", l->o->files,
			 &list, names, FILES_MAX);
	if (n > 0)
		r = load_all(&f, names, n, !l->n_sources);
	else
		r = n ? n : beside(l, &found);
	if (!n && !r)
		r = load_all(&f, found.gl_pathv, (int)found.gl_pathc, true);
	globfree(&found);
	for (int i = 0; i < f.n; i++)
		yaml_rows_close(f.rows[i]);
	refs_close(&f.refs);
	row_free(&f.row);
	free(list);
	return r;
}

const struct loader load_files = {
	.name = "files",
	.brief = "devices, interfaces, circuits, applications … from meta_*.yml",
	.arguments = "[FILE...]",
	.help = "Loads YAML files, each with 'table: NAME' and 'data:', a list of rows, into the "
		"tables that they\nname. All files are checked before anything is written; each "
		"fault is told with its line. Without\nfiles: FILE_CONSUMER_FILE_PATHS or "
		"FILE_CONSUMER_PATHS, else load.files, else every meta_*.yml\nbeside the settings "
		"file. Rows that a file no longer has are withdrawn, unless files are named here.\n",
	.interval = "FILE_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
