/* Putting IP fragments together: IPv4 (RFC 791) and IPv6 (RFC 8200), in bounded memory.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RX_REASSEMBLY_H
#define WEIR_RX_REASSEMBLY_H

#include <stdbool.h>

#include "../flow.h"

enum {
	REASSEMBLY_DATAGRAMS = 256, /* incomplete at a time; each may hold 64 KiB */
	REASSEMBLY_SECONDS = 60,    /* RFC 8200 section 4.5; by the packets' own time stamps */
};

struct fragment {
	struct ip_addr src, dst;
	uint64_t time_ns;
	const uint8_t *data;
	uint32_t len;
	uint32_t id;
	uint32_t offset;  /* bytes */
	uint8_t protocol; /* IPv6: the fragment header's next header, the first fragment's counts */
	bool more;
};

enum reassembly_result {
	REASSEMBLY_PENDING,
	REASSEMBLY_DONE,
	REASSEMBLY_BAD,	    /* the fragment's length or offset is impossible; it is left out */
	REASSEMBLY_OVERLAP, /* the datagram is given up with all that may follow of it */
};

struct reassembly;

/* What was given up, in datagrams. */
struct reassembly_counts {
	uint64_t timed_out; /* or still incomplete at reassembly_flush() */
	uint64_t evicted;   /* the oldest, to make room */
};

struct reassembly *reassembly_new(void);
void reassembly_free(struct reassembly *r);

/* Takes one fragment. On REASSEMBLY_DONE *whole, *len and *protocol are the datagram after its IP
 * headers, valid until the next call. A fragment that repeats what is there already, byte for byte,
 * is ignored (RFC 8200 section 4.5 allows this); any other overlap gives up the datagram. */
enum reassembly_result reassembly_add(struct reassembly *r, const struct fragment *f,
				      const uint8_t **whole, uint32_t *len, uint8_t *protocol);

/* Gives up what is incomplete. */
void reassembly_flush(struct reassembly *r);
const struct reassembly_counts *reassembly_counts(const struct reassembly *r);

#endif
