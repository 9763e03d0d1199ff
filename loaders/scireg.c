/* weir load scireg: the Science Registry to meta_ip_scireg.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../agent/log.h"
#include "source_json.h"

static bool is_date(struct json_slice s)
{
	static const char form[] = "\"dddd-dd-dd\"";

	if (!s.p || s.n != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (form[i] == 'd' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != form[i])
			return false;
	return true;
}

static int one(struct source_loader *s, struct json_slice entry)
{
	const struct meta_table *t = s->t;
	struct json_slice id = json_member(entry, "scireg_id");
	struct json_slice updated = json_member(entry, "last_updated");
	int subnets = meta_column(t, "ip_subnet");
	struct row *r = &s->row;

	row_begin(r, t);
	if (json_is_string(id))
		id = (struct json_slice){id.p + 1, id.n - 2};
	if (json_is_null(id) || !id.n) {
		log_warning("load scireg: an entry without scireg_id is left out");
		return 0;
	}
	source_id(r, meta_column(t, "id"), id.p, id.n);
	row_array(r, subnets);
	if (!source_subnets(s->l, r, subnets, json_member(entry, "addresses"), "scireg_id"))
		return 0;
	row_array_end(r, subnets);
	if (is_date(updated))
		row_json(r, meta_column(t, "scireg_update_time"), updated.p, updated.n);
	source_text(r, meta_column(t, "organization_name"), entry, "org_name");
	source_text(r, meta_column(t, "organization_id"), entry, "org_name");
	source_text(r, meta_column(t, "discipline"), entry, "discipline");
	source_text(r, meta_column(t, "resource_name"), entry, "resource_name");
	source_text(r, meta_column(t, "project_name"), entry, "project_name");
	source_text(r, meta_column(t, "contact_email"), entry, "contact_email");
	source_float(r, meta_column(t, "latitude"), entry, "latitude");
	source_float(r, meta_column(t, "longitude"), entry, "longitude");
	return source_add(s);
}

static int rows(struct source_loader *s, struct json_slice all)
{
	struct json_slice entry;
	struct json_walk w;
	int r = 0;

	if (!json_walk_array(&w, all))
		return -EBADMSG;
	while (!r && json_next_item(&w, &entry))
		r = one(s, entry);
	return r ? r : w.failed ? -EBADMSG : 0;
}

static int run(struct load *l)
{
	return source_load(l, "meta_ip_scireg", "SCIREG_HTTP_CONSUMER_URLS", l->o->scireg, rows);
}

const struct loader load_scireg = {
	.name = "scireg",
	.brief = "the Science Registry: who does what science behind which addresses",
	.arguments = "[URL|FILE]",
	.help = "Loads the Science Registry (JSON: an array of entries with scireg_id, addresses, "
		"org_name,\ndiscipline, resource_name …) into meta_ip_scireg. Without a source: "
		"SCIREG_HTTP_CONSUMER_URLS,\nelse load.scireg.\n",
	.interval = "SCIREG_HTTP_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
