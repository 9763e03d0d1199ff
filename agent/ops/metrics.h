/* The metrics: one table of all that are not accounts, and the text that Prometheus reads.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_METRICS_H
#define WEIR_METRICS_H

#include "../buffer.h"
#include "ops.h"

/* M(ID, "name", "type", "labels", "meaning"). The accounts come from account.h. */
#define METRICS(M)                                                                                \
	M(BUILD, "build_info", "gauge", "version, collector_id", "always 1")                      \
	M(START, "start_time_seconds", "gauge", "", "when the agent started, s since 1970")       \
	M(MEMORY, "resident_memory_bytes", "gauge", "", "memory that the agent has in use")       \
	M(HEARTBEAT, "worker_heartbeat_age_seconds", "gauge", "worker",                           \
	  "time since a worker's last turn")                                                      \
	M(BUSY, "worker_busy_ratio", "gauge", "worker",                                           \
	  "share of a core that a worker used in the last 10 s")                                  \
	M(BOTTLENECK, "bottleneck", "gauge", "stage",                                             \
	  "1 at the stage that loses or is about to: none, receive, decode, queue, broker")       \
	M(RECEIVER, "receiver_info", "gauge", "interface, queue, worker, mode, zero_copy",        \
	  "always 1: a socket that a worker receives from")                                       \
	M(RECEIVER_DROPPED, "receiver_dropped_datagrams_total", "counter",                        \
	  "interface, queue, worker, mode",                                                       \
	  "datagrams lost at a socket: ring full, no buffers, or socket buffer full")             \
	M(KERNEL, "kernel_frames_total", "counter", "reason",                                     \
	  "what the XDP program did with frames, since its maps were made")                       \
	M(WAITING, "output_waiting_flows", "gauge", "output",                                     \
	  "flows handed to an output and not yet published or dropped")                           \
	M(SPOOL, "output_spool_flows", "gauge", "output", "of these, flows in the spool on disk") \
	M(QUEUE, "output_queue_ratio", "gauge", "output",                                         \
	  "how full an output's queue in memory is")                                              \
	M(TABLE_ENTRIES, "table_entries", "gauge", "table",                                       \
	  "prefixes, or devices, interfaces and the like, in a table of enrichment")              \
	M(TABLE_BYTES, "table_bytes", "gauge", "table", "memory of the table")                    \
	M(TABLE_LOADED, "table_loaded_seconds", "gauge", "table",                                 \
	  "when it was last loaded, s since 1970; 0: not yet")                                    \
	M(TABLE_LOADS, "table_loads_total", "counter", "table", "times that it was loaded")       \
	M(TABLE_REFUSED, "table_refused_total", "counter", "table",                               \
	  "times that a file was refused as damaged, and the table stayed as it was")             \
	M(EXPORTERS, "exporters", "gauge", "", "exporters remembered")                            \
	M(EXPORTER_DATAGRAMS, "exporter_datagrams_total", "counter", "exporter",                  \
	  "datagrams of an exporter")                                                             \
	M(EXPORTER_BYTES, "exporter_bytes_total", "counter", "exporter", "UDP payload of these")  \
	M(EXPORTER_FLOWS, "exporter_flows_total", "counter", "exporter",                          \
	  "flows made of them: the sum of all exporters is that of flows")                        \
	M(EXPORTER_RECORDS, "exporter_records_total", "counter", "exporter",                      \
	  "records and samples in them")                                                          \
	M(EXPORTER_MALFORMED, "exporter_malformed_total", "counter", "exporter",                  \
	  "datagrams of which all or a part was malformed")                                       \
	M(EXPORTER_NO_TEMPLATE, "exporter_no_template_total", "counter", "exporter",              \
	  "data sets that came before their template")                                            \
	M(EXPORTER_LOST, "exporter_lost", "gauge", "exporter",                                    \
	  "units (datagrams; records for IPFIX and v5) missing by their sequence numbers; falls " \
	  "when one comes late")                                                                  \
	M(EXPORTER_TEMPLATES, "exporter_templates", "gauge", "exporter", "templates held")        \
	M(EXPORTER_SEEN, "exporter_last_seen_seconds", "gauge", "exporter",                       \
	  "when its latest datagram came, s since 1970")

enum metric_id {
#define M(id, name, type, labels, help) METRIC_##id,
	METRICS(M)
#undef M
		METRIC_MAX
};

/* All metrics in the text format of Prometheus (version 0.0.4). started_s: s since 1970. */
void metrics_print(const struct ops_options *o, const struct ops_sources *s, uint64_t started_s,
		   struct buffer *to);

/* docs/METRICS.md. */
void metrics_reference(struct buffer *to);

#endif
