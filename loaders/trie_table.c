/* ip.table: what the agent would make of ip.mmdb whenever it starts, made once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../agent/enrich/table_file.h"
#include "trie.h"

static int make(struct load *l, const char *written, const char *table)
{
	struct ip_table_options o = ip_table_everything(&written, 1);
	struct table_identity id;
	struct ip_table *t;
	char why[400];
	int r;

	if (!table_identify(written, &id))
		return load_fail(l, EIO, "%s cannot be read back", written);
	o.own_files = true;
	l->shown = 0; /* now, as it takes a while */
	load_progress(l, "ip.table, of bytes of ip.mmdb:", id.size, 0);
	t = ip_table_load(&o, why, sizeof(why));
	if (!t)
		return load_fail(l, EIO, "no table of addresses can be made: %s", why);
	r = table_write(t, &id, table);
	ip_table_free(t);
	return r ? load_fail(l, -r, "%s: %s", table, strerror(-r)) : 0;
}

/* The table first: beside the ip.mmdb before it would be of no use, but do no harm. */
int trie_table(struct load *l, const char *written)
{
	char beside[PATH_MAX], table[PATH_MAX], mmdb[PATH_MAX];
	int r;

	snprintf(beside, sizeof(beside), "%s/ip.table.new", l->cache);
	snprintf(table, sizeof(table), "%s/ip.table", l->cache);
	snprintf(mmdb, sizeof(mmdb), "%s/ip.mmdb", l->cache);
	r = make(l, written, beside);
	if (!r && rename(beside, table)) {
		r = load_fail(l, errno, "%s: %s", table, strerror(errno));
		unlink(beside);
	}
	if (!r && rename(written, mmdb))
		r = load_fail(l, errno, "%s: %s", mmdb, strerror(errno));
	if (r)
		unlink(written);
	return r;
}
