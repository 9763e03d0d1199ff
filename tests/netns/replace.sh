#!/bin/bash
# A new agent takes the place of one that runs (weir agent --replace): nothing is lost between them.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

next() { # KEY=VALUE...: another agent like the first, with its own log; `agent` stays who it was
	local setting sets=()
	for setting in interfaces=vb xdp.mode=native xdp.pin_path=$pins "outputs=file:$scratch/flows" \
		"state.directory=$scratch/state" "control.socket=$scratch/control" metrics.listen=127.0.0.1:9331 \
		collector_id=e2e ${keep:+xdp.keep_attached=$keep} "$@"; do
		sets+=(--set "$setting")
	done
	next_log=$scratch/agent.$((++agents)).log
	spawn "$ns_b" "$WEIR" agent ${how:-} "${sets[@]}" 2>"$next_log"
	next=$spawned
}
taken_over() { # NEXT must collect soon
	await 60 eval 'collects "$next_log" || ended "$next"'
	collects "$next_log" || fail takes_over "$(tail -n 2 "$next_log")"
}
agents=0
first() {
	rm -rf "${scratch:?}/state" "$scratch"/flows* "$scratch"/agent*.log
	"$WEIR" xdp detach --pin-path $pins >/dev/null 2>&1
	next "$@"
	agent=$next agent_log=$next_log
	await 60 agent_ready_or_gone
	kill -0 "$agent" 2>/dev/null || fail starts "$(tail -n 3 "$agent_log")"
}
collects() { # LOG
	grep -q 'collecting with' "$1"
}
begin_load() { # COUNT RATE
	in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate "$2" --count "$1" >"$scratch/sent" &
	sender=$!
}
# What all agents of this run have received, by their last words.
received() {
	cat "$scratch"/agent*.log | sed -n 's/.*received \([0-9]*\) datagrams.*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}
ended() { # PID
	! kill -0 "$1" 2>/dev/null
}
# Ends the last agent, and wants N datagrams received and all their flows written.
all_of() { # NAME N
	wait "$sender"
	await 60 audit_closes || fail "$1_accounts_close" "$(head -n 3 "$scratch/audit")"
	kill "$agent"
	wait "$agent"
	local records
	records=$(sed -n 's/.*\brecords=\([0-9]*\).*/\1/p' "$scratch/sent")
	expect "$1" "$(received) received, $(cat "$scratch"/flows* | wc -l) of $records written" "^$2 received, $records of $records written\$"
}

ns_pair "${QUEUES:-1}"
in_a ping -q -c 1 10.9.0.2 >/dev/null
udp_before() { xdp_reason $pins no_socket; }

# Five times, without and with keep_attached: the link is the same one in both.
for round in 1 2 3 4 5; do
	keep=$([ $((round % 2)) = 0 ] && echo true) how= first
	link=$(bpftool -j link show pinned "$pins/vb/link" | jq .id)
	begin_load 15000 5000
	sleep 1
	old=$agent old_log=$agent_log
	how=--replace next
	taken_over
	wait "$old"
	expect "the_old_one_ends_well_$round" "$?" '^0$'
	agent=$next agent_log=$next_log
	expect "the_link_stays_$round" "$(bpftool -j link show pinned "$pins/vb/link" | jq .id)" "^$link\$"
	passed=$(udp_before)
	all_of "nothing_is_lost_$round" 15000
	printf '# %s of 15000 datagrams came between the two; %s\n' "$passed" "$(grep -o 'has ended after.*' "$next_log")"
done
expect says_what_it_does "$(cat "$old_log" "$next_log")" 'another agent .process [0-9]+, user 0. takes over' 'taking over from the agent that runs .process [0-9]+.: [1-9]'
expect templates_go_with_it "$(cat "$next_log")" '[1-9][0-9]* templates of the last run are known'

# Who stays waits with everything closed, and ends when told.
how=--stay first
begin_load 6000 3000
how='--replace --stay' next
old=$agent old_log=$agent_log
taken_over
await 60 grep -q 'waiting for SIGTERM' "$old_log"
sleep 0.3
expect who_stays_has_nothing_open "$(ls -l /proc/"$old"/fd 2>&1 | grep -cE 'socket:|bpf')" '^0$'
agent=$next agent_log=$next_log
kill "$old"
wait "$old"
expect who_stays_ends_well $? '^0$'
all_of nothing_is_lost_to_who_stays 6000

# Without an agent to take over from it starts as any does.
how=--replace first
expect starts_alone "$(cat "$agent_log")" 'there is none to take over from' 'collecting with'
kill "$agent"
wait "$agent"

# A newcomer that cannot start leaves the old one as it was.
how= first
begin_load 9000 3000
how=--replace next security.user=nobody-of-that-name 'listen.ports=9995'
await 60 ended "$next"
expect a_bad_newcomer_fails "$(cat "$next_log")" 'there is no such user'
await 60 grep -q 'is gone: this one goes on' "$agent_log"
# As does one that is killed while it has the sockets, and peers that are not who they should be.
ask() { # PEER-COMMAND...: what is answered to "replace", and how many descriptors come
	"$@" /usr/bin/python3 -c '
import array, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
s.send(b"replace\n")
text, fds = b"", 0
while not text.endswith(b"\n"):
    data, control, _, _ = s.recvmsg(4096, 4096)
    if not data: break
    text += data
    fds += sum(len(c[2]) // 4 for c in control)
print(text.decode().strip(), fds)
' "$scratch/control" 2>&1
}
expect a_newcomer_may_vanish "$(ask env)" '^u+p [1-9]'
chmod 711 "$scratch"
chmod 666 "$scratch/control"
expect another_user_gets_nothing "$(ask setpriv --reuid 65534 --regid 65534 --clear-groups)" '"error":"only root and the user 0.*may take over.* 0$'
expect and_that_is_said "$(cat "$agent_log")" 'user 65534 .process [0-9]+. asked to take over from this agent, and may not'
await 60 eval '[ "$(grep -c "is gone: this one goes on" "$agent_log")" = 2 ]'
expect ports_are_in_force_again "$("$WEIR" xdp status --pin-path $pins)" '4739'
all_of and_the_old_one_goes_on 9000

# One that hangs is not waited for without end, and receives all when it wakes.
how= first
begin_load 3000 1000
kill -STOP "$agent"
how=--replace next
await 60 ended "$next"
expect a_hanging_one_is_not_waited_for "$(cat "$next_log")" 'nothing is taken over from the agent at .*: Connection timed out' 'another weir uses'
kill -CONT "$agent"
all_of and_it_loses_nothing 3000

# What answers at the control socket may be anything: without sense in the answer it is as if none were there.
for answer in '' 'u' 'uuuup\n' '{\"error\":\"no\"}\n' "$(printf 'x%.0s' {1..9000})" files; do
	rm -f "$scratch/control"
	/usr/bin/python3 - "$scratch/control" "$answer" <<-'END' &
	import array, os, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	s.listen()
	c, _ = s.accept()
	s.close()
	os.unlink(sys.argv[1])
	c.recv(100)
	if sys.argv[2] == "files":
	    fds = array.array("i", [os.open("/etc/hostname", os.O_RDONLY)] * 3)
	    c.sendmsg([b"uup"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
	    c.send(b"\n")
	else:
	    c.send(sys.argv[2].encode().decode("unicode_escape").encode())
	END
	await 60 test -S "$scratch/control"
	rm -rf "${scratch:?}/state"
	how=--replace next
	await 60 eval 'collects "$next_log" || ended "$next"'
	expect "takes_nothing_of_nonsense_${answer:0:4}" "$(cat "$next_log")" 'nothing is taken over from the agent at|taking over from .*: 2 UDP sockets' 'collecting with'
	kill "$next" 2>/dev/null
	wait "$next" 2>/dev/null
done

# Without XDP, with several workers.
how= first xdp.mode=off udp.workers=3
begin_load 15000 5000
sleep 0.5
old=$agent
how=--replace next xdp.mode=off udp.workers=3
taken_over
wait "$old"
agent=$next agent_log=$next_log
all_of nothing_is_lost_without_xdp 15000
finish
