#!/bin/bash
# Pins: counts and steering survive the process, programs are replaced in place.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_xdp.sh"
isolate "$@"

link_id() {
	"$WEIR" xdp status --pin-path $pins | sed -n 's/.*link \([0-9]*\)$/\1/p'
}
program_id() {
	"$WEIR" xdp status --pin-path $pins | sed -n 's/.*program \([0-9]*\),.*/\1/p'
}

ns_pair

# Killed in the middle of 20,000 and started again: the kernel has counted every one.
receive keep=1 idle=20000
send plain 20000 1400 4000 &
sender=$!
await 60 eval '[ "$(exporter_sum datagrams)" -ge 1000 ]'
kill -KILL $receiver
wait $receiver 2>/dev/null
link=$(link_id)
sleep 0.1
receive keep=1 idle=1000
wait $sender
received
expect counts_survive_kill_9 "$(exporter_sum datagrams) $(exporter_sum bytes)" \
	"^20000 $((20000 * 1400))$"
expect link_survives_kill_9 "$link $(link_id)" "^([0-9]+) \1$"
expect each_went_one_way \
	"$(($(exporter_sum steered) + $(exporter_sum no_socket)))" '^20000$'
expect the_second_took_over "$got" 'xdp=[1-9]'

# Replacing the program while datagrams come: none is missed by the counters, the link is the same.
before=$(exporter_sum datagrams)
program=$(program_id)
send plain 10000 200 10000 &
sender=$!
for _ in 1 2 3 4 5; do
	in_b "$WEIR" xdp attach --interface vb --set listen.ports=2055 \
		--set xdp.max_exporters=1024 --pin-path $pins \
		2>"$scratch/attach.err" || cat "$scratch/attach.err"
done
wait $sender
expect update_in_place_misses_nothing "$(($(exporter_sum datagrams) - before))" '^10000$'
expect update_in_place_keeps_the_link "$link $(link_id)" "^([0-9]+) \1$"
expect update_in_place_replaces_the_program \
	"$([ "$program" != "$(program_id)" ] && echo replaced)" replaced

# The pinned maps read well.
dump=$(bpftool map dump pinned $pins/exporters)
expect bpftool_shows_names_and_bytes "$dump" '"steered": ' '"address": \[0,0,0,0,0,0,0,0,0,0,255,255,10,9,0,1' \
	'"port": 2055' '"datagrams": '
expect status_shows_interface_and_counts "$(in_b "$WEIR" xdp status --pin-path $pins)" \
	'^vb: native mode, program [0-9]+, link [0-9]+$' '^  no_socket +[1-9]' \
	'^  10.9.0.1 to port 2055: 30000 datagrams'

expect other_size_is_refused \
	"$(in_b "$WEIR" xdp attach -i vb --set xdp.max_exporters=2048 --pin-path $pins 2>&1)" \
	'room for 1024 entries, the settings ask for 2048' 'weir xdp detach'
expect refusal_leaves_what_was_there "$link $(link_id)" "^([0-9]+) \1$"

# Another mode is wanted: attached anew, the counts stay.
in_b "$WEIR" xdp attach -i vb --mode generic --set xdp.max_exporters=1024 --pin-path $pins 2>/dev/null
expect change_of_mode "$(in_b "$WEIR" xdp status --pin-path $pins)" '^vb: generic mode' \
	'30000 datagrams'

# The interface goes and another of its name comes.
in_b ip link del vb
in_a ip link add va type veth peer name vb
in_a ip link set vb netns "$ns_b"
ns_end a va 1
ns_end b vb 2
receive keep=0 count=100
send plain 100 100 10000
received
expect interface_made_anew "$got" mode=native xdp=100
expect stop_removes_the_pins "$(ls /sys/fs/bpf)" '^(maps.debug|progs.debug| |$)'
if [ -e $pins ]; then fail pins_are_gone "$(ls -R $pins)"; else pass pins_are_gone; fi

# VLAN devices have a dot in their names, which the BPF file system refuses.
in_b ip link set vb name vb.7
in_b "$WEIR" xdp attach -i vb.7 --pin-path $pins 2>/dev/null
expect dot_in_the_name "$(in_b "$WEIR" xdp status --interface vb.7 --pin-path $pins)" \
	'^vb.7: native mode'
expect detach_one "$("$WEIR" xdp detach --interface vb.7 --pin-path $pins 2>&1)" '1 interface detached'
expect detached "$(in_b ip -o link show vb.7 | grep -c xdp)" '^0$'
expect detach_of_nothing "$("$WEIR" xdp detach --pin-path $pins 2>&1)" '0 interfaces detached'
if [ -e $pins ]; then fail detach_removes_pins "$(ls -R $pins)"; else pass detach_removes_pins; fi

# Several interfaces share the maps; each has its link and its sockets.
ns_pair
in_b ip link add vc type veth peer name vd
in_b ip link set vc up
in_b ip link set vd up
expect two_interfaces "$(in_b "$WEIR" xdp attach -i vb -i vc --pin-path $pins 2>&1)" \
	'vb: XDP attached in native' 'vc: XDP attached in native'
expect two_interfaces_share_maps "$(in_b "$WEIR" xdp status --pin-path $pins | grep -c ' mode, ')" '^2$'
"$WEIR" xdp detach --interface vc --pin-path $pins 2>/dev/null
send plain 100 100 10000
expect the_other_goes_on "$(in_b "$WEIR" xdp status --pin-path $pins)" '^vb: native mode' \
	'10.9.0.1 to port 2055: 100 datagrams'
"$WEIR" xdp detach --pin-path $pins 2>/dev/null
in_b "$WEIR" xdp attach -i vc --pin-path /sys/fs/bpf/weir-other 2>/dev/null
expect second_is_taken "$(in_b "$WEIR" xdp attach -i vb -i vc --pin-path $pins 2>&1)" \
	'vc: another XDP program'
expect the_first_is_let_go "$(in_b ip -o link show vb | grep -c xdp) $(ls /sys/fs/bpf | grep -c weir-test)" \
	'^0 0$'

finish
