/* sFlow flow and counter records as JSON objects.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_counters.h"
#include "sflow_print.h"

/* Fields of the flow records that are plain structures, each as type:name. Types: u unsigned int,
 * h unsigned hyper, s string, o opaque, a address, 4 and 6 IP addresses, m MAC address, l list of
 * unsigned int. */
static const struct record_format {
	uint32_t format;
	const char *name, *fields;
} flow_formats[] = {
	{SFLOW_EXTENDED_SWITCH, "extended_switch",
	 "u:src_vlan u:src_priority u:dst_vlan u:dst_priority"},
	{SFLOW_EXTENDED_ROUTER, "extended_router", "a:next_hop u:src_mask u:dst_mask"},
	{SFLOW_EXTENDED_USER, "extended_user", "u:src_charset s:src_user u:dst_charset s:dst_user"},
	{SFLOW_EXTENDED_URL, "extended_url", "u:direction s:url s:host"},
	{SFLOW_EXTENDED_MPLS, "extended_mpls", "a:next_hop l:in_stack l:out_stack"},
	{SFLOW_EXTENDED_NAT, "extended_nat", "a:src_address a:dst_address"},
	{SFLOW_EXTENDED_MPLS_TUNNEL, "extended_mpls_tunnel",
	 "s:tunnel_lsp_name u:tunnel_id u:tunnel_cos"},
	{SFLOW_EXTENDED_MPLS_VC, "extended_mpls_vc",
	 "s:vc_instance_name u:vll_vc_id u:vc_label_cos"},
	{SFLOW_EXTENDED_MPLS_FTN, "extended_mpls_FTN", "s:mplsFTNDescr u:mplsFTNMask"},
	{SFLOW_EXTENDED_MPLS_LDP_FEC, "extended_mpls_LDP_FEC", "u:mplsFecAddrPrefixLength"},
	{SFLOW_EXTENDED_VLAN_TUNNEL, "extended_vlantunnel", "l:stack"},
	{1013, "extended_80211_payload", "u:cipher_suite o:data"},
	{1014, "extended_80211_rx",
	 "s:ssid m:bssid u:version u:channel h:speed u:rsni u:rcpi u:packet_duration"},
	{1015, "extended_80211_tx",
	 "s:ssid m:bssid u:version u:transmissions u:packet_duration u:retrans_duration "
	 "u:channel h:speed u:power"},
	{SFLOW_EXTENDED_NAT_PORT, "extended_nat_port", "u:src_port u:dst_port"},
	{SFLOW_EXTENDED_DECAPSULATE_EGRESS, "extended_decapsulate_egress", "u:inner_header_offset"},
	{SFLOW_EXTENDED_DECAPSULATE_INGRESS, "extended_decapsulate_ingress",
	 "u:inner_header_offset"},
	{SFLOW_EXTENDED_VNI_EGRESS, "extended_vni_egress", "u:vni"},
	{SFLOW_EXTENDED_VNI_INGRESS, "extended_vni_ingress", "u:vni"},
	{SFLOW_EXTENDED_EGRESS_QUEUE, "extended_egress_queue", "u:queue"},
	{SFLOW_EXTENDED_ACL, "extended_acl", "u:number s:acl_name u:direction"},
	{SFLOW_EXTENDED_FUNCTION, "extended_function", "s:symbol"},
	{1039, "extended_transit", "u:delay"},
	{1040, "extended_queue", "u:depth"},
	{1041, "extended_hw_trap", "s:group s:trap"},
	{1042, "extended_linux_drop_reason", "s:reason"},
	{2100, "extended_socket_ipv4",
	 "u:protocol 4:local_ip 4:remote_ip u:local_port u:remote_port"},
	{2101, "extended_socket_ipv6",
	 "u:protocol 6:local_ip 6:remote_ip u:local_port u:remote_port"},
	{2102, "extended_proxy_socket_ipv4",
	 "u:protocol 4:local_ip 4:remote_ip u:local_port u:remote_port"},
	{2103, "extended_proxy_socket_ipv6",
	 "u:protocol 6:local_ip 6:remote_ip u:local_port u:remote_port"},
	{2200, "memcache_operation", "u:protocol u:cmd s:key u:nkeys u:value_bytes u:uS u:status"},
	{2202, "app_operation",
	 "s:application s:operation s:attributes s:status_descr h:req_bytes h:resp_bytes u:uS "
	 "u:status"},
	{2203, "app_parent_context", "s:application s:operation s:attributes"},
	{2204, "app_initiator", "s:actor"},
	{2205, "app_target", "s:actor"},
	{2206, "http_request",
	 "u:method u:protocol s:uri s:host s:referer s:useragent s:xff s:authuser s:mime_type "
	 "h:req_bytes h:resp_bytes u:uS u:status"},
	{2207, "extended_proxy_request", "s:uri s:host"},
	{2209, "extended_tcp_info",
	 "u:dir u:snd_mss u:rcv_mss u:unacked u:lost u:retrans u:pmtu u:rtt u:rttvar u:snd_cwnd "
	 "u:reordering u:min_rtt"},
	{2210, "extended_entities", "u:src_ds_class u:src_ds_index u:dst_ds_class u:dst_ds_index"},
};

static void quoted_address(struct buffer *out, const struct ip_addr *a)
{
	if (ip_is_unset(a)) {
		buffer_string(out, "null");
		return;
	}
	buffer_char(out, '"');
	buffer_ip(out, a);
	buffer_char(out, '"');
}

static void hex(struct buffer *out, const char *key, const uint8_t *p, size_t n)
{
	sflow_print_key(out, key);
	buffer_char(out, '"');
	buffer_hex(out, p, n);
	buffer_char(out, '"');
}

static void list(struct buffer *out, struct xdr *x)
{
	uint32_t n = xdr_u32(x);

	buffer_char(out, '[');
	for (uint32_t i = 0; i < n && !x->bad; i++) {
		uint32_t v = xdr_u32(x);

		if (x->bad)
			break;
		if (i)
			buffer_char(out, ',');
		buffer_uint(out, v);
	}
	buffer_char(out, ']');
}

/* One value of the given type. Writes null where the record ends too early: the caller drops all of
 * it then. */
static void value(struct buffer *out, struct xdr *x, char type)
{
	struct ip_addr address;
	struct text text;
	const uint8_t *p;

	switch (type) {
	case 'u':
		buffer_uint(out, xdr_u32(x));
		return;
	case 'h':
		buffer_uint(out, xdr_u64(x));
		return;
	case 's':
		text = xdr_text(x);
		buffer_json_string(out, text.p, text.len);
		return;
	case 'o':
		text = xdr_text(x);
		buffer_char(out, '"');
		buffer_hex(out, (const uint8_t *)text.p, text.len);
		buffer_char(out, '"');
		return;
	case 'a':
		address = xdr_address(x);
		quoted_address(out, &address);
		return;
	case 'l':
		list(out, x);
		return;
	}
	p = xdr_bytes(x, type == '4' ? 4 : type == '6' ? 16 : 6);
	if (!p) {
		buffer_string(out, "null");
		return;
	}
	buffer_char(out, '"');
	if (type == '4')
		buffer_ipv4(out, p);
	else if (type == '6')
		buffer_ipv6(out, p);
	else
		buffer_mac(out, p);
	buffer_char(out, '"');
}

static void plain_fields(struct buffer *out, struct xdr *x, const char *fields)
{
	while (*fields) {
		size_t n = strcspn(fields + 2, " ");
		char name[32];

		if (n >= sizeof(name))
			n = sizeof(name) - 1;
		memcpy(name, fields + 2, n);
		name[n] = 0;
		sflow_print_key(out, name);
		value(out, x, fields[0]);
		fields += 2 + n;
		fields += *fields == ' ';
	}
}

static void name(struct buffer *out, const char *text)
{
	sflow_print_key(out, "name");
	buffer_char(out, '"');
	buffer_string(out, text);
	buffer_char(out, '"');
}

static void gateway(struct buffer *out, struct xdr *x)
{
	uint32_t segments;

	plain_fields(out, x, "a:next_hop u:as u:src_as u:src_peer_as");
	sflow_print_key(out, "dst_as_path");
	buffer_char(out, '[');
	segments = xdr_u32(x);
	for (uint32_t i = 0; i < segments && !x->bad; i++) {
		if (i)
			buffer_char(out, ',');
		buffer_char(out, '{');
		plain_fields(out, x, "u:type l:as");
		buffer_char(out, '}');
	}
	buffer_char(out, ']');
	plain_fields(out, x, "l:communities u:localpref");
}

static void header(struct buffer *out, struct xdr *x)
{
	struct sflow_header h = sflow_read_header(x);

	if (x->bad || h.here < h.length) {
		x->bad = true;
		return;
	}
	sflow_print_number(out, "header_protocol", h.protocol);
	sflow_print_number(out, "frame_length", h.frame_length);
	sflow_print_number(out, "stripped", h.stripped);
	sflow_print_number(out, "header_length", h.length);
	sflow_print_key(out, "header");
	buffer_char(out, '{');
	sflow_print_packet(out, h.protocol, h.p, h.here);
	buffer_char(out, '}');
}

static void ethernet(struct buffer *out, struct xdr *x)
{
	struct sflow_ethernet e = sflow_read_ethernet(x);

	if (x->bad)
		return;
	sflow_print_number(out, "frame_length", e.length);
	sflow_print_ethernet(out, &e);
}

static void ip(struct buffer *out, struct xdr *x, bool v6)
{
	struct sflow_ip packet = sflow_read_ip(x, v6);

	if (!x->bad)
		sflow_print_ip(out, &packet, v6);
}

/* Returns false when the format is not known. */
static bool flow_record(struct buffer *out, const struct sflow_record *r, struct xdr *x)
{
	static const char *const tunnels[] = {
		"extended_l2_tunnel_egress",   "extended_l2_tunnel_ingress",
		"extended_ipv4_tunnel_egress", "extended_ipv4_tunnel_ingress",
		"extended_ipv6_tunnel_egress", "extended_ipv6_tunnel_ingress",
	};

	switch (r->format) {
	case SFLOW_SAMPLED_HEADER:
		name(out, "sampled_header");
		header(out, x);
		return true;
	case SFLOW_SAMPLED_ETHERNET:
		name(out, "sampled_ethernet");
		ethernet(out, x);
		return true;
	case SFLOW_SAMPLED_IPV4:
	case SFLOW_SAMPLED_IPV6:
		name(out, r->format == SFLOW_SAMPLED_IPV4 ? "sampled_ipv4" : "sampled_ipv6");
		ip(out, x, r->format == SFLOW_SAMPLED_IPV6);
		return true;
	case SFLOW_EXTENDED_GATEWAY:
		name(out, "extended_gateway");
		gateway(out, x);
		return true;
	case SFLOW_EXTENDED_L2_TUNNEL_EGRESS:
	case SFLOW_EXTENDED_L2_TUNNEL_INGRESS:
		name(out, tunnels[r->format - SFLOW_EXTENDED_L2_TUNNEL_EGRESS]);
		ethernet(out, x);
		return true;
	case SFLOW_EXTENDED_IPV4_TUNNEL_EGRESS:
	case SFLOW_EXTENDED_IPV4_TUNNEL_INGRESS:
	case SFLOW_EXTENDED_IPV6_TUNNEL_EGRESS:
	case SFLOW_EXTENDED_IPV6_TUNNEL_INGRESS:
		name(out, tunnels[r->format - SFLOW_EXTENDED_L2_TUNNEL_EGRESS]);
		ip(out, x, r->format >= SFLOW_EXTENDED_IPV6_TUNNEL_EGRESS);
		return true;
	}
	for (size_t i = 0; i < sizeof(flow_formats) / sizeof(flow_formats[0]); i++) {
		if (flow_formats[i].format != r->format)
			continue;
		name(out, flow_formats[i].name);
		plain_fields(out, x, flow_formats[i].fields);
		return true;
	}
	return false;
}

static void counter(void *arg, const struct counter_value *v)
{
	struct buffer *out = arg;

	sflow_print_key(out, v->name);
	switch (v->kind) {
	case COUNTER_UINT:
		buffer_uint(out, v->u);
		break;
	case COUNTER_INT:
		buffer_int(out, v->i);
		break;
	case COUNTER_FLOAT:
		/* JSON has no way to write what is not a finite number. */
		if (__builtin_isfinite(v->f))
			buffer_format(out, "%.9g", v->f);
		else
			buffer_string(out, "null");
		break;
	case COUNTER_TEXT:
		buffer_json_string(out, v->text.p, v->text.len);
		break;
	case COUNTER_HEX:
		buffer_char(out, '"');
		if (v->text.len == 6)
			buffer_mac(out, (const uint8_t *)v->text.p);
		else
			buffer_hex(out, (const uint8_t *)v->text.p, v->text.len);
		buffer_char(out, '"');
		break;
	}
}

void sflow_print_record(struct buffer *out, const struct sflow_record *r, bool counters)
{
	struct xdr x = sflow_record_xdr(r);
	const struct sflow_counter_format *format;
	size_t start;
	bool known = true;

	buffer_char(out, '{');
	sflow_print_key(out, "format");
	buffer_format(out, "\"%u:%u\"", SFLOW_ENTERPRISE(r->format), SFLOW_NUMBER(r->format));
	sflow_print_number(out, "length", r->length);
	start = out->len;
	if (r->clipped) {
		x.bad = true;
	} else if (!counters) {
		known = flow_record(out, r, &x);
	} else {
		format = sflow_counter_find(r->format);
		known = format;
		if (format) {
			name(out, format->name);
			x.bad = !sflow_counter_values(format, r, counter, out);
		}
	}
	if (!known) {
		hex(out, "hex", r->p, (size_t)(r->end - r->p));
	} else if (x.bad) {
		out->len = start;
		buffer_string(out, ",\"malformed\":true");
	}
	buffer_char(out, '}');
}
