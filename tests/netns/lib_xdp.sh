# What the XDP tests share: a receiver in namespace b, a sender in a.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

pins=/sys/fs/bpf/weir-test
receiver= out= got=

# Starts the receiver on vb and waits until it is ready. Its settings are NAME=NUMBER.
receive() {
	out=$scratch/receive.out
	: >"$out"
	# Not in_b: $! must be the process itself, to be killed.
	nsenter --net=/proc/"$ns_b"/ns/net -- "$BUILD/tests/netns/xdp_receive" vb $pins "$@" \
		>"$out" 2>&1 &
	receiver=$!
	await 60 ready_or_gone
	grep -q '^ready' "$out"
}

ready_or_gone() {
	grep -q '^ready' "$out" || ! kill -0 $receiver 2>/dev/null
}

# Waits for its end; $got is what it says it received, or why it did not.
received() {
	wait $receiver
	got=$(grep '^mode=' "$out" || cat "$out")
}

send() { # KIND COUNT SIZE RATE [FLOWS]
	in_a tests/netns/xdp_send.py "$@"
}

# A value of the exporters' table, summed over exporters and CPUs.
exporter_sum() { # NAME
	bpftool map dump pinned $pins/exporters |
		awk -v name="\"$1\":" '$1 == name { sub(",", "", $2); sum += $2 } END { print sum + 0 }'
}
