#!/bin/bash
# Makes the captures again: real exporters watch real traffic in network namespaces (root, 1 min).
# SPDX-License-Identifier: Apache-2.0
# usage: tests/captures/make.sh [DIRECTORY]    default: where this script is
#
#   client ── p1 [ Open vSwitch ] p2 ── server       all exporters run beside the switch and watch p1
#                      │ mgmt 198.51.100.1
#                      │ veth (tcpdump here, one file per destination port)
#                 collector 198.51.100.2
out=$(realpath "${1:-$(dirname "$0")}")
. "$(dirname "$0")/../lib.sh"
isolate "$out"
. tests/exporters.sh
EXPORTERS=$scratch
seconds=${SECONDS_OF_TRAFFIC:-14}
trap 'exporters_stop; cleanup' EXIT

join() { # NS IF NS IF
	in_ns "$1" ip link add "$2" type veth peer name "$4" &&
		in_ns "$1" ip link set "$4" netns "$3" || exit 1
	# Segmentation and checksums are the sender's own, as they are on a wire.
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
	in_ns "$3" ethtool -K "$4" tx off tso off gso off gro off >/dev/null
	in_ns "$1" ip link set "$2" up
	in_ns "$3" ip link set "$4" up
}

for ns in client switch server collector; do
	ns_make $ns
	in_ns ${!ns} ip link set lo up
done
join $client eth0 $switch p1
join $switch p2 $server eth0
join $switch mgmt $collector eth0
for n in 1 2; do
	[ $n = 1 ] && ns=$client || ns=$server
	in_ns $ns ip addr add 192.0.2.$n/24 dev eth0
	in_ns $ns ip addr add 2001:db8::$n/64 dev eth0 nodad
done
in_ns $server ip addr add 203.0.113.5/32 dev lo
in_ns $client ip route add 203.0.113.0/24 via 192.0.2.2
in_ns $switch ip addr add 198.51.100.1/24 dev mgmt
in_ns $switch ip addr add 2001:db8:1::1/64 dev mgmt nodad
in_ns $collector ip addr add 198.51.100.2/24 dev eth0
in_ns $collector ip addr add 2001:db8:1::2/64 dev eth0 nodad

echo "captures: starting exporters" >&2
ovs_start $switch p1 p2

# name port how
to=198.51.100.2
captures=(
	"softflowd_v5 2001" "softflowd_v9 2002" "softflowd_ipfix 2003" "softflowd_ipfix_biflow 2004"
	"softflowd_v9_sampled_ipv6 2005" "nfprobe_v5 2011" "nfprobe_v9 2012" "nfprobe_ipfix 2013"
	"sfprobe 2021" "ovs_sflow 2031" "ovs_netflow5 2032" "ovs_ipfix 2033"
)
dumps=()
for capture in "${captures[@]}"; do
	set -- $capture
	spawn $collector tcpdump -q -U -n -i eth0 -w "$scratch/$1.pcap" "udp dst port $2" 2>/dev/null
	dumps+=($spawned)
done
# The collector answers nothing; without these sockets the exporters would get port unreachable.
spawn $collector python3 -c '
import socket, sys, time
sockets = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for port in sys.argv[1:]]
for sock, port in zip(sockets, sys.argv[1:]):
    sock.bind(("::", int(port)))
time.sleep(600)' $(printf '%s\n' "${captures[@]}" | cut -d' ' -f2)
spawn $server tests/tools/traffic.py serve
sleep 1

exporter_softflowd $switch p1 $to:2001 5
exporter_softflowd $switch p1 $to:2002 9 -T ether
exporter_softflowd $switch p1 $to:2003 10 -A milli
exporter_softflowd $switch p1 $to:2004 10 -b -A micro
exporter_softflowd $switch p1 '[2001:db8:1::2]:2005' 9 -s 4
exporter_nfprobe $switch p1 $to:2011 5 'nfprobe_engine: 1:7' \
	'aggregate: src_host,dst_host,src_port,dst_port,proto,tos'
exporter_nfprobe $switch p1 $to:2012 9 \
	'aggregate: src_host,dst_host,src_port,dst_port,proto,tos,src_mac,dst_mac,vlan,tcpflags'
exporter_nfprobe $switch p1 $to:2013 10 'sampling_rate: 2' \
	'aggregate: src_host,dst_host,src_port,dst_port,proto,tos,src_mac,dst_mac,vlan,tcpflags'
exporter_sfprobe $switch p1 $to:2021 50 'sfprobe_agentip: 198.51.100.1'
ovs_sflow $to:2031 50 mgmt
ovs_netflow $to:2032
ovs_ipfix $to:2033 16
sleep 2

echo "captures: $seconds s of traffic" >&2
in_ns $client ping -q -c 5 -i 0.3 192.0.2.2 >/dev/null
in_ns $client ping -q -c 5 -i 0.3 2001:db8::2 >/dev/null
in_ns $client tests/tools/traffic.py ask 192.0.2.2 203.0.113.5 2001:db8::2 "$seconds" >&2
sleep 8 # everything that idles is exported
exporters_stop
sleep 1
kill "${dumps[@]}"
wait "${dumps[@]}"

for capture in "${captures[@]}"; do
	set -- $capture
	if [ -z "$(tcpdump -n -c 1 -r "$scratch/$1.pcap" 2>/dev/null)" ]; then
		echo "captures: $1 is empty: its exporter sent nothing" >&2
		exit 1
	fi
	cp "$scratch/$1.pcap" "$out/$1.pcap"
done
echo "captures: done" >&2
