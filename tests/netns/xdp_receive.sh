#!/bin/bash
# Real attach on veth: what is sent is received, each datagram once, by the way it should take.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_xdp.sh"
isolate "$@"

N=20000
sum=$((N * (N - 1) / 2))
# Where a processor may be taken from the receiver and not from the sender, a ring holds all that is sent
# meanwhile; e2e_load.sh has the agent's own sizes.
roomy='frames=8192 ring=8192'

ns_pair
receive count=$N frames=32768 ring=32768
send plain $N 1400 20000
received
expect native_20000_at_20000_a_second "$got" mode=native "xdp=$N udp=0 bytes=$((N * 1400))" \
	'bad_checksum=0 bad_frame=0' "sum=$sum " dropped=0,full=0,empty=0

receive count=5000 $roomy
send plain6 5000 1400 20000
received
expect native_ipv6 "$got" mode=native 'xdp=5000 udp=0' bad_checksum=0

receive count=5000 $roomy mode=2
send plain 5000 1400 20000
received
expect generic "$got" mode=generic 'xdp=5000 udp=0' bad_checksum=0

in_a ping -q -c 1 10.9.0.2 >/dev/null
receive count=5000 $roomy
send vlan 5000 1000 20000
received
expect vlan_tagged "$got" 'xdp=5000 udp=0' 'bad_checksum=0 bad_frame=0'

receive count=5000 $roomy
send qinq 5000 1000 20000
received
expect qinq_tagged "$got" 'xdp=5000 udp=0' 'bad_checksum=0 bad_frame=0'

receive count=1000 mode=2 $roomy
send qinq 1000 1000 20000
received
expect qinq_tagged_generic "$got" mode=generic 'xdp=1000 udp=0' 'bad_checksum=0 bad_frame=0'

receive count=10000 $roomy keep=1
send mixed 10000 1400 20000
received
expect half_of_them_fragments "$got" 'xdp=5000 udp=5000' 'bad_checksum=0 bad_frame=0'
expect fragments_are_counted_as_datagrams "$(exporter_sum datagrams) $(exporter_sum bytes)" \
	"^10000 $((5000 * 1400 + 5000 * 3000))$"
expect fragments_by_reason \
	"$(exporter_sum fragment) $(exporter_sum steered) $(xdp_reason $pins fragment_rest)" \
	'^5000 5000 10000$'
"$WEIR" xdp detach --pin-path $pins 2>/dev/null

receive count=1000 keep=1
send options 500 100 20000
send extensions 500 100 20000
received
expect options_and_extensions_take_the_slow_path "$got" 'xdp=0 udp=1000'
expect options_and_extensions_by_reason "$(exporter_sum ip_options) $(exporter_sum extension_headers)" \
	'^500 500$'
"$WEIR" xdp detach --pin-path $pins 2>/dev/null

receive count=500 frame_size=2048
send plain 500 1400 20000
received
expect small_umem_frames "$got" 'xdp=500 udp=0'

receive count=500 sockets=0
send plain 500 1400 20000
received
expect queue_without_socket_falls_to_the_kernel "$got" 'xdp=0 udp=500'

receive idle=1000 rate=10 burst=50
begun=$(date +%s%N)
send plain 1000 100 100000
took=$((($(date +%s%N) - begun) / 1000000))
received
n=$(sed 's/.* xdp=\([0-9]*\).*/\1/' <<<"$got")
most=$((51 + took / 100)) # ten a second while it was sent
if [ "$n" -ge 50 ] 2>/dev/null && [ "$n" -le $most ]; then
	pass rate_limit
else
	fail rate_limit "$got: wanted the burst of 50 and what refills in $took ms, $most at most"
fi

ns_pair 1 9000
receive count=2000 $roomy
send plain 2000 8900 10000
received
expect jumbo_frames_in_parts "$got" 'mode=native frags=1' 'xdp=2000 udp=0' \
	"bytes=$((2000 * 8900))" 'bad_checksum=0 bad_frame=0' "sum=$((2000 * 1999 / 2)) "

receive count=1000 mode=2 frame_size=2048 $roomy
send plain 1000 8900 10000
received
expect jumbo_frames_generic "$got" 'mode=generic frags=1' 'xdp=1000 udp=0' \
	'bad_checksum=0 bad_frame=0'

ns_pair 4
receive count=$N $roomy
send plain $N 1400 20000 64
received
expect four_queues "$got" mode=native queues=4 "xdp=$N udp=0" "sum=$sum " \
	queue0:taken=[1-9] queue1:taken=[1-9] queue2:taken=[1-9] queue3:taken=[1-9]

finish
