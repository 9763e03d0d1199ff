/* Agents tell each other what exporters told them: templates, sampling rates and names, through a
 * compacted Kafka topic. SPDX-License-Identifier: Apache-2.0
 *
 * An agent reads the topic to its end before it receives, and follows it: an exporter that moves to
 * another node is decoded there from its first record. What is learnt is published by a thread of
 * the topic's own, which compares the store with what the topic is known to have; nothing is added
 * to the path of packets. What the exporter itself said later than the topic stands above it. */
#ifndef WEIR_SHARE_TOPIC_H
#define WEIR_SHARE_TOPIC_H

#include "../decode/exporter.h"
#include "../publish/publish.h"

struct topic;

/* Connects as the output `o` does and reads the topic, which is made where it is missing, up to its
 * end but for `seconds` at most; what is not read by then is read later. NULL with one message
 * logged. */
struct topic *topic_open(const struct output_options *o, const char *name, const char *collector_id,
			 struct exporter_store *store, unsigned seconds);

/* Tells what is new and ends; the store is still there. */
void topic_close(struct topic *t);

/* What the topic's thread counts. */
const struct account *topic_account(const struct topic *t);

#endif
