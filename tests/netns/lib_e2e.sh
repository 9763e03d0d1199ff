# What the end-to-end tests share: the agent in namespace b, what it says, what the kernel counted.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

pins=/sys/fs/bpf/weir-e2e
agent= agent_log=

# Starts the agent on vb and waits until it is ready; its settings are KEY=VALUE.
agent_start() { # [KEY=VALUE...]
	local setting sets=()
	agent_log=$scratch/agent.log
	for setting in interfaces=vb xdp.mode=native xdp.pin_path=$pins "outputs=file:$scratch/flows" \
		"state.directory=$scratch/state" "control.socket=$scratch/control" \
		metrics.listen= collector_id=e2e "$@"; do
		sets+=(--set "$setting")
	done
	spawn "$ns_b" "$WEIR" agent "${sets[@]}" 2>"$agent_log"
	agent=$spawned
	await "${START_WAIT:-60}" agent_ready_or_gone
	kill -0 "$agent" 2>/dev/null
}

agent_ready_or_gone() {
	! kill -0 "$agent" 2>/dev/null ||
		"$WEIR" status --socket "$scratch/control" --json 2>/dev/null | grep -q '"ready":true'
}

# More wants to run than the processors can, by far and not for a moment only; or a host has given the
# processors to others meanwhile, for a tenth of a second in all.
machine_is_busy() { # TICKS THAT WERE STOLEN BEFORE
	awk -v n="$(nproc)" '{ exit !($1 > 2 * n) }' /proc/loadavg || [ "$(stolen)" -ge $(($1 + 10)) ]
}
stolen() { awk '$1 == "cpu" { print $9 + 0 }' /proc/stat; }

# Ends it as an operator would and wants it to end well.
agent_stop() { # NAME
	kill "$agent" 2>/dev/null
	if wait "$agent"; then
		pass "$1_ends_well"
	else
		fail "$1_ends_well" "$(tail -n 3 "$agent_log")"
	fi
	rm -rf "${scratch:?}/state" "$scratch"/flows*
}

status() { # JQ-FILTER...
	"$WEIR" status --socket "$scratch/control" --json | jq -r "$@"
}

account() { # NAME...: their sum
	local name sum=0
	for name in "$@"; do
		sum=$((sum + $(status ".accounts.$name")))
	done
	echo $sum
}

# Waits until the agent has received N datagrams and written all their flows.
settled() { # N
	await 60 received_all "$1"
	await 60 audit_closes
}

received_all() {
	[ "$(account rx_xdp_datagrams rx_udp_datagrams)" -ge "$1" ]
}

audit_closes() {
	"$WEIR" audit --socket "$scratch/control" >"$scratch/audit" 2>&1 &&
		[ "$(status '[.outputs[].waiting_flows] | add')" = 0 ]
}

# A value of the kernel's table of exporters, summed over exporters and CPUs.
kernel_sum() { # NAME
	bpftool map dump pinned "$pins/exporters" |
		awk -v name="\"$1\":" '$1 == name { sub(",", "", $2); sum += $2 } END { print sum + 0 }'
}

# Sends load from a to b; "sent" then has its last line, and value_of its numbers.
send_load() { # OPTION...
	sent=$(in_a "$BUILD/tests/send_load" "$@")
}

value_of() { # NAME
	sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$sent"
}

# Everything that was sent was counted by the kernel, received, decoded and written; none lost.
all_arrived() { # NAME VIA-XDP VIA-UDP
	local total=$(($2 + $3)) got wanted
	settled $total
	got="kernel=$(kernel_sum datagrams) xdp=$(account rx_xdp_datagrams) \
udp=$(account rx_udp_datagrams) decoded=$(account decoded_datagrams) lost=$(status '[.exporters.list[].lost] | add') \
flows=$(account flows) written=$(cat "$scratch"/flows* 2>/dev/null | wc -l)"
	wanted="kernel=$total xdp=$2 udp=$3 decoded=$total lost=0 \
flows=$(value_of records) written=$(value_of records)"
	if [ "$got" = "$wanted" ]; then
		pass "$1"
	else
		fail "$1" "got $got, wanted $wanted; $(tail -n 2 "$agent_log")"
	fi
	same_sums "$1"
	if "$WEIR" audit --socket "$scratch/control" >"$scratch/audit"; then
		pass "$1_accounts_close"
	else
		fail "$1_accounts_close" "$(cat "$scratch/audit")"
	fi
}

sum_of() { # FIELD: over all flows written
	cat "$scratch"/flows* | grep -o "\"$1\":[0-9]*" |
		awk -F: '{ sum += $2 } END { printf "%.0f\n", sum }'
}

# Bytes and packets of the flows are those that the generator put in.
same_sums() { # NAME
	local got
	got="$(sum_of bytes) $(sum_of packets)"
	if [ "$got" = "$(value_of bytes) $(value_of packets)" ]; then
		pass "$1_sums"
	else
		fail "$1_sums" "flows have $got, sent were $(value_of bytes) $(value_of packets)"
	fi
}
