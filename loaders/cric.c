/* weir load cric: the networks of the WLCG's sites to meta_ip_cric.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "source_json.h"

/* One route of a site's network: its prefixes of both families are one row. */
static int route(struct source_loader *s, const struct json_slice *site_name,
		 struct json_slice site, struct json_slice name, struct json_slice route)
{
	struct json_slice networks = json_member(route, "networks");
	const struct meta_table *t = s->t;
	int subnets = meta_column(t, "ip_subnet");
	struct row *r = &s->row;
	unsigned n;

	row_begin(r, t);
	row_array(r, subnets);
	n = source_subnets(s->l, r, subnets, json_member(networks, "ipv4"), "networks.ipv4");
	n += source_subnets(s->l, r, subnets, json_member(networks, "ipv6"), "networks.ipv6");
	if (!n)
		return 0;
	row_array_end(r, subnets);
	source_id(r, meta_column(t, "id"), name.p, name.n);
	row_json(r, meta_column(t, "rcsite_name"), site_name->p - 1, site_name->n + 2);
	source_text(r, meta_column(t, "netsite_name"), route, "netsite");
	source_text(r, meta_column(t, "country_name"), site, "country");
	source_uint(r, meta_column(t, "tier"), site, "rc_tier_level");
	source_float(r, meta_column(t, "latitude"), site, "latitude");
	source_float(r, meta_column(t, "longitude"), site, "longitude");
	return source_add(s);
}

static int rows(struct source_loader *s, struct json_slice all)
{
	struct json_slice name, site, route_name, value;
	struct json_walk sites, routes;
	int r = 0;

	if (!json_walk_object(&sites, all))
		return -EBADMSG;
	while (!r && json_next_member(&sites, &name, &site)) {
		if (!json_walk_object(&routes, json_member(site, "netroutes")))
			continue;
		while (!r && json_next_member(&routes, &route_name, &value))
			r = route(s, &name, site, route_name, value);
		if (!r && routes.failed)
			r = -EBADMSG;
	}
	return r ? r : sites.failed ? -EBADMSG : 0;
}

static int run(struct load *l)
{
	return source_load(l, "meta_ip_cric", "CRIC_IP_CONSUMER_URL", l->o->cric, rows);
}

const struct loader load_cric = {
	.name = "cric",
	.brief = "the WLCG's sites and their networks (CRIC)",
	.arguments = "[URL|FILE]",
	.help = "Loads the site list of the WLCG's CRIC (JSON: sites, in each netroutes with their "
		"networks) into\nmeta_ip_cric, one row for each netroute. Without a source: "
		"CRIC_IP_CONSUMER_URL, else load.cric.\n",
	.interval = "CRIC_IP_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
