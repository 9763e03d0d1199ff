#!/bin/bash
# The whole agent where the broker refuses it: certificate, password, topic, message size. Flows wait
# in the spool until the operator has mended what the log says, and then all arrive.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_faults.sh"
faults_setup --secure --property auto.create.topics.enable=false
for name in tls login late large; do
	in_c tests/kafka.sh topic "$broker" $name 4 &
done
wait $(jobs -p) 2>/dev/null
plain=$KAFKA

all_made() { [ "$(status .accounts.flows)" = "$flows" ]; }

# mended NAME LOG-REGEX WRONG... -- RIGHT...: with the wrong settings flows are kept and the fault is
# said; with the right ones all are delivered.
mended() {
	local name=$1 regex=$2 wrong=() flows
	shift 2
	while [ "$1" != -- ]; do
		wrong+=("$1")
		shift
	done
	shift
	kafka_agent "$name" drain_time=1s "${wrong[@]}" || return
	load_start 2000 4000
	load_wait
	flows=$(value_of records)
	await 60 all_made
	says "${name}_is_said" "$regex"
	expect "${name}_publishes_nothing" "$(output_account published_flows)" '^0$'
	expect "${name}_shows_no_secret" "$(grep -c hunter2 "$agent_log")" '^0$'
	agent_end "${name}_refused"
	kafka_agent "$name" "$@" || return
	delivered 180
	KAFKA=$plain read_topic "$flows"
	expect "${name}_mended_delivers_all" \
		"$(reading distinct) $(reading duplicates) $(reading bad) $(output_account recovered_flows)" \
		"^$flows 0 0 $flows\$"
	agent_end "${name}_mended"
}

KAFKA=$KAFKA_TLS
mended tls 'TLS failed' "outputs[0].tls.ca=$KAFKA_OTHER_CA" -- "outputs[0].tls.ca=$KAFKA_CA"
KAFKA=$KAFKA_SASL
echo hunter2-not-it >"$scratch/password"
chmod 600 "$scratch/password"
login=("outputs[0].tls.ca=$KAFKA_CA" 'outputs[0].sasl.mechanism=PLAIN' 'outputs[0].sasl.username=weir')
mended login 'refuses our login' "${login[@]}" "outputs[0].sasl.password_file=$scratch/password" -- \
	"${login[@]}" "outputs[0].sasl.password_file=$broker/tls/password"
KAFKA=$plain

# The topic is made while the agent waits for it.
kafka_agent missing 'outputs[0].properties.topic.metadata.propagation.max.ms=1000' || finish
load_start 2000 4000
load_wait
await 60 grep -q 'has no topic missing' "$agent_log"
says missing_topic_is_said 'has no topic missing; create it'
in_c tests/kafka.sh topic "$broker" missing 4
flows_closed missing_topic
agent_end missing_topic

# Messages over the broker's limit are dropped and counted, the rest arrives.
kafka_agent large 'outputs[0].message_size=4M' 'outputs[0].compression=none' \
	'outputs[0].message_time=3s' || finish
load_start 8000 4000
load_wait
load_start 100 200
wait $sender
await 60 grep -q "over the broker's limit" "$agent_log"
says too_large_is_said "over the broker's limit.*lower the output's message size"
delivered 180
dropped=$(output_account dropped_error_flows)
expect too_large_is_counted "$dropped" '^[1-9]'
expect too_large_accounts "$("$WEIR" audit --socket "$scratch/control")" 'The accounts close'
expect too_large_rest_arrives "$(account flows)" "^$((dropped + $(output_account published_flows)))\$"
agent_end too_large
finish
