/* The allow list of exporters for what does not pass the XDP program.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RX_ALLOW_H
#define WEIR_RX_ALLOW_H

#include "rx.h"

struct allow_list;

/* A list of these prefixes; of none: everybody is allowed. NULL: out of memory. free() ends it. */
struct allow_list *allow_list_new(const struct rx_prefix *prefixes, unsigned n);

bool allow_list_has(const struct allow_list *l, const struct ip_addr *address);

#endif
