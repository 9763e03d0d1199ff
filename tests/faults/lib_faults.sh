# What the tests of the whole agent under faults share: exporters in namespace a, the agent in b, a
# real broker in c behind a link of its own. Sourced, not run.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib_e2e.sh"

reader=$BUILD/tests/integration/kafka_flows
broker= topic=
sender= sent=

faults_setup() { # BROKER-OPTION...
	isolate ${script_arguments[@]+"${script_arguments[@]}"}
	[ -x "$reader" ] || { fail setup "no $reader; run make test-programs"; finish; }
	tests/kafka.sh setup || { skip "$(basename "$script" .sh)" "no broker could be fetched"; finish; }
	trap 'broker_remove; cleanup' EXIT
	ns_pair
	ns_make ns_c
	in_b ip link add vc type veth peer name vk
	in_b ip link set vk netns "$ns_c"
	in_b ip addr add 10.9.1.1/24 dev vc
	in_b ip link set vc up
	in_c ip link set lo up
	in_c ip addr add 10.9.1.2/24 dev vk
	in_c ip link set vk up
	in_a ping -q -c 1 10.9.0.2 >/dev/null
	broker=$scratch/broker
	broker_options=(--address 10.9.1.2 "$@")
	broker_start || { fail broker "it does not start: $(tail -n 2 "$scratch/broker.out")"; finish; }
	. "$broker/env"
}

in_c() { in_ns "$ns_c" "$@"; }
broker_start() { in_c tests/kafka.sh start "$broker" "${broker_options[@]}" >"$scratch/broker.out" 2>&1; }
broker_stop() { in_c tests/kafka.sh stop "$broker" "$@" 2>/dev/null; }
broker_remove() { [ -z "$broker" ] || tests/kafka.sh remove "$broker" 2>/dev/null; }
broker_kill() { # SIGNAL
	kill -"$1" "$(cat "$broker/pid")"
}

# The agent with one Kafka output and a spool; ready when it answers.
kafka_agent() { # TOPIC [KEY=VALUE...]
	topic=$1
	shift
	agent_start "outputs=kafka:$KAFKA/$topic" "outputs[0].format=protobuf" \
		"outputs[0].compression=lz4" "outputs[0].spool.path=$scratch/spool-$topic" \
		"outputs[0].message_time=200ms" drain_time=30s "$@" ||
		{ fail "${topic}_starts" "$(tail -n 2 "$agent_log")"; return 1; }
}

# Sends in the background; its last line comes with load_wait.
load_start() { # DATAGRAMS A-SECOND [OPTION...]
	in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 \
		--exporters 16 --count "$1" --rate "$2" "${@:3}" >"$scratch/sent" &
	sender=$!
}

load_wait() {
	wait "$sender"
	sent=$(cat "$scratch/sent")
}

output_account() { # NAME: of the first output of the running agent
	status ".outputs[0].accounts.$1"
}

# Waits until nothing waits any more.
delivered() { # SECONDS
	await "$1" nothing_waits
}
nothing_waits() { [ "$(status '.outputs[0].waiting_flows' 2>/dev/null)" = 0 ]; }

is_ready() { [ "$(status .ready)" = true ]; }

read_topic() { # FLOWS [KEY=VALUE...]: $scratch/read then has its numbers
	in_c "$reader" read brokers="$KAFKA" topic="$topic" load=1 dedupe=1 first=0 exporters=1 \
		flows="$1" "${@:2}" >"$scratch/read" 2>"$scratch/read.log" ||
		{ cat "$scratch/read.log"; return 1; }
}

reading() { awk -v n="$1" '$1 == n { v = $2 } END { print v + 0 }' "$scratch/read"; }

# The sums of everything: what was sent is in the topic or in a counter that says where it was lost,
# and what is there twice is told by its batch identity. The agent still runs.
flows_closed() { # NAME [FLOWS THAT MAY BE COUNTED AS LOST]
	local flows dropped got
	flows=$(value_of records)
	delivered 180 || { fail "$1" "still waiting: $(status -c '.outputs[0]')"; return 1; }
	dropped=$(($(output_account dropped_queue_full_flows) + $(output_account dropped_spool_full_flows) +
		$(output_account dropped_error_flows)))
	read_topic "$flows" || { fail "$1" "cannot read the topic: $(tail -n 1 "$scratch/read.log")"; return 1; }
	got="made $(account flows), distinct $(reading distinct), dropped $dropped, bad $(reading bad), \
twice $(reading duplicates)"
	if [ "$(account flows) $(($(reading distinct) + dropped)) $(reading bad) $(reading duplicates)" = \
		"$flows $flows 0 0" ] && [ "$dropped" -le "${2:-0}" ]; then
		pass "$1"
	else
		fail "$1" "sent $flows; $got; repeated messages $(reading repeated); $(tail -n 2 "$agent_log")"
	fi
	if "$WEIR" audit --socket "$scratch/control" >"$scratch/audit"; then
		pass "$1_accounts_close"
	else
		fail "$1_accounts_close" "$(cat "$scratch/audit")"
	fi
}

agent_end() { # NAME: as an operator would
	kill "$agent" 2>/dev/null
	if wait "$agent"; then
		pass "$1_ends_well"
	else
		fail "$1_ends_well" "$(tail -n 3 "$agent_log")"
	fi
	rm -rf "${scratch:?}/state"
}

says() { # NAME REGEX: the agent's log, which may come a little later than what it tells of
	await 60 said "$2"
	expect "$1" "$(tail -n 30 "$agent_log")" "$2"
}
said() { tail -n 30 "$agent_log" | grep -Eq -- "$1"; }
