#!/bin/bash
# An interface is removed under the running agent and comes back: the agent, which has given up the rights
# to attach anew, says so and goes on, or ends to be started again, as xdp.when_back has it.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

N=1000
cable() { # A B NETWORK: a veth pair between the namespaces
	in_a ip link add "$1" type veth peer name "$2" && in_a ip link set "$2" netns "$ns_b" &&
		in_a ip addr add "10.9.$3.1/24" dev "$1" && in_a ip link set "$1" up &&
		in_b ip addr add "10.9.$3.2/24" dev "$2" && in_b ip link set "$2" up &&
		in_a ping -q -c 1 "10.9.$3.2" >/dev/null
}
pull() { in_b ip link del "$1"; }
says() { # REGEX: in the agent's log
	await 30 grep -Eq -- "$1" "$agent_log"
}
ready() { [ "$(status .ready 2>/dev/null)" = "$1" ]; }
load() { # INTERFACE NETWORK: N datagrams; adds what they hold to $records
	send_load --to "10.9.$2.2:4739" --interface "$1" --from 10.9.0.1 --size 1400 --rate 5000 --count $N
	records=$((records + $(value_of records)))
}
wait_for_end() { # sets $ended to the exit status, or to "runs"
	ended=runs
	await 30 eval '! kill -0 "$agent" 2>/dev/null' || return
	wait "$agent"
	ended=$?
}
written() { cat "$scratch"/flows* 2>/dev/null | wc -l; }
of_tasks() { # FIELD: its different values over all threads of the agent
	sed -n "s/^$1:[[:space:]]*//p" /proc/"$agent"/task/*/status | sort -u | tr '\n' ' '
}
is_confined() { # NAME: no capability and none to come back, filtered system calls
	expect "$1_is_confined" "$(of_tasks CapEff)$(of_tasks CapPrm)$(of_tasks CapBnd)$(of_tasks Seccomp)$(of_tasks NoNewPrivs)" \
		'^(0+ ){3}2 1 $'
}

# Stay, which is the default: all is said, and the UDP sockets go on to receive.
ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null
records=0
agent_start || { fail starts "$(tail -n 3 "$agent_log")"; finish; }
is_confined stay
load va 0
settled $N
pull vb
says 'vb: the interface was removed.*; restart the agent when it is back'
expect stay_says_that_it_is_gone "$(cat "$agent_log")" 'vb: the interface was removed.*; restart the agent when it is back'
expect stay_status_has_it_gone "$("$WEIR" status --socket "$scratch/control")" 'NOT READY: interface vb is gone' 'vb .* GONE'
# There again and down, and then not there: it is not back.
in_b ip link add vb type veth peer name other
sleep 3.5
expect one_that_is_down_is_not_back "$(grep -c 'vb is back' "$agent_log")" '^0$'
in_b ip link set vb up
sleep 0.5
pull vb
sleep 3
expect one_that_goes_at_once_is_not_back "$(grep -c 'vb is back' "$agent_log")" '^0$'
cable va vb 0
says 'vb is back'
expect stay_says_that_it_is_back "$(cat "$agent_log")" 'vb is back: restart the agent, it may not attach anew by itself'
expect stay_status_has_it_back "$("$WEIR" status --socket "$scratch/control")" 'NOT READY: interface vb is back: restart the agent' 'vb .* BACK'
load va 0
await 30 received_all $((2 * N))
sleep 2
expect stay_goes_on_with_udp "$(kill -0 "$agent" && account rx_xdp_datagrams) $(account rx_udp_datagrams)" "^$N $N\$"
expect stay_says_it_once "$(grep -c 'vb is back' "$agent_log")" '^1$'
# Another agent takes its place, and attaches to what is back.
old=$agent
mv "$agent_log" "$agent_log.old"
spawn "$ns_b" "$WEIR" agent --replace --set interfaces=vb --set xdp.mode=native --set xdp.pin_path=$pins --set "outputs=file:$scratch/flows" \
	--set "state.directory=$scratch/state" --set "control.socket=$scratch/control" --set metrics.listen= 2>"$agent_log"
agent=$spawned
says 'collecting with'
wait "$old"
expect stay_is_replaced "$?" '^0$'
await 60 agent_ready_or_gone
load va 0
await 60 received_all $N
expect the_next_takes_in_through_xdp "$(account rx_xdp_datagrams) $(account rx_udp_datagrams)" "^$N 0\$"
settled $N
expect all_of_both_is_written "$(written)" "^$records\$"
agent_stop stay

# Exit, in a loop as a supervisor has it: ends by itself with its own status, all that it has received written.
records=0
rm -rf "${scratch:?}/state" "$scratch"/flows*
agent_start xdp.when_back=exit xdp.keep_attached=true || { fail exit_starts "$(tail -n 3 "$agent_log")"; finish; }
is_confined exit
load va 0
settled $N
pull vb
says 'vb: the interface was removed.*; the agent ends when it is back'
expect exit_says_that_it_is_gone "$(cat "$agent_log")" 'vb: the interface was removed.*; the agent ends when it is back'
sleep 3
expect exit_stays_while_it_is_gone "$(kill -0 "$agent" && status .alive)" '^true$'
gone=$(date +%s%N)
cable va vb 0
wait_for_end
took=$((($(date +%s%N) - gone) / 1000000))
expect exit_ends_to_be_started_again "$ended; $(cat "$agent_log")" '^75;' 'vb is back' \
	'stopping, with exit status 75 to be started again' "received $N datagrams .* = decoded $N" ' 0 not delivered at the stop'
expect exit_waits_until_it_is_stable "$([ $took -ge 2000 ] && echo "stable" || echo "$took ms")" '^stable$'
expect exit_has_written_all_flows "$(written)" "^$records\$"
expect exit_keeps_its_state "$(ls "$scratch/state")" templates
printf '# ended %d ms after the interface was made again\n' $took
if agent_start xdp.when_back=exit xdp.keep_attached=true; then
	expect next_knows_the_templates "$(cat "$agent_log")" 'templates of the last run are known'
	load va 0
	settled $N
	expect next_takes_in_through_xdp "$(account rx_xdp_datagrams) $(account rx_udp_datagrams)" "^$N 0\$"
	expect next_writes_its_flows "$(written)" "^$records\$"
	agent_stop next
else
	fail next_starts "$(tail -n 3 "$agent_log")"
fi
"$WEIR" xdp detach --pin-path $pins >/dev/null 2>&1

# Two interfaces, as an unprivileged user. Both are removed and one is back: to end now would be to end for
# good, as an agent whose interface is missing does not start. The other setting is taken over by SIGHUP.
user=nobody
install -d -o $user -m 700 "$scratch/own"
chmod 711 "$scratch"
rm -f "$scratch/control"
ln -s run/control "$scratch/control"
cable wa wb 1
cat >"$scratch/weir.yaml" <<END
interfaces: [vb, wb]
xdp: {mode: native, pin_path: $pins, when_back: stay}
outputs: ["file:$scratch/own/flows"]
state: {directory: "$scratch/own/state"}
control: {socket: "$scratch/run/control"}
metrics: {listen: ""}
security: {user: $user}
END
begin() {
	agent_log=$scratch/two.log
	spawn "$ns_b" "$WEIR" agent -c "$scratch/weir.yaml" 2>"$agent_log"
	agent=$spawned
	await 60 agent_ready_or_gone
	kill -0 "$agent" 2>/dev/null
}
begin || { fail two_start "$(tail -n 3 "$agent_log")"; finish; }
is_confined two
expect two_are_of_an_unprivileged_user "$(of_tasks Uid)" "^$(id -u $user)[[:space:]]"
records=0
load va 0
load wa 1
settled $((2 * N))
expect two_take_in_through_xdp "$(account rx_xdp_datagrams)" "^$((2 * N))\$"
pull vb
pull wb
says 'wb: the interface was removed'
says 'vb: the interface was removed'
sed -i 's/when_back: stay/when_back: exit/' "$scratch/weir.yaml"
kill -HUP "$agent"
says 'xdp.when_back: exit, was stay'
expect two_take_the_setting_over "$(cat "$agent_log")" 'xdp.when_back: exit, was stay'
cable va vb 0
says 'vb is back'
sleep 2
expect two_wait_for_the_other "$(kill -0 "$agent" && cat "$agent_log")" 'vb is back: the agent ends when no other is missing any more'
cable wa wb 1
wait_for_end
expect two_end_when_both_are_back "$ended; $(cat "$agent_log")" '^75;' 'wb is back' ' 0 not delivered at the stop'
if begin; then
	load va 0
	load wa 1
	settled $((2 * N))
	expect two_take_in_through_xdp_again "$(account rx_xdp_datagrams) $(account rx_udp_datagrams)" "^$((2 * N)) 0\$"
	expect two_have_written_all "$(cat "$scratch"/own/flows* | wc -l)" "^$records\$"
	# One of them alone: that is enough for a restart, while the other's exporters send.
	pull wb
	says 'wb: the interface was removed'
	load va 0
	settled $((3 * N))
	expect the_other_goes_on_meanwhile "$(account rx_xdp_datagrams)" "^$((3 * N))\$"
	before=$(cat "$scratch"/own/flows* | wc -l)
	already=$(account flows)
	spawn "$ns_a" "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 \
		--rate 2000 --count 20000 >/dev/null 2>&1
	sender=$spawned
	cable wa wb 1
	wait_for_end
	kill $sender 2>/dev/null
	wait $sender 2>/dev/null
	expect one_that_is_back_ends_it "$ended; $(grep -E 'received|made' "$agent_log")" '^75;' 'exporter limit 0$' \
		' 0 dropped by outputs, 0 not delivered at the stop'
	made=$(sed -n 's/.*: \([0-9]*\) flows made.*/\1/p' "$agent_log")
	expect what_came_until_then_is_written "$(($(cat "$scratch"/own/flows* | wc -l) - before)) more" "^$((made - already)) more\$"
	expect and_that_was_under_load "$((made - already))" '^[1-9][0-9]{3,}$'
else
	fail two_start_again "$(tail -n 3 "$agent_log")"
fi
expect nothing_is_left_pinned "$(find $pins -mindepth 1 2>/dev/null | wc -l)" '^0$'
finish
