#!/bin/bash
# The whole agent for a long time at changing load, with a broker that hangs now and then: the audit
# closes at every moment, every flow is published, memory stays flat.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/soak.sh [SECONDS]    300 unless told otherwise; at least 60
. "$(dirname "$0")/faults/lib_faults.sh"
soak=${1:-300}
script_arguments=("$@")
faults_setup --property log.retention.bytes=67108864 --property log.segment.bytes=33554432 \
	--property log.retention.check.interval.ms=10000

# The most there is later, with a broker that hangs: buffers that this does not need are never used.
warm_up() {
	in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 \
		--exporters 64 --count 60000 --rate 4200 >>"$scratch/sent" &
	sleep 3
	broker_kill STOP
	sleep 6
	broker_kill CONT
	wait $!
	delivered 60
}

# Runs of the generator, each at a rate of its own, one after the other until told to end.
changing_load() {
	local rate
	while [ ! -e "$scratch/enough" ]; do
		rate=$((200 + RANDOM % 4000))
		in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 \
			--exporters $((1 + RANDOM % 64)) --count $((rate * (2 + RANDOM % 6))) \
			--rate $rate >>"$scratch/sent"
	done
}

# Of the flows that were not published: what waits, what was dropped and why.
what_else_became() {
	status '.outputs[0] | "waiting \(.waiting_flows)",
		(.accounts | to_entries[] | select((.key | test("dropped|sampled|recovered")) and .value > 0) | "\(.key) \(.value)")' |
		paste -sd, -
}

memory() { awk '/^VmRSS/ { print $2 }' "/proc/$agent/status"; }

kafka_agent soak 'outputs[0].queue_size=32M' 'outputs[0].spool.size=1G' || finish
warm_up
warm=$(memory)
changing_load &
load=$!
audits=0 open=0 highest=0 hung=
# In each quarter the most and the least: what rises and does not fall any more is a leak.
most=(0 0 0 0) least=(999999999 999999999 999999999 999999999) begun=$SECONDS
end=$((SECONDS + soak))
next_hang=$((SECONDS + 10))
while [ $SECONDS -lt $end ]; do
	if "$WEIR" audit --socket "$scratch/control" >"$scratch/audit" 2>&1; then
		audits=$((audits + 1))
	else
		open=$((open + 1))
		cp "$scratch/audit" "$scratch/open"
	fi
	if [ -z "$hung" ] && [ $SECONDS -ge $next_hang ]; then
		broker_kill STOP
		hung=$((SECONDS + 5))
	elif [ -n "$hung" ] && [ $SECONDS -ge "$hung" ]; then
		broker_kill CONT
		hung=
		next_hang=$((SECONDS + 30 + RANDOM % 60))
	fi
	rss=$(memory)
	[ "$rss" -le $highest ] || highest=$rss
	quarter=$(((SECONDS - begun) * 4 / (soak + 1)))
	[ $quarter -le 3 ] || quarter=3 # the last audit took its time
	[ "$rss" -le "${most[quarter]}" ] || most[quarter]=$rss
	[ "$rss" -ge "${least[quarter]}" ] || least[quarter]=$rss
	sleep 0.3
done
touch "$scratch/enough"
[ -z "$hung" ] || broker_kill CONT
wait $load
sent=$(sed -n 's/.*datagrams=\([0-9]*\).*records=\([0-9]*\).*/\1 \2/p' "$scratch/sent" |
	awk '{ d += $1; r += $2 } END { printf "datagrams=%d records=%d\n", d, r }')
delivered 90
lost=$(status '[.receivers[].dropped] | add')
printf 'soak of %s s: %s, %s audits, spooled %s, %s lost at rings; memory %s KiB after warming up, in each quarter between %s and %s\n' "$soak" "$sent" \
	$audits "$(output_account spooled_flows)" "$lost" "$warm" "${least[*]}" "${most[*]}"
if [ $open = 0 ] && [ $audits -gt $((soak / 2)) ]; then
	pass audit_closes_at_every_moment
else
	fail audit_closes_at_every_moment "$open of $((audits + open)) open: $(cat "$scratch/open" 2>/dev/null)"
fi
expect all_is_received_or_counted "$(($(account rx_xdp_datagrams rx_udp_datagrams) + lost))" \
	"^$(value_of datagrams)\$"
[ "$lost" != 0 ] || expect all_becomes_flows "$(account flows)" "^$(value_of records)\$"
expect all_is_published "$(output_account published_flows) of $(account flows), $(what_else_became)" "^([0-9]+) of \\1,"
# The queue may hold 32 MiB, and gives them back.
expect memory_is_bounded "$([ $highest -le $((warm + 40 * 1024)) ] && echo yes)" yes
expect memory_is_flat "$([ "${least[3]}" -le $((least[0] + 4096)) ] && echo yes)" yes
agent_end soak
finish
