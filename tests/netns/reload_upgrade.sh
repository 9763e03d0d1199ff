#!/bin/bash
# SIGHUP takes over what can change and says what it was; a new program takes an old one's place.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null
settings() { # KEY=VALUE of this test
	cat >"$scratch/weir.yaml" <<-END
	log: {level: ${level:-info}}
	listen: {ports: [${ports:-2055, 4739}]}
	exporters: {allow: [${allow:-}], rate_limit: ${rate:-0}}
	templates: {max_per_exporter: ${templates:-4096}, timeout: ${timeout:-3h}}
	interfaces: [vb]
	xdp: {mode: native, pin_path: $pins, keep_attached: true}
	outputs: ["file:$scratch/flows"]
	state: {directory: "$scratch/state"}
	control: {socket: "$scratch/control"}
	metrics: {listen: "${metrics:-}"}
	END
}
begin() {
	agent_log=$scratch/agent.log
	spawn "$ns_b" "${program:-$WEIR}" agent -c "$scratch/weir.yaml" 2>>"$agent_log"
	agent=$spawned
	await 60 agent_ready_or_gone
}
hang_up() { # NAME REGEX...: what it says of it
	local name=$1 lines
	shift
	lines=$(wc -l <"$agent_log")
	kill -HUP "$agent"
	await 60 all_said "$@"
	expect "$name" "$(tail -n +$((lines + 1)) "$agent_log")" "$@"
}
all_said() { # REGEX...: in the log after $lines
	local regex
	for regex; do
		tail -n +$((lines + 1)) "$agent_log" | grep -Eq -- "$regex" || return 1
	done
}
arrives() { # PORT: how many of 100 frames and of 50 datagrams that are fragments of IP
	local before
	before=$(account rx_xdp_datagrams rx_udp_datagrams rx_denied_datagrams)
	in_a "$BUILD/tests/send_load" --to "10.9.0.2:$1" --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 100 >/dev/null
	in_a "$BUILD/tests/send_load" --to "10.9.0.2:$1" --from 10.9.0.1 --size 4000 --rate 2000 --count 50 >/dev/null
	await 60 eval '[ "$(account rx_xdp_datagrams rx_udp_datagrams rx_denied_datagrams)" -ge $((before + 150)) ]'
	echo $(($(account rx_xdp_datagrams rx_udp_datagrams rx_denied_datagrams) - before))
}

settings
begin
expect hears_the_ports_of_the_start "$(arrives 2055) $(arrives 4739)" '^150 150$'
ports='4739, 9995' settings
hang_up tells_the_new_ports 'listen.ports: \[?4739, 9995.*was \[?2055, 4739'
expect hears_the_new_port "$(arrives 9995) $(arrives 4739)" '^150 150$'
before=$(account rx_xdp_datagrams rx_udp_datagrams)
in_a "$BUILD/tests/send_load" --to 10.9.0.2:2055 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 100 >/dev/null
sleep 0.5
expect hears_the_old_one_no_more "$(($(account rx_xdp_datagrams rx_udp_datagrams) - before)) $(in_b ss -Hlun | grep -c ':2055 ')" '^0 0$'
# Again and again, with load on a port that stays: none of its datagrams is lost.
before=$(account rx_xdp_datagrams rx_udp_datagrams)
in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 10000 >/dev/null &
sender=$!
for i in 1 2 3 4; do
	ports="4739, 1000$i" settings
	kill -HUP "$agent"
	sleep 0.3
done
wait $sender
await 60 eval '[ "$(account rx_xdp_datagrams rx_udp_datagrams)" -ge $((before + 10000)) ]'
expect a_port_that_stays_loses_nothing "$(($(account rx_xdp_datagrams rx_udp_datagrams) - before))" '^10000$'
spawn "$ns_b" python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 9996)); time.sleep(600)'
await 60 eval 'in_b ss -Hlun | grep -q :9996'
ports='4739, 9996' settings
hang_up a_port_of_another_is_left_out 'listen.ports: ' 'UDP port 9996 of 0.0.0.0: Address already in use.*; the port is left out'
expect and_the_others_stay "$(arrives 4739)" '^150$'
kill "$spawned"

ports=4739 templates=7 timeout=2h rate=50000 level=debug settings
hang_up tells_limits_and_level 'templates.max_per_exporter: 7, was 4096' 'templates.timeout: (2h|7200).*was (3h|10800)' \
	'exporters.rate_limit: 50.*was 0' 'log.level: debug, was info'
ports=4739 templates=7 timeout=2h rate=50000 level=debug metrics=127.0.0.1:9444 settings
hang_up tells_what_waits_for_the_next_start 'metrics.listen: .*9444.* takes effect at the next start'
ports=4739 allow=192.0.2.0/24 settings
hang_up tells_the_allow_list 'exporters.allow: .*192.0.2.0/24.*was'
before=$(account rx_xdp_datagrams)
in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 100 >/dev/null
expect denies_who_is_not_in_it "$(xdp_reason $pins denied) $(account rx_xdp_datagrams)" "^100 $before\$"
echo 'listen: {ports: [70000]}' >"$scratch/weir.yaml"
hang_up bad_settings_change_nothing 'the settings in force stay, the new ones are not valid.*70000'
ports=4739 settings
hang_up and_good_ones_do_again 'exporters.allow: .*was .*192.0.2.0/24'
expect hears_again "$(arrives 4739)" '^150$'
kill "$agent"
wait "$agent" 2>/dev/null

# An upgrade in place. The old program ends under load and the new one starts: the link and the maps
# stay, and each datagram is counted by the kernel; each that found no socket of a running agent is in
# that count too, by its reason. What was steered is received by the one or the other.
rm -rf "$scratch/state" "$scratch"/flows*
ports=4739 settings
cp "$WEIR" "$scratch/weir-next"
: >"$agent_log"
begin
link=$(bpftool -j link show pinned "$pins/vb/link" | jq .id)
frames() { "$WEIR" xdp status --pin-path "$pins" | awk -v r="$1" '$1 == r { print $2; exit }'; }
steered_before=$(frames steered) no_socket_before=$(frames no_socket)
steered_before=${steered_before:-0} no_socket_before=${no_socket_before:-0}
N=40000
in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 10000 --count $N >"$scratch/sent" &
sender=$!
sleep 1
kill "$agent"
wait "$agent"
expect the_old_one_ends_well $? '^0$'
gap=$(date +%s%N)
program=$scratch/weir-next begin
gap=$((($(date +%s%N) - gap) / 1000000))
wait $sender
# Received through XDP and through UDP, of both runs.
last_words() { grep -oE "\($1 [0-9]+|, $1 [0-9]+" "$agent_log" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }
steered=$(($(frames steered) - steered_before)) missed=$(($(frames no_socket) - no_socket_before))
expect the_link_is_the_same "$(bpftool -j link show pinned "$pins/vb/link" | jq .id)" "^$link\$"
expect the_kernel_counts_every_datagram "$((steered + missed))" "^$N\$"
sleep 1
kill "$agent"
wait "$agent"
xdp=$(last_words XDP) udp=$(last_words UDP)
expect what_was_steered_is_received "$xdp of $steered" "^$steered of $steered\$"
expect what_found_a_socket_is_not_more_than_was_passed "$([ "$udp" -le $missed ] && echo yes || echo "$udp of $missed")" yes
records=$(sed -n 's/.*\brecords=\([0-9]*\).*/\1/p' "$scratch/sent")
written=$(cat "$scratch"/flows* | wc -l)
expect their_flows_are_written "$(((written * N + records / 2) / records)) of $((xdp + udp))" "^$((xdp + udp)) of"
printf '# an upgrade took %d ms, in which %d of %d datagrams found no socket, and are counted\n' $gap $((missed - udp)) $N

# Under a service manager that keeps the UDP sockets meanwhile nothing is lost at all: XDP passes what
# finds no AF_XDP socket to them, and there it waits.
: >"$agent_log"
rm -rf "$scratch/state" "$scratch"/flows*
spawn "$ns_b" tests/tools/manager.py "$scratch/notify" "$WEIR" agent -c "$scratch/weir.yaml" >"$scratch/manager" 2>>"$agent_log"
manager=$spawned
await 60 grep -q '^ready' "$scratch/manager"
steered_before=$(frames steered) no_socket_before=$(frames no_socket)
in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 3000 --count 15000 >"$scratch/sent" &
sender=$!
sleep 1
kill -USR1 "$manager"
await 60 eval '[ "$(grep -c "^ready" "$scratch/manager")" = 2 ]'
wait $sender
passed=$(($(frames no_socket) - no_socket_before))
sleep 1
expect kept_the_sockets "$(cat "$scratch/manager")" '^ready, kept [1-9]' '^ended'
expect the_accounts_close_after_that "$("$WEIR" audit --socket "$scratch/control" | head -n 1)" 'accounts close'
kill "$manager"
wait "$manager"
expect an_upgrade_loses_nothing "$(($(last_words XDP) + $(last_words UDP)))" '^15000$'
expect what_came_meanwhile_waited "$([ "$passed" -gt 0 ] && [ "$(last_words UDP)" = "$passed" ] && echo all || echo "$(last_words UDP) of $passed")" all
records=$(sed -n 's/.*\brecords=\([0-9]*\).*/\1/p' "$scratch/sent")
expect and_its_flows_are_written "$(cat "$scratch"/flows* | wc -l)" "^$records\$"
printf '# %d of 15000 datagrams came while no agent ran\n' "$passed"
"$WEIR" xdp detach --pin-path "$pins" --interface vb >/dev/null 2>&1 || "$WEIR" xdp detach --pin-path "$pins" >/dev/null 2>&1
finish
