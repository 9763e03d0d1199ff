#!/bin/bash
# The agent is killed under load and started again: what the kernel counted is what was sent.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

xdp_id() { # of the program on vb
	in_b ip -j link show dev vb | jq -r '.[0].xdp.prog.id // empty'
}

N=20000
to=10.9.0.2:4739
ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null

# KILL -9 in the middle of a load of frames; they keep coming, and the pinned program counts them.
agent_start || fail start "$(tail -n 2 "$agent_log")"
frames_before=$(kernel_sum datagrams)
in_a "$BUILD/tests/send_load" --to $to --interface va --from 10.9.0.1 --size 1400 --rate 5000 \
	--count $N >"$scratch/sent" &
sender=$!
await 60 eval '[ "$(kernel_sum datagrams)" -ge 1000 ]'
kill -KILL "$agent"
wait "$agent" 2>/dev/null
at_kill=$(kernel_sum datagrams)
wait $sender
expect killed_in_the_middle "$([ "$at_kill" -gt 0 ] && [ "$at_kill" -lt $N ] && echo yes)" yes
expect kernel_counts_on_without_the_agent "$frames_before $(kernel_sum datagrams)" "^0 $N\$"

# A new agent takes the pins over: counts intact, and all that comes from now on is decoded.
mv "$scratch/flows" "$scratch/before"
if agent_start xdp.frames=8192 xdp.ring_size=8192; then
	pass starts_again_over_the_pins
else
	fail starts_again_over_the_pins "$(tail -n 3 "$agent_log")"
fi
expect kernel_counts_are_intact "$(kernel_sum datagrams)" "^$N\$"
send_load --to $to --interface va --from 10.9.0.1 --size 1400 --rate 20000 --count 5000
settled 5000
expect all_decoded_after_the_restart "$(account rx_xdp_datagrams) $(account decoded_datagrams) \
$(wc -l <"$scratch/flows")" "^5000 5000 $(value_of records)\$"
expect kernel_counts_go_on "$(kernel_sum datagrams) $(kernel_sum bytes)" \
	"^$((N + 5000)) $(((N + 5000) * 1400))\$"
expect accounts_close_after_the_restart \
	"$("$WEIR" audit --socket "$scratch/control" | head -n 1)" 'accounts close'

# SIGTERM under load: what was received is written, nothing is left behind.
in_a "$BUILD/tests/send_load" --to $to --interface va --from 10.9.0.1 --size 1400 --rate 20000 \
	--count $N >"$scratch/sent" &
sender=$!
await 60 received_all 1000
agent_stop sigterm_under_load
wait $sender
expect nothing_pinned_after_the_end "$(ls -A $pins 2>/dev/null | wc -l) $(in_b ip -br link show dev vb |
	grep -c xdp)" '^0 0$'

# Another XDP program holds the interface.
cat >"$scratch/other.c" <<'END'
__attribute__((section("xdp"), used)) int other(void *c) { return c ? 2 : 1; }
char gpl[] __attribute__((section("license"), used)) = "GPL";
END
clang -target bpf -O2 -g -c "$scratch/other.c" -o "$scratch/other.o"
in_b ip link set dev vb xdpdrv obj "$scratch/other.o" sec xdp
others=$(xdp_id)
if agent_start; then
	fail second_program_is_refused "the agent started over another program"
	kill "$agent"
else
	expect second_program_is_refused "$(cat "$agent_log")" 'vb.*(another|other|program)'
fi
expect second_program_is_left_alone "${others:-none} $(xdp_id)" '^([0-9]+) \1$'
if agent_start xdp.mode=auto; then
	expect falls_back_where_settings_allow "$(status '[.receivers[].mode] | unique | join(",")')" \
		'^udp$'
	send_load --to $to --from 10.9.0.1 --count 1000 --rate 10000
	settled 1000
	expect fallback_decodes_all "$(account decoded_datagrams) $(wc -l <"$scratch/flows")" \
		"^1000 $(value_of records)\$"
	agent_stop fallback
else
	fail falls_back_where_settings_allow "$(tail -n 3 "$agent_log")"
fi
finish
