#!/bin/bash
# What goes wrong between weir and Kafka: brokers that die, hang and come back, ourselves dying,
# disks that fill. Each time: what was consumed = what was sent - what was counted as dropped.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_kafka.sh

broker=$work/broker
tests/kafka.sh start "$broker" || { echo "FAIL broker: it does not start"; exit 1; }
. "$broker/env"

# in_background KEY=VALUE...: the same as publish; its process id is in $agent.
in_background() {
	"$flows" publish brokers=$KAFKA "$@" >"$work/accounts" 2>"$work/log" &
	agent=$!
}
finish() { wait "$agent" || { echo "publishing ended with status $?: $(tail -n 2 "$work/log")"; return 1; }; }

# Every flow that was handed over is in the topic or in a counter, none twice.
closed() { # TOPIC FLOWS [FIELD=VALUE of read]...
	local topic=$1 n=$2 sum
	shift 2
	read_back brokers=$KAFKA topic="$topic" flows="$n" "$@" || return 1
	sum=$(($(number reading distinct) + $(number accounts dropped_queue_full_flows) +
		$(number accounts dropped_spool_full_flows) + $(number accounts dropped_error_flows)))
	[ $sum = "$n" ] || { echo "$n flows in, $sum accounted for"; cat "$work/accounts" "$work/reading"; return 1; }
	is reading bad 0
}

broker_killed_three_times() {
	tests/kafka.sh topic "$broker" killed 4
	in_background topic=killed flows=3000000 rate=150000 spool="$work/s1" linger=180 stop=60
	local i
	for i in 1 2 3; do
		sleep 3
		tests/kafka.sh stop "$broker" KILL
		sleep 2
		tests/kafka.sh start "$broker" || return 1
	done
	finish && is accounts lost 0 && above accounts spooled_flows 0 && closed killed 3000000 &&
		is reading distinct 3000000 && is reading duplicates 0 && is reading disorder 0
}
check "the broker is killed three times under load: no flow is lost, none comes twice, order is kept" \
	broker_killed_three_times

broker_hangs() {
	tests/kafka.sh topic "$broker" hung 4
	in_background topic=hung flows=1500000 rate=100000 spool="$work/s2" queue_bytes=8000000 linger=120 stop=60
	sleep 2
	kill -STOP "$(cat "$broker/pid")"
	sleep 10
	kill -CONT "$(cat "$broker/pid")"
	finish && is accounts lost 0 && above accounts spooled_flows 0 && closed hung 1500000 &&
		is reading distinct 1500000 && is reading disorder 0
}
check "the broker hangs for ten seconds: no flow is lost" broker_hangs

stopped_while_the_broker_is_away() {
	tests/kafka.sh topic "$broker" away 4
	tests/kafka.sh stop "$broker"
	publish brokers=$KAFKA topic=away flows=200000 spool="$work/s3" stop=8 || return 1
	is accounts lost 0 && is accounts published_flows 0 && is accounts spooled_flows 200000 || return 1
	tests/kafka.sh start "$broker" || return 1
	publish brokers=$KAFKA topic=away first=200001 flows=1000 spool="$work/s3" linger=180 stop=30 || return 1
	is accounts recovered_flows 200000 && is accounts published_flows 201000 &&
		read_back brokers=$KAFKA topic=away flows=201000 && is reading distinct 201000 &&
		is reading duplicates 0 && is reading disorder 0
}
check "stopped while the broker is away: the next run delivers what the spool kept" \
	stopped_while_the_broker_is_away

# Flows are numbered in order: what was handed over 2.5 s before the kill must all arrive.
killed_while_the_broker_is_away() {
	local handed
	tests/kafka.sh topic "$broker" both 4
	tests/kafka.sh stop "$broker"
	in_background topic=both flows=1000000 rate=50000 spool="$work/s4" key=random progress=1
	sleep 12
	handed=$(sed -n 's/^handed over //p' "$work/log" | tail -n 1)
	sleep 2.5
	kill -KILL "$agent"
	wait "$agent" 2>/dev/null
	tests/kafka.sh start "$broker" || return 1
	publish brokers=$KAFKA topic=both first=1000001 flows=1 spool="$work/s4" linger=180 stop=30 || return 1
	read_back brokers=$KAFKA topic=both flows=1000001 || return 1
	# what came in the last 2.5 s may not have been written yet
	above reading distinct $((${handed:-1000000} - 1)) && [ "$handed" -gt 100000 ] && is reading duplicates 0 && is reading bad 0 &&
		[ "$(number accounts published_flows)" = "$(($(number accounts recovered_flows) + 1))" ]
}
check "killed while the broker is away: what the spool had arrives" killed_while_the_broker_is_away

killed_while_the_spool_empties() {
	tests/kafka.sh topic "$broker" emptying 4
	tests/kafka.sh stop "$broker"
	publish brokers=$KAFKA topic=emptying flows=3000000 spool="$work/s5" stop=10 || return 1
	is accounts lost 0 || return 1
	tests/kafka.sh start "$broker" || return 1
	in_background topic=emptying first=3000001 flows=1 linger=60 spool="$work/s5" queue_bytes=4000000 \
		property=linger.ms=20
	sleep 1.5
	kill -KILL "$agent"
	wait "$agent" 2>/dev/null
	publish brokers=$KAFKA topic=emptying first=3000001 flows=1 spool="$work/s5" linger=180 stop=60 || return 1
	read_back brokers=$KAFKA topic=emptying flows=3000001 || return 1
	# some come twice, and no more than the recovered ones
	is reading distinct 3000001 && is reading bad 0 &&
		[ "$(number reading duplicates)" -le "$(number accounts recovered_flows)" ]
}
check "killed while the spool empties: all arrive" killed_while_the_spool_empties

duplicates_have_one_identity() {
	kcat -b "$KAFKA" -t emptying -C -e -q -f '%h\n' | sed 's/.*count=\([0-9]*\),.*batch=/\1 /' |
		sort -u -k2 | awk '{ n += $1 } END { exit !(n >= 3000001 && n <= 3000002) }'
}
check "messages that come twice have the same identity" duplicates_have_one_identity

spool_too_small() {
	tests/kafka.sh topic "$broker" small 4
	tests/kafka.sh stop "$broker"
	in_background topic=small flows=1200000 rate=150000 spool="$work/s6" spool_bytes=20000000 \
		queue_bytes=8000000 linger=180 stop=60
	sleep 12
	tests/kafka.sh start "$broker" || return 1
	finish && says "is full" && above accounts dropped_spool_full_flows 100000 && is accounts lost 0 &&
		closed small 1200000
}
check "a spool that is too small drops its oldest and counts them" spool_too_small

# The queue fills while the broker hangs: a tenth of the flows goes on, each for ten.
sampled_under_pressure() {
	tests/kafka.sh topic "$broker" sampled 4
	in_background topic=sampled flows=1000000 rate=100000 queue_bytes=64000000 sample_above=20 \
		sample_rate=10 stop=60
	sleep 1
	kill -STOP "$(cat "$broker/pid")"
	sleep 6
	kill -CONT "$(cat "$broker/pid")"
	finish && is accounts lost 0 && is accounts dropped_queue_full_flows 0 &&
		above accounts sampled_out_flows 100000 &&
		read_back brokers=$KAFKA topic=sampled flows=1000000 || return 1
	[ $(($(number accounts sampled_out_flows) + $(number reading distinct))) = 1000000 ] ||
		{ echo "$(number reading distinct) flows are there"; return 1; }
	# Flow n has 1 + n % 100 packets and a rate of 1000: 50.5 million thousands in all.
	local sum
	sum=$(sed -n 's/^scaled_packets //p' "$work/reading")
	[ "$sum" -gt 49500000000 ] && [ "$sum" -lt 51500000000 ] ||
		{ echo "totals are off: $sum"; return 1; }
}
check "flows are sampled under pressure and totals stay right" sampled_under_pressure

disk_full() {
	mkdir -p "$work/disk"
	mount -t tmpfs -o size=10m tmpfs "$work/disk" || return 1
	tests/kafka.sh topic "$broker" full 4
	tests/kafka.sh stop "$broker"
	in_background topic=full flows=600000 rate=100000 spool="$work/disk/s" queue_bytes=8000000 \
		linger=180 stop=60
	sleep 10
	tests/kafka.sh start "$broker" || return 1
	finish && says "No space left on device" && above accounts dropped_queue_full_flows 0 &&
		is accounts lost 0 && closed full 600000
}
read_only_disk() {
	mount -o remount,ro "$work/disk" || return 1
	! publish brokers=$KAFKA topic=full flows=1 spool="$work/disk/s2" >/dev/null &&
		says "cannot use the spool .*Read-only file system"
}
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	check "a full disk is said and counted; all else arrives" disk_full
	check "a read-only disk is said at start" read_only_disk
	umount "$work/disk"
else
	echo "SKIP full disk: not root"
fi

[ $failures = 0 ]
