#!/usr/bin/env python3
"""Makes metadata of the size of the real thing: CAIDA, PeeringDB and GeoLite2 files.
SPDX-License-Identifier: Apache-2.0

usage: metadata_volume.py DIRECTORY [--as N] [--organizations N] [--blocks N]

The same numbers make the same files. Names are invented, networks are cut from all of the address
space in order, as MaxMind's are: three quarters IPv4, one quarter IPv6.
"""
import argparse
import ipaddress
import json
import os
import random
import socket
import struct

parser = argparse.ArgumentParser()
parser.add_argument("directory")
parser.add_argument("--as", dest="n_as", type=int, default=120_000)
parser.add_argument("--organizations", type=int, default=100_000)
parser.add_argument("--blocks", type=int, default=5_000_000)
options = parser.parse_args()

random.seed(1)
os.makedirs(options.directory, exist_ok=True)
COUNTRIES = ["US", "DE", "BR", "JP", "GB", "FR", "IN", "AU", "ZA", "CA"]
PLACES = 100_000


def create(name):
    return open(os.path.join(options.directory, name), "w", buffering=1 << 20)


with create("as-org2info.jsonl") as out:
    for i in range(options.organizations):
        out.write(json.dumps({"organizationId": f"ORG-{i}-RIR", "changed": "20250101",
                              "name": f"Organization number {i}", "country": COUNTRIES[i % 10],
                              "source": "RIR", "type": "Organization"}) + "\n")
    for i in range(options.n_as):
        out.write(json.dumps({"asn": str(i + 1), "changed": "20250101", "name": f"AS-NAME-{i}",
                              "opaqueId": f"x{i}_RIR", "organizationId":
                              f"ORG-{i * options.organizations // options.n_as}-RIR",
                              "source": "RIR", "type": "ASN"}) + "\n")

with create("peeringdb.json") as out:
    n = options.n_as // 4
    orgs = [{"id": i, "name": f"Peering organization {i}", "city": f"City {i % 999}",
             "country": COUNTRIES[i % 10], "state": "", "latitude": i % 90 + .5,
             "longitude": i % 180 + .25, "notes": "n" * 200} for i in range(n)]
    nets = [{"id": i, "org_id": i, "asn": i * 4 + 1, "name": f"Network {i}", "info_ipv6": True,
             "info_prefixes4": i % 1000, "info_prefixes6": i % 100, "info_ratio": "Balanced",
             "info_scope": "Global", "info_traffic": "1-5Gbps", "info_types": ["NSP"],
             "notes": "n" * 300} for i in range(n)]
    json.dump({"org": {"data": orgs}, "net": {"data": nets}}, out)

with create("GeoLite2-City-Locations-en.csv") as out:
    out.write("geoname_id,locale_code,continent_code,continent_name,country_iso_code,country_name,"
              "subdivision_1_iso_code,subdivision_1_name,subdivision_2_iso_code,"
              "subdivision_2_name,city_name,metro_code,time_zone,is_in_european_union\n")
    for i in range(PLACES):
        out.write(f'{i + 1},en,NA,"North America",{COUNTRIES[i % 10]},"Country {i % 10}",S{i % 50},'
                  f'"State {i % 500}",,,"City {i}",,America/New_York,0\n')


def tail():
    place = random.randrange(PLACES) + 1
    return (f",{place},{place},,0,0,{place % 99999:05d},{place % 1800 / 10 - 90:.4f},"
            f"{place % 3600 / 10 - 180:.4f},20,\n")


BLOCK_HEAD = ("network,geoname_id,registered_country_geoname_id,represented_country_geoname_id,"
              "is_anonymous_proxy,is_satellite_provider,postal_code,latitude,longitude,"
              "accuracy_radius,is_anycast\n")
AS_HEAD = "network,autonomous_system_number,autonomous_system_organization\n"


def cut(length, wanted, total_bits):
    """Prefix lengths that fill the space from 1.0.0.0 (or 2000::) on with `wanted` blocks."""
    while wanted > 0:
        n = min(wanted, random.choice([1, 2, 4]))
        for _ in range(n):
            yield length + {1: 0, 2: 1, 4: 2}.get(n, 2)
        wanted -= n


def write(family, wanted, first, length, bits):
    blocks = create(f"GeoLite2-City-Blocks-IPv{family}.csv")
    numbers = create(f"GeoLite2-ASN-Blocks-IPv{family}.csv")
    blocks.write(BLOCK_HEAD)
    numbers.write(AS_HEAD)
    at, last, i = first, None, 0
    for size in cut(length, wanted, bits):
        if family == 4:
            text = socket.inet_ntoa(struct.pack("!I", at))
        else:
            text = str(ipaddress.IPv6Address(at))
        blocks.write(f"{text}/{size}{tail()}")
        wide = at >> (bits - length + 3)
        if wide != last:
            last = wide
            i += 1
            base = wide << (bits - length + 3)
            text = (socket.inet_ntoa(struct.pack("!I", base)) if family == 4
                    else str(ipaddress.IPv6Address(base)))
            number = i % options.n_as + 1
            numbers.write(f"{text}/{length - 3},{number},AS-NAME-{number}\n")
        at += 1 << (bits - size)


write(4, options.blocks * 3 // 4, 0x01000000, 22, 32)
write(6, options.blocks // 4, 0x2000 << 112, 44, 128)
