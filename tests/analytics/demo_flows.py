#!/usr/bin/env python3
"""Writes a month of made-up flows as the Parquet files that `weir load export` makes.
SPDX-License-Identifier: Apache-2.0

usage: demo_flows.py DIR [--until YYYY-MM-DDTHH:MM] [--days 31] [--flows 1500] [--seed 1]

DIR/date=YYYY-MM-DD/hour=HH/weir-1.parquet, with --flows of them in a mean hour. The same arguments
give the same flows. Traffic follows the day and the week, some talkers are far greater than others,
one link is nearly full, there is a surge on the last day, and one exporter has fallen silent.
Names, addresses and AS numbers are of the ranges kept for documentation; needs duckdb.
"""
import argparse
import datetime
import pathlib

import duckdb

# AS number, name, organisation, country, IPv4 /24, share of what it sends and of what it gets
NETWORKS = [
    (64496, "EXAMPLE-CAMPUS", "Example University", "CH", "198.51.100", 9, 22),
    (64497, "EXAMPLE-LAB", "Example Laboratory", "CH", "198.18.7", 16, 10),
    (64498, "EXAMPLE-HOSPITAL", "Example Hospital", "DE", "198.18.9", 3, 5),
    (64499, "EXAMPLE-SCHOOLS", "Example Schools", "AT", "198.18.11", 2, 6),
    (64500, "DOC-CLOUD", "Doc Cloud", "US", "203.0.113", 20, 9),
    (64501, "DOC-VIDEO", "Doc Video", "US", "198.18.20", 24, 1),
    (64502, "DOC-CDN", "Doc CDN", "NL", "198.18.21", 18, 1),
    (64503, "NORTH-DATA", "North Data Centre", "FI", "198.18.30", 8, 12),
    (64504, "ISLAND-OBS", "Island Observatory", "ES", "198.18.31", 7, 2),
    (64505, "SOUTH-ARRAY", "South Array", "ZA", "198.18.32", 5, 2),
    (64506, "PACIFIC-NREN", "Pacific Research Network", "JP", "198.18.40", 4, 6),
    (64507, "ANDES-TELESCOPE", "Andes Telescope", "CL", "198.18.41", 6, 1),
    (64508, "MAPLE-NET", "Maple Net", "CA", "198.18.42", 3, 4),
    (64509, "CORAL-NET", "Coral Net", "AU", "198.18.43", 2, 4),
    (64510, "GANGES-NET", "Ganges Net", "IN", "198.18.44", 2, 5),
    (64511, "TRANSIT-ONE", "Transit One", "GB", "198.18.50", 3, 4),
    (65536, "FRENCH-SITE", "French Site", "FR", "198.18.51", 4, 5),
    (65537, "ITALIAN-SITE", "Italian Site", "IT", "198.18.52", 3, 4),
    (65538, "POLISH-SITE", "Polish Site", "PL", "198.18.53", 2, 3),
    (65539, "BRASIL-SITE", "Brasil Site", "BR", "198.18.54", 2, 3),
    (65540, "SAVANNA-NET", "Savanna Net", "KE", "198.18.55", 1, 2),
    (65541, "NILE-NET", "Nile Net", "EG", "198.18.56", 1, 2),
    (0, "", "", "", "192.0.2", 1, 1),
]
# Interfaces; speed in bit/s, edge: the network ends there
INTERFACE = ("id", "index", "name", "description", "speed", "edge")
GVA = (("gva-edge-1::et-0/0/1", 501, "et-0/0/1", "transit", 10_000_000_000, True),
       ("gva-edge-1::et-0/0/2", 502, "et-0/0/2", "to the core", 10_000_000_000, False))
AMS = (("ams-core-1::et-1/0/0", 11, "et-1/0/0", "exchange", 100_000_000_000, True),
       ("ams-core-1::et-1/0/1", 12, "et-1/0/1", "to Frankfurt", 100_000_000_000, False))
FRA = (("fra-core-1::et-2/0/0", 21, "et-2/0/0", "to Amsterdam", 100_000_000_000, False),
       ("fra-core-1::et-2/0/3", 24, "et-2/0/3", "research sites", 40_000_000_000, True))
UNKNOWN = (("", 3, "", "", 0, False), ("", 4, "", "", 0, False))
# device, address, kind, sampling rate, entry, exit, share
ROUTERS = [
    ("gva-edge-1", "192.0.2.1", "IPFIX", 100, *GVA, 34),
    ("gva-edge-1", "192.0.2.1", "IPFIX", 100, *GVA[::-1], 18),
    ("ams-core-1", "192.0.2.2", "NETFLOW_V9", 1000, *AMS, 20),
    ("ams-core-1", "192.0.2.2", "NETFLOW_V9", 1000, *AMS[::-1], 12),
    ("fra-core-1", "192.0.2.3", "SFLOW_5", 2048, *FRA, 9),
    ("fra-core-1", "192.0.2.3", "SFLOW_5", 2048, *FRA[::-1], 5),
    ("", "2001:db8::5", "NETFLOW_V9", 1, *UNKNOWN, 2),
]
# protocol, port, name, share, mean bytes in a packet
SERVICES = [
    ("TCP", 443, "https", 46, 1180), ("UDP", 443, "quic", 17, 1160), ("TCP", 1094, "xrootd", 11, 1420),
    ("TCP", 2811, "gridftp", 7, 1430), ("TCP", 80, "http", 4, 1050), ("TCP", 22, "ssh", 3, 620),
    ("UDP", 53, "dns", 2, 140), ("TCP", 993, "imaps", 1.5, 480), ("UDP", 51820, "wireguard", 2.5, 990),
    ("TCP", 25, "smtp", 1, 700), ("UDP", 123, "ntp", 0.3, 90), ("ICMP", 0, "", 0.3, 84),
    ("IPv6-ICMP", 0, "", 0.2, 90), ("ESP", 0, "", 1.2, 860), ("TCP", 0, "", 3, 800),
]


def shares(rows, column):
    """The rows with the interval of [0, 1) that each has."""
    total, at, out = sum(r[column] for r in rows), 0.0, []
    for i, row in enumerate(rows):
        width = row[column] / total
        out.append((i, at, 1.0 if i == len(rows) - 1 else at + width))
        at += width
    return out


def table(db, name, columns, rows):
    db.execute(f"CREATE TABLE {name} ({columns})")
    db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


FLOWS = """
CREATE OR REPLACE TEMP TABLE flows AS
WITH
hours AS
(
    SELECT hour_start, 0.42 + 0.58 * pow(sin(pi() * ((extract(hour FROM hour_start) + 20) % 24 + 0.5) / 24), 2)
        - CASE WHEN isodow(hour_start) > 5 THEN 0.22 ELSE 0 END AS busy
    FROM (SELECT unnest(generate_series($from, $end - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS hour_start)
),
numbered AS
(
    SELECT hour_start, unnest(range(CAST($flows * busy / 0.6 AS BIGINT))) AS n
    FROM hours
),
drawn AS
(
    -- a draw for each question that is asked of a flow, from 0 to 1
    SELECT hour_start, list_transform(range(12), lambda x: (hash(epoch(hour_start), n, x, $seed) % 1000003) / 1000003.0) AS d
    FROM numbered
),
chosen AS
(
    SELECT hour_start, d,
        r.i AS router,
        CASE WHEN d[10] < 0.06 AND hour_start BETWEEN $until - INTERVAL 9 HOUR AND $until - INTERVAL 6 HOUR THEN 7 ELSE s.i END AS src,
        CASE WHEN d[10] < 0.06 AND hour_start BETWEEN $until - INTERVAL 9 HOUR AND $until - INTERVAL 6 HOUR THEN 1 ELSE t.i END AS dst,
        p.i AS service
    FROM drawn
    JOIN router_share r ON d[1] >= r.low AND d[1] < r.high
    JOIN src_share s ON d[2] >= s.low AND d[2] < s.high
    JOIN dst_share t ON d[3] >= t.low AND d[3] < t.high
    JOIN service_share p ON d[4] >= p.low AND d[4] < p.high
),
sized AS
(
    SELECT *, epoch_ns(hour_start) + CAST(d[5] * 3600e3 AS BIGINT) * 1000000 AS start_ns,
        CAST(pow(d[6], 5) * 60e3 AS BIGINT) * 1000000 AS length_ns,
        -- long tail; scaled by the sampling rate it is of the order of a gigabyte
        greatest(1, CAST(pow(d[7], 7) * 1.6e10 / (SELECT sampling FROM routers WHERE i = router) / (SELECT size FROM services WHERE i = service) AS BIGINT)) AS packets
    FROM chosen
)
SELECT
    CAST(start_ns + length_ns + 2000000000 AS UBIGINT) AS time_received_ns,
    CAST(start_ns AS UBIGINT) AS time_flow_start_ns,
    CAST(start_ns + length_ns AS UBIGINT) AS time_flow_end_ns,
    r.kind AS type, r.address AS sampler_address,
    -- a fifth of what can be is IPv6
    CASE WHEN v6 THEN '2001:db8:' || lower(printf('%x', s.asn % 65536)) || '::' || lower(printf('%x', 1 + CAST(pow(d[8], 3) * 40 AS INT))) ELSE s.prefix || '.' || (1 + CAST(pow(d[8], 3) * 60 AS INT)) END AS src_addr,
    CASE WHEN v6 THEN '2001:db8:' || lower(printf('%x', t.asn % 65536)) || '::' || lower(printf('%x', 1 + CAST(pow(d[9], 3) * 40 AS INT))) ELSE t.prefix || '.' || (1 + CAST(pow(d[9], 3) * 60 AS INT)) END AS dst_addr,
    '00:00:5e:00:53:01' AS src_mac, '00:00:5e:00:53:02' AS dst_mac,
    CAST(r.entry.index AS UINTEGER) AS in_if, CAST(r.exit.index AS UINTEGER) AS out_if, 0::UINTEGER AS ingress_vrf_id,
    0::USMALLINT AS dot1q_vlan, 0::USMALLINT AS post_dot1q_vlan, 0::USMALLINT AS dot1q_cvlan, 0::USMALLINT AS post_dot1q_cvlan,
    CASE WHEN v6 THEN 'IPv6' ELSE 'IPv4' END AS etype, p.protocol AS proto,
    CAST(CASE WHEN p.protocol = 'TCP' THEN [2, 16, 24, 27][1 + CAST(d[10] * 3 AS INT)] ELSE 0 END AS USMALLINT) AS tcp_flags,
    CAST(CASE WHEN p.protocol NOT IN ('TCP', 'UDP') THEN 0 WHEN p.port != 0 AND d[11] < 0.8 THEN p.port ELSE 32768 + CAST(d[12] * 28000 AS INT) END AS USMALLINT) AS src_port,
    CAST(CASE WHEN p.protocol NOT IN ('TCP', 'UDP') THEN 0 WHEN p.port != 0 AND d[11] >= 0.8 THEN p.port ELSE 32768 + CAST(d[11] * 28000 AS INT) END AS USMALLINT) AS dst_port,
    CAST(packets * p.size AS UBIGINT) AS bytes, CAST(packets AS UBIGINT) AS packets, CAST(r.sampling AS UBIGINT) AS sampling_rate,
    CAST(s.asn AS UINTEGER) AS src_as, CAST(t.asn AS UINTEGER) AS dst_as, s.name AS src_as_name, t.name AS dst_as_name,
    s.organization AS src_organization, t.organization AS dst_organization, s.country AS src_country, t.country AS dst_country,
    if(r.device = '', r.address, r.device) AS device_id, r.entry.id AS in_interface_id, r.exit.id AS out_interface_id,
    p.name AS application_service, make_timestamp_ns(start_ns) AS start_time,
    if(r.sampling = 1, 'assumed', 'options') AS sampling_origin, r.device AS device_name, CAST(p.port AS USMALLINT) AS application_port,
    r.entry.name AS in_interface_name, r.entry.description AS in_interface_description,
    CAST(r.entry.speed AS UBIGINT) AS in_interface_speed, r.entry.edge AS in_interface_edge,
    r.exit.name AS out_interface_name, r.exit.description AS out_interface_description,
    CAST(r.exit.speed AS UBIGINT) AS out_interface_speed, r.exit.edge AS out_interface_edge,
    strftime(make_timestamp_ns(start_ns), '%Y-%m-%d') AS date, strftime(make_timestamp_ns(start_ns), '%H') AS hour
FROM
(
    SELECT *, (d[10] < 0.22 OR service = 12) AND src != 22 AND dst != 22 AND service != 11 AS v6
    FROM sized
) AS f
JOIN routers r ON r.i = router
JOIN networks s ON s.i = src
JOIN networks t ON t.i = dst
JOIN services p ON p.i = service
-- the core router in Frankfurt fell silent six hours before the end
WHERE NOT (r.device = 'fra-core-1' AND hour_start >= $until - INTERVAL 6 HOUR)
ORDER BY time_flow_start_ns, src_addr, dst_addr
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--until", help="end of the last hour, UTC; else the last full hour")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--flows", type=int, default=1500, help="in a mean hour")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    until = datetime.datetime.fromisoformat(args.until) if args.until else now
    until = until.replace(minute=0, second=0, microsecond=0)

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute("SET threads = 2")
    table(db, "networks", "i INT, asn BIGINT, name TEXT, organization TEXT, country TEXT, prefix TEXT, sends DOUBLE, gets DOUBLE",
          [(i, *n) for i, n in enumerate(NETWORKS)])
    interface = "STRUCT(id TEXT, index INT, name TEXT, description TEXT, speed BIGINT, edge BOOLEAN)"
    table(db, "routers", f"i INT, device TEXT, address TEXT, kind TEXT, sampling BIGINT, entry {interface}, exit {interface}, share DOUBLE",
          [(i, *(dict(zip(INTERFACE, x)) if isinstance(x, tuple) else x for x in r)) for i, r in enumerate(ROUTERS)])
    table(db, "services", "i INT, protocol TEXT, port INT, name TEXT, share DOUBLE, size INT", [(i, *s) for i, s in enumerate(SERVICES)])
    for name, rows, column in (("router_share", ROUTERS, 6), ("src_share", NETWORKS, 5), ("dst_share", NETWORKS, 6), ("service_share", SERVICES, 3)):
        table(db, name, "i INT, low DOUBLE, high DOUBLE", shares(rows, column))

    directory = pathlib.Path(args.directory)
    total = 0
    for day in range(args.days):  # day by day: little memory
        begin = until - datetime.timedelta(days=args.days - day)
        end = begin + datetime.timedelta(days=1)
        query = FLOWS
        for name, value in (("from", f"TIMESTAMP '{begin}'"), ("end", f"TIMESTAMP '{end}'"), ("until", f"TIMESTAMP '{until}'"),
                            ("flows", args.flows), ("seed", args.seed)):
            query = query.replace(f"${name}", str(value))
        db.execute(query)
        total += db.execute("SELECT count(*) FROM flows").fetchone()[0]
        for date, hour in db.execute("SELECT DISTINCT date, hour FROM flows ORDER BY ALL").fetchall():
            path = directory / f"date={date}" / f"hour={hour}"
            path.mkdir(parents=True, exist_ok=True)
            db.execute(f"COPY (SELECT * EXCLUDE (date, hour) FROM flows WHERE date = '{date}' AND hour = '{hour}') "
                       f"TO '{path}/weir-1.parquet' (FORMAT parquet, COMPRESSION zstd)")
    print(f"{total} flows until {until:%Y-%m-%d %H:%M} in {directory}")


if __name__ == "__main__":
    main()
