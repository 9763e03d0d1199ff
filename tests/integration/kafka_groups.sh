#!/bin/bash
# Topics by group of exporters, against a real broker: who goes where, also out of the spool.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_kafka.sh
weir=${WEIR:-$build/weir}

tests/kafka.sh start "$work/broker" || { echo "FAIL broker: it does not start"; exit 1; }
. "$work/broker/env"

settings() { # KEY OF OUTPUTS
	cat >"$work/weir.yaml" <<-END
	enrich:
	  cache: ''
	  rules:
	    - {exporter: '^198\\.51\\.100\\.', group: 'edge & core'}
	drain_time: ${2:-60s}
	outputs:
	  - type: kafka
	    brokers: $KAFKA
	    topic: flows-{group}.v1
	    format: json
	    message_size: 16k
	    key: $1
	    spool: {path: $work/spool}
	END
}
replay() { "$weir" replay "$@" -q -c "$work/weir.yaml" 2>"$work/log" || { cat "$work/log"; return 1; }; }
in_topic() { # TOPIC EXPORTER COUNT: all of the exporter's and nobody else's
	kcat -b "$KAFKA" -t "$1" -C -e -q -D '' >"$work/got" 2>>"$work/log"
	[ "$(wc -l <"$work/got") $(grep -c "\"sampler_address\":\"$2\"" "$work/got")" = "$3 $3" ] ||
		{ echo "$1 has $(wc -l <"$work/got") flows, not $3"; return 1; }
}
flows_of() { # EXPORTER FILE...: how many, as decoded
	"$weir" replay "${@:2}" -q | grep -v '"counters":' | grep -c "\"sampler_address\":\"$1\""
}
edge=$(flows_of 198.51.100.1 tests/captures/*.pcap)
other=$(flows_of 2001:db8:1::1 tests/captures/*.pcap)

by_group() {
	[ "$edge" -gt 1000 ] && [ "$other" -gt 100 ] && settings "$1" || return 1
	replay tests/captures/*.pcap || return 1
	in_topic flows-edge___core.v1 198.51.100.1 $((edge * $2)) &&
		in_topic flows-other.v1 2001:db8:1::1 $((other * $2))
}
check "each group has its topic" by_group exporter 1
check "with random keys, too" by_group random 2

one_partition() {
	settings exporter
	sed -i 's/flows-{group}.v1/kept-{group}/' "$work/weir.yaml"
	tests/kafka.sh topic "$work/broker" kept-other 5 && replay tests/captures/*.pcap &&
		kcat -b "$KAFKA" -t kept-other -C -e -q -f '%p %h\n' >"$work/got" &&
		[ "$(cut -d' ' -f1 "$work/got" | sort -u | wc -l)" = 1 ] &&
		[ "$(wc -l <"$work/got")" -gt 5 ] || { cut -d' ' -f1 "$work/got" | sort | uniq -c; return 1; }
}
check "an exporter keeps to one partition" one_partition

# Where nobody makes a topic for those without a group, the other groups do not suffer.
only_one_is_there() {
	tests/kafka.sh start "$work/broker2" --property auto.create.topics.enable=false || return 1
	(
		. "$work/broker2/env"
		settings exporter 15s
		tests/kafka.sh topic "$work/broker2" flows-edge___core.v1 2
		replay tests/captures/*.pcap && [ "$(cat "$work"/spool/*.spool | wc -c)" -gt 10000 ] &&
			in_topic flows-edge___core.v1 198.51.100.1 "$edge"
	)
}
check "a topic that is missing holds only its own group up" only_one_is_there
rm -rf "$work/spool"

# Spooled while the broker is away, delivered to its topic by the next run.
out_of_the_spool() {
	settings exporter 1s
	tests/kafka.sh stop "$work/broker"
	replay tests/captures/*.pcap
	[ "$(cat "$work"/spool/*.spool | wc -c)" -gt 100000 ] || { cat "$work/log"; return 1; }
	tests/kafka.sh start "$work/broker" && settings exporter && replay tests/captures/ovs_sflow.pcap || return 1
	local more
	more=$(flows_of 198.51.100.1 tests/captures/ovs_sflow.pcap)
	in_topic flows-edge___core.v1 198.51.100.1 $((edge * 3 + more)) &&
		in_topic flows-other.v1 2001:db8:1::1 $((other * 3))
}
check "flows come out of the spool to the topic of their group" out_of_the_spool

braces() {
	! "$weir" check -s outputs="kafka:$KAFKA/flows-{site}" >"$work/got" 2>&1 &&
		grep -q '{group} only' "$work/got"
}
check "other braces in a topic are refused" braces

[ $failures = 0 ]
