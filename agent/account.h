/* The accounts: every datagram and every record ends in exactly one of these counters.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A(NAME, "metric_name", "what one count means"). This table is the index of the counters, the
 * Prometheus names (weir_ + name + _total) and the rows of docs/METRICS.md. */
#ifndef WEIR_ACCOUNT_H
#define WEIR_ACCOUNT_H

#include <stdint.h>

#define ACCOUNTS(A)                                                                                  \
	/* receive: one of these for each datagram that reaches the process */                       \
	A(RX_XDP, "rx_xdp_datagrams", "datagrams taken from AF_XDP rings")                           \
	A(RX_UDP, "rx_udp_datagrams", "datagrams taken from UDP sockets")                            \
	A(RX_PCAP, "rx_pcap_datagrams", "datagrams read from capture files")                         \
	A(RX_BYTES, "rx_bytes", "UDP payload bytes of all of these")                                 \
	A(RX_BAD_CHECKSUM, "rx_bad_checksum_datagrams",                                              \
	  "frames dropped for a wrong UDP or IPv4 checksum")                                         \
	A(RX_BAD_FRAME, "rx_bad_frame", "frames from an AF_XDP ring that hold no such datagram")     \
	A(RX_TRUNCATED, "rx_truncated_datagrams", "datagrams longer than the receive buffer")        \
	A(RX_DENIED, "rx_denied_datagrams",                                                          \
	  "datagrams at UDP sockets from exporters that are not in the allow list")                  \
	/* decode: one of these for each datagram received */                                        \
	A(DECODED, "decoded_datagrams", "datagrams decoded to their end")                            \
	A(DECODED_PARTLY, "partly_decoded_datagrams",                                                \
	  "datagrams of which a part was malformed; what came before it was decoded")                \
	A(MALFORMED, "malformed_datagrams", "datagrams of which nothing could be decoded")           \
	A(UNKNOWN_VERSION, "unknown_version_datagrams",                                              \
	  "datagrams that are none of NetFlow v5, v9, IPFIX, sFlow v5")                              \
	A(EXPORTER_LIMIT, "exporter_limit_datagrams",                                                \
	  "datagrams dropped because there were too many exporters")                                 \
	A(DOMAIN_LIMIT, "domain_limit_datagrams",                                                    \
	  "of the malformed ones: from one observation domain too many")                             \
	/* by protocol */                                                                            \
	A(NETFLOW5, "netflow5_datagrams", "NetFlow v5 datagrams")                                    \
	A(NETFLOW9, "netflow9_datagrams", "NetFlow v9 datagrams")                                    \
	A(IPFIX, "ipfix_datagrams", "IPFIX messages")                                                \
	A(SFLOW5, "sflow5_datagrams", "sFlow v5 datagrams")                                          \
	/* sets, records and samples */                                                              \
	A(TEMPLATES_LEARNT, "templates_learnt", "template definitions new or changed")               \
	A(TEMPLATES_REFRESHED, "templates_refreshed", "template definitions sent again unchanged")   \
	A(TEMPLATES_CHANGED, "templates_changed",                                                    \
	  "template definitions that replaced another of the same id")                               \
	A(TEMPLATES_WITHDRAWN, "templates_withdrawn", "templates withdrawn by their exporter")       \
	A(TEMPLATES_EXPIRED, "templates_expired",                                                    \
	  "templates removed because they were not refreshed")                                       \
	A(TEMPLATES_REFUSED, "templates_refused",                                                    \
	  "template definitions refused: malformed or over a limit")                                 \
	A(SETS_WAITING, "sets_waiting", "data sets kept until their template comes")                 \
	A(SETS_RESUMED, "sets_resumed", "data sets decoded after their template came")               \
	A(SETS_NO_TEMPLATE, "sets_no_template",                                                      \
	  "data sets lost because their template never came, or no room to wait")                    \
	A(SETS_MALFORMED, "sets_malformed", "sets or samples left out as malformed")                 \
	A(RECORDS_DATA, "data_records", "data records decoded")                                      \
	A(RECORDS_OPTIONS, "options_records", "options records decoded")                             \
	A(SAMPLES_FLOW, "flow_samples", "sFlow flow samples decoded")                                \
	A(SAMPLES_COUNTER, "counter_samples", "sFlow counter samples decoded")                       \
	A(SAMPLES_OTHER, "other_samples",                                                            \
	  "sFlow samples of other formats, skipped by their length")                                 \
	A(SFLOW_RECORDS_SKIPPED, "sflow_skipped_records",                                            \
	  "sFlow records of formats that are not used, skipped by their length")                     \
	A(SAMPLES_DROPPED_PACKET, "discarded_packet_samples",                                        \
	  "sFlow discarded-packet samples decoded")                                                  \
	A(SHARED_TOLD, "shared_told_entries",                                                        \
	  "templates, sampling rates and groups of names told to templates.topic")                   \
	A(SHARED_TAKEN, "shared_taken_entries", "the same, of other agents, taken from it")          \
	A(SHARED_REFUSED, "shared_refused_entries",                                                  \
	  "messages in templates.topic that are no such entries")                                    \
	A(FLOWS, "flows", "flows made: what is handed to the outputs")                               \
	A(SAMPLERS_REFUSED, "samplers_refused",                                                      \
	  "sampling rates of options records not kept: one too many")                                \
	A(NAMES_REFUSED, "names_refused", "names of options records not kept: one too many")         \
	A(NAMES_CUT, "names_cut", "names of options records cut to the longest that is kept")        \
	A(LISTS_TOO_DEEP, "lists_too_deep",                                                          \
	  "lists within lists that were not followed any deeper")                                    \
	A(LIST_VALUES_LEFT_OUT, "list_values_left_out",                                              \
	  "labels, layers, segments, AS numbers and communities beyond what a flow holds")           \
	A(SEQUENCE_LOST, "sequence_gap_units",                                                       \
	  "units (datagrams; records for IPFIX and v5) that were missing when a later one came")     \
	A(SEQUENCE_LATE, "sequence_late_units", "units of these that came late after all")           \
	A(SEQUENCE_RESTARTS, "sequence_restarts", "times a sequence began anew")                     \
	/* enrich */                                                                                 \
	A(ENRICHED_FLOWS, "enriched_flows",                                                          \
	  "flows that were looked up in the tables of enrichment")                                   \
	A(ADDRESSES_KNOWN, "addresses_known", "addresses of these of which something is known")      \
	A(ADDRESSES_UNKNOWN, "addresses_unknown", "addresses of which nothing is known")             \
	/* publish: flows handed to an output end in one of these, per output */                     \
	A(PUBLISHED_FLOWS, "published_flows",                                                        \
	  "flows acknowledged by the broker or written to the file")                                 \
	A(PUBLISHED_COUNTERS, "published_counter_samples",                                           \
	  "counter samples acknowledged or written")                                                 \
	A(PUBLISHED_MESSAGES, "published_messages",                                                  \
	  "Kafka messages acknowledged, or buffers written")                                         \
	A(PUBLISHED_BYTES, "published_bytes", "bytes of these before compression")                   \
	A(SPOOLED_FLOWS, "spooled_flows", "flows put into the spool on disk")                        \
	A(RECOVERED_FLOWS, "recovered_flows",                                                        \
	  "flows of an earlier run found in the spool; the last of them may have been acknowledged") \
	A(DROPPED_QUEUE_FULL, "dropped_queue_full_flows",                                            \
	  "flows dropped because an output's queue was full")                                        \
	A(DROPPED_SPOOL_FULL, "dropped_spool_full_flows",                                            \
	  "flows dropped from the spool as its oldest")                                              \
	A(DROPPED_ERROR, "dropped_error_flows", "flows dropped because an output failed for good")   \
	A(SAMPLED_OUT, "sampled_out_flows",                                                          \
	  "flows left out while the queue was too full, for which others count more")                \
	A(DROPPED_COUNTERS, "dropped_counter_samples",                                               \
	  "counter samples dropped for any of these reasons")

enum account_id {
#define A(name, metric, help) ACCOUNT_##name,
	ACCOUNTS(A)
#undef A
		ACCOUNT_MAX
};

/* One per thread that counts; only its owner writes, anyone may read. */
struct account {
	_Alignas(64) uint64_t n[ACCOUNT_MAX];
};

static inline void account_add(struct account *a, enum account_id id, uint64_t count)
{
	__atomic_store_n(&a->n[id], __atomic_load_n(&a->n[id], __ATOMIC_RELAXED) + count,
			 __ATOMIC_RELAXED);
}

static inline uint64_t account_get(const struct account *a, enum account_id id)
{
	return __atomic_load_n(&a->n[id], __ATOMIC_RELAXED);
}

/* The metric name without prefix and suffix, and the help line. */
const char *account_name(enum account_id id);
const char *account_help(enum account_id id);

#endif
