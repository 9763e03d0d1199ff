#!/bin/bash
# Decoded records = data_flow = rollups = Parquet, after the engine was killed in ingest and in export.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
venv_sets=(clickhouse s3)
. tests/integration/lib_clickhouse.sh

captures=(tests/captures/ovs_netflow5.pcap tests/captures/ovs_ipfix.pcap tests/captures/softflowd_ipfix.pcap
	tests/captures/softflowd_v9_sampled_ipv6.pcap)
times=20
# Captures are old: nothing may expire, and their days are looked at as well. ClickHouse repairs the
# rollups by itself, here every few seconds.
export CLICKHOUSE_FLOW_TTL='60 YEAR' CLICKHOUSE_FLOW_MV_TTL='60 YEAR' EXPORT_GRACE=1
export CLICKHOUSE_ROLLUP_REFRESH='10 SECOND' CLICKHOUSE_ROLLUP_HOURS=480000 ROLLUP_QUIET=20
export CLICKHOUSE_KAFKA_BLOCK_ROWS=2 # messages, of some thousand flows
start_store || { echo "FAIL store: it does not start"; exit 1; }
start_broker
tests/kafka.sh topic "$work/broker" flows 4
start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

# The exporter of the captures is a router that is known, with an edge at its interfaces 1 and 2.
configure() {
	cp -r conf.example "$work/conf" && mkdir "$work/cache" || return 1
	sed -i "s/flow_index: 501/flow_index: 1/; s/flow_index: 512/flow_index: 2/; s/edge: false/edge: true/" "$work/conf/meta_interface.yml"
	cat >"$work/conf/weir.yaml" <<-END
	enrich:
	  cache: $work/cache
	load:
	  history: $work/history
	END
	"$weir" load files -c "$work/conf/weir.yaml" 2>&1 && "$weir" load trie -c "$work/conf/weir.yaml" 2>&1
}
check "metadata is loaded" configure

# What the decoder says: flows, bytes, packets and bits; of flows at an edge; of those between two known.
expect() {
	"$weir" replay "${captures[@]}" -q | python3 -c '
import json, sys
flows = [f for f in map(json.loads, sys.stdin) if "counters" not in f]
known = lambda f, name: f["sampler_address"] == "198.51.100.1" and f.get(name) in (1, 2)
def sums(of):
    rate = lambda f: max(f.get("sampling_rate", 0), 1)
    n = int(sys.argv[1])
    print(n * len(of), n * sum(f.get("bytes", 0) * 8 * rate(f) for f in of), n * sum(f.get("packets", 0) * rate(f) for f in of), sep="\t")
sums(flows)
sums([f for f in flows if known(f, "in_if") or known(f, "out_if")])
sums([f for f in flows if known(f, "in_if") and known(f, "out_if")])
' $times >"$work/expected" && { read -r all && read -r edge && read -r between; } <"$work/expected" &&
		[ "${all%%$'\t'*}" -gt "${edge%%$'\t'*}" ] && [ "${between%%$'\t'*}" -gt 0 ]
}
check "the decoder's own sums" expect

ingested() {
	local i replay had=0 middle=0
	"$weir" replay "${captures[@]}" -n $times -c "$work/conf/weir.yaml" -o "kafka:$KAFKA/flows" --format protobuf \
		2>"$work/replay.log" &
	replay=$!
	for i in 1 2 3 4 5 6; do
		# More has come than was there before; after two kills in the middle it is enough.
		[ $middle -lt 2 ] && await 60 eval '[ "$(sql "SELECT count() FROM data_flow")" -gt $had ]' || break
		sleep 0.$((RANDOM % 5))$((RANDOM % 9))
		stop_front KILL
		start_front
		had=$(sql "SELECT count() FROM data_flow")
		schema || return 1
		[ "$had" -lt "${all%%$'\t'*}" ] || break
		middle=$((middle + 1))
		told+=" $had"
	done
	wait $replay || { tail -n 3 "$work/replay.log"; return 1; }
	[ $middle -gt 0 ] || { echo "not killed in the middle: $had"; return 1; }
	becomes 300 "SELECT count(), sum(bit_count), sum(packet_count) FROM data_flow" "$all"
}
check "decoded records = data_flow, the engine killed in the middle of ingest" ingested
echo "# killed with these numbers of flows stored:${told:-} of ${all%%$'\t'*}"

rolled_up() {
	local window
	for window in 5m 1h 1d; do
		becomes "$1" "SELECT sum(flow_count), sum(bit_count), sum(packet_count) FROM data_flow_by_ip_version_$window" "$all" &&
			becomes "$1" "SELECT sum(flow_count), sum(bit_count), sum(packet_count) FROM data_flow_by_edge_as_$window" "$edge" &&
			becomes "$1" "SELECT sum(flow_count), sum(bit_count), sum(packet_count) FROM data_flow_by_interface_$window" "$between" || return 1
	done
}
echo "# rollups that were short after it: $(ROLLUP_QUIET=0 "$weir" load rollups 20000 --dry-run 2>&1 | sed -n 's/.*: \([0-9]* of 9\) rollups.*/\1/p')"
check "data_flow = rollups, which ClickHouse repairs by itself" rolled_up 300

# What no kill could leave behind more surely: sums that are gone.
repaired() {
	sql "TRUNCATE TABLE data_flow_by_edge_as_1h" && sql "TRUNCATE TABLE data_flow_by_interface_5m" || return 1
	! rolled_up 0 >"$work/differ" || { echo "the rollups were not damaged"; return 1; }
	rolled_up 300 && "$weir" load rollups 20000 --dry-run 2>"$work/rollups.log" && grep -q ': 0 of 9 rollups differ' "$work/rollups.log" ||
		{ cat "$work/rollups.log"; return 1; }
}
check "a rollup that lost its sums gets them again" repaired

bucket="s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')"
# The engine's front asks one thing at a time: no answer is that it waits for the store.
planned() {
	local runs
	runs=$(curl -sS -m 20 "$ADDRESS/" --data-binary "SELECT count() FROM export_run WHERE state = 'planned'")
	[ $? = 28 ] || [ "$runs" = 1 ]
}
exported() {
	local export
	sleep 1.5
	# In the middle: the run is planned, its objects are on their way to a store that stands still.
	kill -STOP "$store_pid"
	"$weir" load export 2>"$work/export.log" &
	export=$!
	await 60 planned || { cat "$work/export.log"; return 1; }
	stop_front KILL
	kill -CONT "$store_pid"
	! wait $export || { echo "the export was not cut short"; return 1; }
	start_front
	schema && timeout 300 "$weir" load export 2>"$work/export.log" && grep -q 'is written again' "$work/export.log" ||
		{ cat "$work/export.log"; return 1; }
	is "SELECT count(), sum(bytes * 8 * greatest(sampling_rate, 1)), sum(packets * greatest(sampling_rate, 1)) FROM $bucket" "$all"
}
check "data_flow = Parquet, the engine killed in the middle of an export" exported
check "and the rollups still are the same" rolled_up 120
echo "# flows, bits, packets: ${all//$'\t'/, }; at an edge: ${edge//$'\t'/, }; between known interfaces: ${between//$'\t'/, }"

[ $failures = 0 ]
