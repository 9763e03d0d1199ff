#!/bin/bash
# Real exporters across a veth pair into the agent: softflowd, pmacct and Open vSwitch.
# SPDX-License-Identifier: Apache-2.0
#
#   client ── p1 [ Open vSwitch in a ] p2 ── server         a: va ── veth ── vb: b, the agent
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"
. tests/exporters.sh
EXPORTERS=$scratch
trap 'exporters_stop; cleanup' EXIT

for program in softflowd pmacctd ovs-vswitchd; do
	if ! command -v $program >/dev/null; then
		skip "real_exporters" "$program is not installed; tests/setup.sh test does it"
		finish
	fi
done

traffic_join() { # NS IF PEER-IF: from a namespace to a
	in_ns "$1" ip link add "$2" type veth peer name "$3"
	in_ns "$1" ip link set "$3" netns "$ns_a"
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
	in_ns "$1" ip link set "$2" up
	in_a ip link set "$3" up
}

topology() { # QUEUES of vb
	[ -z "${talker:-}" ] || kill "$talker"
	ns_pair "$1"
	ns_make client
	ns_make server
	traffic_join "$client" eth0 p1
	traffic_join "$server" eth0 p2
	in_ns "$client" ip addr add 192.0.2.1/24 dev eth0
	in_ns "$server" ip addr add 192.0.2.2/24 dev eth0
	in_ns "$client" ip addr add 2001:db8::1/64 dev eth0 nodad
	in_ns "$server" ip addr add 2001:db8::2/64 dev eth0 nodad
	spawn "$server" tests/tools/traffic.py serve
	talker=$spawned
	await 60 eval '[ "$(in_ns "$server" ss -Hltun | wc -l)" -ge 7 ]'
}

# How many programs look at an interface of a's.
lookers() { # INTERFACE
	in_a awk -v number="$(in_a ip -o link show "$1" | cut -d: -f1)" \
		'$5 == number { n++ } END { print n + 0 }' /proc/net/packet
}
captured() { tcpdump -n -r "$EXPORTERS/sent.pcap" 2>/dev/null | wc -l; }
all_captured() { [ "$(captured)" = "$(account "$via")" ]; }

# Everything that the exporters put on the wire, by tcpdump beside them, is taken by `via` and
# decoded. The agent is left running; $moved is how many bytes the server answered.
watch() { # NAME VIA SECONDS [KEY=VALUE...]
	local name=$1 via=$2 seconds=$3 to=10.9.0.2 dump sent
	shift 3
	if ! agent_start "$@"; then
		fail "$name" "the agent did not start: $(tail -n 3 "$agent_log")"
		return
	fi
	EXPORTERS=$scratch/$name
	mkdir "$EXPORTERS"
	spawn "$ns_a" tcpdump -q -U -n -i va -w "$EXPORTERS/sent.pcap" -B 16384 \
		udp and '(dst host 10.9.0.2 or dst host fd09::2)' 2>/dev/null
	dump=$spawned
	ovs_start "$ns_a" p1 p2
	exporter_softflowd "$ns_a" p1 $to:2055 9
	exporter_softflowd "$ns_a" p1 $to:2055 5
	exporter_nfprobe "$ns_a" p1 '[fd09::2]:4739' 10 \
		'aggregate: src_host,dst_host,src_port,dst_port,proto,tos'
	exporter_sfprobe "$ns_a" p1 $to:6343 10 "sfprobe_agentip: 10.9.0.1"
	ovs_sflow $to:6343 10 va
	ovs_ipfix $to:4739 1
	# Two softflowd, two pmacctd, Open vSwitch; tcpdump.
	await 60 eval '[ "$(lookers p1)" -ge 5 ] && [ "$(lookers va)" -ge 1 ]'
	in_ns "$client" ping -q -c 3 -i 0.2 192.0.2.2 >/dev/null
	moved=$(in_ns "$client" tests/tools/traffic.py ask 192.0.2.2 2001:db8::2 "$seconds" |
		sed 's/.* \([0-9]*\) bytes.*/\1/')
	exporters_stop
	sleep 1
	await 30 all_captured
	kill -INT "$dump"
	wait "$dump"
	sent=$(captured)
	settled "$sent"
	expect "${name}_all_that_was_sent_is_decoded" \
		"sent=$sent taken=$(account "$via") decoded=$(account decoded_datagrams)" \
		'^sent=([1-9][0-9]*) taken=\1 decoded=\1$'
	expect "${name}_accounts_close" \
		"$("$WEIR" audit --socket "$scratch/control" | head -n 1)" 'accounts close'
	expect "${name}_every_protocol" \
		"$(status '[.exporters.list[].versions[]] | unique | join(" ")')" \
		'^IPFIX NETFLOW_V5 NETFLOW_V9 SFLOW_5$'
	expect "${name}_nothing_malformed" "$(account malformed_datagrams \
		partly_decoded_datagrams unknown_version_datagrams sets_no_template)" '^0$'
}

# "bytes records" of all flows of one kind, scaled by the sampling rate.
seen() { # JQ-CONDITION
	jq -n -r "reduce (inputs | select($1)) as \$f ([0, 0];
		[.[0] + (\$f.bytes // 0) * (\$f.sampling_rate // 1), .[1] + 1]) | \"\(.[0]) \(.[1])\"" \
		"$scratch/flows"
}

# At least what the server answered, and not much more: headers and requests.
about() { # NAME BYTES LOW% HIGH%
	if [ "$2" -ge $((moved * $3 / 100)) ] && [ "$2" -le $((moved * $4 / 100)) ]; then
		pass "$1"
	else
		fail "$1" "$2 bytes in flows, $moved in answers: not $3 to $4 %"
	fi
}

topology 1
watch native rx_xdp_datagrams 6
expect native_kernel_counted "$(kernel_sum datagrams) $(account decoded_datagrams)" '^([0-9]+) \1$'
about softflowd_netflow9_sees_the_traffic "$(seen '.type == "NETFLOW_V9"' | cut -d' ' -f1)" 100 115
about nfprobe_ipfix_sees_the_traffic \
	"$(seen '.type == "IPFIX" and .sampler_address == "fd09::1"' | cut -d' ' -f1)" 100 115
about sfprobe_estimates_the_traffic \
	"$(seen '.type == "SFLOW_5" and .sampler_address == "10.9.0.1" and .sampling_rate == 10' |
		cut -d' ' -f1)" 60 280
expect softflowd_netflow5 "$(seen '.type == "NETFLOW_V5"')" '^[1-9][0-9]* [1-9]'
expect open_vswitch_ipfix "$(seen '.type == "IPFIX" and .sampler_address == "10.9.0.1"')" \
	'^[1-9][0-9]* [1-9]'
expect counter_samples "$(wc -l <"$scratch/flows.counters")" '^[1-9]'
agent_stop native

watch generic rx_xdp_datagrams 2 xdp.mode=generic
agent_stop generic
topology 4
watch four_queues rx_xdp_datagrams 2
expect four_queues_in_use "$(status '[.receivers[] | select(.mode == "native")] | length')" '^4$'
agent_stop four_queues
watch fallback rx_udp_datagrams 2 xdp.mode=off
agent_stop fallback
finish
