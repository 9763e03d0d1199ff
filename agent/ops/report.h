/* What status and health say.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OPS_REPORT_H
#define WEIR_OPS_REPORT_H

#include "../buffer.h"
#include "ops.h"

/* Whether an account is kept by outputs, not by workers. */
bool report_is_of_outputs(enum account_id id);

/* "native", "generic", "udp" */
const char *report_mode(enum rx_mode mode);

/* Milliseconds since worker i's last turn; 0 when it has not made one. */
uint64_t report_heartbeat_age(const struct ops_sources *s, unsigned i, uint64_t now_ns);

/* Every worker turns / there is a receiver and an output that can deliver and
 * has not just dropped flows. Where not, `why` gets
 * one line. */
bool report_alive(const struct ops_sources *s, struct buffer *why);
bool report_ready(const struct ops_sources *s, struct buffer *why);

/* All that `weir status` shows, as one JSON object; of the exporters those with most flows, up to
 * max_exporters. started_s: s since 1970. */
void report_status(const struct ops_sources *s, uint64_t started_s, unsigned max_exporters,
		   struct buffer *to);

/* The exporters alone: {"total":…,"list":[…]}. */
void report_exporters(const struct ops_sources *s, unsigned max, struct buffer *to);

#endif
