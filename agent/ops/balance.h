/* The audit: does what came in equal what went out, stage by stage?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The agent runs on while its books are read, so each equation is read from its end to its
 * beginning: what came in is then never less than what went out, and the difference is what is
 * being worked on. What went out is read once more at the end; from both readings follow the most
 * and the least that can have been on its way at the moment when what came in was read. */
#ifndef WEIR_BALANCE_H
#define WEIR_BALANCE_H

#include "../buffer.h"
#include "ops.h"

enum { BALANCE_TERMS_MAX = 8, BALANCES_MAX = 2 + 8 };

struct balance_term {
	const char *name; /* an account, or what else it is; static */
	uint64_t value;
};

struct balance {
	char title[256];
	struct balance_term in[BALANCE_TERMS_MAX], out[BALANCE_TERMS_MAX];
	unsigned n_in, n_out;
	int64_t difference; /* sum of in - sum of out: on its way, or unaccounted for */
	int64_t least;	    /* the same against what had gone out a moment later */
	uint64_t capacity;  /* how much can be on its way there */
	const char *on_way; /* what to call it: "in work", "in rings" */
	bool moving;	    /* numbers changed while they were read */
	bool closed;
};

/* Sums and verdict, from terms, `least` and `moving`. */
void balance_close(struct balance *b);

/* Reads all balances of a running agent; up to BALANCES_MAX. Reads again, until nothing is on
 * its way: for about a tenth of a second at most, and for two where they would not close. */
unsigned balances_read(const struct ops_sources *s, struct balance to[BALANCES_MAX]);

/* What never entered these books, and where it ended: refused by the XDP program, lost at sockets,
 * lost before us by the exporters' sequence numbers. Up to BALANCE_ELSEWHERE_MAX. */
enum { BALANCE_ELSEWHERE_MAX = OPS_REASONS_MAX + 8 };
unsigned balances_elsewhere(const struct ops_sources *s,
			    struct balance_term to[BALANCE_ELSEWHERE_MAX]);

/* {"closed":true,"balances":[…],"elsewhere":[…]} */
void balances_json(const struct balance *b, unsigned n, const struct balance_term *elsewhere,
		   unsigned n_elsewhere, struct buffer *to);

#endif
