/* From our options to librdkafka's properties.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_KAFKA_CONF_H
#define WEIR_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "publish.h"

/* The configuration of a client that never loses silently: idempotent, all replicas, no time limit.
 * NULL on failure, with one message logged; `name` is the output's for it. Secrets are in the
 * result and nowhere else. */
rd_kafka_conf_t *kafka_conf_new(const struct output_options *o, const char *name);

/* Whether librdkafka takes this property with this value: NULL, or what is wrong in `why`. */
const char *kafka_property_fault(const struct kafka_property *p, char *why, size_t size);

#endif
