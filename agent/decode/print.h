/* Printing records exactly as they were sent: one JSON object on a line for each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are IANA element names; what is not known by name is ie_N (IANA's number space), v9_N
 * (a NetFlow v9 field type) or e<pen>_N (an enterprise's), with its octets as value. Elements of
 * the reverse direction (RFC 5103) are reverse<Name>. An element that a record has several times is
 * an array. Keys that begin with _ are not in the record: the header's fields, the scope of options
 * records, and times computed from those relative to sysUpTime. */
#ifndef WEIR_PRINT_H
#define WEIR_PRINT_H

#include "../account.h"
#include "../buffer.h"
#include "decoder.h"
#include "elements.h"

struct printer;

/* What a printer works with; all of it stays the caller's. */
struct printer_config {
	struct exporter_store *store; /* where templates are kept */
	const struct elements *elements;
	struct account *account;
	uint32_t max_nesting; /* of RFC 6313 lists; what is deeper is printed as octets */
	struct buffer *out;
	void (*flush)(struct buffer *out, void *arg); /* empties out; called when it is large */
	void *arg;
};

/* NULL: out of memory. */
struct printer *printer_new(const struct printer_config *config);
void printer_free(struct printer *p);

/* Prints the records of one datagram of NetFlow v5, v9, IPFIX or sFlow v5, by its version field,
 * and learns its templates. Datagrams come in order; a data set before its template is left out.
 * DECODE_OK, or the first reason for which a part was left out. Counts records and sets in the
 * account, not the datagram. The caller is a reader of RCU (urcu-qsbr). */
enum decode_status printer_datagram(struct printer *p, const struct datagram *dg, uint64_t number);

#endif
