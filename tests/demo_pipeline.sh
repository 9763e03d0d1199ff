#!/bin/bash
# make demo-pipeline: exporters, XDP, weir with enrichment, Kafka, the ClickHouse engine, Parquet.
# SPDX-License-Identifier: Apache-2.0
#
#   router                                   collector
#   lan0 192.0.2.1 ── veth ── traffic ────── lan1 192.0.2.2
#   va   10.9.0.1  ── veth ── NetFlow… ────▶ vb: XDP ▶ weir agent ▶ Kafka ▶ ClickHouse ▶ MinIO
#
# Kafka and MinIO are the real ones. The engine is ClickHouse's, in a process of Python (chdb) behind
# a loopback HTTP front: no ClickHouse server. All runs in the collector's namespace; nothing stays.
if [ "$(id -u)" != 0 ]; then
	echo "demo-pipeline: needs root, for network namespaces and XDP: sudo make demo-pipeline" >&2
	exit 1
fi
. "$(dirname "$0")/lib.sh"
isolate "$@"
. tests/exporters.sh
EXPORTERS=$scratch/exporters
mkdir "$EXPORTERS"
trap 'exporters_stop; in_b tests/minio.sh stop "$scratch/store"; in_b tests/kafka.sh remove "$scratch/broker"; cleanup' EXIT
traffic_seconds=${DEMO_SECONDS:-20}

bold=$([ -t 1 ] && printf '\033[1m') plain=$([ -t 1 ] && printf '\033[0m')
step() { printf '%s[%3d s]%s %s\n' "$bold" $SECONDS "$plain" "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
	printf 'demo-pipeline: %s\n' "$*" >&2
	exit 1
}

step "the parts: Kafka (Maven), MinIO (Go; the first time some minutes), chdb (pip)"
tests/kafka.sh setup || die "no Kafka"
tests/minio.sh setup || die "no MinIO"
venv=$(tests/venv.sh clickhouse) || die "no chdb"

step "two namespaces, router and collector, and two veth pairs between them"
ns_pair || die "cannot make namespaces"
in_a ip link add lan0 type veth peer name lan1
in_a ip link set lan1 netns "$ns_b"
in_a ethtool -K lan0 tx off tso off gso off gro off >/dev/null
in_b ethtool -K lan1 tx off tso off gso off gro off >/dev/null
for end in a:lan0:1 b:lan1:2; do
	IFS=: read -r ns interface number <<<"$end"
	in_$ns ip addr add 192.0.2.$number/24 dev $interface
	in_$ns ip addr add 2001:db8::$number/64 dev $interface nodad
	in_$ns ip link set $interface up
done

step "Kafka and MinIO start"
in_b tests/kafka.sh start "$scratch/broker" || die "Kafka does not start"
. "$scratch/broker/env"
in_b tests/kafka.sh topic "$scratch/broker" flows 4
in_b tests/kafka.sh topic "$scratch/broker" counters 1
in_b tests/minio.sh start "$scratch/store" ipfix ipfix-analytics || die "MinIO does not start"
. "$scratch/store/env"

step "the ClickHouse engine (chdb behind tests/clickhouse_front.py, not a server), and its schema"
spawn "$ns_b" "$venv/bin/python" tests/clickhouse_front.py --data "$scratch/clickhouse" \
	--memory-database ingest --ready "$scratch/ready" 2>"$scratch/front.log"
await 60 test -s "$scratch/ready" || die "the engine does not start: $(tail -n 1 "$scratch/front.log")"
ADDRESS=$(cat "$scratch/ready")
export ADDRESS CLICKHOUSE_HOST=127.0.0.1 CLICKHOUSE_PORT=${ADDRESS##*:} CLICKHOUSE_INGEST_DATABASE=ingest
export CLICKHOUSE_KAFKA_BROKERS=$KAFKA CLICKHOUSE_KAFKA_COUNTER_TOPIC=counters CLICKHOUSE_KAFKA_FLUSH_MS=1000
export EXPORT_S3_ENDPOINT=$S3 AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET EXPORT_GRACE=1
sql() { in_b curl -sS "$ADDRESS/" --data-binary "$1"; }
in_b "$WEIR" load schema 2>"$scratch/schema.log" || die "$(tail -n 1 "$scratch/schema.log")"
sed 's/^/        /' "$scratch/schema.log"

step "metadata: conf.example's files, with this router's address and interface numbers"
cp -r conf.example "$scratch/conf"
rm -f "$scratch/conf/weir.yaml"
index=$(in_a ip -o link show lan0 | cut -d: -f1)
sed -i "0,/- 198.51.100.1/s//- 198.51.100.1\n      - 10.9.0.1/" "$scratch/conf/meta_device.yml"
sed -i "0,/flow_index: 501/s//flow_index: $index/; 0,/edge: false/s//edge: true/" "$scratch/conf/meta_interface.yml"
cat >"$scratch/conf/weir.yaml" <<END
state:
  directory: $scratch
control:
  socket: $scratch/control
metrics:
  listen: ""
enrich:
  cache: $scratch/cache
load:
  history: $scratch/history
outputs:
  - type: kafka
    brokers: $KAFKA
    topic: flows
    counter_topic: counters
    format: protobuf
    compression: lz4
END
mkdir "$scratch/cache"
for what in files trie; do
	in_b "$WEIR" load $what -c "$scratch/conf/weir.yaml" >"$scratch/load.log" 2>&1 ||
		die "weir load $what: $(tail -n 1 "$scratch/load.log")"
	tail -n 1 "$scratch/load.log" | sed 's/^/        /'
done
for dictionary in meta_as_dict meta_application_dict meta_interface_dict; do sql "SYSTEM RELOAD DICTIONARY $dictionary"; done

step "weir agent: native XDP on vb, enrichment, flows to Kafka as Protobuf"
spawn "$ns_b" "$WEIR" agent -c "$scratch/conf/weir.yaml" --interface vb --set xdp.mode=native 2>"$scratch/agent.log"
agent=$spawned
await 15 "$WEIR" status --socket "$scratch/control" >/dev/null 2>&1 ||
	die "the agent did not start: $(tail -n 1 "$scratch/agent.log")"
sed 's/^/        /' "$scratch/agent.log"

step "softflowd (NetFlow v9 and IPFIX) and sfprobe (sFlow, 1 in 10) watch lan0; $traffic_seconds s of traffic"
exporter_softflowd "$ns_a" lan0 10.9.0.2:2055 9
exporter_softflowd "$ns_a" lan0 10.9.0.2:4739 10
exporter_sfprobe "$ns_a" lan0 10.9.0.2:6343 10 'sfprobe_agentip: 10.9.0.1'
spawn "$ns_b" tests/tools/traffic.py serve
sleep 1.5
in_a tests/tools/traffic.py ask 192.0.2.2 2001:db8::2 "$traffic_seconds" | sed 's/^/        /'
exporters_stop
sleep 1

status() { "$WEIR" status --socket "$scratch/control" --json | jq -r "$1"; }
await 20 eval '[ "$(status "[.outputs[].waiting_flows] | add")" = 0 ]'
sent=$(status .accounts.flows)
step "the agent has sent $sent flows; ClickHouse takes them from Kafka"
await 60 eval '[ "$(sql "SELECT count() FROM data_flow")" = "$sent" ]' ||
	die "data_flow has $(sql 'SELECT count() FROM data_flow') flows, not $sent"
sql "SELECT * FROM ingest_lag FORMAT PrettyCompact" | sed 's/^/        /'

step "export to s3://ipfix/ as Parquet"
sleep 1.5
in_b "$WEIR" load export 2>"$scratch/export.log" || die "$(tail -n 1 "$scratch/export.log")"
sed 's/^/        /' "$scratch/export.log"
(cd "$scratch/store/data/ipfix" && find . -name '*.parquet' -prune) | sed 's/^\./        s3:\/\/ipfix/'

ask() { # TITLE QUERY [PARAMETER=VALUE...]
	title "$1 (deploy/clickhouse/queries/$2.sql)"
	in_b tests/query.sh "${@:2}" || failed=1
}
ask "Top talkers by AS" top_as top=5
ask "Top talkers by prefix" top_prefix top=5
ask "Interfaces with speed and utilisation" top_interface top=5
ask "Applications" top_application top=5
ask "Traffic between sites" site_matrix top=5
ask "95th percentile of interfaces" interface_p95 step=10 top=5 from="$(date -u -d '-1 minute' '+%F %T')"
ask "Exported against scaled" scaling
ask "New talkers" new_talkers top=5
ask "Flows of 192.0.2.1 over time" address_history address=192.0.2.1 step=60
ask "Ingest" ingest

[ -z "${DEMO_ANALYTICS:-}" ] || . tests/demo_analytics.sh

title "The books"
parquet="s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')"
sql "SELECT 'weir agent' AS stage, toUInt64($sent) AS flows, NULL AS bits
	UNION ALL SELECT 'data_flow', count(), sum(bit_count) FROM data_flow
	UNION ALL SELECT 'rollup, 5 minutes', sum(flow_count), sum(bit_count) FROM data_flow_by_ip_version_5m
	UNION ALL SELECT 'rollup, 1 day', sum(flow_count), sum(bit_count) FROM data_flow_by_ip_version_1d
	UNION ALL SELECT 'Parquet', count(), sum(bytes * 8 * greatest(sampling_rate, 1)) FROM $parquet
	FORMAT PrettyCompactMonoBlock"
equal=$(sql "SELECT uniqExact(n, b) = 1 AND any(n) = $sent FROM (SELECT count() AS n, sum(bit_count) AS b FROM data_flow
	UNION ALL SELECT sum(flow_count), sum(bit_count) FROM data_flow_by_ip_version_5m
	UNION ALL SELECT sum(flow_count), sum(bit_count) FROM data_flow_by_ip_version_1d
	UNION ALL SELECT count(), sum(bytes * 8 * greatest(sampling_rate, 1)) FROM $parquet)")
kill "$agent"
wait "$agent" || failed=1
[ "$equal" = 1 ] && [ -z "${failed:-}" ] || die "the books do not close"
step "agent = data_flow = rollups = Parquet"
