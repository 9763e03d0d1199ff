#!/bin/bash
# The accounts of a running agent: they close at every moment of a load that takes every way in, and
# agree with what was sent, with /metrics and with the kernel's own counters.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
isolate "$@"

N=30000 every=5 # datagrams; one in so many comes in fragments, the slow path
socket=$scratch/run/weir.sock
conf=$scratch/weir.yaml

cat >"$conf" <<END
collector_id: audited
interfaces: [vb]
xdp: {mode: native, pin_path: /sys/fs/bpf/weir-audit}
outputs:
  - {type: file, format: json, path: $scratch/flows.json}
  - {type: none, format: protobuf, message_time: 200ms}
state: {directory: $scratch/state}
control: {socket: $socket}
metrics: {listen: "127.0.0.1:9331"}
END

number() { # JSON-PATH in python, of `weir status --json`
	"$WEIR" status --socket "$socket" --json | python3 -c "import json,sys; o=json.load(sys.stdin); print($1)"
}

http() { # PATH
	in_b python3 -c "import urllib.request as u, sys
try: sys.stdout.write(u.urlopen('http://127.0.0.1:9331$1', timeout=60).read().decode())
except u.HTTPError as e: sys.stdout.write('%d %s' % (e.code, e.read().decode()))"
}

ns_pair 2
in_a ip addr add 10.9.0.64/24 dev va
expect check_accepts_the_file "$("$WEIR" check -c "$conf" 2>&1)" ': valid$'
spawn "$ns_b" "$WEIR" agent -c "$conf" >"$scratch/log" 2>&1
agent=$spawned
is_ready() { [ "$(number 'o["ready"]' 2>/dev/null)" = True ]; }
if ! await 60 is_ready; then
	fail agent_starts "$(cat "$scratch/log")"
	finish
fi
expect ready "$(http /readyz) $(http /healthz)" '^ok ok$'
expect socket_mode "$(stat -c %a "$socket")" '^660$'

mac=$(in_b ip -br link show vb | awk '{ print $3 }')
in_a "$BUILD/tests/send_load" --interface va --mac "$mac" --to 10.9.0.2:4739 --from 10.9.0.100 \
	--exporters 8 --count $N --rate 10000 --fragment 800 --fragment-every $every \
	>"$scratch/sent" &
sender=$!

audits=0 open=
while kill -0 $sender 2>/dev/null; do
	"$WEIR" audit --socket "$socket" >"$scratch/audit" || open=$(cat "$scratch/audit")
	audits=$((audits + 1))
	sleep 0.1
done
wait $sender
if [ -z "$open" ] && [ $audits -ge 3 ]; then
	pass closed_at_every_moment
else
	fail closed_at_every_moment "$audits audits; ${open:-none of them open, but too few}"
fi

quiet() {
	[ "$(number "o['accounts']['decoded_datagrams'], sum(x['waiting_flows'] for x in o['outputs'])")" = "$N 0" ]
}
await 60 quiet
# Neighbours talk, too; what counts is what came to the listener.
audit=$("$WEIR" audit --socket "$socket" --json)
expect closed_to_the_last_unit "$audit" '^\{"closed":true' &&
	expect nothing_on_its_way "$(grep -o '"difference":[0-9-]*' <<<"$audit" | sort -u)" \
		'^"difference":0$'
expect received_what_was_sent "$(number "o['accounts']['rx_xdp_datagrams'], o['accounts']['rx_udp_datagrams']")" \
	"^$((N - N / every)) $((N / every))$"
expect decoded_what_was_received "$(number "o['accounts']['decoded_datagrams']")" "^$N$"
expect nothing_lost_by_sequence "$(number "sum(e['lost'] for e in o['exporters']['list'])")" '^0$'
expect eight_exporters "$(number "o['exporters']['total']")" '^8$'
records=$(sed -n 's/.*records=\([0-9]*\).*/\1/p' "$scratch/sent")
expect flows_are_the_records_sent "$(number "o['accounts']['flows']")" "^$records$"
expect both_outputs_have_them \
	"$(number "[x['accounts']['published_flows'] for x in o['outputs']]")" \
	"^\[$records, $records\]$"
expect file_has_them "$(wc -l <"$scratch/flows.json")" "^$records$"

metrics=$(http /metrics)
expect metrics_agree "$(awk '/^weir_exporter_flows_total/ { n += $NF } END { print n + 0 }' <<<"$metrics") \
$(awk '/^weir_decoded_datagrams_total/ { n += $NF } END { print n + 0 }' <<<"$metrics") \
$(awk -F '[ "]' '/^weir_kernel_frames_total.reason="steered/ { print $NF }' <<<"$metrics")" \
	"^$records $N $((N - N / every))$"
expect status_is_readable "$("$WEIR" status -c "$conf")" 'collector audited' 'alive, ready' \
	'vb .* native' "10.9.0.100 +IPFIX"

# Deleted under the agent, as with its module: said, not ready, and all else goes on.
in_b ip link del vb
says_gone() { grep -q 'vb: the interface was removed' "$scratch/log" && http /readyz | grep -q ^503; }
await 60 says_gone
expect removed_interface_is_said "$(http /readyz) $(http /healthz) $(cat "$scratch/log")" \
	'503 interface vb is gone' 'ok$|ok ' 'vb: the interface was removed'
expect removed_interface_in_status "$("$WEIR" status -c "$conf")" 'NOT READY: interface vb is gone' \
	'vb .* GONE'

kill -TERM $agent
wait $agent 2>/dev/null
"$WEIR" audit --socket "$socket" >"$scratch/audit" 2>&1
expect says_that_nobody_answers "$? $(cat "$scratch/audit")" '^1 weir audit: no agent answers at '
expect socket_is_gone "$(ls "$scratch/run")" '^$'
expect agent_balanced "$(cat "$scratch/log")" "received $N datagrams" ' 0 not delivered'
finish
