#!/bin/bash
# What an operator sees of a running agent: weir top, weir exporters, weir templates.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

ask() { # COMMAND OPTION...
	"$WEIR" "$1" --socket "$scratch/control" "${@:2}" 2>&1
}

ns_pair
in_a ip addr add 10.9.0.3/24 dev va
in_a ping -q -c 1 10.9.0.2 >/dev/null
agent_start exporters.sampling.default=100 || fail start "$(tail -n 3 "$agent_log")"

expect nobody_has_sent_yet "$(ask exporters)" '^  exporter +protocols +datagrams'
send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 500
in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.3 --size 1400 \
	--rate 5000 --count 200 >/dev/null
settled 700
expect exporters_by_flows "$(ask exporters | sed 1d | awk '{ print $1, $3 }' | tr '\n' ' ')" \
	'^10.9.0.1 500 10.9.0.3 200 $'
expect exporters_by_address "$(ask exporters --sort address --exporters 1)" '^  10.9.0.1 ' \
	'1 of 2 listed'
expect exporters_say_their_sampling "$(ask exporters)" '^  10.9.0.1 .* 100 set '
expect exporters_as_json "$(ask exporters --json | jq -c '[.total, .list[0].sampling_rate,
	.list[0].sampling_origin, (.list[0].lag_ms | type)]')" '^\[2,100,"configured","number"\]$'
expect wrong_column "$(ask exporters --sort colour)" "--sort colour: .*--help"

expect templates_of_all "$(ask templates)" '^10.9.0.1$' '^10.9.0.3$' 'IPFIX, domain' \
	'template [0-9]+, [0-9]+ fields, .*[0-9]+ bytes a record, sent [0-9]+ s ago' \
	'sourceIPv4Address:4 destinationIPv4Address:4'
one=$(ask templates 10.9.0.3)
expect templates_of_one "$one" '^10.9.0.3$'
expect templates_of_no_other "$(grep -c '^10.9.0.1$' <<<"$one")" '^0$'
expect templates_of_a_stranger "$(ask templates 192.0.2.77; echo $?)" 'nothing has come from' '^1$'
expect templates_want_an_address "$(ask templates nonsense; echo $?)" 'no address' '^1$'

# Under load the rates are those of the load.
spawn "$ns_a" "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 \
	--rate 2000 --count 60000 >"$scratch/sent"
sender=$spawned
await 60 received_all 1500
seen=$(ask top --interval 2)
rate=$(awk '$1 == "10.9.0.1" { sub(",", "", $3); print int($3) }' <<<"$seen")
if [ "${rate:-0}" -ge 1200 ] && [ "$rate" -le 2800 ]; then
	pass top_has_the_rate
else
	fail top_has_the_rate "$rate datagrams/s of 2000; $seen"
fi
expect top_has_workers_outputs_and_exporters "$seen" '^weir .*: alive, ready, up ' '^bottleneck: ' \
	'worker +busy +datagrams/s' '^ +0 +[0-9]+ %' 'output +flows/s' '^exporters: 2, by flows$'
kill $sender
wait $sender 2>/dev/null
expect top_as_often_as_asked "$(ask top --count 2 --sort lost | grep -c '^exporters: 2, by lost$')" '^2$'

# On a terminal: keys sort, q ends, the terminal is given back.
screen=$(python3 - "$WEIR" "$scratch/control" <<'END'
import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "top", "--socket", sys.argv[2]])
out = b""
def read(text):
    """On until it stands there, or the program ends."""
    global out
    until = time.time() + 60
    while time.time() < until and (not text or text not in out):
        if select.select([fd], [], [], 0.1)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                return
read(b"by flows ")
os.write(fd, b"l")
read(b"by lost ")
os.write(fd, b"r")
read(b"by lost, reversed")
os.write(fd, b"q")
read(b"")
print(out.decode(errors="replace").replace("\033", "ESC"))
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
)
expect top_on_a_terminal "$screen" 'ESC\[\?1049h' 'by flows ' 'by lost ' 'by lost, reversed' \
	'ESC\[\?1049l' '^status 0$'

# As a picture, on a small and on a wide screen: what tells of loss and silence fits both.
if command -v tmux >/dev/null; then
	picture() { # COLUMNS
		tmux -L "weir-$$" new-session -d -x "$1" -y 40 -s "w$1" "$WEIR top --interval 1 --socket $scratch/control"
		await 60 pictured "$1"
		printf '%s\n' "$screen"
	}
	pictured() { # COLUMNS: from the first line to the exporter's
		screen=$(tmux -L "weir-$$" capture-pane -p -t "w$1")
		grep -q 'steered/s' <<<"$screen" && grep -Eq '^ +10.9.0.1 .* s *$' <<<"$screen"
	}
	spawn "$ns_a" "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 200 --count 100000 >"$scratch/more"
	sender=$spawned
	narrow=$(picture 80) wide=$(picture 200)
	# The others on 80 columns: -J puts lines that the terminal broke together again.
	for what in status exporters templates; do
		tmux -L "weir-$$" new-session -d -x 80 -y 100 -s $what "$WEIR $what --socket $scratch/control; echo the end; sleep 600"
		await 60 eval 'tmux -L "weir-$$" capture-pane -p -t '$what' | grep -q "the end"'
		tmux -L "weir-$$" capture-pane -p -J -t $what | sed 's/ *$//'
	done >"$scratch/others"
	tmux -L "weir-$$" kill-server
	expect others_fit_80_columns "broken: $(LC_ALL=C.UTF-8 grep -E '.{81}' "$scratch/others")" '^broken: $'
	expect others_keep_what_matters "$(cat "$scratch/others")" '^  exporter .*lost +malformed .*last seen$' '^ +worker .*lost .10 s. +busy' \
		'^  output .*published .*dropped$' '^    template [0-9]+, '
	kill "$sender"
	wait "$sender" 2>/dev/null
	expect top_fits_80_columns "$narrow" '^XDP: .*[0-9] steered/s' '  exporter +datagrams/s +flows/s +lost/s +malformed .*last seen *$' \
		'  output .*dropped *$' '^ +10.9.0.1 .* s *$'
	expect top_shows_all_on_200_columns "$wide" '  exporter +protocols .*bytes/s +lost/s .*sampling +lag +last seen *$'
else
	skip top_fits_80_columns "no tmux: apt-get install tmux"
fi
agent_stop agent
expect top_without_an_agent "$("$WEIR" top --socket "$scratch/control" 2>&1; echo $?)" \
	'no agent answers' '^1$'

# Who is not in the allow list is named.
agent_start exporters.allow=10.9.0.3/32 || fail start_again "$(tail -n 3 "$agent_log")"
send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 30
await 60 eval '[ "$(xdp_reason $pins denied)" = 30 ]'
expect denied_exporters_are_named "$("$WEIR" xdp status --pin-path $pins)" '^denied, not in exporters.allow:$' \
	'^  10.9.0.1 to port 4739: 30 datagrams$'
agent_stop denied
finish
