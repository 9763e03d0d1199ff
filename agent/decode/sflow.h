/* Walking sFlow version 5 datagrams: datagram, samples, records.
 * SPDX-License-Identifier: Apache-2.0
 *
 * https://sflow.org/sflow_version_5.txt. Samples and records are always stepped over by the length
 * they state; numbers are in host order. */
#ifndef WEIR_SFLOW_H
#define WEIR_SFLOW_H

#include "decoder.h"
#include "packet.h"
#include "xdr.h"

/* What the iterators answer. */
enum sflow_walk { SFLOW_OK, SFLOW_END, SFLOW_MALFORMED };

/* A format is enterprise << 12 | number, as on the wire; these are of enterprise 0. */
#define SFLOW_ENTERPRISE(format) ((format) >> 12)
#define SFLOW_NUMBER(format)	 ((format)&0xfff)

enum sflow_sample_format {
	SFLOW_FLOW_SAMPLE = 1,
	SFLOW_COUNTER_SAMPLE = 2,
	SFLOW_FLOW_SAMPLE_EXPANDED = 3,
	SFLOW_COUNTER_SAMPLE_EXPANDED = 4,
	SFLOW_DISCARDED_PACKET = 5, /* sflow.org/sflow_drops.txt */
};

enum sflow_record_format {
	SFLOW_SAMPLED_HEADER = 1,
	SFLOW_SAMPLED_ETHERNET = 2,
	SFLOW_SAMPLED_IPV4 = 3,
	SFLOW_SAMPLED_IPV6 = 4,
	SFLOW_EXTENDED_SWITCH = 1001,
	SFLOW_EXTENDED_ROUTER = 1002,
	SFLOW_EXTENDED_GATEWAY = 1003,
	SFLOW_EXTENDED_USER = 1004,
	SFLOW_EXTENDED_URL = 1005,
	SFLOW_EXTENDED_MPLS = 1006,
	SFLOW_EXTENDED_NAT = 1007,
	SFLOW_EXTENDED_MPLS_TUNNEL = 1008,
	SFLOW_EXTENDED_MPLS_VC = 1009,
	SFLOW_EXTENDED_MPLS_FTN = 1010,
	SFLOW_EXTENDED_MPLS_LDP_FEC = 1011,
	SFLOW_EXTENDED_VLAN_TUNNEL = 1012,
	SFLOW_EXTENDED_NAT_PORT = 1020,
	SFLOW_EXTENDED_L2_TUNNEL_EGRESS = 1021, /* sflow.org/sflow_tunnels.txt */
	SFLOW_EXTENDED_L2_TUNNEL_INGRESS = 1022,
	SFLOW_EXTENDED_IPV4_TUNNEL_EGRESS = 1023,
	SFLOW_EXTENDED_IPV4_TUNNEL_INGRESS = 1024,
	SFLOW_EXTENDED_IPV6_TUNNEL_EGRESS = 1025,
	SFLOW_EXTENDED_IPV6_TUNNEL_INGRESS = 1026,
	SFLOW_EXTENDED_DECAPSULATE_EGRESS = 1027,
	SFLOW_EXTENDED_DECAPSULATE_INGRESS = 1028,
	SFLOW_EXTENDED_VNI_EGRESS = 1029,
	SFLOW_EXTENDED_VNI_INGRESS = 1030,
	SFLOW_EXTENDED_EGRESS_QUEUE = 1036,
	SFLOW_EXTENDED_ACL = 1037,
	SFLOW_EXTENDED_FUNCTION = 1038,
};

/* The format of an interface: what its value means. */
enum sflow_interface {
	SFLOW_IF_INDEX = 0,
	SFLOW_IF_DISCARDED = 1, /* the value is the reason */
	SFLOW_IF_MULTIPLE = 2,	/* the value is how many, 0: more than one */
};

/* ifIndex of packets that the device itself sent or received. */
#define SFLOW_IF_INTERNAL 0x3fffffff

/* A datagram and how far it has been walked. */
struct sflow_datagram {
	struct ip_addr agent;
	uint32_t sub_agent_id, sequence;
	uint32_t uptime; /* ms */
	uint32_t n_left; /* samples still to come by the header's count */
	const uint8_t *next, *end;
};

/* A sample and how far its records have been walked. What its format does not have is zero. */
struct sflow_sample {
	uint32_t format, length; /* as stated */
	const uint8_t *body;	 /* after format and length */
	bool clipped;		 /* said to be longer than the datagram; holds what is there */
	uint32_t sequence, source_type, source_index;
	uint32_t rate, pool, drops;
	uint32_t in_format, in, out_format, out; /* enum sflow_interface and its value */
	uint32_t reason;			 /* of a discarded packet */
	uint32_t n_left;			 /* records */
	const uint8_t *next, *end;
};

struct sflow_record {
	uint32_t format, length; /* as stated */
	const uint8_t *p, *end;
	bool clipped; /* said to be longer than the sample; holds what is there */
};

/* Reads the header. DECODE_OK, TOO_SHORT, UNKNOWN_VERSION or BAD_ADDRESS. */
enum decode_status sflow_open(struct sflow_datagram *d, const uint8_t *data, uint32_t len);

/* The next sample. SFLOW_OK with another format than the five: its body is left unread.
 * SFLOW_MALFORMED: too short for its format, or nothing is there where the count promised one;
 * walking may go on. */
enum sflow_walk sflow_next_sample(struct sflow_datagram *d, struct sflow_sample *s);

/* The next record of a sample, flow and counter records alike. SFLOW_MALFORMED: nothing is there
 * where the count promised one. */
enum sflow_walk sflow_next_record(struct sflow_sample *s, struct sflow_record *r);

static inline struct xdr sflow_record_xdr(const struct sflow_record *r)
{
	return (struct xdr){.p = r->p, .end = r->end};
}

/* The structures that several record formats share, read from x; x->bad when cut off. */
struct sflow_header {
	uint32_t protocol, frame_length, stripped, length; /* length: as stated */
	const uint8_t *p;
	uint32_t here; /* bytes there, at most length */
};

struct sflow_ethernet {
	uint32_t length, type;
	const uint8_t *src_mac, *dst_mac;
};

/* sampled_ipv4 and sampled_ipv6; `tos` is the priority of the latter. */
struct sflow_ip {
	uint32_t length, protocol, src_port, dst_port, tcp_flags, tos;
	struct ip_addr src, dst;
};

struct sflow_header sflow_read_header(struct xdr *x);
struct sflow_ethernet sflow_read_ethernet(struct xdr *x);
struct sflow_ip sflow_read_ip(struct xdr *x, bool v6);

#endif
