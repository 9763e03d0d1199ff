#!/bin/bash
# What the running agent may still do: no capabilities, a filter of system calls, few files.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

of_tasks() { # FIELD: its different values over all threads of the agent
	sed -n "s/^$1:[[:space:]]*//p" /proc/"$agent"/task/*/status | sort -u | tr '\n' ' '
}

# Threads that hold anything of what root may, that nobody filters, or that could gain privileges.
is_confined() { # NAME
	expect "$1_every_thread_has_no_capability" \
		"$(of_tasks CapEff)$(of_tasks CapPrm)$(of_tasks CapInh)$(of_tasks CapAmb)" '^(0+ ){4}$'
	expect "$1_every_thread_is_filtered" "$(of_tasks Seccomp)$(of_tasks NoNewPrivs)" '^2 1 $'
	expect "$1_no_capability_to_come_back" "$(of_tasks CapBnd)" '^0+ $'
}

collects() { # NAME
	send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 1000
	all_arrived "$1" 1000 0
}

reloads() { # NAME
	kill -HUP "$agent"
	await 5 grep -q 'reopened' "$agent_log"
	expect "$1" "$(cat "$agent_log")" 'settings are unchanged'
}

ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null

if agent_start metrics.listen=127.0.0.1:9331; then
	is_confined root
	expect workers_have_their_names "$(cat /proc/"$agent"/task/*/comm | sort -u | tr '\n' ' ')" 'weir/0'
	collects root
	reloads root_reloads
	expect root_metrics "$(in_b curl -s http://127.0.0.1:9331/readyz)" '^ok$'
	expect control_socket_is_not_for_all "$(stat -c %a "$scratch/control")" '^660$'
	agent_stop root
	expect root_leaves_nothing_pinned "$(ls -A $pins 2>/dev/null | wc -l)" '^0$'
else
	fail root_starts "$(tail -n 3 "$agent_log")"
fi

# As another user, to whom /sys/fs/bpf and the directory of this test are closed.
user=nobody
install -d -o $user -m 700 "$scratch/own"
chmod 711 "$scratch"
ln -s run/control "$scratch/control" # a directory that the agent makes for that user
if agent_start security.user=$user "outputs=file:$scratch/own/flows" \
	"control.socket=$scratch/run/control" "state.directory=$scratch/own/state"; then
	is_confined user
	expect user_is_that_one "$(of_tasks Uid)$(of_tasks Groups)" "^$(id -u $user)[[:space:]].*"
	expect user_has_no_groups "/$(of_tasks Groups)/" '^/ ?/$'
	send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 1000
	settled 1000
	expect user_collects "$(account rx_xdp_datagrams) $(account decoded_datagrams)" '^1000 1000$'
	reloads user_reloads
	agent_stop user
	expect user_leaves_nothing_pinned "$(find $pins -mindepth 1 2>/dev/null | wc -l)" '^0$'
	expect user_detaches "$(in_b ip -br link show dev vb | grep -c xdp)" '^0$'
else
	fail user_starts "$(tail -n 3 "$agent_log")"
fi
finish
