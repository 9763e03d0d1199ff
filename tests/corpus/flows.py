#!/usr/bin/env python3
# Holds the flows that `weir replay` makes of captures against what their records, as sent, demand.
# SPDX-License-Identifier: Apache-2.0
"""usage: flows.py WEIR CORPUS [NAME...]

CORPUS has pcap/NAME.pcap and, in expected/NAME.ndjson, each record as it was sent. The rules from
elements to fields are written down here a second time, from the data model and the RFCs and not
from the decoder; every field of every flow must agree. Ends with 'N passed, N failed, N skipped'.
"""
import collections
import ipaddress
import json
import pathlib
import struct
import subprocess
import sys

MS, S = 10**6, 10**9
IPV4, IPV6 = 0x0800, 0x86DD
ETYPES = {"IPv4": IPV4, "IPv6": IPV6, "ARP": 0x0806, "MPLS": 0x8847, "802.1Q": 0x8100, "LLDP": 0x88CC}
PROTOS = {"HOPOPT": 0, "ICMP": 1, "IGMP": 2, "IPv4": 4, "TCP": 6, "UDP": 17, "IPv6": 41, "GRE": 47,
          "ESP": 50, "AH": 51, "IPv6-ICMP": 58, "IPv6-NoNxt": 59, "EIGRP": 88, "OSPFIGP": 89, "PIM": 103,
          "any-host-internal-protocol": 61, "VRRP": 112, "L2TP": 115, "SCTP": 132, "UDPLite": 136}
TYPES = {"netflow5": "NETFLOW_V5", "netflow9": "NETFLOW_V9", "ipfix": "IPFIX", "sflow5": "SFLOW_5"}
# How deep packets are parsed is test_packet*.c's matter; the collector's name is the machine's.
IGNORED = {"collector_id", "layer_stack", "layer_size"}

# Field: elements in order of precedence.
NUMBERS = {
    "bytes": "octetDeltaCount octetTotalCount initiatorOctets layer2OctetDeltaCount postOctetDeltaCount",
    "packets": "packetDeltaCount packetTotalCount initiatorPackets postPacketDeltaCount",
    "proto": "protocolIdentifier", "src_port": "sourceTransportPort",
    "dst_port": "destinationTransportPort", "tcp_flags": "tcpControlBits",
    "in_if": "ingressInterface ingressPhysicalInterface",
    "out_if": "egressInterface egressPhysicalInterface",
    "src_as": "bgpSourceAsNumber", "dst_as": "bgpDestinationAsNumber",
    "next_hop_as": "bgpNextAdjacentAsNumber", "prev_hop_as": "bgpPrevAdjacentAsNumber",
    "vlan_id": "dot1qVlanId vlanId", "src_vlan": "vlanId", "dst_vlan": "postVlanId",
    "dot1q_vlan": "dot1qVlanId", "dot1q_cvlan": "dot1qCustomerVlanId",
    "post_dot1q_vlan": "postDot1qVlanId", "post_dot1q_cvlan": "postDot1qCustomerVlanId",
    "ip_ttl": "ipTTL minimumTTL", "min_ttl": "minimumTTL", "max_ttl": "maximumTTL",
    "forwarding_status": "forwardingStatus", "ipv6_flow_label": "flowLabelIPv6",
    "fragment_id": "fragmentIdentification", "fragment_offset": "fragmentOffset",
    "observation_point_id": "observationPointId", "flow_end_reason": "flowEndReason",
    "ingress_vrf_id": "ingressVRFID", "egress_vrf_id": "egressVRFID",
    "mpls_top_label_type": "mplsTopLabelType", "mpls_vpn_rd": "mplsVpnRouteDistinguisher",
    "application_id": "applicationId", "nat_event": "natEvent",
    "mpls_pseudowire_id": "pseudoWireId", "biflow_direction": "biflowDirection",
    "firewall_event": "firewallEvent v9_40005", "firewall_ext_event": "v9_33002",
    "post_nat_src_port": "postNAPTSourceTransportPort v9_40003",
    "post_nat_dst_port": "postNAPTDestinationTransportPort v9_40004",
}
NONZERO = {  # the first that is not zero
    "src_net": "sourceIPv4PrefixLength sourceIPv6PrefixLength",
    "dst_net": "destinationIPv4PrefixLength destinationIPv6PrefixLength",
}
ADDRESSES = {
    "src_addr": "sourceIPv4Address sourceIPv6Address",
    "dst_addr": "destinationIPv4Address destinationIPv6Address",
    "next_hop": "ipNextHopIPv4Address ipNextHopIPv6Address",
    "bgp_next_hop": "bgpNextHopIPv4Address bgpNextHopIPv6Address",
    "mpls_ip": "mplsTopLabelIPv4Address mplsTopLabelIPv6Address",
    "post_nat_src_addr": "postNATSourceIPv4Address postNATSourceIPv6Address v9_40001",
    "post_nat_dst_addr": "postNATDestinationIPv4Address postNATDestinationIPv6Address v9_40002",
}
MACS = {"src_mac": "sourceMacAddress postSourceMacAddress",
        "dst_mac": "destinationMacAddress postDestinationMacAddress"}
TEXTS = {"in_if_name": "interfaceName", "application_name": "applicationName v9_56701",
         "ingress_vrf_name": "VRFname", "src_user": "userName v9_40000 v9_56702"}
INNER = {"sourceTransportPort": "inner_src_port", "destinationTransportPort": "inner_dst_port",
         "protocolIdentifier": "inner_proto", "sourceIPv4Address": "inner_src_addr",
         "sourceIPv6Address": "inner_src_addr", "destinationIPv4Address": "inner_dst_addr",
         "destinationIPv6Address": "inner_dst_addr", "sourceMacAddress": "inner_src_mac",
         "destinationMacAddress": "inner_dst_mac", "dot1qVlanId": "inner_vlan_id"}
SWAPPED = ("addr", "port", "as", "net", "vlan", "mac", "user")


def number(v):
    if isinstance(v, str) and v.startswith("0x"):
        return int(v, 16) if len(v) <= 18 else None
    return v if isinstance(v, int) else None


def numbers(rec, names):
    return [n for n in (number(rec.get(e)) for e in names.split()) if n is not None]


def address(v):
    """Text or hex as an address; None where it is none."""
    if isinstance(v, str) and v.startswith("0x"):
        return ipaddress.ip_address(bytes.fromhex(v[2:])) if len(v) in (10, 34) else None
    return ipaddress.ip_address(v) if isinstance(v, str) else None


def mac(v):
    return v if isinstance(v, str) and not v.startswith("0x") else None


def split_inner(rec):
    """The outer packet's record and, of elements that stand twice, what the inner packet has."""
    outer, inner, tunnel = {}, {}, isinstance(rec.get("protocolIdentifier"), list)
    for key, v in rec.items():
        if isinstance(v, list) and key not in ("_records", "_engine", "_scope"):
            outer[key], v = v[0], v[1]
            if key in INNER:
                inner[INNER[key]] = v
        else:
            other = key.replace("IPv4", "IPv6") if "IPv4" in key else key.replace("IPv6", "IPv4")
            if tunnel and key in INNER and other != key and other in outer:
                inner[INNER[key]] = v
            else:
                outer[key] = v
    return outer, inner


class Exporter:
    """What options records told, by domain."""

    def __init__(self):
        self.rates, self.names, self.init_ms = {}, {}, 0

    def learn(self, rec):
        scope = dict(rec.get("_scope") or {})
        v9 = rec["_proto"] == "netflow9"
        said = {**rec, **({} if v9 else scope)}
        if v9 and "interface" in scope:
            said["ingressInterface"] = scope["interface"]
        if v9 and "template" in scope:
            said["templateId"] = scope["template"]
        rate = rate_of(said)
        sampler = numbers(said, "samplerId selectorId")
        interface = numbers(said, "ingressInterface egressInterface")
        template = numbers(said, "templateId")
        if rate:
            if sampler:
                self.rates["id", sampler[0]] = rate
            elif interface and interface[0]:
                self.rates["interface", interface[0]] = rate
            elif template:
                self.rates["template", template[0]] = rate
            else:
                self.rates["domain"] = rate
        self.init_ms = said.get("systemInitTimeMilliseconds") or self.init_ms
        for kind, ids, names in (("interface", interface, ("interfaceName",)),
                                 ("vrf", numbers(said, "ingressVRFID"), ("VRFname",)),
                                 ("vrf", numbers(said, "egressVRFID"), ("VRFname",)),
                                 ("sampler", sampler, ("samplerName", "selectorName")),
                                 ("application", numbers(said, "applicationId"), ("applicationName",))):
            for name in names:
                if ids and said.get(name):
                    self.names[kind, ids[0]] = said[name]

    def rate(self, rec, in_if, out_if):
        said, sampler = rate_of(rec), numbers(rec, "samplerId selectorId")
        seen_at = (out_if, in_if) if rec.get("flowDirection") == 1 else (in_if, out_if)
        if said:
            return said, "record"
        told = [self.rates.get(("id", sampler[0]))] if sampler else []
        told += [self.rates.get(("interface", i)) for i in seen_at]
        told += [self.rates.get(("template", rec["_template"])), self.rates.get("domain")]
        ids = {r for k, r in self.rates.items() if k[0] == "id"}
        told += ids if len(ids) == 1 and not sampler else []
        told = [t for t in told if t]
        return (told[0], "options") if told else (1, "assumed")


def rate_of(rec):
    interval = [n for n in numbers(rec, "samplingInterval samplerRandomInterval") if n]
    packets, space = rec.get("samplingPacketInterval"), rec.get("samplingPacketSpace")
    if interval:
        return interval[0]
    if packets and space is not None:
        return round((packets + space) / packets)
    if rec.get("samplingSize") and rec.get("samplingPopulation"):
        return round(rec["samplingPopulation"] / rec["samplingSize"])
    return packets or 0  # without the space between: one of so many


def wrapped(ms, now_ms):
    """The difference of two times that wrap at 2^32 ms."""
    d = (ms - now_ms) % 2**32
    return d - 2**32 if d >= 2**31 else d


def time_of(rec, which, exporter, prefix=""):
    """ns since 1970 by the elements flow{Start,End}…; None where none is there."""
    def get(name):
        name = "flow" + which + name
        return number(rec.get("reverse" + name[0].upper() + name[1:] if prefix else name))

    for name, unit in (("Milliseconds", MS), ("Seconds", S), ("Microseconds", 1000), ("Nanoseconds", 1)):
        if get(name) is not None:
            return get(name) * unit
    up = get("SysUpTime")
    now = rec["_exportTime"] * 1000
    init = rec.get("systemInitTimeMilliseconds") or exporter.init_ms
    if up is not None and rec["_proto"] == "netflow9":
        return (now + wrapped(up, rec["_sysUpTime"])) * MS
    if up is not None and init:
        return (now + wrapped(up, now - init)) * MS
    delta = get("DeltaMicroseconds")
    return None if delta is None else now * MS - delta * 1000


def etype_of(rec, flow):
    if rec.get("ethernetType"):
        return rec["ethernetType"]
    if rec.get("ipVersion") in (4, 6):
        return IPV4 if rec["ipVersion"] == 4 else IPV6
    ends = [a for a in (flow.get("src_addr"), flow.get("dst_addr")) if a is not None]
    real = [a for a in ends if int(a)] or ends
    return (IPV4 if real[0].version == 4 else IPV6) if real else 0


def labels_of(rec):
    stack = []
    for name in ["mplsTopLabelStackSection"] + [f"mplsLabelStackSection{i}" for i in range(2, 11)]:
        v = number(rec.get(name))
        if not v or v >> 1 == 0 and not v & 1:  # filled up with zeros
            break
        stack.append((v >> 4, v >> 1 & 7))
        if v & 1:
            break
    return stack


def packet_of(flow, data):
    """A sampled frame: Ethernet with tags, IPv4 or IPv6, ports."""
    tags, at, etype = [], 14, struct.unpack(">H", data[12:14])[0]
    while etype in (0x8100, 0x88A8):
        tag, etype = struct.unpack(">HH", data[at:at + 4])
        tags, at = tags + [tag & 0xFFF], at + 4
    flow.update(dst_mac=data[:6].hex(":"), src_mac=data[6:12].hex(":"), etype=etype)
    flow.update(zip(("dot1q_vlan", "dot1q_cvlan"), tags))
    flow["vlan_id"] = tags[0] if tags else 0
    ip = data[at:]
    if etype == IPV4:
        flow.update(ip_tos=ip[1], fragment_id=ip[4] << 8 | ip[5], ip_flags=ip[6] >> 5, ip_ttl=ip[8],
                    proto=ip[9], src_addr=ipaddress.ip_address(ip[12:16]),
                    dst_addr=ipaddress.ip_address(ip[16:20]))
        at += (ip[0] & 15) * 4
    elif etype == IPV6:
        flow.update(ip_tos=(ip[0] << 8 | ip[1]) >> 4 & 255, proto=ip[6], ip_ttl=ip[7],
                    ipv6_flow_label=struct.unpack(">I", ip[:4])[0] & 0xFFFFF,
                    src_addr=ipaddress.ip_address(ip[8:24]), dst_addr=ipaddress.ip_address(ip[24:40]))
        at += 40
    if flow.get("proto") in (6, 17):
        flow["src_port"], flow["dst_port"] = struct.unpack(">HH", data[at:at + 4])
    if flow.get("proto") == 6:
        flow["tcp_flags"] = struct.unpack(">H", data[at + 12:at + 14])[0] & 0xFFF


def flows_of_record(rec, exporter, packet):
    """The flows of a data record of NetFlow v9 or IPFIX."""
    rec, inner = split_inner(rec)
    flow = {"type": TYPES[rec["_proto"]], "sequence_num": rec["_seq"],
            "observation_domain_id": rec["_odid"], "sampler_address": address(rec["_exporter"])}
    for field, names in NUMBERS.items():
        flow[field] = (numbers(rec, names) or [0])[0]
    for field, names in NONZERO.items():
        flow[field] = ([n for n in numbers(rec, names) if n] or [0])[0]
    for field, names in ADDRESSES.items():
        found = [a for a in map(address, map(rec.get, names.split())) if a is not None]
        flow[field] = ([a for a in found if int(a)] or found or [None])[0]
    for field, names in MACS.items():
        flow[field] = ([m for m in map(mac, map(rec.get, names.split())) if m] or [None])[0]
    for field, names in TEXTS.items():
        v = [rec[n] for n in names.split() if rec.get(n)]
        v = v[0] if v else ""
        flow[field] = bytes.fromhex(v[2:]).rstrip(b"\0").decode() if v.startswith("0x") else v
    flow["etype"] = etype_of(rec, flow)
    if flow["etype"] == IPV6:
        for end in ("src_addr", "dst_addr"):
            flow[end] = flow[end] if flow[end] is not None and int(flow[end]) else None
    dscp = numbers(rec, "ipDiffServCodePoint")
    flow["ip_tos"] = (numbers(rec, "ipClassOfService") + [d << 2 for d in dscp] +
                      numbers(rec, "postIpClassOfService") + [0])[0]
    flow["ip_flags"] = (rec.get("fragmentFlags") or 0) >> 5
    if number(rec.get("flowDirection")) in (0, 1):
        flow["flow_direction"] = rec["flowDirection"] + 1
    if number(rec.get("layer2SegmentId")):
        flow["vxlan_vni"] = rec["layer2SegmentId"] & 0xFFFFFF
    icmp = numbers(rec, "icmpTypeCodeIPv4 icmpTypeCodeIPv6")
    types, codes = numbers(rec, "icmpTypeIPv4 icmpTypeIPv6"), numbers(rec, "icmpCodeIPv4 icmpCodeIPv6")
    flow["icmp_type"] = ([t for t in types + [i >> 8 for i in icmp] if t] or [0])[0]
    flow["icmp_code"] = ([c for c in codes + [i & 255 for i in icmp] if c] or [0])[0]
    if rec["_proto"] == "netflow9" and not icmp and not types and flow["proto"] in (1, 58):
        flow["icmp_type"], flow["icmp_code"] = flow["dst_port"] >> 8, flow["dst_port"] & 255
    stack = labels_of(rec)
    if stack:
        flow["mpls_label"], flow["mpls_exp"] = [s[0] for s in stack], [s[1] for s in stack]
    for field, v in inner.items():
        flow[field] = address(v) if field.endswith("addr") else v
    section = rec.get("dataLinkFrameSection")
    if section:
        packet_of(flow, bytes.fromhex(section[2:]))
        flow["bytes"] = flow["bytes"] or rec.get("dataLinkFrameSize") or len(section) // 2 - 1
        flow["packets"] = flow["packets"] or 1
    for field, which in (("time_flow_start_ns", "Start"), ("time_flow_end_ns", "End")):
        t = time_of(rec, which, exporter)
        flow[field] = (rec["_exportTime"] * S or packet.received) if t is None else t
    flow["sampling_rate"], flow["sampling_origin"] = exporter.rate(rec, flow["in_if"], flow["out_if"])
    sampler = numbers(rec, "samplerId selectorId")
    for field, kind, ids in (("in_if_name", "interface", flow["in_if"]),
                             ("out_if_name", "interface", flow["out_if"]),
                             ("ingress_vrf_name", "vrf", flow["ingress_vrf_id"]),
                             ("egress_vrf_name", "vrf", flow["egress_vrf_id"]),
                             ("application_name", "application", flow["application_id"]),
                             ("sampler_name", "sampler", sampler[0] if sampler else None)):
        flow[field] = flow.get(field) or exporter.names.get((kind, ids), "")
    back = numbers(rec, "reverseOctetDeltaCount reverseOctetTotalCount reversePacketDeltaCount "
                   "reversePacketTotalCount")
    if "initiatorOctets" in rec or "initiatorPackets" in rec:
        back += numbers(rec, "responderOctets responderPackets")
    return [flow, reverse_of(flow, rec, exporter)] if back else [flow]


def reverse_of(flow, rec, exporter):
    """RFC 5103: the way back, with what the record says of it and nothing else of the way there."""
    flow["biflow_direction"] = flow["biflow_direction"] or 1
    back = dict(flow, biflow_direction={1: 2, 2: 1}.get(flow["biflow_direction"], flow["biflow_direction"]))
    for of in SWAPPED:
        for pre in ("", "inner_", "post_nat_"):
            a, b = pre + "src_" + of, pre + "dst_" + of
            back[a], back[b] = flow.get(b), flow.get(a)
    for a, b in (("in_if", "out_if"), ("in_if_name", "out_if_name"),
                 ("ingress_vrf_id", "egress_vrf_id"), ("ingress_vrf_name", "egress_vrf_name")):
        back[a], back[b] = flow.get(b), flow.get(a)
    for gone in ("next_hop", "bgp_next_hop", "next_hop_as", "ipv6_flow_label", "forwarding_status",
                 "ip_tos", "ip_ttl", "min_ttl", "max_ttl", "icmp_type", "icmp_code", "tcp_flags",
                 "flow_direction", "mpls_label", "mpls_exp"):
        back[gone] = None
    for field, names in (("bytes", "reverseOctetDeltaCount reverseOctetTotalCount responderOctets"),
                         ("packets", "reversePacketDeltaCount reversePacketTotalCount responderPackets"),
                         ("tcp_flags", "reverseTcpControlBits"), ("ip_tos", "reverseIpClassOfService")):
        back[field] = (numbers(rec, names) or [0])[0]
    vlan = numbers(rec, "reverseVlanId")
    if vlan:
        back["vlan_id"] = back["src_vlan"] = vlan[0]
    icmp = numbers(rec, "reverseIcmpTypeCodeIPv4")
    if icmp:
        back["icmp_type"], back["icmp_code"] = icmp[0] >> 8, icmp[0] & 255
    for field, which in (("time_flow_start_ns", "Start"), ("time_flow_end_ns", "End")):
        t = time_of(rec, which, exporter, "reverse")
        back[field] = flow[field] if t is None else t
    return back


def flow_of_v5(rec, packet):
    nsecs, = struct.unpack(">I", packet.payload[12:16])
    flow = {"type": "NETFLOW_V5", "sequence_num": rec["_seq"], "etype": IPV4,
            "sampler_address": address(rec["_exporter"]),
            "src_addr": address(rec["sourceIPv4Address"]), "dst_addr": address(rec["destinationIPv4Address"]),
            "next_hop": address(rec["ipNextHopIPv4Address"])}
    for field in ("in_if", "out_if", "packets", "bytes", "src_port", "dst_port", "tcp_flags", "proto",
                  "src_as", "dst_as", "src_net", "dst_net"):
        flow[field] = (numbers(rec, {**NUMBERS, **NONZERO}[field]) or [0])[0]
    flow["ip_tos"] = rec["ipClassOfService"]
    for field, up in (("time_flow_start_ns", "flowStartSysUpTime"), ("time_flow_end_ns", "flowEndSysUpTime")):
        flow[field] = rec["_exportTime"] * S + nsecs + wrapped(rec[up], rec["_sysUpTime"]) * MS
    if flow["proto"] == 1:
        flow["icmp_type"], flow["icmp_code"] = flow["dst_port"] >> 8, flow["dst_port"] & 255
    rate = rec["_samplingInterval"]
    flow["sampling_rate"], flow["sampling_origin"] = (rate, "record") if rate else (1, "assumed")
    return flow


def flow_of_sample(rec, packet):
    """sFlow: what is said of the packet's headers; the rest of them is not looked at. A sample of
    which nothing but a broken record came is no flow."""
    if all(r.get("malformed") for r in rec["_records"]):
        return None
    flow = {"type": "SFLOW_5", "sequence_num": rec["_dgramSeq"], "sampler_address": address(rec["_agent"]),
            "packets": 1, "time_flow_start_ns": packet.received, "time_flow_end_ns": packet.received,
            "in_if": rec["ingressInterface"] if not rec.get("_inputFormat") else 0,
            "out_if": rec["egressInterface"] if not rec.get("_outputFormat") else 0,
            "sampling_rate": rec.get("samplingInterval") or 1,
            "sampling_origin": "record" if rec.get("samplingInterval") else "assumed"}
    if rec["_kind"] == "discarded_packet":
        flow.update(sampling_rate=1, sampling_origin="record")
    records = {r.get("name"): r for r in reversed(rec["_records"])}
    header = records.get("sampled_header")
    seen = header["header"] if header else {**records.get("sampled_ethernet", {}), **records.get(
        "sampled_ipv4", {}), **records.get("sampled_ipv6", {})}
    if header:
        flow["bytes"] = header["frame_length"]
    else:
        flow["bytes"] = seen.get("ipTotalLength") or seen.get("frame_length") or 0
    for field, e in (("proto", "protocolIdentifier"), ("src_port", "sourceTransportPort"),
                     ("dst_port", "destinationTransportPort"), ("tcp_flags", "tcpControlBits"),
                     ("ip_tos", "ipClassOfService"), ("ip_ttl", "ipTTL"), ("etype", "ethernetType"),
                     ("vlan_id", "dot1qVlanId"), ("ipv6_flow_label", "flowLabelIPv6")):
        if e in seen:
            flow[field] = seen[e]
    for field, names in {**MACS, **ADDRESSES}.items():
        if field in ("src_mac", "dst_mac", "src_addr", "dst_addr"):
            v = [seen[n] for n in names.split() if n in seen]
            if v:
                flow[field] = v[0] if field.endswith("mac") else address(v[0])
    if "extended_switch" in records:
        for end in ("src_vlan", "dst_vlan"):
            vlan = records["extended_switch"][end]
            flow[end] = vlan if vlan != 0xFFFFFFFF else 0  # unknown
    router = records.get("extended_router")
    if router:
        flow.update(next_hop=address(router["next_hop"]), src_net=router["src_mask"], dst_net=router["dst_mask"])
    gateway = records.get("extended_gateway")
    if gateway:
        path = [a for segment in gateway["dst_as_path"] for a in (
            segment.get("as", []) if isinstance(segment, dict) else [segment])]
        flow.update(bgp_next_hop=address(gateway["next_hop"]), src_as=gateway["src_as"] or gateway["as"],
                    prev_hop_as=gateway["src_peer_as"], dst_as=path[-1] if path else gateway["as"],
                    next_hop_as=path[0] if path else 0, as_path=path, bgp_local_pref=gateway["localpref"],
                    bgp_communities=gateway["communities"])
    return flow


# Captures, and what weir makes of them.

Packet = collections.namedtuple("Packet", "received payload")


def packets(path):
    """UDP payloads of a classic pcap file of Ethernet, little endian, microseconds."""
    data, at, out = path.read_bytes(), 24, []
    while at + 16 <= len(data):
        sec, usec, here, _ = struct.unpack("<IIII", data[at:at + 16])
        frame, at = data[at + 16:at + 16 + here], at + 16 + here
        header = 14 + (40 if frame[12:14] == b"\x86\xdd" else (frame[14] & 15) * 4)
        out.append(Packet(sec * S + usec * 1000, frame[header + 8:]))
    return out


def plain(flow):
    """Fields that are set, as JSON has them."""
    out = {}
    for k, v in flow.items():
        if isinstance(v, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
            # The message has one form for a.b.c.d and ::ffff:a.b.c.d.
            mapped = v.version == 6 and v.ipv4_mapped
            v = None if v.version == 6 and not int(v) else str(mapped or v)
        elif k.endswith("_mac") and v is not None and not int(v.replace(":", ""), 16):
            v = None
        if v not in (None, 0, "", []):
            out[k] = v
    return out


def given(flow):
    """A flow of weir's in the same form."""
    out = {k: v for k, v in flow.items() if k not in IGNORED}
    for k, v in out.items():
        if k in ("etype", "inner_etype"):
            out[k] = int(v, 16) if v.startswith("0x") else ETYPES.get(v, v)
        elif k in ("proto", "inner_proto"):
            out[k] = int(v) if v.isdigit() else PROTOS.get(v, v)
        elif k == "mpls_ip":  # a list in the message, of the one that a flow has
            out[k], = v
    return plain(out)


def expected_flows(records, pkts):
    exporters, out = collections.defaultdict(Exporter), []
    for rec in records:
        packet = pkts[rec["_dgram"] - 1]
        exporter = exporters[rec["_exporter"], rec["_proto"], rec.get("_odid")]
        if rec["_kind"] == "options":
            exporter.learn(rec)
            continue
        if rec["_proto"] == "netflow5":
            flows = [flow_of_v5(rec, packet)]
        elif rec["_proto"] == "sflow5":
            flows = [flow_of_sample(rec, packet)] if rec["_kind"] in (
                "flow_sample", "flow_sample_expanded", "discarded_packet") else []
            flows = [f for f in flows if f]
        else:
            flows = flows_of_record(rec, exporter, packet)
        out += [(rec["_dgram"], rec["_proto"] == "sflow5",
                 plain(dict(f, time_received_ns=packet.received))) for f in flows]
    return out


def group(flow):
    return flow.get("time_received_ns", 0), flow.get("sequence_num", 0), flow.get("observation_domain_id", 0)


def differences(want, got, partial):
    keys = want.keys() if partial else want.keys() | got.keys()
    return [f"{k}: {got.get(k)} instead of {want.get(k)}" for k in sorted(keys) if want.get(k) != got.get(k)]


def compare(weir, corpus, name):
    """The faults of one capture, and how many flows were compared."""
    pkts = packets(corpus / "pcap" / f"{name}.pcap")
    lines = (corpus / "expected" / f"{name}.ndjson").read_text().splitlines()
    run = subprocess.run([weir, "replay", "--quiet", corpus / "pcap" / f"{name}.pcap", "--output", "-",
                          "--format", "json"], capture_output=True, text=True, check=False)
    if run.returncode:
        return [f"weir replay ended with {run.returncode}: {run.stderr.strip()}"], 0
    got = collections.defaultdict(list)
    for line in run.stdout.splitlines():
        flow = given(json.loads(line))
        if "counters" not in flow:
            got[group(flow)].append(flow)
    meta = json.loads((corpus / "expected" / f"{name}.meta.json").read_text())
    late = {d["dgram"] for d in meta["datagrams"] if any(s.get("no_template") for s in d.get("sets", []))}
    faults, want = [], expected_flows(map(json.loads, lines), pkts)
    for dgram, partial, flow in want:
        have = got[group(flow)]
        if not have:
            faults.append(f"datagram {dgram}: no flow for {flow}")
            continue
        # Forward flows of a set come before its reverse ones, and sets that have waited in between:
        # take the flow that agrees best, the first of equals.
        best = min(have, key=lambda f: len(differences(flow, f, partial)))
        have.remove(best)
        bad = differences(flow, best, partial)
        if bad:
            faults.append(f"datagram {dgram}: " + "; ".join(bad))
    # Data before its template is in no list of records, but decoded when the template comes.
    waited = {pkts[d - 1].received for d in late}
    for key, rest in got.items():
        if rest and key[0] not in waited:
            faults.append(f"{len(rest)} flows too many, as {rest[0]}")
    return faults, len(want)


def main():
    weir, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    names = sys.argv[3:] or sorted(p.stem for p in (corpus / "expected").glob("*.ndjson"))
    passed = failed = flows = 0
    for name in names:
        faults, n = compare(weir, corpus, name)
        flows += n
        failed += bool(faults)
        passed += not faults
        for fault in faults[:5]:
            print(f"FAIL {name}: {fault}")
        if len(faults) > 5:
            print(f"FAIL {name}: and {len(faults) - 5} more")
    print(f"{flows} flows compared")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
