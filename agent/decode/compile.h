/* Templates as programs: which bytes of a record go where in a flow.
 * SPDX-License-Identifier: Apache-2.0
 *
 * When a template is learnt, mapping.c says for each element which member of struct flow it fills
 * and in which rank; what is left is a flat list of copies. copy_run() does one of them for all
 * records of a set, so a record of fixed length costs no look-up and no branch per field. */
#ifndef WEIR_COMPILE_H
#define WEIR_COMPILE_H

#include "../flow.h"
#include "ipfix.h"

enum copy_kind {
	COPY_UINT,	 /* big-endian, 1 to 8 bytes, to a number of `width` bytes */
	COPY_ADDR4,	 /* IPv4 address */
	COPY_ADDR6,	 /* IPv6 address */
	COPY_MAC,	 /* 6 bytes to a uint64 */
	COPY_SECONDS,	 /* s since 1970 to ns; the times below likewise */
	COPY_MILLIS,	 /* ms since 1970 */
	COPY_NTP,	 /* NTP time stamp (RFC 7011 sections 6.1.9, 6.1.10) */
	COPY_NTP_MICROS, /* the same, cut to microseconds */
	COPY_UPTIME,	 /* ms of sysUpTime */
	COPY_DELTA,	 /* us before the export time */
	COPY_MPLS, /* label stack entry without TTL: label 20, exp 3, bottom 1 bit; arg: its place
		    */
	COPY_TEXT, /* the bytes themselves, without trailing NULs */
	COPY_ICMP, /* type and code, a byte each */
	COPY_DIRECTION,	     /* IE 61 plus 1 */
	COPY_ETHERTYPE,	     /* unless it is 0 */
	COPY_IP_VERSION,     /* 4 or 6 to an ethertype */
	COPY_DSCP,	     /* 6 bits to the upper 6 of the ToS byte */
	COPY_FRAGMENT_FLAGS, /* IE 197 to the three bits of the IPv4 header */
	COPY_SEGMENT_ID,     /* IE 351: the lower 24 bits of a VXLAN or NVGRE identifier */
};

enum copy_flag {
	COPY_TO_EXT = 1,  /* into struct flow_ext */
	COPY_IF_ZERO = 2, /* only where nothing has been put yet */
};

struct copy_op {
	uint16_t field;	 /* of the template */
	uint16_t offset; /* in the record, where the record is of fixed length */
	uint16_t length; /* IPFIX_VARIABLE_LENGTH: the record says */
	uint16_t to;	 /* offset in struct flow or struct flow_ext */
	uint8_t kind, width, flags, arg;
};

/* One field that needs more than a copy; length 0: the template has none. */
struct field_ref {
	uint16_t field, offset, length;
};

/* Elements of a record that say how it was sampled. */
struct sampling_refs {
	struct field_ref id;		   /* 48, 302 */
	struct field_ref interval;	   /* 34 */
	struct field_ref random_interval;  /* 50 */
	struct field_ref packets, space;   /* 305/306, 307/308 */
	bool by_time;			   /* the latter */
	struct field_ref size, population; /* 309/310 */
	struct field_ref probability;	   /* 311 */
};

enum program_feature {
	PROGRAM_EXT = 1,		/* flows need a struct flow_ext */
	PROGRAM_REVERSE = 2,		/* RFC 5103: a second flow for the other direction */
	PROGRAM_SAMPLING = 4,		/* the record says how it was sampled */
	PROGRAM_SECTION = 8,		/* holds a packet's first bytes */
	PROGRAM_LISTS = 16,		/* RFC 6313 */
	PROGRAM_FAMILY_BY_ADDRESS = 32, /* elements of both address families */
	PROGRAM_ICMP_BY_PORT = 64,	/* NetFlow v9: ICMP type and code in the destination port */
	PROGRAM_MPLS = 128,		/* label copies: the stack is to be measured */
	PROGRAM_INIT_TIME = 256,	/* IE 160 in the record */
	PROGRAM_EXPORTER = 512,		/* IE 130 or 131 in the record */
};

struct program {
	uint16_t features;
	uint16_t n_ops;	    /* forward copies, then … */
	uint16_t n_reverse; /* … those for the reverse flow */
	uint16_t etype;	    /* what the addresses' family says; 0: see features */
	uint16_t n_mpls;    /* labels that are copied, from the top of the stack on */
	struct sampling_refs sampling;
	struct field_ref section; /* 313, 315, 104 */
	uint16_t section_id;
	struct field_ref section_size; /* 312: length of the whole frame */
	struct field_ref mpls_section; /* 316 */
	struct field_ref init_time;    /* 160 */
	struct field_ref exporter[2];  /* 130, 131 */
	struct copy_op ops[];
};

/* Bytes of memory that the program takes. */
static inline size_t program_size(const struct program *p)
{
	return sizeof(*p) + (size_t)(p->n_ops + p->n_reverse) * sizeof(p->ops[0]);
}

/* What copies of times need to know of the message. */
struct copy_times {
	uint64_t export_ns; /* ns since 1970 */
	uint32_t uptime_ms; /* sysUpTime at the export time */
	bool uptime_known;  /* v9; or IPFIX with systemInitTimeMilliseconds */
};

/* Compiles the fields of a data template. Returns one malloc'ed block, or NULL (no memory). */
struct program *program_compile(enum flow_type version, const struct template_field *fields,
				uint16_t n_fields);

/* Runs one copy for n records: source bytes `length` long, `step` bytes apart, to the flows. The
 * flows' ext is set where the copy goes there. */
void copy_run(const struct copy_op *op, const uint8_t *from, uint32_t length, size_t step,
	      struct flow *flows, uint32_t n, const struct copy_times *times);

/* Does op with what is at a place, if the place can hold such a value. For records whose fields
 * have lengths of their own. */
void copy_place(const struct copy_op *op, struct field_place place, struct flow *flow,
		const struct copy_times *times);

/* The copy that a single element of a list would do, and false if it fills nothing. */
bool copy_for_element(uint32_t pen, uint16_t id, struct copy_op *op);

#endif
