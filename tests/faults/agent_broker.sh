#!/bin/bash
# The whole agent while its broker dies, hangs or is cut off: every flow that was sent is in the
# topic, none twice but what its batch identity tells.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_faults.sh"
faults_setup

# Three million flows, in make test-faults ten, while the broker is killed three times.
datagrams=${FAULT_DATAGRAMS:-150000}
kafka_agent killed || finish
load_start "$datagrams" $((datagrams / 30 < 5000 ? 5000 : 10000))
for _ in 1 2 3; do
	sleep 3
	broker_kill KILL
	sleep 2
	broker_start || fail broker_restart "$(tail -n 2 "$scratch/broker.out")"
done
load_wait
flows_closed broker_killed_three_times
expect spooled_meanwhile "$([ "$(output_account spooled_flows)" -gt 0 ] && echo yes)" yes
agent_end broker_killed

# It hangs for a while (HANG=60: a minute), connections open.
kafka_agent hung || finish
load_start 60000 3000
sleep 3
broker_kill STOP
sleep "${HANG:-10}"
broker_kill CONT
load_wait
flows_closed broker_hangs
agent_end broker_hangs

# It hangs, and the disk takes five seconds each time that the spool is forced to it: at this rate half of
# the queue is full in two.
LD_PRELOAD=$(realpath "$BUILD/tests/slow_disk.so")
export LD_PRELOAD
kafka_agent slow 'outputs[0].queue_size=32M' || finish
unset LD_PRELOAD
load_start 42000 3000
sleep 2
broker_kill STOP
sleep 8
broker_kill CONT
load_wait
flows_closed broker_hangs_and_disk_is_slow
expect slow_disk_is_written_to "$([ "$(output_account spooled_flows)" -gt 0 ] && echo yes)" yes
agent_end slow_disk

# The link to it is down, no packet says so.
kafka_agent cut || finish
load_start 36000 2000
sleep 3
in_c ip link set vk down
sleep 8
expect audit_closes_while_cut "$("$WEIR" audit --socket "$scratch/control")" 'The accounts close'
in_c ip link set vk up
load_wait
flows_closed network_cut
agent_end network_cut
finish
