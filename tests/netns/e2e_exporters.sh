#!/bin/bash
# Real exporters across a veth pair into the agent: softflowd, pmacct and Open vSwitch.
# SPDX-License-Identifier: Apache-2.0
#
#   client ── p1 [ Open vSwitch in a ] p2 ── server         a: va ── veth ── vb: b, the agent
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"
. tests/exporters.sh
EXPORTERS=$scratch/exporters
mkdir "$EXPORTERS"
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

ns_pair
ns_make client
ns_make server
traffic_join "$client" eth0 p1
traffic_join "$server" eth0 p2
in_ns "$client" ip addr add 192.0.2.1/24 dev eth0
in_ns "$server" ip addr add 192.0.2.2/24 dev eth0
in_ns "$client" ip addr add 2001:db8::1/64 dev eth0 nodad
in_ns "$server" ip addr add 2001:db8::2/64 dev eth0 nodad
ovs_start "$ns_a" p1 p2
spawn "$server" tests/tools/traffic.py serve

agent_start || fail start "$(tail -n 3 "$agent_log")"
to=10.9.0.2
exporter_softflowd "$ns_a" p1 $to:2055 9
exporter_nfprobe "$ns_a" p1 '[fd09::2]:4739' 10 \
	'aggregate: src_host,dst_host,src_port,dst_port,proto,tos'
exporter_sfprobe "$ns_a" p1 $to:6343 10 "sfprobe_agentip: 10.9.0.1"
exporter_softflowd "$ns_a" p1 $to:2055 5
ovs_sflow $to:6343 10 va
ovs_ipfix $to:4739 1
sleep 1
in_ns "$client" ping -q -c 3 -i 0.2 192.0.2.2 >/dev/null
talk=$(in_ns "$client" tests/tools/traffic.py ask 192.0.2.2 2001:db8::2 6)
moved=$(sed 's/.* \([0-9]*\) bytes.*/\1/' <<<"$talk")
exporters_stop
sleep 0.5
steered=$(kernel_sum steered)
settled "$steered"

# What exporters' host put on the wire is what the kernel counted, took, and the agent decoded.
expect all_that_was_sent_is_decoded "steered=$steered counted=$(kernel_sum datagrams) \
xdp=$(account rx_xdp_datagrams) decoded=$(account decoded_datagrams)" \
	"^steered=([1-9][0-9]*) counted=\1 xdp=\1 decoded=\1\$"
expect accounts_close "$("$WEIR" audit --socket "$scratch/control" | head -n 1)" 'accounts close'
expect every_protocol "$(status '[.exporters.list[].versions[]] | unique | join(" ")')" \
	'^IPFIX NETFLOW_V5 NETFLOW_V9 SFLOW_5$'
expect nothing_malformed "$(account malformed_datagrams partly_decoded_datagrams \
	unknown_version_datagrams sets_no_template)" '^0$'

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

v9=$(seen '.type == "NETFLOW_V9"')
nfprobe=$(seen '.type == "IPFIX" and .sampler_address == "fd09::1"')
about softflowd_netflow9_sees_the_traffic "${v9% *}" 100 115
about nfprobe_ipfix_sees_the_traffic "${nfprobe% *}" 100 115
about sfprobe_estimates_the_traffic \
	"$(seen '.type == "SFLOW_5" and .sampler_address == "10.9.0.1" and .sampling_rate == 10' |
		cut -d' ' -f1)" 60 280
expect softflowd_netflow5 "$(seen '.type == "NETFLOW_V5"')" '^[1-9][0-9]* [1-9]'
expect open_vswitch_ipfix "$(seen '.type == "IPFIX" and .sampler_address == "10.9.0.1"')" \
	'^[1-9][0-9]* [1-9]'
expect counter_samples "$(wc -l <"$scratch/flows.counters")" '^[1-9]'
agent_stop exporters
finish
