#!/bin/bash
# The whole agent while its own things fail: killed, stopped, disk full or read-only, clock set.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_faults.sh"
faults_setup
is_not_ready() { [ "$(status .ready)" = false ]; }

# Killed while the broker is away: what it had written to the spool is delivered by the next one.
kafka_agent killed 'outputs[0].queue_size=16M' || finish
load_start 40000 4000
sleep 2
broker_stop KILL
sleep 6
before=$(output_account published_flows)
spooled=$(status '.outputs[0] | .accounts.published_flows + .spool_flows')
kill -KILL "$agent"
wait "$agent" 2>/dev/null
load_wait
broker_start
kafka_agent killed || finish
recovered=$(output_account recovered_flows)
delivered 180 || fail killed_delivers "$(status -c '.outputs[0]')"
read_topic "$(value_of records)"
expect killed_loses_nothing_acknowledged_or_spooled "$([ "$(reading distinct)" -ge "$spooled" ] &&
	[ "$spooled" -gt "$before" ] && [ "$recovered" -gt 0 ] && echo yes)" yes ||
	echo "distinct $(reading distinct), told before the kill $spooled, recovered $recovered"
expect killed_repeats_only_whole_messages "$(reading duplicates) $(reading bad)" '^0 0$'
expect next_run_publishes_what_it_recovered \
	"$(($(output_account published_flows) - recovered))" "^$(account flows)\$"
agent_end killed

# Killed while the broker takes all: what was acknowledged is there, nothing is there twice.
kafka_agent alone || finish
load_start 20000 4000
await 60 eval '[ "$(output_account published_flows)" -gt 0 ]'
sleep 1
before=$(output_account published_flows)
kill -KILL "$agent"
wait "$agent" 2>/dev/null
load_wait
kafka_agent alone || finish
delivered 180
read_topic "$(value_of records)"
expect acknowledged_flows_survive_the_kill \
	"$([ "$before" -gt 0 ] && [ "$(reading distinct)" -ge "$before" ] && echo yes)" yes
expect nothing_twice_after_the_kill "$(reading duplicates) $(reading bad)" '^0 0$'
agent_end alone

# SIGTERM under load: what was received is in the topic when the agent has ended.
kafka_agent term || finish
load_start 20000 4000
await 60 received_all 2000
agent_end sigterm_under_load
load_wait
made=$(sed -n 's/.*: \([0-9]*\) flows made, 0 dropped by outputs, 0 not delivered.*/\1/p' "$agent_log")
read_topic "$(value_of records)"
expect sigterm_delivers_all_it_received "$(reading distinct) $(reading bad)" "^${made:-none} 0\$"

# The same with the broker away: the rest is in the spool, and the next run delivers it.
kafka_agent term2 drain_time=1s || finish
broker_stop KILL
load_start 4000 4000
load_wait
agent_end sigterm_without_broker
broker_start
kafka_agent term2 || finish
delivered 180
read_topic "$(value_of records)"
expect the_next_run_delivers_the_rest "$(reading distinct) $(reading duplicates) $(reading bad)" \
	"^$(value_of records) 0 0\$"
agent_end term2

# The clock is set a day back, then right again, under load: templates, spool and accounts stand.
clock=$scratch/clock
faketime=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
if [ -e "$faketime" ]; then
	# Never ahead of the true clock, by which the C library's waits end that are not faked.
	echo +0 >"$clock"
	export LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$clock FAKETIME_NO_CACHE=1 \
		FAKETIME_DONT_FAKE_MONOTONIC=1
	agent_with_clock() { kafka_agent clock 'outputs[0].spool.max_age=1h' templates.timeout=1h; }
	agent_with_clock || finish
	unset LD_PRELOAD
	load_start 36000 2000 --template-every 1000000
	sleep 2
	broker_stop KILL
	sleep 4
	echo -1d >"$clock"
	sleep 3
	await 60 eval '[ "$(output_account spooled_flows)" -gt 0 ]'
	expect clock_agent_runs_on "$(status '.outputs[0].accounts.spooled_flows > 0 and (.now - now < -86000)')" '^true$'
	broker_start
	echo +0 >"$clock"
	load_wait
	says clock_is_said 'the clock was set by 86[0-9]* s'
	flows_closed clock_set
	expect clock_expired_nothing "$(account templates_expired sets_no_template)" '^0$'
	agent_end clock
else
	skip clock_set "libfaketime is not installed"
fi

# The disk of the spool is full: said, counted; receiving goes on; the rest is delivered.
mkdir "$scratch/disk"
mount -t tmpfs -o size=6m tmpfs "$scratch/disk"
kafka_agent full "outputs[0].spool.path=$scratch/disk/spool" 'outputs[0].queue_size=4M' || finish
broker_stop KILL
load_start 30000 6000
# It is so for some seconds after the last drop.
await 60 is_not_ready
ready=$(status .ready)
load_wait
await 60 received_all 30000
says full_disk_is_said 'cannot write to the spool .*No space left'
expect full_disk_does_not_stop_receiving "$(account rx_xdp_datagrams)" '^30000$'
expect not_ready_when_all_is_dropped "$ready" '^false$'
broker_start
flows_closed full_disk "$(value_of records)"
expect full_disk_is_counted "$(output_account dropped_queue_full_flows)" '^[1-9]'
expect ready_again "$(await 60 is_ready && echo yes)" yes
agent_end full_disk

# Nothing can be written to the directory any more while the broker is away.
mount -o remount,size=64m "$scratch/disk"
kafka_agent ro "outputs[0].spool.path=$scratch/disk/ro" 'outputs[0].queue_size=4M' || finish
if chattr +i "$scratch/disk/ro" 2>/dev/null; then
	load_start 30000 3000
	sleep 2
	broker_stop KILL
	sleep 5
	says unwritable_spool_is_said 'cannot write to the spool .*Operation not permitted'
	broker_start
	load_wait
	flows_closed unwritable_spool "$(value_of records)"
	chattr -i "$scratch/disk/ro"
else
	skip unwritable_spool "this kernel's tmpfs has no immutable directories"
fi
agent_end unwritable_spool
mount -o remount,ro "$scratch/disk"
"$WEIR" agent --set "outputs=kafka:$KAFKA/ro" --set "outputs[0].spool.path=$scratch/disk/new" \
	--set "outputs[0].format=protobuf" --set metrics.listen= --set control.socket= \
	--set state.directory= --set listen.ports=20055 2>"$scratch/ro.log"
expect read_only_disk_is_said_at_start "$? $(cat "$scratch/ro.log")" '^1 ' \
	'cannot use the spool .*Read-only file system'
umount "$scratch/disk"
finish
