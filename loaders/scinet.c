/* weir load scinet: the booths of SCinet to meta_ip_scinet.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../agent/log.h"
#include "source_json.h"

static int one(struct source_loader *s, struct json_slice booth)
{
	struct json_slice name = json_member(booth, "resource_name");
	const struct meta_table *t = s->t;
	int subnets = meta_column(t, "ip_subnet");
	struct buffer text = {0};
	struct row *r = &s->row;

	row_begin(r, t);
	if (!json_is_string(name) || name.n == 2 || !json_text(name, &text)) {
		log_warning("load scinet: a booth without resource_name is left out");
		buffer_free(&text);
		return 0;
	}
	source_id(r, meta_column(t, "id"), text.p, text.len);
	buffer_free(&text);
	row_array(r, subnets);
	if (!source_subnets(s->l, r, subnets, json_member(booth, "addresses"), "addresses"))
		return 0;
	row_array_end(r, subnets);
	source_text(r, meta_column(t, "organization_name"), booth, "org_name");
	source_float(r, meta_column(t, "coordinate_x"), booth, "latitude");
	source_float(r, meta_column(t, "coordinate_y"), booth, "longitude");
	return source_add(s);
}

static int rows(struct source_loader *s, struct json_slice all)
{
	struct json_slice booth;
	struct json_walk w;
	int r = 0;

	if (!json_walk_array(&w, all))
		return -EBADMSG;
	while (!r && json_next_item(&w, &booth))
		r = one(s, booth);
	return r ? r : w.failed ? -EBADMSG : 0;
}

static int run(struct load *l)
{
	return source_load(l, "meta_ip_scinet", "SCINET_FILE_CONSUMER_PATHS", l->o->scinet, rows);
}

const struct loader load_scinet = {
	.name = "scinet",
	.brief = "the booths of SCinet and their addresses",
	.arguments = "[FILE|URL]",
	.help = "Loads SCinet's booths (JSON: an array of entries with resource_name, org_name, "
		"addresses,\nlatitude and longitude as coordinates of the floor) into "
		"meta_ip_scinet. Without a source:\nSCINET_FILE_CONSUMER_PATHS, else "
		"load.scinet.\n",
	.interval = "SCINET_FILE_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
