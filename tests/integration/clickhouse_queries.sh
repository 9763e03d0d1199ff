#!/bin/bash
# The queries that are shipped, over flows of which every answer is known by hand.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_clickhouse.sh

start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }
day=$(date -u -d yesterday +%F)
sql "INSERT INTO meta_application (id, protocol, port_range_min, port_range_max)
	VALUES ('https', 'tcp', 443, 443), ('dns', 'udp', 53, 53), ('many', 'tcp', 400, 500)" || exit 1
sql "INSERT INTO meta_as (id, ref, name) VALUES ('64501', '64501__v9', 'Nine'), ('64501', '64501__v10', 'Ten')" || exit 1
sql "INSERT INTO meta_device (id, ref, type, loopback_ip) VALUES ('r1', 'r1__v1', 'router', ['192.0.2.1'])" || exit 1
sql "INSERT INTO meta_interface (id, ref, type, device_id, name, flow_index, edge, speed)
	VALUES ('r1::et1', 'r1::et1__v1', 'port', 'r1', 'et1', 1, false, 1000), ('r1::et1.5', 'r1::et1.5__v1', 'port', 'r1', 'et1.5', 1, true, 2000)" || exit 1
for dictionary in meta_as_dict meta_application_dict meta_interface_dict; do
	sql "SYSTEM RELOAD DICTIONARY $dictionary" || exit 1
done

# flows N SECONDS SPACING EXPORTER SRC DST SRC_AS DST_AS IN OUT PROTO SPORT DPORT BYTES PACKETS RATE SITE SITE EDGE
flows() {
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, sampler_address, src_addr, dst_addr,
		src_as, dst_as, in_if, out_if, etype, proto, src_port, dst_port, bytes, packets, sampling_rate,
		sampling_origin, src_network_site, dst_network_site, in_interface_edge, topic, kafka_time, batch_id)
		WITH toUnixTimestamp64Nano(toDateTime64('$day 10:00:00', 9, 'UTC')) + ($2 + number * $3) * 1000000000 AS at
		SELECT 'IPFIX', at, at, toIPv6('$4'), toIPv6('$5'), toIPv6('$6'), $7, $8, $9, ${10},
		if(position('$5', ':') > 0, 34525, 2048), ${11}, ${12}, ${13}, ${14}, ${15}, ${16}, 'options', '${17}', '${18}',
		${19}, 'flows', now64(3), '$*' FROM numbers($1)" || exit 1
}
flows 10 0 1 192.0.2.1 10.1.0.1 198.51.100.9 64501 64502 1 2 6 40000 443 1000 10 1 '' '' true
flows 5 600 1 192.0.2.2 10.1.0.2 198.51.100.9 64501 64502 3 4 17 5353 53 200 2 100 '' '' false
flows 1 1200 1 192.0.2.1 2001:db8:1::1 2001:db8:2::1 64503 64501 1 2 6 50000 22 5000 5 1 north south true
flows 3 -86400 1 192.0.2.1 10.1.0.1 198.51.100.9 64501 64502 1 2 6 40000 443 1000 10 1 '' '' true

export ADDRESS FORMAT=TSV
gives() { # QUERY EXPECTED [PARAMETER...]
	local got
	got=$(tests/query.sh "$1" from="$day 10:00:00" to="$day 11:00:00" "${@:3}")
	[ "$got" = "$2" ] || { printf 'got:\n%s\n' "$got"; return 1; }
}

check "top talkers by AS" gives top_as $'64501\t\t64502\t\t15\t1100\t880000\t244
64503\t\t64501\t\t1\t5\t40000\t11'
check "top talkers by AS, from the rollup" gives top_as_rollup $'64501\tTen\t64502\t\t10\t100\t80000
64503\t\t64501\tTen\t1\t5\t40000'
check "top talkers by prefix" gives top_prefix $'10.1.0.0/24\t2\t15\t1100\t880000
2001:db8:1::/48\t1\t1\t5\t40000'
check "interfaces with speed and utilisation" gives top_interface $'192.0.2.2\t3\tin\t5\t800000\t222\t0\t\\N
192.0.2.2\t4\tout\t5\t800000\t222\t0\t\\N
192.0.2.1\t1\tin\t11\t120000\t33\t2000\t1.67
192.0.2.1\t2\tout\t11\t120000\t33\t0\t\\N'
check "applications" gives top_application $'dns\t5\t1000\t800000
https\t10\t100\t80000
tcp/22\t1\t5\t40000'
check "traffic between sites" gives site_matrix $'AS64501\tAS64502\t15\t1100\t880000
north\tsouth\t1\t5\t40000'
check "95th percentile of interfaces" gives interface_p95 $'192.0.2.2\t3\tin\t2667\t2667\t222
192.0.2.2\t4\tout\t2667\t2667\t222
192.0.2.1\t1\tin\t267\t267\t33
192.0.2.1\t2\tout\t267\t267\t33'
check "95th percentile: bursts in less than 5% of the intervals are free" gives interface_p95 $'192.0.2.2\t3\tin\t0\t13333\t222
192.0.2.2\t4\tout\t0\t13333\t222
192.0.2.1\t1\tin\t0\t1333\t33
192.0.2.1\t2\tout\t0\t1333\t33' step=60
check "scaled against exported" gives scaling $'192.0.2.2\t100\toptions\t5\t10\t1000\t8000\t800000
192.0.2.1\t1\toptions\t11\t105\t105\t120000\t120000'
check "new talkers" gives new_talkers "$(printf '10.1.0.2\t64501\t%s 10:10:00.000\t1\t5\t800000\n2001:db8:1::1\t64503\t%s 10:20:00.000\t1\t1\t40000' "$day" "$day")"
check "new talkers: with no days before, all are new" gives new_talkers "$(printf '10.1.0.2\t64501\t%s 10:10:00.000\t1\t5\t800000\n10.1.0.1\t64501\t%s 10:00:00.000\t1\t10\t80000\n2001:db8:1::1\t64503\t%s 10:20:00.000\t1\t1\t40000' "$day" "$day" "$day")" days=0
check "flows of an address over time" gives address_history "$(printf '%s 10:00:00\t0\t0\t10\t80000\t1\n%s 10:10:00\t0\t0\t5\t800000\t1' "$day" "$day")" address=198.51.100.9
state() {
	local got
	got=$(tests/query.sh ingest)
	[[ $got =~ ^flows$'\t'19$'\t'0$'\t'0$'\t'[0-9.]+$'\t'[0-9.]+$'\t'[0-9]+$ ]] || { echo "$got"; return 1; }
}
check "the state of ingest" state

each_is_tested() {
	local query
	for query in deploy/clickhouse/queries/*.sql; do
		grep -q "gives $(basename "$query" .sql) \|query.sh $(basename "$query" .sql))" "$0" || { echo "no test of $query"; return 1; }
	done
}
check "each query has its test" each_is_tested

[ $failures = 0 ]
