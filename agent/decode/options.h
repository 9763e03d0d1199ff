/* Options records (RFC 7011 section 3.4.2.2, RFC 3954 section 6): what exporters tell of
 * themselves. SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

#include "ipfix.h"
#include "template.h"

/* Keeps what one options record says of sampling, names and the time of system start. Counts what
 * is over a limit. */
void options_learn(struct exporter_store *s, struct domain *d, const struct template *t,
		   const struct field_place *places, struct account *account);

/* What sampling elements of one record say; those not there are 0. */
struct sampling_said {
	uint64_t interval;	   /* IE 34, or where that is 0, IE 50 */
	uint64_t packets, space;   /* 305 and 306, or 307 and 308 */
	bool has_space;		   /* 306 or 308 is there, whatever it says */
	bool by_time;		   /* 307 rather than 305 */
	uint64_t size, population; /* 309 and 310 */
	double probability;	   /* 311 */
};

/* The rate that they give together: interval; (packets + space) / packets (RFC 5477 sections 8.2.2
 * and 8.2.3); population / size (8.2.4, 8.2.5); 1 / probability (8.2.6). Exporters that send
 * packets without space mean one of so many, but what else they say is surer (IOS-XR: 1 packet,
 * size 1, population 256). 0: none. */
uint32_t sampling_rate_of(const struct sampling_said *said);

/* An IPFIX float32 or float64 of this length; 0 for other lengths. */
double float_of(const uint8_t *p, uint32_t len);

#endif
