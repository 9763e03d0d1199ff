#!/bin/bash
# Grafana's dashboards: well formed, their metrics exist, their queries run over the schema.
# SPDX-License-Identifier: Apache-2.0
#
# There is no Grafana here: grafana_check.py puts in for variables and macros what Grafana and the
# ClickHouse plugin would, and asks the engine (chdb).
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_clickhouse.sh

python3 tests/deploy/grafana_check.py files deploy/grafana docs/METRICS.md || failures=1

if command -v promtool >/dev/null; then
	python3 tests/deploy/grafana_check.py rules deploy/grafana >"$work/rules.yaml"
	check "each PromQL expression is read by promtool" promtool check rules "$work/rules.yaml"
else
	echo "SKIP each PromQL expression is read by promtool: no promtool; apt-get install prometheus"
fi

start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

# Some of all that the dashboards show, in the hour before now.
sql "INSERT INTO meta_as (id, ref, name, organization_id) VALUES ('64501', '64501__v1', 'Nine', 'nine')" || exit 1
sql "INSERT INTO meta_device (id, ref, type, loopback_ip) VALUES ('r1', 'r1__v1', 'router', ['192.0.2.1'])" || exit 1
sql "INSERT INTO meta_interface (id, ref, type, device_id, name, flow_index, edge, speed)
	VALUES ('r1::et1', 'r1::et1__v1', 'port', 'r1', 'et1', 1, true, 1000000000)" || exit 1
for dictionary in meta_as_dict meta_application_dict meta_interface_dict; do
	sql "SYSTEM RELOAD DICTIONARY $dictionary" || exit 1
done
sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, sampler_address, src_addr, dst_addr,
	src_as, dst_as, in_if, out_if, etype, proto, src_port, dst_port, bytes, packets, sampling_rate,
	sampling_origin, src_country, dst_country, in_interface_id, in_interface_ref, out_interface_id,
	out_interface_ref, in_interface_edge, topic, kafka_time, batch_id)
	WITH toUnixTimestamp64Nano(toDateTime64(now(), 9, 'UTC')) - (60 + number * 30) * 1000000000 AS at
	SELECT 'IPFIX', at, at, toIPv6('192.0.2.1'), toIPv6(if(number % 4 = 0, '198.51.100.9', '10.1.0.1')),
	toIPv6(if(number % 4 = 0, '10.1.0.1', '198.51.100.9')), if(number % 4 = 0, 64502, 64501), if(number % 4 = 0, 64501, 64502), 1, 2,
	2048, 6, 40000, 443, 1500, 10, 100, 'options', 'CH', 'DE', 'r1::et1', 'r1::et1__v1', 'r1::et2', 'r1::et2__v1',
	true, 'flows', now64(3), 'first' FROM numbers(20)" || exit 1
sql "INSERT INTO data_interface_traffic (start_time, end_time, policy_level, interface_id, oper_status, in_bit_count,
	out_bit_count, in_error_packet_count, out_error_packet_count, in_discard_packet_count, out_discard_packet_count, speed)
	SELECT now() - 60 * number, now() - 60 * number, 'tlp:amber', 'r1::et1', 'up', 1000000 - 6000 * number,
	500000 - 600 * number, 3, 0, 0, 0, 1000000000 FROM numbers(5)" || exit 1
sql "INSERT INTO ingest_error (topic, kafka_partition, kafka_offset, batch_id, format, error, raw_message)
	VALUES ('flows', 0, 7, 'second', 'protobuf', 'cannot be read', '')" || exit 1
python3 tests/deploy/grafana_check.py queries deploy/grafana "$ADDRESS" || failures=1

[ $failures = 0 ]
