/* sFlow samples of real captures to flows, against the captures' expected decodes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "rx/pcap.h"
#include "sflow_datagram.h"

/* The next flow sample or discarded packet of an expected decode, NULL at its end. */
static json_t *next_expected(FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	json_t *o = NULL;

	while (!o && getline(&line, &size, f) > 0)
		if (strstr(line, "\"_kind\":\"flow_sample") ||
		    strstr(line, "\"_kind\":\"discarded_packet"))
			o = json_loads(line, 0, NULL);
	free(line);
	return o;
}

static void same_number(const json_t *o, const char *key, uint64_t got)
{
	const json_t *v = json_object_get(o, key);

	if (v && (uint64_t)json_integer_value(v) != got)
		fail_msg("%s is %lu, expected %lld", key, got, json_integer_value(v));
}

static void same_address(const json_t *o, const char *v4, const char *v6, const struct ip_addr *a)
{
	const json_t *v = json_object_get(o, v4);

	if (!v)
		v = json_object_get(o, v6);
	if (v)
		assert_ip(a, json_string_value(v));
}

static void same_mac(const json_t *o, const char *key, uint64_t got)
{
	const json_t *v = json_object_get(o, key);
	char text[18];

	if (!v)
		return;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(got >> 40 & 255),
		 (unsigned)(got >> 32 & 255), (unsigned)(got >> 24 & 255),
		 (unsigned)(got >> 16 & 255), (unsigned)(got >> 8 & 255), (unsigned)(got & 255));
	assert_string_equal(text, json_string_value(v));
}

static void same_flow(const json_t *o, const struct flow *f)
{
	static const char *const sizes[] = {"_frame_length", "ipTotalLength"};
	uint64_t as = f->src_as;

	same_number(o, json_object_get(o, sizes[0]) ? sizes[0] : sizes[1], f->bytes);
	assert_int_equal(f->packets, 1);
	same_address(o, "sourceIPv4Address", "sourceIPv6Address", &f->src_addr);
	same_address(o, "destinationIPv4Address", "destinationIPv6Address", &f->dst_addr);
	same_address(o, "ipNextHopIPv4Address", "ipNextHopIPv6Address", &f->next_hop);
	same_address(o, "bgpNextHopIPv4Address", "bgpNextHopIPv6Address", &f->bgp_next_hop);
	same_address(o, "_agent", "_agent", &f->sampler_address);
	same_mac(o, "sourceMacAddress", f->src_mac);
	same_mac(o, "destinationMacAddress", f->dst_mac);
	same_number(o, "ethernetType", f->etype);
	same_number(o, "protocolIdentifier", f->proto);
	same_number(o, "sourceTransportPort", f->src_port);
	same_number(o, "destinationTransportPort", f->dst_port);
	same_number(o, "tcpControlBits", f->tcp_flags);
	same_number(o, "ipClassOfService", f->ip_tos);
	same_number(o, "ipTTL", f->ip_ttl);
	same_number(o, "flowLabelIPv6", f->ipv6_flow_label);
	same_number(o, "icmpTypeIPv4", f->icmp_type);
	same_number(o, "vlanId", f->vlan_id);
	same_number(o, "_src_mask", f->src_net);
	same_number(o, "_dst_mask", f->dst_net);
	same_number(o, "samplingInterval", f->sampling_rate);
	same_number(o, "_samplePool", f->ext->sample_pool);
	same_number(o, "_drops", f->ext->sample_drops);
	same_number(o, "_reason", f->ext->drop_reason);
	same_number(o, "_dgramSeq", f->sequence_num);
	same_number(o, "_inputFormat", f->ext->in_if_format);
	same_number(o, "_outputFormat", f->ext->out_if_format);
	same_number(o, "ingressInterface", f->in_if);
	if (!f->ext->out_if_format)
		same_number(o, "egressInterface", f->out_if);
	/* A source AS of 0 is the device's own. */
	if (json_integer_value(json_object_get(o, "bgpSourceAsNumber")))
		same_number(o, "bgpSourceAsNumber", as);
	same_number(o, "bgpDestinationAsNumber", f->dst_as);
}

/* Every value of every flow sample of the real captures against their expected decodes. */
static void check_capture(const char *name)
{
	char path[1024], error[256];
	struct datagram dg[16];
	struct account rx = {0};
	struct pcap *p;
	json_t *o;
	FILE *f;
	unsigned n;

	snprintf(path, sizeof(path), "../shared/corpus/expected/%.*s.ndjson", (int)strlen(name) - 5,
		 name);
	f = fopen(path, "r");
	assert_non_null(f);
	snprintf(path, sizeof(path), "../shared/corpus/pcap/%s", name);
	assert_int_equal(pcap_open(&p, path, NULL, error, sizeof(error)), 0);
	while ((n = pcap_receive(p, dg, 16, &rx))) {
		for (unsigned i = 0; i < n; i++) {
			if (be32(dg[i].data) != 5)
				continue;
			assert_int_equal(decode_n(dg[i].data, dg[i].len), DECODE_OK);
			for (uint32_t k = 0; k < batch.n; k++) {
				o = next_expected(f);
				if (!o)
					fail_msg("%s: more flows than samples", name);
				same_flow(o, &batch.rows[k]);
				json_decref(o);
			}
		}
		pcap_release(p);
	}
	pcap_close(p);
	o = next_expected(f);
	if (o)
		fail_msg("%s: fewer flows than samples", name);
	fclose(f);
}

static void test_corpus_flows(void **state)
{
	DIR *dir = opendir("../shared/corpus/pcap");
	struct dirent *entry;
	unsigned files = 0;

	(void)state;
	if (!dir) {
		print_message("no ../shared/corpus: real captures are not tested\n");
		skip();
	}
	flow_batch_free(&batch);
	assert_int_equal(flow_batch_init(&batch, 64, 64), 0);
	while ((entry = readdir(dir))) {
		/* That one has a single sample, which is malformed and shows no packet. */
		if (!strstr(entry->d_name, "sflow") ||
		    !strcmp(entry->d_name, "gopacket__sflow_05.pcap"))
			continue;
		check_capture(entry->d_name);
		files++;
	}
	closedir(dir);
	assert_true(files > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(corpus_flows),
	};

	return RUN(tests);
}
