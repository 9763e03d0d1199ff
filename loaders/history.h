/* Type-2 history of a metadata table: a row that changed becomes a new version, the old one stays.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A version has the ref <id>__v<N> and the hash of its row: MD5 of the JSON with sorted keys, in
 * which a ref to another table counts by being there: an organization that changed changes itself,
 * not every AS that it has. What a run found is one insert at its end: a
 * run that dies before leaves the table as it was, and a run that finds nothing new adds nothing.
 * The versions live in ClickHouse or, where none is configured, in <history>/<table>.jsonl.zst.
 *
 * A row that is no longer in the source gets one last version that is empty but for its id and the
 * tag "withdrawn", so that its addresses no longer count. Unless more than half would go: then the
 * source is taken to be broken. */
#ifndef WEIR_HISTORY_H
#define WEIR_HISTORY_H

#include "load.h"
#include "tables.h"

struct history;

/* "file" marks the rows of `weir load files` in ext.data_source; each loader withdraws its own. */
enum history_owner { OWNER_NOBODY, OWNER_FILES, OWNER_SOURCE };

struct history_counts {
	uint64_t rows, added, changed, unchanged, repeated, withdrawn, refused;
};

/* Reads the latest versions. To write, the table is locked against other loaders on this host. All
 * return 0 or a negative errno with an error in l. */
int history_open(struct history **out, struct load *l, const struct meta_table *t, bool to_write);
void history_close(struct history *h);

/* Takes a row: a new version if it is new or differs. A row without an id that can be one (1 to 200
 * bytes, no quote, backslash or control character) is counted as refused, an id that comes a second
 * time as repeated. */
int history_add(struct history *h, struct row *r);

/* Decides on the version that the row will have without writing it, so that rows which name each
 * other can learn each other's refs; then history_add() each. */
int history_decide(struct history *h, struct row *r);

/* Withdraws the rows of this owner that were not added. */
int history_withdraw(struct history *h, enum history_owner owner);

/* Makes it all so, in one step. */
int history_commit(struct history *h);

/* The ref in force, written to `ref`; NULL where the id has none (or was withdrawn). */
enum { REF_MAX = 256 };
const char *history_ref(const struct history *h, const char *id, size_t n, char ref[REF_MAX]);

const struct history_counts *history_counts(const struct history *h);

/* "meta_as: 12 rows, 1 new, 2 changed …" appended to l->summary. */
void history_tell(const struct history *h);

/* Calls `each` for every version that is kept, as JSON with ref and hash; not in order. A negative
 * value ends it. -ENOENT where there is no such table. */
int history_each(struct load *l, const char *table, int (*each)(char *line, size_t n, void *arg),
		 void *arg);

/* The name of the table in ClickHouse. */
const char *history_table_name(struct load *l, const struct meta_table *t);

#endif
