/* What exporters have taught: templates and sampling, as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <time.h>

#include "../decode/sampler.h"
#include "../decode/template.h"
#include "../publish/flow_names.h"
#include "templates.h"

struct listing {
	struct buffer *to;
	const struct ip_addr *only; /* NULL: all */
	unsigned shown;
	const char *stream_comma, *comma;
	bool cut;
};

static bool see_template(uint64_t key, void *value, void *arg)
{
	const struct template *t = value;
	struct listing *l = arg;

	(void)key;
	if (l->shown == TEMPLATES_SHOWN_MAX) {
		l->cut = true;
		return false;
	}
	l->shown++;
	buffer_format(l->to,
		      "%s{\"id\":%u,\"options\":%s,\"scope\":%u,\"length\":%u,\"variable\":%s,"
		      "\"last_seen\":%llu,\"fields\":[",
		      l->comma, t->id, t->options ? "true" : "false", t->n_scope, t->min_length,
		      t->variable ? "true" : "false",
		      (unsigned long long)__atomic_load_n(&t->last_seen, __ATOMIC_RELAXED));
	for (unsigned i = 0; i < t->n_fields; i++)
		buffer_format(l->to, "%s[%u,%u,%u]", i ? "," : "", t->fields[i].pen,
			      t->fields[i].id, t->fields[i].length);
	buffer_string(l->to, "]}");
	l->comma = ",";
	return true;
}

static bool see_sampler(uint64_t key, void *value, void *arg)
{
	static const char *const keys[] = {
		[SAMPLER_DOMAIN] = "domain",
		[SAMPLER_ID] = "sampler",
		[SAMPLER_INTERFACE] = "interface",
		[SAMPLER_TEMPLATE] = "template",
		[SAMPLER_ONLY] = NULL, /* follows from the others */
	};
	struct listing *l = arg;

	if (key >> 32 >= sizeof(keys) / sizeof(*keys) || !keys[key >> 32])
		return true;
	if (l->shown == TEMPLATES_SHOWN_MAX) {
		l->cut = true;
		return false;
	}
	l->shown++;
	buffer_format(l->to, "%s{\"of\":\"%s\",\"id\":%u,\"rate\":%u}", l->comma, keys[key >> 32],
		      (uint32_t)key, (uint32_t)(uintptr_t)value);
	l->comma = ",";
	return true;
}

static bool see_stream(struct domain *d, void *arg)
{
	const struct ip_addr *address = &d->exporter->address;
	struct listing *l = arg;
	const char *protocol = flow_type_name(d->version);

	if (l->only && memcmp(l->only, address, sizeof(*address)))
		return true;
	buffer_format(l->to, "%s{\"exporter\":\"", l->stream_comma);
	buffer_ip(l->to, address);
	buffer_format(l->to, "\",\"protocol\":\"%s\",\"domain\":%u,\"lost\":%llu,\"templates\":[",
		      protocol ? protocol : "", d->id,
		      (unsigned long long)sequence_lost(&d->sequence));
	l->stream_comma = ",";
	l->comma = "";
	idtable_each(&d->templates, see_template, l);
	buffer_string(l->to, "],\"samplers\":[");
	l->comma = "";
	idtable_each(&d->samplers, see_sampler, l);
	buffer_string(l->to, "]}");
	return !l->cut;
}

static bool read_address(const char *text, struct ip_addr *a)
{
	struct in_addr v4;

	if (inet_pton(AF_INET6, text, a) == 1)
		return true;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	ip_from_v4(a, &v4);
	return true;
}

void report_templates(const struct ops_sources *s, const char *address, struct buffer *to)
{
	struct ip_addr only;
	struct listing l = {.to = to, .stream_comma = "", .comma = ""};

	if (address && !read_address(address, &only)) {
		buffer_string(to, "{\"error\":\"that is no address\"}");
		return;
	}
	l.only = address ? &only : NULL;
	buffer_format(to, "{\"now\":%llu,\"streams\":[", (unsigned long long)time(NULL));
	if (s->store) {
		rcu_thread_online();
		domain_each(s->store, see_stream, &l);
		rcu_thread_offline();
	}
	buffer_format(to, "],\"cut\":%s}", l.cut ? "true" : "false");
}
