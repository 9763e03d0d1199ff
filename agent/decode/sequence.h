/* Following the sequence numbers of one stream, to know what was lost before us.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A unit is what the protocol counts: datagrams for NetFlow v9 (RFC 3954 section 5.1) and sFlow,
 * flow records for v5, data records for IPFIX (RFC 7011 section 3.1). Lost is what the numbers say
 * was sent, minus what came; so a datagram that comes late mends the account by itself. */
#ifndef WEIR_SEQUENCE_H
#define WEIR_SEQUENCE_H

#include <stdbool.h>

#include "../account.h"

/* One stream (exporter, version, domain or sub-agent). Several workers may feed one stream, as when
 * fragments take the slow path, so its numbers are relaxed atomics; only a restart of the exporter
 * takes a lock. All zero is a stream that has not begun. */
struct sequence {
	uint64_t first, end;  /* positions: 2^32 + the number on the wire, counted on past 2^32 */
	uint64_t received;    /* units that came since `first` */
	uint64_t lost_before; /* units lost before the last restart */
	uint64_t late, restarts; /* datagrams that came after a later one; times it began anew */
	uint32_t behind;	 /* late datagrams in a row */
	uint32_t uptime_ms;	 /* of the latest datagram; 0: the protocol has none */
	bool uncertain;		 /* the units of the latest datagram are not known */
};

/* Takes note of a datagram whose first unit has the position `number` and that carries `units` of
 * them (v9, sFlow: its own number and 1). uptime_ms is the exporter's sysUpTime, 0 where the
 * protocol has none: it tells a restart from a reordering. `certain` is false when the units are
 * not all known and never will be; then the next datagram's number is believed. */
void sequence_see(struct sequence *s, uint32_t number, uint32_t units, bool certain,
		  uint32_t uptime_ms, struct account *account);

/* Units of a datagram that came earlier are known now, as when its template has come. */
void sequence_credit(struct sequence *s, uint32_t units, struct account *account);

/* Nobody will ever know the units of some datagram that came: what is missing now is not lost. */
void sequence_write_off(struct sequence *s);

/* Units that were sent and have not come, as known now. */
uint64_t sequence_lost(const struct sequence *s);

#endif
