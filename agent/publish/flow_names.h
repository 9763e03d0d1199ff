/* Names for numbers, as goflow2 and IANA have them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLOW_NAMES_H
#define WEIR_FLOW_NAMES_H

#include <stdint.h>

/* Each returns a static text, or NULL where the number has no name. */
const char *flow_type_name(uint32_t type);	   /* "SFLOW_5", "NETFLOW_V9", … */
const char *ethernet_type_name(uint32_t type);	   /* "IPv4", "IPv6", "ARP", … */
const char *ip_protocol_name(uint32_t protocol);   /* "TCP", "IPv6-ICMP", …: as goflow2 2.2 */
const char *flow_layer_name(uint32_t layer);	   /* "Ethernet", "Dot1Q", … */
const char *sampling_origin_name(uint32_t origin); /* "record", "options", … */

#endif
