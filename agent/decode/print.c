/* Printing records exactly as they were sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>

#include "../bytes.h"
#include "list.h"
#include "print.h"
#include "print_value.h"
#include "sflow_print.h"
#include "template.h"

enum {
	FLUSH_AT = 64 * 1024,
	FLOW_END_SYS_UP_TIME = 21, /* elements: ms since the exporter started */
	FLOW_START_SYS_UP_TIME = 22,
};

/* How the fields of a template hang together: the fields of one element form a chain. */
struct chain {
	uint16_t next; /* the next field of the same element; 0: none */
	bool again;    /* an earlier field is of the same element, and prints this one, too */
};

/* Room for one record: one for each level of nesting. */
struct frame {
	const struct template *template; /* whose chains these are */
	struct field_place *places;
	struct chain *chains;
	uint32_t cap;
};

struct printer {
	struct printer_config config;
	struct buffer *out;
	const struct datagram *dg;
	uint64_t number;
	enum flow_type version;
	struct domain *domain;
	uint16_t *slots; /* hash of elements → 1 + field, to build chains */
	uint32_t n_slots;
	struct frame frames[]; /* max_nesting + 1 */
};

struct printer *printer_new(const struct printer_config *config)
{
	struct printer *p = calloc(1,
				   sizeof(*p) + (config->max_nesting + 1) * sizeof(struct frame));

	if (!p)
		return NULL;
	p->config = *config;
	p->out = config->out;
	return p;
}

void printer_free(struct printer *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i <= p->config.max_nesting; i++) {
		free(p->frames[i].places);
		free(p->frames[i].chains);
	}
	free(p->slots);
	free(p);
}

/* Chains the fields from..to of the template. */
static void chain_fields(struct printer *p, struct frame *f, const struct template *t,
			 uint32_t from, uint32_t to)
{
	uint32_t mask = p->n_slots - 1;

	memset(p->slots, 0, p->n_slots * sizeof(*p->slots));
	for (uint32_t i = from; i < to; i++) {
		const struct template_field *field = &t->fields[i], *other;
		uint32_t slot = (field->pen ^ field->id) * 2654435761u >> 7;

		f->chains[i] = (struct chain){0};
		for (;; slot++) {
			uint16_t *last = &p->slots[slot & mask];

			if (*last) {
				other = &t->fields[*last - 1];
				if (other->pen != field->pen || other->id != field->id)
					continue;
				f->chains[*last - 1].next = (uint16_t)i;
				f->chains[i].again = true;
			}
			*last = (uint16_t)(i + 1);
			break;
		}
	}
}

/* Makes this depth's frame fit the template. False: out of memory. */
static bool frame_prepare(struct printer *p, uint32_t depth, const struct template *t)
{
	struct frame *f = &p->frames[depth];
	uint32_t slots = 16;

	if (f->template == t)
		return true;
	f->template = NULL;
	if (t->n_fields > f->cap) {
		free(f->places);
		free(f->chains);
		f->places = calloc(t->n_fields, sizeof(*f->places));
		f->chains = calloc(t->n_fields, sizeof(*f->chains));
		f->cap = f->places && f->chains ? t->n_fields : 0;
		if (!f->cap)
			return false;
	}
	while (slots < 2u * t->n_fields)
		slots *= 2;
	if (slots > p->n_slots) {
		free(p->slots);
		p->slots = calloc(slots, sizeof(*p->slots));
		p->n_slots = p->slots ? slots : 0;
		if (!p->slots)
			return false;
	}
	/* The scope of a record has an object of its own, but not in a list. */
	chain_fields(p, f, t, 0, depth ? t->n_fields : t->n_scope);
	if (!depth)
		chain_fields(p, f, t, t->n_scope, t->n_fields);
	f->template = t;
	return true;
}

/* Prints the element's name and tells how to read its values. */
static enum element_kind print_name(struct printer *p, const struct template_field *field)
{
	struct buffer *out = p->out;
	const struct element *e = elements_find(p->config.elements, p->version, field->pen,
						field->id);

	if (e) {
		buffer_string(out, e->name);
		return e->kind;
	}
	if (field->pen == IPFIX_REVERSE_PEN)
		e = elements_find(p->config.elements, FLOW_IPFIX, 0, field->id);
	if (e) {
		buffer_string(out, "reverse");
		buffer_char(out, (char)toupper((unsigned char)*e->name));
		buffer_string(out, e->name + 1);
		return e->kind;
	}
	if (p->version == FLOW_NETFLOW_V9)
		buffer_format(out, "v9_%u", field->id);
	else if (!field->pen)
		buffer_format(out, "ie_%u", field->id);
	else
		buffer_format(out, "e%u_%u", field->pen, field->id);
	return ELEMENT_OCTETS;
}

/* RFC 3954 section 6.1: what the scope of a NetFlow v9 options record is. */
static enum element_kind print_v9_scope(struct printer *p, const struct template_field *field)
{
	static const char *const name[] = {[1] = "system",
					   [2] = "interface",
					   [3] = "lineCard",
					   [4] = "cache",
					   [5] = "template"};

	if (field->id && field->id < sizeof(name) / sizeof(*name))
		buffer_string(p->out, name[field->id]);
	else
		buffer_format(p->out, "scope_%u", field->id);
	return ELEMENT_UNSIGNED;
}

static void print_fields(struct printer *p, uint32_t depth, uint32_t from, uint32_t to);

/* The records of a list by their template, or their octets where it is not known. */
static bool print_records(struct printer *p, struct record_list *l, uint32_t depth)
{
	const struct template *t = template_find(p->domain, l->template_id);
	struct frame *f = &p->frames[depth];
	bool first = true;
	enum walk walk;

	buffer_format(p->out, "\"template\":%u,\"records\":", l->template_id);
	if (!t || !frame_prepare(p, depth, t)) {
		struct field_place rest = {.p = l->next, .len = (uint32_t)(l->end - l->next)};

		print_octets(p->out, &rest);
		return true;
	}
	buffer_char(p->out, '[');
	while ((walk = ipfix_next_record(t, &l->next, l->end, f->places)) == WALK_OK) {
		buffer_string(p->out, first ? "{" : ",{");
		print_fields(p, depth, 0, t->n_fields);
		buffer_char(p->out, '}');
		first = false;
	}
	buffer_char(p->out, ']');
	return walk == WALK_END;
}

static void print_element(struct printer *p, enum element_kind kind,
			  const struct field_place *value, uint32_t depth);

static bool print_basic_list(struct printer *p, const struct field_place *value, uint32_t depth)
{
	struct basic_list l;
	struct field_place v;
	enum element_kind kind;
	bool first = true;
	enum walk walk;

	if (basic_list_open(&l, value->p, value->len) != WALK_OK)
		return false;
	buffer_format(p->out, "{\"semantic\":%u,\"element\":\"", l.semantic);
	kind = print_name(p, &l.field);
	buffer_string(p->out, "\",\"values\":[");
	while ((walk = basic_list_next(&l, &v)) == WALK_OK) {
		if (!first)
			buffer_char(p->out, ',');
		print_element(p, kind, &v, depth);
		first = false;
	}
	buffer_string(p->out, "]}");
	return walk == WALK_END;
}

static bool print_sub_template_list(struct printer *p, const struct field_place *value,
				    uint32_t depth)
{
	struct record_list l;
	uint8_t semantic;
	bool good;

	if (sub_template_list_open(&l, &semantic, value->p, value->len) != WALK_OK)
		return false;
	buffer_format(p->out, "{\"semantic\":%u,", semantic);
	good = print_records(p, &l, depth);
	buffer_char(p->out, '}');
	return good;
}

static bool print_multi_list(struct printer *p, const struct field_place *value, uint32_t depth)
{
	struct multi_list l;
	struct record_list part;
	bool first = true;
	enum walk walk;

	if (multi_list_open(&l, value->p, value->len) != WALK_OK)
		return false;
	buffer_format(p->out, "{\"semantic\":%u,\"lists\":[", l.semantic);
	while ((walk = multi_list_next(&l, &part)) == WALK_OK) {
		buffer_string(p->out, first ? "{" : ",{");
		if (!print_records(p, &part, depth))
			return false;
		buffer_char(p->out, '}');
		first = false;
	}
	buffer_string(p->out, "]}");
	return walk == WALK_END;
}

/* One value of a record at this depth. A malformed list is printed as its octets. */
static void print_element(struct printer *p, enum element_kind kind,
			  const struct field_place *value, uint32_t depth)
{
	size_t before = p->out->len;
	bool good;

	if (!value->len || kind < ELEMENT_BASIC_LIST || depth >= p->config.max_nesting) {
		print_value(p->out, kind, value);
		return;
	}
	if (kind == ELEMENT_BASIC_LIST)
		good = print_basic_list(p, value, depth + 1);
	else if (kind == ELEMENT_SUB_TEMPLATE_LIST)
		good = print_sub_template_list(p, value, depth + 1);
	else
		good = print_multi_list(p, value, depth + 1);
	if (!good) {
		p->out->len = before;
		print_octets(p->out, value);
	}
}

/* The fields from..to of the record in this depth's frame, as members of an object. */
static void print_fields(struct printer *p, uint32_t depth, uint32_t from, uint32_t to)
{
	const struct frame *f = &p->frames[depth];
	const struct template *t = f->template;
	bool first = true;

	for (uint32_t i = from; i < to; i++) {
		enum element_kind kind;

		if (f->chains[i].again)
			continue;
		buffer_string(p->out, first ? "\"" : ",\"");
		first = false;
		if (i < t->n_scope && p->version == FLOW_NETFLOW_V9)
			kind = print_v9_scope(p, &t->fields[i]);
		else
			kind = print_name(p, &t->fields[i]);
		buffer_string(p->out, "\":");
		if (!f->chains[i].next) {
			print_element(p, kind, &f->places[i], depth);
			continue;
		}
		for (uint32_t j = i, more = 1; more; j = more) {
			buffer_char(p->out, j == i ? '[' : ',');
			print_element(p, kind, &f->places[j], depth);
			more = f->chains[j].next;
		}
		buffer_char(p->out, ']');
	}
}

/* A time relative to sysUpTime, as ms since 1970. Both wrap at 2^32 ms: the nearer one is meant. */
static void print_uptime_relative(struct printer *p, const char *name, int64_t export_ms,
				  uint32_t sys_uptime, uint32_t value)
{
	buffer_format(p->out, ",\"%s\":%lld", name,
		      (long long)(export_ms - (int32_t)(sys_uptime - value)));
}

static void begin_record(struct printer *p, const char *protocol, const char *kind)
{
	buffer_format(p->out,
		      "{\"_dgram\":%llu,\"_proto\":\"%s\",\"_kind\":\"%s\",\"_exporter\":\"",
		      (unsigned long long)p->number, protocol, kind);
	buffer_ip(p->out, &p->dg->src);
	buffer_char(p->out, '"');
}

static void end_record(struct printer *p)
{
	buffer_string(p->out, "}\n");
	if (p->out->len >= FLUSH_AT)
		p->config.flush(p->out, p->config.arg);
}

static void print_v9_time(struct printer *p, const struct ipfix_message *m,
			  const struct template *t, uint16_t element, const char *name)
{
	for (uint32_t i = t->n_scope; i < t->n_fields; i++) {
		const struct field_place *v = &p->frames[0].places[i];

		if (t->fields[i].id != element)
			continue;
		if (v->len && v->len <= 4)
			print_uptime_relative(p, name, m->export_time * 1000LL, m->sys_uptime,
					      (uint32_t)be_uint(v->p, v->len));
		return;
	}
}

static void print_ipfix_record(struct printer *p, const struct ipfix_message *m,
			       const struct template *t)
{
	bool v9 = m->version == FLOW_NETFLOW_V9;

	begin_record(p, v9 ? "netflow9" : "ipfix", t->options ? "options" : "data");
	buffer_format(p->out, ",\"_odid\":%u,\"_seq\":%u,\"_exportTime\":%u", m->domain,
		      m->sequence, m->export_time);
	if (v9)
		buffer_format(p->out, ",\"_sysUpTime\":%u", m->sys_uptime);
	buffer_format(p->out, ",\"_template\":%u", t->id);
	if (t->n_scope < t->n_fields) {
		buffer_char(p->out, ',');
		print_fields(p, 0, t->n_scope, t->n_fields);
	}
	if (t->n_scope) {
		buffer_string(p->out, ",\"_scope\":{");
		print_fields(p, 0, 0, t->n_scope);
		buffer_char(p->out, '}');
	}
	if (v9) {
		print_v9_time(p, m, t, FLOW_START_SYS_UP_TIME, "_flowStartMs");
		print_v9_time(p, m, t, FLOW_END_SYS_UP_TIME, "_flowEndMs");
	}
	end_record(p);
	account_add(p->config.account, t->options ? ACCOUNT_RECORDS_OPTIONS : ACCOUNT_RECORDS_DATA,
		    1);
}

static enum decode_status print_data_set(struct printer *p, const struct ipfix_message *m,
					 const struct ipfix_set *set)
{
	const struct template *t = template_find(p->domain, set->id);
	const uint8_t *next = set->body;
	enum walk walk;

	if (!t) {
		account_add(p->config.account, ACCOUNT_SETS_NO_TEMPLATE, 1);
		return DECODE_NO_TEMPLATE;
	}
	/* What was learnt since may have the address of what was freed. */
	for (uint32_t i = 0; i <= p->config.max_nesting; i++)
		p->frames[i].template = NULL;
	if (!frame_prepare(p, 0, t))
		return DECODE_NO_MEMORY;
	while ((walk = ipfix_next_record(t, &next, set->end, p->frames[0].places)) == WALK_OK)
		print_ipfix_record(p, m, t);
	return walk == WALK_END ? DECODE_OK : DECODE_BAD_RECORD;
}

static enum decode_status print_set(struct printer *p, const struct ipfix_message *m,
				    const struct ipfix_set *set)
{
	bool v9 = m->version == FLOW_NETFLOW_V9;

	if (set->id >= IPFIX_MIN_DATA_SET)
		return print_data_set(p, m, set);
	if (v9 ? set->id == NETFLOW9_TEMPLATE_SET || set->id == NETFLOW9_OPTIONS_SET
	       : set->id == IPFIX_TEMPLATE_SET || set->id == IPFIX_OPTIONS_SET)
		return template_learn(p->config.store, p->domain, m, set,
				      p->dg->received_ns / 1000000000, p->config.account);
	account_add(p->config.account, ACCOUNT_SETS_MALFORMED, 1);
	return DECODE_BAD_SET_ID;
}

static enum decode_status print_ipfix(struct printer *p)
{
	const struct datagram *dg = p->dg;
	struct ipfix_message m;
	enum decode_status first = ipfix_open(&m, dg->data, dg->len), s;
	struct exporter *exporter;
	struct ipfix_set set;
	enum walk walk;

	if (first != DECODE_OK && first != DECODE_BAD_LENGTH)
		return first;
	p->version = m.version;
	account_add(p->config.account, m.version == FLOW_IPFIX ? ACCOUNT_IPFIX : ACCOUNT_NETFLOW9,
		    1);
	exporter = exporter_get(p->config.store, &dg->src, dg->received_ns);
	if (!exporter)
		return DECODE_TOO_MANY_EXPORTERS;
	p->domain = domain_get(p->config.store, exporter, m.version, m.domain);
	if (!p->domain)
		return DECODE_TOO_MANY_DOMAINS;
	while ((walk = ipfix_next_set(&m, &set)) == WALK_OK) {
		s = print_set(p, &m, &set);
		if (first == DECODE_OK)
			first = s != DECODE_OK || !set.clipped ? s : DECODE_BAD_SET_LENGTH;
	}
	return walk == WALK_MALFORMED && first == DECODE_OK ? DECODE_BAD_SET_LENGTH : first;
}

enum {
	V5_HEADER = 24,
	V5_RECORD = 48,
	V5_RECORDS_MAX = 30,
	V5_FIRST = 24, /* sysUpTime at the start of the flow */
	V5_LAST = 28,
};

/* The record of NetFlow v5, with IANA's names. */
static const struct {
	uint8_t offset, size;
	enum element_kind kind;
	const char *name;
} v5_fields[] = {
	{0, 4, ELEMENT_IPV4, "sourceIPv4Address"},
	{4, 4, ELEMENT_IPV4, "destinationIPv4Address"},
	{8, 4, ELEMENT_IPV4, "ipNextHopIPv4Address"},
	{12, 2, ELEMENT_UNSIGNED, "ingressInterface"},
	{14, 2, ELEMENT_UNSIGNED, "egressInterface"},
	{16, 4, ELEMENT_UNSIGNED, "packetDeltaCount"},
	{20, 4, ELEMENT_UNSIGNED, "octetDeltaCount"},
	{V5_FIRST, 4, ELEMENT_UNSIGNED, "flowStartSysUpTime"},
	{V5_LAST, 4, ELEMENT_UNSIGNED, "flowEndSysUpTime"},
	{32, 2, ELEMENT_UNSIGNED, "sourceTransportPort"},
	{34, 2, ELEMENT_UNSIGNED, "destinationTransportPort"},
	{37, 1, ELEMENT_UNSIGNED, "tcpControlBits"},
	{38, 1, ELEMENT_UNSIGNED, "protocolIdentifier"},
	{39, 1, ELEMENT_UNSIGNED, "ipClassOfService"},
	{40, 2, ELEMENT_UNSIGNED, "bgpSourceAsNumber"},
	{42, 2, ELEMENT_UNSIGNED, "bgpDestinationAsNumber"},
	{44, 1, ELEMENT_UNSIGNED, "sourceIPv4PrefixLength"},
	{45, 1, ELEMENT_UNSIGNED, "destinationIPv4PrefixLength"},
};

static void print_netflow5_record(struct printer *p, const uint8_t *header, const uint8_t *record)
{
	uint32_t sys_uptime = be32(header + 4), s = be32(header + 8), ns = be32(header + 12);
	int64_t export_ms = s * 1000LL + ns / 1000000;

	begin_record(p, "netflow5", "data");
	buffer_format(p->out,
		      ",\"_seq\":%u,\"_exportTime\":%u,\"_sysUpTime\":%u,\"_engine\":[%u,%u],"
		      "\"_samplingMode\":%u,\"_samplingInterval\":%u",
		      be32(header + 16), s, sys_uptime, header[20], header[21], header[22] >> 6,
		      be16(header + 22) & 0x3fff);
	for (size_t i = 0; i < sizeof(v5_fields) / sizeof(*v5_fields); i++) {
		struct field_place v = {.p = record + v5_fields[i].offset,
					.len = v5_fields[i].size};

		buffer_format(p->out, ",\"%s\":", v5_fields[i].name);
		print_value(p->out, v5_fields[i].kind, &v);
	}
	print_uptime_relative(p, "_flowStartMs", export_ms, sys_uptime, be32(record + V5_FIRST));
	print_uptime_relative(p, "_flowEndMs", export_ms, sys_uptime, be32(record + V5_LAST));
	end_record(p);
	account_add(p->config.account, ACCOUNT_RECORDS_DATA, 1);
}

static enum decode_status print_netflow5(struct printer *p)
{
	const uint8_t *data = p->dg->data;
	uint32_t len = p->dg->len, count, there;

	if (len < V5_HEADER)
		return DECODE_TOO_SHORT;
	account_add(p->config.account, ACCOUNT_NETFLOW5, 1);
	count = be16(data + 2);
	there = (len - V5_HEADER) / V5_RECORD;
	if (!count || count > V5_RECORDS_MAX)
		return DECODE_BAD_COUNT;
	for (uint32_t i = 0; i < count && i < there; i++)
		print_netflow5_record(p, data, data + V5_HEADER + i * V5_RECORD);
	return count <= there ? DECODE_OK : DECODE_BAD_COUNT;
}

enum decode_status printer_datagram(struct printer *p, const struct datagram *dg, uint64_t number)
{
	p->dg = dg;
	p->number = number;
	if (dg->len < 4)
		return DECODE_TOO_SHORT;
	switch (be16(dg->data)) {
	case 5:
		return print_netflow5(p);
	case 9:
	case 10:
		return print_ipfix(p);
	}
	if (be32(dg->data) != 5)
		return DECODE_UNKNOWN_VERSION;
	account_add(p->config.account, ACCOUNT_SFLOW5, 1);
	sflow_print(p->out, dg, number);
	return DECODE_OK;
}
