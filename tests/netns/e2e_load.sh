#!/bin/bash
# 20,000 datagrams of 1,400 bytes at 20,000 a second through the agent: every one decoded.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

N=20000
to=10.9.0.2:4739
frames="--interface va --from 10.9.0.1"

# load_once, up to three times where others keep the machine busy: a worker that gets no processor
# for the time that a ring holds loses datagrams without a fault of its own.
load() {
	local passed=$tests_passed failed=$tests_failed try before
	for try in 1 2 3; do
		before=$(stolen)
		load_once "$@" >"$scratch/load"
		[ $tests_failed != $failed ] && [ $try -lt 3 ] && machine_is_busy "$before" || break
		printf '# %s: again, as the machine is busy (load %s): %s\n' "$1" "$(cut -d' ' -f1 /proc/loadavg)" \
			"$(grep -m 1 '^FAIL' "$scratch/load" | cut -c-200)"
		tests_passed=$passed tests_failed=$failed
	done
	cat "$scratch/load"
}

load_once() { # NAME VIA-XDP VIA-UDP AGENT-SETTINGS -- SEND-OPTIONS
	local name=$1 xdp=$2 udp=$3 settings=()
	shift 3
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	if ! agent_start "${settings[@]}"; then
		fail "$name" "the agent did not start: $(tail -n 2 "$agent_log")"
		return
	fi
	send_load --count $((xdp + udp)) --rate 20000 --size 1400 "$@"
	if [ -n "${fallback:-}" ]; then
		all_arrived_without_xdp "$name" "$udp"
	else
		all_arrived "$name" "$xdp" "$udp"
	fi
	agent_stop "$name"
}

# The same where there is no XDP program that counts.
all_arrived_without_xdp() {
	kernel_sum() { echo "$udp"; }
	all_arrived "$1" 0 "$2"
}

ns_pair
in_b sysctl -q -w net.ipv4.ipfrag_high_thresh=33554432
load native $N 0 -- --to $to
load native_netflow9 5000 0 -- --to $to --protocol netflow9
load native_netflow5 5000 0 -- --to $to --protocol netflow5
load native_sflow 5000 0 -- --to $to --protocol sflow
load native_ipv6 5000 0 -- --to '[fd09::2]:4739'
load native_200_exporters 6000 0 -- --to $to --from 10.9.0.10 --exporters 200
load generic $N 0 xdp.mode=generic -- --to $to
in_a ping -q -c 1 10.9.0.2 >/dev/null
load half_tagged $N 0 -- --to $to $frames --vlan 100 --vlan-every 2
load half_double_tagged 5000 0 -- --to $to $frames --vlan 100 --vlan 7 --vlan-every 2
load half_fragmented 10000 10000 -- --to $to $frames --fragment 800 --fragment-every 2
load half_fragmented_ipv6 2500 2500 -- --to '[fd09::2]:4739' --interface va --from fd09::1 \
	--fragment 800 --fragment-every 2

ns_pair 1 9000
load jumbo 4000 0 -- --to $to --size 8900 --rate 2000

ns_pair 4
load four_queues $N 0 -- --to $to --ports 64
fallback=1 load udp_fallback 0 $N xdp.mode=off udp.workers=2 -- --to $to
finish
