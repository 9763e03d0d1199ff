/* Looks up the refs that a row holds to rows of other tables.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REFS_H
#define WEIR_REFS_H

#include "history.h"

enum { REFS_TABLES_MAX = 16 };

/* Histories by the place of their table in meta_tables[]. Those that a loader writes it puts there
 * itself, so that versions of this run count; the others are read when they are first needed. */
struct refs {
	struct load *l;
	struct history *of[REFS_TABLES_MAX];
};

/* Returns 0, or a negative errno with an error in l. */
int refs_open(struct refs *r, struct load *l, const struct meta_table *t, bool to_write);
struct history *refs_history(struct refs *r, const struct meta_table *t);
void refs_close(struct refs *r);

/* Sets the derived columns of a row: those to other tables, or (`own`) those to its own. */
int refs_fill(struct refs *r, struct row *row, bool own);

#endif
