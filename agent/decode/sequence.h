/* Following the sequence numbers of one stream, to know what was lost before us.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A unit is what the protocol counts: datagrams for NetFlow v9 and sFlow, flow records for v5, data
 * records for IPFIX (RFC 7011 section 3.1). Lost = what the numbers say was sent, minus what came;
 * so a datagram that comes late mends the account by itself. */
#ifndef WEIR_SEQUENCE_H
#define WEIR_SEQUENCE_H

#include "../account.h"

/* One stream (exporter, version, domain or sub-agent). Several workers may feed one stream, as when
 * fragments take the slow path: its numbers are atomics. */
struct sequence {
	uint64_t highest; /* 1 + next expected number, low 32 bits as on the wire; 0: nothing yet */
	uint64_t expected; /* units sent by what the numbers say, since the first datagram */
	uint64_t received;
	uint64_t reordered, restarts;
};

/* Takes note of a datagram that carries `units` units and whose first has the number `number`
 * (v5, IPFIX: units before this datagram; v9, sFlow: the datagram's own number, units = 1).
 * Rises SEQUENCE_REORDERED and SEQUENCE_RESTARTS in the account. */
void sequence_see(struct sequence *s, uint32_t number, uint32_t units, struct account *account);

/* Units that were sent and have not come, as known now. */
uint64_t sequence_lost(const struct sequence *s);

#endif
