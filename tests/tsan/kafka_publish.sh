#!/bin/bash
# The publisher under the thread sanitizer: workers, Kafka's thread, librdkafka's and the spool.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_kafka.sh
# Leave the sanitizer's memory where it wants it.
flows="setarch -R $flows"
tests/kafka.sh start "$work/broker" || { echo "FAIL broker: it does not start"; exit 1; }
. "$work/broker/env"

no_race() {
	! grep -q 'WARNING: ThreadSanitizer' "$work/log" || { grep SUMMARY "$work/log" | sort | uniq -c; return 1; }
}

run() { # KEY=VALUE...
	$flows publish workers=2 "$@" >"$work/accounts" 2>"$work/log" ||
		{ no_race; echo "publishing ended with status $?"; return 1; }
	no_race
}

two_workers() {
	run brokers=$KAFKA topic=two flows=100000 message_bytes=65536 samples=5 counter_topic=counters &&
		is accounts published_flows 100000
}
check "two workers and the broker's reports" two_workers

spool() {
	run brokers=$KAFKA topic=spool flows=400000 rate=40000 queue_bytes=4000000 \
		spool="$work/spool" linger=60 stop=60 &
	sleep 2
	kill -STOP "$KAFKA_PID"
	sleep 8
	kill -CONT "$KAFKA_PID"
	wait $! && above accounts spooled_flows 0 && is accounts lost 0 &&
		is accounts published_flows 400000
}
check "a broker that hangs, and the way through the spool" spool

gone() {
	run brokers=127.0.0.1:1 topic=gone flows=20000 spool="$work/spool-gone" stop=3 && is accounts lost 0
}
check "stopping without a broker" gone

[ $failures = 0 ]
