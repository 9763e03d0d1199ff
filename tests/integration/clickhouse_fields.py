"""One flow with every field of proto/flow.proto set to a value of its own.
SPDX-License-Identifier: Apache-2.0

usage: clickhouse_fields.py encode PROTO        the message, length-delimited Protobuf, to stdout
       clickhouse_fields.py check PROTO < ROW   each value must be in the row (JSON, one object);
                                                prints the fields that are nowhere in it
"""
import ipaddress
import json
import re
import struct
import sys
import time


def fields(path):
    """(name, type, repeated, number) of each field of message Flow, and its enums."""
    text = re.sub(r"//[^\n]*", "", open(path).read())
    start = text.index("message Flow {")
    body = text[start:text.index("\n}", start)]
    enums = {name: re.findall(r"(\w+)\s*=\s*(\d+)", inside)
             for name, inside in re.findall(r"enum (\w+) \{(.*?)\}", body, re.S)}
    body = re.sub(r"enum \w+ \{.*?\}", "", body, flags=re.S)
    found = re.findall(r"(repeated\s+)?(map<string,\s*string>|\w+)\s+(\w+)\s*=\s*(\d+);", body)
    return [(n, t, bool(r), int(k)) for r, t, n, k in found], enums


# Columns that hold fewer than 32 bits, as the protocols do: their values must fit.
SMALL = {"etype": 0x0800, "proto": 17, "ip_tos": 184, "ip_ttl": 61, "min_ttl": 59, "max_ttl": 62,
         "ip_flags": 2, "icmp_type": 13, "icmp_code": 11, "flow_direction": 2,
         "biflow_direction": 1, "flow_end_reason": 5, "src_net": 23, "dst_net": 21,
         "nat_event": 7, "firewall_event": 4, "firewall_ext_event": 4111, "inner_proto": 132,
         "inner_etype": 34525, "mpls_top_label_type": 9, "ipv6_routing_header_seg_left": 3,
         "source_id_type": 8, "in_if_format": 12, "out_if_format": 14, "tcp_flags": 27,
         "bgp_as_path_padding": 2, "mpls_ttl": 201, "mpls_exp": 6, "sampling_rate": 1}
SIXTEEN = re.compile(r"(_port|_padding|vlan)(_id)?$|_cvlan$|^vlan_id$")


def value(name, kind, number, enums):
    if kind in enums:
        return enums[kind][-1][0], int(enums[kind][-1][1])
    if name.startswith("time_"):
        # of today, and the same when the row is checked
        return None, time.time_ns() // 10**14 * 10**14 - (number - 100) * 10**9
    if kind == "bytes":
        address = ipaddress.ip_address(f"10.77.{number >> 8}.{number & 255}" if number % 2
                                       else f"2001:db8:77::{number:x}")
        return str(address), address.packed
    if kind == "string":
        return f"text-{number}", f"text-{number}".encode()
    if kind.startswith("map"):
        return f"text-{number}", varint(10) + varint(1) + b"k" + varint(18) + varint(
            len(f"text-{number}")) + f"text-{number}".encode()
    if kind == "double":
        return str(number / 16), struct.pack("<d", number / 16)
    if kind == "bool":
        return "True", 1
    if name == "bgp_as_path_id":  # the same path as in as_path
        return None, 70_000_102
    if name in SMALL:
        return None, SMALL[name]
    if name.endswith("_mac"):
        return None, 0x020000000000 + number
    if SIXTEEN.search(name):
        return None, 1000 + number
    return None, 70_000_000 + number


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def encode(path):
    found, enums = fields(path)
    out = b""
    for name, kind, repeated, number in found:
        _, v = value(name, kind, number, enums)
        times = 3 if name == "bgp_large_communities" else 1
        if kind == "double":
            out += varint(number << 3 | 1) + v
        elif kind in ("bytes", "string") or kind.startswith("map"):
            out += varint(number << 3 | 2) + varint(len(v)) + v
        elif repeated:
            packed = b"".join(varint(v + i) for i in range(times))
            out += varint(number << 3 | 2) + varint(len(packed)) + packed
        else:
            out += varint(number << 3) + varint(v)
    return varint(len(out)) + out


def check(path, row):
    found, enums = fields(path)
    flat = []

    def walk(v):
        if isinstance(v, dict):
            for x in v.values():
                walk(x)
        elif isinstance(v, list):
            for x in v:
                walk(x)
        else:
            flat.append(str(v).removeprefix("::ffff:"))

    missing = []
    for name, kind, repeated, number in found:
        text, v = value(name, kind, number, enums)
        flat.clear()
        # small values may stand in several columns: the column must have the field's name
        small = kind == "bool" or text is None and v < 70_000_000
        walk(row[name] if small and name in row else row)
        want = {text or str(v)}
        if name == "bgp_communities":
            want = {f"{v >> 16}:{v & 0xffff}"}
        elif name == "bgp_ext_communities":
            want = {f"0x{v:016x}"}
        elif name == "bgp_large_communities":
            want = {f"{v}:{v + 1}:{v + 2}"}
        if not want & set(flat):
            missing.append(f"{name} = {number}")
    return missing


if sys.argv[1] == "encode":
    sys.stdout.buffer.write(encode(sys.argv[2]))
else:
    lacking = check(sys.argv[2], json.load(sys.stdin))
    print(*lacking, sep=", ")
    sys.exit(1 if lacking else 0)
