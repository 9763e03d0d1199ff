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
	await 60 grep -q 'reopened' "$agent_log"
	expect "$1" "$(cat "$agent_log")" 'settings are unchanged'
}

# What code in a worker could do that took it over: the agent's own thread makes the call.
does() { # SYSCALL ARGUMENT...
	"$BUILD/tests/netns/inject" "$worker" "$@" 2>&1
}
tries() { # NAME WANTED SYSCALL ARGUMENT...
	expect "$1" "$(does "${@:3}")" "^$2\$"
}
find_worker() {
	worker=$(basename "$(dirname "$(grep -lx 'weir/0' /proc/"$agent"/task/*/comm)")")
}

# A compromised decoder. What it may: read what the agent may read, write to the agent's own directories,
# connect to others over TCP and UDP, and read and write the maps that the agent has open.
reaches_little() { # NAME
	find_worker
	if [ "$(does getppid)" = "not on this machine" ]; then
		skip "$1_compromised" "needs x86-64"
		return
	fi
	tries "$1_compromised_is_the_agent" "$agent" getpid
	tries "$1_compromised_reads_no_home" EACCES openat -100 s:/root/.profile 0
	tries "$1_compromised_reads_no_log" EACCES openat -100 s:/var/log/dpkg.log 0
	tries "$1_compromised_reads_no_memory" '(EACCES|EPERM)' openat -100 "s:/proc/$$/mem" 0
	tries "$1_compromised_writes_no_settings" EACCES openat -100 s:/etc/weir-test-never 0x41 0600
	tries "$1_compromised_makes_no_device" EPERM mknodat -100 s:/dev/weir-test-never 0x2000 0
	tries "$1_compromised_loads_no_program" EPERM bpf 5 z:120 120
	tries "$1_compromised_makes_no_map" EPERM bpf 0 z:72 72
	tries "$1_compromised_opens_no_pin" EPERM bpf 7 z:16 16
	tries "$1_compromised_opens_no_map_by_number" EPERM bpf 14 z:16 16
	tries "$1_compromised_attaches_nothing" EPERM bpf 28 z:48 48
	tries "$1_compromised_sends_no_frames" EPERM socket 17 3 0
	tries "$1_compromised_opens_no_xdp_socket" EPERM socket 44 3 0
	tries "$1_compromised_opens_no_raw_socket" EPERM socket 2 3 1
	tries "$1_compromised_asks_no_engine" EPERM socket 1 1 0
	tries "$1_compromised_speaks_to_no_firewall" EPERM socket 16 3 12
	tries "$1_compromised_loads_no_protocol" EPERM socket 2 1 132
	# A file in its own directory it can make, and none that gives its starter the owner's rights.
	tries "$1_compromised_makes_no_setuid_file" EPERM openat -100 "s:$own/evil" 0x41 04755
	local file socket
	file=$(does openat -100 "s:$own/evil" 0x41 0644)
	tries "$1_compromised_sets_no_setuid" EPERM fchmod "$file" 06755
	tries "$1_compromised_sets_a_mode" 0 fchmod "$file" 0600
	does close "$file" >/dev/null
	rm -f "$own/evil"
	tries "$1_compromised_makes_no_link" EPERM symlinkat s:/etc/passwd -100 "s:$own/link"
	tries "$1_compromised_goes_to_no_root" EPERM fchdir 0
	tries "$1_compromised_gets_no_descriptor" EPERM pidfd_open 1 0
	# Without a broker there is nobody to connect to. (192.0.2.1:80)
	if [ "$(uname -r | cut -d. -f1)" -ge 7 ] || [ "$(uname -r | cut -d. -f1-2 | tr -d .)" -ge 67 ]; then
		socket=$(does socket 2 0x801 0)
		tries "$1_compromised_connects_nowhere" EACCES connect "$socket" b:02000050c00002010000000000000000 16
		does close "$socket" >/dev/null
	fi
	tries "$1_compromised_kills_nobody" EPERM kill 1 0
	tries "$1_compromised_makes_no_code" EPERM mmap 0 4096 7 0x22 -1 0
	tries "$1_compromised_makes_no_process" EPERM clone 17
	tries "$1_compromised_sets_no_limit" EPERM prlimit64 0 7 z:16
	# Nothing new listens: Landlock lets only the port of the metrics be bound.
	if [ "$(uname -r | cut -d. -f1)" -ge 6 ]; then
		socket=$(does socket 2 1 0)
		tries "$1_compromised_listens_nowhere" EACCES bind "$socket" b:02001f90000000000000000000000000 16
		does close "$socket" >/dev/null
	fi
}
# The last that it does.
dies_of() { # NAME SYSCALL ARGUMENT...
	find_worker
	tries "$1_ends_the_agent" killed "${@:2}"
	wait "$agent" 2>/dev/null
	expect "$1_leaves_no_agent" "$(kill -0 "$agent" 2>&1)" 'No such process'
	rm -rf "${scratch:?}/state" "$scratch"/flows* "$scratch/control"
}

ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null

if agent_start metrics.listen=127.0.0.1:9331; then
	is_confined root
	expect workers_have_their_names "$(cat /proc/"$agent"/task/*/comm | sort -u | tr '\n' ' ')" 'weir/0'
	collects root
	reloads root_reloads
	expect root_metrics "$(in_b curl -s http://127.0.0.1:9331/readyz)" '^ok$'
	expect metrics_are_on_loopback_alone "$(in_b ss -Hltn | awk '{ print $4 }' | tr '\n' ' ')" '^127.0.0.1:9331 $'
	expect control_socket_is_not_for_all "$(stat -c %a "$scratch/control")" '^660$'
	own=$scratch reaches_little root
	collects_after=$(account rx_xdp_datagrams)
	send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 100
	await 60 received_all $((collects_after + 100))
	expect root_collects_on "$(account rx_xdp_datagrams)" "^$((collects_after + 100))\$"
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
	own=$scratch/own reaches_little user
	tries user_compromised_reads_no_passwords EACCES openat -100 s:/etc/shadow 0
	agent_stop user
	expect user_leaves_nothing_pinned "$(find $pins -mindepth 1 2>/dev/null | wc -l)" '^0$'
	expect user_detaches "$(in_b ip -br link show dev vb | grep -c xdp)" '^0$'
else
	fail user_starts "$(tail -n 3 "$agent_log")"
fi

rm -f "$scratch/control"
for call in 'execve s:/bin/sh 0 0' 'ptrace 16 1 0 0' 'unshare 0x10000000' 'mount s:none s:/mnt s:tmpfs 0 0' 'setuid 0' \
	'process_vm_readv 1 0 0 0 0 0' 'io_uring_setup 1 z:120'; do
	agent_start || fail "${call%% *}" "$(tail -n 2 "$agent_log")"
	dies_of "${call%% *}" $call
done
finish
