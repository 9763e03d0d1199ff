#!/bin/bash
# UDP sockets without XDP: an exporter stays on one worker, nothing is lost, the accounts close.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
isolate "$@"

exporters=24 each=512 # at full speed send_load changes the exporter after 32 datagrams exactly
N=$((exporters * each))
agent=

# Starts an agent in b, through what $as holds, with these further settings.
as=()
start_agent() { # SETTING...
	local set=()
	for s in "$@"; do
		set+=(--set "$s")
	done
	rm -f "$dir"/*
	nsenter --net=/proc/$ns_b/ns/net -- "${as[@]}" "$WEIR" agent --output "file:$dir/flows.json" --set udp.workers=3 --set udp.socket_buffer=64M \
		--set state.directory= --set metrics.listen= --set control.socket="$dir/weir.sock" "${set[@]}" 2>"$dir/log" &
	agent=$!
	await 60 grep -qs collecting "$dir/log" || cat "$dir/log"
}

stop_agent() {
	kill -TERM $agent
	wait $agent
	status=$?
	log=$(cat "$dir/log")
}

# As many exporters, each from four ports, so that a hash over ports would tear them apart.
send() { # ARGUMENT...
	in_a "$BUILD/tests/send_load" --exporters $exporters --ports 4 --count $N --rate 0 "$@" \
		>"$scratch/sent"
}

status_says() { # PYTHON EXPRESSION over s
	"$WEIR" status --json --socket "$dir/weir.sock" 2>&1 |
		python3 -c "import json,sys; s = json.load(sys.stdin); print($1)" 2>/dev/null
}

received_all() {
	local n
	n=$(status_says 's["accounts"].get("rx_udp_datagrams", 0) +
		sum(r["dropped"] for r in s["receivers"])')
	[ "${n:-0}" -ge "$1" ]
}

# Whole exporters on each worker, more than one worker at work, no number missing.
check_workers() { # NAME
	local of rest
	await 60 received_all $N
	of=$(status_says '*[w["accounts"].get("rx_udp_datagrams", 0) for w in s["workers"]]')
	rest=$(status_says 'sum(w["accounts"].get("rx_udp_datagrams", 0) % '$each' for w in s["workers"]),
		sum(w["accounts"].get("rx_udp_datagrams", 0) > 0 for w in s["workers"]) > 1,
		s["accounts"].get("rx_udp_datagrams", 0),
		s["accounts"].get("decoded_datagrams", 0),
		s["accounts"].get("sequence_gap_units", 0)')
	expect "$1" "$rest (datagrams of each worker: $of)" "^0 True $N $N 0 "
}

ns_pair
dir=$scratch/out
mkdir -p "$dir"
chmod 755 "$scratch"
chmod 777 "$dir"
for i in $(seq $exporters); do
	in_a ip addr add 10.9.0.$((i + 99))/24 dev va
	in_a ip addr add fd09::$(printf '1:%x' "$i")/64 dev va nodad
done

start_agent
send --to 10.9.0.2:2055 --from 10.9.0.100
check_workers an_exporter_stays_on_one_worker
"$WEIR" audit --socket "$dir/weir.sock" >"$scratch/audit"
expect accounts_close "$? $(cat "$scratch/audit")" '^0 The accounts close'

in_b "$WEIR" agent --output file:/dev/null --set state.directory= --set metrics.listen= \
	--set control.socket= 2>"$scratch/second"
expect second_agent_is_refused "$? $(cat "$scratch/second")" '^1 ' 'port 2055.*in use'
stop_agent
expect stop_ends_with_the_account "$status $log" '^0 ' "received $N datagrams \(XDP 0, UDP $N\)" \
	'lost at full rings and sockets 0' ' 0 not delivered'
flows=$(sed -n 's/.* \([0-9]*\) flows made.*/\1/p' "$dir/log")
expect each_flow_is_written_once "$(wc -l <"$dir/flows.json")" "^${flows:-none}$"

start_agent
send --to '[fd09::2]:4739' --from fd09::1:1
check_workers ipv6
stop_agent

as=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all)
start_agent
# The sockets are small now: one exporter after the other, slowly.
each=50 N=$((exporters * 50))
for i in $(seq $exporters); do
	send --to 10.9.0.2:2055 --from 10.9.0.$((i + 99)) --exporters 1 --count $each --rate 5000
	await 60 received_all $((i * each))
done
check_workers without_privileges
expect without_privileges_says_so "$(cat "$dir/log")" 'by source address'
stop_agent
as=()
each=512 N=$((exporters * 512))

# 4,000 bytes: the kernel puts three fragments together before the sockets see them.
start_agent
send --to 10.9.0.2:2055 --from 10.9.0.100 --size 4000
check_workers fragmented
stop_agent

# What is in the sockets when the stop comes is still taken; the rest is counted where it fell.
start_agent
send --to 10.9.0.2:2055 --from 10.9.0.100
stop_agent
expect stop_takes_what_has_come "$log" "received $N datagrams" 'lost at full rings and sockets 0'

cat >"$scratch/weir.yaml" <<END
listen:
  ports: [2055]
exporters:
  allow: [10.9.0.100/32]
END
rm -f "$dir"/*
nsenter --net=/proc/$ns_b/ns/net -- "$WEIR" agent -c "$scratch/weir.yaml" --output "file:$dir/flows.json" \
	--set udp.socket_buffer=64M --set state.directory= --set metrics.listen= \
	--set control.socket="$dir/weir.sock" 2>"$dir/log" &
agent=$!
await 60 grep -qs collecting "$dir/log"
send --to 10.9.0.2:2055 --from 10.9.0.100
await 60 received_all $each
sed -i 's/10.9.0.100.32/10.9.0.0\/24/; s/2055/2055, 4739/' "$scratch/weir.yaml"
echo 'drain_time: 11s' >>"$scratch/weir.yaml"
kill -HUP $agent
await 60 grep -q 'exporters.allow' "$dir/log"
sleep 0.2
send --to 10.9.0.2:2055 --from 10.9.0.100
await 60 received_all $((each + N))
stop_agent
expect allow_list_and_its_reload "$log" "received $((each + N)) datagrams" "denied $((N - each))"
expect reload_says_what_waits_for_a_restart "$log" 'exporters.allow: .*10.9.0.0/24.*, was ' \
	'listen.ports: .*4739.*, was ' 'drain_time: 11.* takes effect at the next start'

finish
