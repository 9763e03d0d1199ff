/* Names for numbers, as goflow2 and IANA have them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "../flow.h"
#include "flow_names.h"

#define LOOK_UP(table, i) ((i) < sizeof(table) / sizeof(*(table)) ? (table)[i] : NULL)

const char *flow_type_name(uint32_t type)
{
	static const char *const names[] = {
		[FLOW_UNKNOWN] = "FLOWUNKNOWN",	  [FLOW_SFLOW_5] = "SFLOW_5",
		[FLOW_NETFLOW_V5] = "NETFLOW_V5", [FLOW_NETFLOW_V9] = "NETFLOW_V9",
		[FLOW_IPFIX] = "IPFIX",
	};

	return LOOK_UP(names, type);
}

const char *ethernet_type_name(uint32_t type)
{
	switch (type) {
	case 0x0800:
		return "IPv4";
	case 0x86dd:
		return "IPv6";
	case 0x0806:
		return "ARP";
	case 0x8100:
		return "802.1Q";
	case 0x88a8:
		return "802.1ad";
	case 0x8847:
		return "MPLS";
	case 0x8848:
		return "MPLS-multicast";
	case 0x8863:
		return "PPPoE-discovery";
	case 0x8864:
		return "PPPoE";
	case 0x88cc:
		return "LLDP";
	case 0x8809:
		return "Slow";
	case 0x88e5:
		return "MACsec";
	case 0x888e:
		return "802.1X";
	}
	return NULL;
}

const char *ip_protocol_name(uint32_t protocol)
{
	static const char *const names[] = {
		[0] = "HOPOPT",	     [1] = "ICMP",	 [2] = "IGMP",	       [3] = "GGP",
		[4] = "IPv4",	     [5] = "ST",	 [6] = "TCP",	       [7] = "CBT",
		[8] = "EGP",	     [9] = "IGP",	 [12] = "PUP",	       [17] = "UDP",
		[20] = "HMP",	     [22] = "XNS-IDP",	 [27] = "RDP",	       [28] = "IRTP",
		[29] = "ISO-TP4",    [33] = "DCCP",	 [36] = "XTP",	       [41] = "IPv6",
		[43] = "IPv6-Route", [44] = "IPv6-Frag", [45] = "IDRP",	       [46] = "RSVP",
		[47] = "GRE",	     [48] = "DSR",	 [50] = "ESP",	       [51] = "AH",
		[54] = "NARP",	     [55] = "Min-IPv4",	 [57] = "SKIP",	       [58] = "ICMPv6",
		[59] = "IPv6-NoNxt", [60] = "IPv6-Opts", [73] = "CPHB",	       [80] = "ISO-IP",
		[81] = "VMTP",	     [88] = "EIGRP",	 [89] = "OSPF",	       [94] = "IPIP",
		[97] = "ETHERIP",    [98] = "ENCAP",	 [103] = "PIM",	       [108] = "IPComp",
		[112] = "VRRP",	     [113] = "PGM",	 [115] = "L2TP",       [118] = "STP",
		[121] = "SMP",	     [124] = "ISIS",	 [132] = "SCTP",       [133] = "FC",
		[135] = "Mobility",  [136] = "UDPLite",	 [137] = "MPLS-in-IP", [138] = "manet",
		[139] = "HIP",	     [140] = "Shim6",	 [141] = "WESP",       [142] = "ROHC",
		[143] = "Ethernet",  [145] = "NSH",
	};

	return LOOK_UP(names, protocol);
}

const char *flow_layer_name(uint32_t layer)
{
	static const char *const names[] = {
		[LAYER_ETHERNET] = "Ethernet",
		[LAYER_IPV4] = "IPv4",
		[LAYER_IPV6] = "IPv6",
		[LAYER_TCP] = "TCP",
		[LAYER_UDP] = "UDP",
		[LAYER_MPLS] = "MPLS",
		[LAYER_DOT1Q] = "Dot1Q",
		[LAYER_ICMP] = "ICMP",
		[LAYER_ICMPV6] = "ICMPv6",
		[LAYER_GRE] = "GRE",
		[LAYER_IPV6_ROUTING] = "IPv6HeaderRouting",
		[LAYER_IPV6_FRAGMENT] = "IPv6HeaderFragment",
		[LAYER_GENEVE] = "Geneve",
		[LAYER_TEREDO] = "Teredo",
		[LAYER_CUSTOM] = "Custom",
	};

	return LOOK_UP(names, layer);
}

const char *sampling_origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[SAMPLING_UNKNOWN] = "unknown", [SAMPLING_RECORD] = "record",
		[SAMPLING_OPTIONS] = "options", [SAMPLING_CONFIGURED] = "configured",
		[SAMPLING_ASSUMED] = "assumed",
	};

	return LOOK_UP(names, origin);
}
