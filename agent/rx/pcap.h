/* Datagrams from capture files: pcap and pcapng, plain or gzip.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Takes UDP over IPv4 and IPv6 out of Ethernet (with VLAN tags), Linux cooked (SLL, SLL2), raw IP
 * and BSD loopback frames, and puts IP fragments together again. Checksums are not looked at:
 * captures of the sending host hold packets whose checksum the network card has yet to write. */
#ifndef WEIR_RX_PCAP_H
#define WEIR_RX_PCAP_H

#include <stddef.h>

#include "rx.h"

/* Why a packet of a capture gave no datagram. */
#define PCAP_SKIPS(S)                                                                      \
	S(LINK_TYPE, "frames of a link type that is not understood")                       \
	S(NOT_IP, "frames that hold no IP")                                                \
	S(NOT_UDP, "packets that are not UDP")                                             \
	S(OTHER_PORT, "datagrams to other ports")                                          \
	S(CUT_SHORT, "packets cut short by the capture's snap length")                     \
	S(BAD_IP, "packets with a malformed IP header")                                    \
	S(BAD_UDP, "datagrams with a malformed UDP header")                                \
	S(BAD_FRAGMENT, "fragments with impossible length or offset")                      \
	S(FRAGMENTS_OVERLAP, "fragmented datagrams dropped: fragments overlap (RFC 5722)") \
	S(FRAGMENTS_MISSING, "fragmented datagrams dropped: not all fragments came")       \
	S(FRAGMENTS_LIMIT, "fragmented datagrams dropped: too many were incomplete at once")

enum pcap_skip {
#define S(name, text) PCAP_SKIP_##name,
	PCAP_SKIPS(S)
#undef S
		PCAP_SKIP_MAX
};

struct pcap;

/* Opens a capture; "-" is standard input. Of the options only the ports matter: datagrams to others
 * are skipped; o NULL or no ports: all UDP is taken. Returns 0, or a negative errno with one line
 * for the operator in error: what is wrong with which file. */
int pcap_open(struct pcap **out, const char *path, const struct rx_options *o, char *error,
	      size_t size);

/* The next up to `max` datagrams; 0 at the end. Their bytes stay valid until pcap_release().
 * received_ns is the capture's time stamp; of a fragmented datagram, that of its last fragment. */
unsigned pcap_receive(struct pcap *p, struct datagram *out, unsigned max, struct account *account);
void pcap_release(struct pcap *p);
void pcap_close(struct pcap *p);

/* After the end: NULL, or why reading stopped before the end of the file (it is cut short or
 * damaged), as one line for the operator. What came before has been delivered. */
const char *pcap_problem(const struct pcap *p);

/* Packets read so far, and how many of them were skipped for what. Fragments count as packets;
 * FRAGMENTS_* count datagrams. */
uint64_t pcap_packets(const struct pcap *p);
uint64_t pcap_skipped(const struct pcap *p, enum pcap_skip why);
const char *pcap_skip_text(enum pcap_skip why);

#endif
