#!/bin/bash
# Two agents share templates through a topic: an exporter that moves is decoded from its first record.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../faults/lib_faults.sh"
faults_setup

pids=()
agent_at() { # NAME PORT: waits until it answers
	mkdir -p "$scratch/$1"
	spawn "$ns_c" "$WEIR" agent --set xdp.mode=off --set "listen.ports=$2" --set "collector_id=$1" \
		--set udp.workers=1 --set templates.topic=weir-templates --set metrics.listen= \
		--set "state.directory=$scratch/$1" --set "control.socket=$scratch/$1/control" \
		--set "outputs[0]=kafka:$KAFKA/flows" --set "outputs[0].format=protobuf" \
		--set "outputs[1]=file:$scratch/$1/flows" --set 'outputs[1].message_time=50ms' \
		2>"$scratch/$1/log"
	pids+=("$spawned")
	await 60 answers "$1" || { fail "$1_starts" "$(tail -n 2 "$scratch/$1/log")"; finish; }
}
answers() { "$WEIR" status --socket "$scratch/$1/control" --json 2>/dev/null | grep -q '"ready":true'; }
count() { # AGENT ACCOUNT
	"$WEIR" status --socket "$scratch/$1/control" --json | jq ".accounts.$2"
}
at_least() { [ "$(count "$1" "$2")" -ge "$3" ]; }

# What an exporter at ADDRESS sends to PORT: T a template, L a longer one of the same id, S its
# sampling rate by options, D a record by the template, E one by the longer.
export_to() { # ADDRESS PORT WHAT...
	in_c python3 - "$@" <<-'PY'
	import socket, struct, sys, time
	address, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
	def part(id, body): return struct.pack(">HH", id, 4 + len(body)) + body
	short = struct.pack(">HHHHHHHHHH", 300, 4, 8, 4, 12, 4, 1, 4, 2, 4)
	long = struct.pack(">HHHHHHHHHHHH", 300, 5, 8, 4, 12, 4, 1, 4, 2, 4, 7, 2)
	options = struct.pack(">HHHHHHH", 301, 2, 1, 149, 4, 34, 4)
	record = struct.pack(">IIII", 0x0a000001, 0x0a000002, 1234, 5)
	sets = {"T": [part(2, short)], "L": [part(2, long)], "D": [part(300, record)],
	        "E": [part(300, record + struct.pack(">H", 443))],
	        "S": [part(3, options), part(301, struct.pack(">II", 7, 100))]}
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind((address, 0))
	for w in what:
	    body = b"".join(sets[w])
	    s.sendto(struct.pack(">HHIII", 10, 16 + len(body), int(time.time()), 0, 7) + body, ("127.0.0.1", port))
	PY
}

agent_at one 5001
expect topic_is_made "$(cat "$scratch/one/log")" 'templates.topic weir-templates was made'
export_to 127.0.0.11 5001 T S D
await 60 at_least one shared_told_entries 2 ||
	fail learnt_is_told "$(count one shared_told_entries) entries were told"
# Told is what was handed to the library; there, what the broker has.
in_topic() { [ "$(in_c kcat -b "$KAFKA" -t weir-templates -C -e -q -f '.\n' 2>/dev/null | wc -l)" -ge "$1" ]; }
await 60 in_topic 2
agent_at two 5002
expect known_before_receiving "$(cat "$scratch/two/log")" ' [2-9] entries of other agents are known'
export_to 127.0.0.11 5002 D
await 60 at_least two flows 1
expect moved_exporter_is_decoded_from_its_first_record \
	"$(count two flows) $(count two sets_waiting)" '^1 0$'
await 60 test -s "$scratch/two/flows"
expect its_sampling_rate_is_known "$(cat "$scratch/two/flows")" '"sampling_rate":100'

# What one learns while the other runs.
export_to 127.0.0.12 5001 T D
await 60 at_least two shared_taken_entries 3
export_to 127.0.0.12 5002 D
await 60 at_least two flows 2
expect follows_the_topic "$(count two flows) $(count two sets_waiting)" '^2 0$'

# The exporter changes its template where it is now; the agent it came from follows.
before=$(count one shared_taken_entries)
export_to 127.0.0.12 5002 L E
await 60 at_least one shared_taken_entries $((before + 1))
export_to 127.0.0.12 5001 E
await 60 at_least one flows 3
await 60 grep -q '"src_port":443' "$scratch/one/flows"
expect takes_over_a_change "$(tail -n 1 "$scratch/one/flows")" '"src_port":443'

# Spoofed sources that only send templates are not told of.
told=$(count one shared_told_entries)
export_to 127.0.0.13 5001 T
sleep 2
expect templates_alone_are_not_told "$(count one shared_told_entries)" "^$told\$"

# A stranger's message is refused and said; a restart finds everything again.
echo garbage | in_c kcat -b "$KAFKA" -t weir-templates -P -k x 2>/dev/null
await 60 at_least one shared_refused_entries 1
expect a_strangers_message_is_refused "$(count one shared_refused_entries)" '^1$'
kill -KILL "${pids[1]}"
wait "${pids[1]}" 2>/dev/null
rm -rf "$scratch/two"
agent_at two 5002
export_to 127.0.0.12 5002 E
await 60 at_least two flows 1
expect known_after_a_loss_of_state "$(count two flows) $(count two sets_waiting)" '^1 0$'
for pid in "${pids[0]}" "${pids[2]}"; do
	kill "$pid"
	wait "$pid" || fail ends_well "status $?"
done
expect ends_well "$(cat "$scratch"/*/log | grep -c 'flows made, 0 dropped by outputs, 0 not delivered')" '^2$'
finish
