#!/bin/bash
# make demo: real exporters watch real traffic, weir collects them through XDP, and shows its books.
# SPDX-License-Identifier: Apache-2.0
#
#   router                                         collector
#   lan0 192.0.2.1  ── veth ── traffic ─────────── lan1 192.0.2.2
#   softflowd and sfprobe watch lan0
#   va   10.9.0.1   ── veth ── NetFlow, sFlow ───▶ vb   10.9.0.2: XDP ▶ AF_XDP ▶ weir agent
#
# All in two namespaces of its own, with mounts and files of its own: nothing stays.
if [ "$(id -u)" != 0 ]; then
	echo "demo: needs root, for network namespaces and XDP: sudo make demo" >&2
	exit 1
fi
. "$(dirname "$0")/lib.sh"
isolate "$@"
. tests/exporters.sh
EXPORTERS=$scratch/exporters
mkdir "$EXPORTERS"
trap 'exporters_stop; cleanup' EXIT
traffic_seconds=${DEMO_SECONDS:-20}
pins=/sys/fs/bpf/weir
failed=

bold=$([ -t 1 ] && printf '\033[1m') plain=$([ -t 1 ] && printf '\033[0m')
step() { printf '%s[%3d s]%s %s\n' "$bold" $SECONDS "$plain" "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

step "two namespaces, router and collector, and two veth pairs between them"
ns_pair || die "cannot make namespaces"
in_a ip link add lan0 type veth peer name lan1
in_a ip link set lan1 netns "$ns_b"
in_a ethtool -K lan0 tx off tso off gso off gro off >/dev/null
in_b ethtool -K lan1 tx off tso off gso off gro off >/dev/null
for end in a:lan0:1 b:lan1:2; do
	IFS=: read -r ns interface number <<<"$end"
	in_$ns ip addr add 192.0.2.$number/24 dev $interface
	in_$ns ip addr add 2001:db8::$number/64 dev $interface nodad
	in_$ns ip link set $interface up
done

step "weir agent in the collector: native XDP on vb, flows to a file as JSON"
spawn "$ns_b" "$WEIR" agent --interface vb --set xdp.mode=native --set "state.directory=$scratch" \
	--set "control.socket=$scratch/control" --set metrics.listen= \
	--output "file:$scratch/flows" 2>"$scratch/agent.log"
agent=$spawned
await 10 "$WEIR" status --socket "$scratch/control" >/dev/null 2>&1 ||
	die "the agent did not start: $(tail -n 1 "$scratch/agent.log")"
sed 's/^/        /' "$scratch/agent.log"

step "softflowd (NetFlow v9 and IPFIX) and pmacct's sfprobe (sFlow, 1 in 10) watch lan0"
spawn "$ns_a" tcpdump -q -U -n -i va -w "$scratch/sent.pcap" udp and dst host 10.9.0.2 2>/dev/null
dump=$spawned
exporter_softflowd "$ns_a" lan0 10.9.0.2:2055 9
exporter_softflowd "$ns_a" lan0 10.9.0.2:4739 10
exporter_sfprobe "$ns_a" lan0 10.9.0.2:6343 10 'sfprobe_agentip: 10.9.0.1'
spawn "$ns_b" tests/tools/traffic.py serve
sleep 1.5

step "$traffic_seconds s of traffic over lan0: TCP and UDP conversations, ping, IPv4 and IPv6"
in_a ping -q -c 5 -i 0.2 192.0.2.2 >/dev/null
in_a tests/tools/traffic.py ask 192.0.2.2 2001:db8::2 "$traffic_seconds" | sed 's/^/        /'

step "the exporters send what they still hold"
exporters_stop
sleep 1
kill -INT $dump
wait $dump 2>/dev/null
sent=$(tcpdump -n -r "$scratch/sent.pcap" 2>/dev/null | wc -l)

status() { "$WEIR" status --socket "$scratch/control" --json | jq -r "$1"; }
everything_in() {
	[ "$(status '.accounts.decoded_datagrams')" -ge "$sent" ] &&
		[ "$(status '[.outputs[].waiting_flows] | add')" = 0 ]
}
await 10 everything_in

title "Top talkers, from the flows that weir wrote"
python3 - "$scratch/flows" <<'END'
import collections
import json
import sys

talkers = collections.defaultdict(collections.Counter)
for line in open(sys.argv[1]):
    f = json.loads(line)
    if not f.get("src_addr") or not f.get("bytes"):
        continue
    # A conversation's port is the lower one, which here is the server's.
    port = min(f.get("src_port", 0), f.get("dst_port", 0))
    key = f["src_addr"], f["dst_addr"], f.get("proto", "?"), port
    talkers[key][f["type"]] += f["bytes"] * f.get("sampling_rate", 1)

kinds = "NETFLOW_V9", "IPFIX", "SFLOW_5"
print(f"  {'from':<14} {'to':<14} {'protocol':<10} {'port':>5}  {'NetFlow v9':>12} {'IPFIX':>12} "
      f"{'sFlow x 10':>12}  bytes")
order = sorted(talkers.items(), key=lambda t: -t[1]["IPFIX"])
for (src, dst, proto, port), seen in order[:10]:
    print(f"  {src:<14} {dst:<14} {proto:<10} {port:>5}  "
          + " ".join(f"{seen[k]:>12,}" for k in kinds))
END

title "One flow, whole"
grep -m 1 '"type":"IPFIX".*"proto":"TCP"' "$scratch/flows" | fold -s -w 96 | sed 's/^/  /'

title "What the kernel counted: bpftool map dump pinned $pins/exporters"
bpftool map dump pinned $pins/exporters | sed -n '1,28p' | sed 's/^/  /'
printf '  ...\n\n  The same for all exporters, summed over CPUs:\n'
bpftool -j map dump pinned $pins/exporters | jq -r '
	.[] | .formatted | .key as $k | [.values[].value] as $v |
	"  \($k.address[12:] | map(tostring) | join(".")) to port \($k.port): " +
	"\([$v[].datagrams] | add) datagrams, \([$v[].bytes] | add) bytes, " +
	([$v[].reasons | to_entries[]] | group_by(.key) |
		map(select((map(.value) | add) > 0) | "\(map(.value) | add) \(.[0].key)") | join(", "))'

title "The accounts"
counted=$(bpftool -j map dump pinned $pins/exporters | jq '[.[].formatted.values[].value.datagrams] | add')
steered=$(bpftool -j map dump pinned $pins/exporters |
	jq '[.[].formatted.values[].value.reasons.steered] | add')
decoded=$(status .accounts.decoded_datagrams)
flows=$(status .accounts.flows)
written=$(wc -l <"$scratch/flows")
line() { printf '  %10s  %s\n' "$@"; }
line "$sent" "datagrams sent        (tcpdump beside the exporters)"
line "$counted" "counted               (XDP, per exporter)"
line "$steered" "steered to AF_XDP     (XDP)"
line "$decoded" "decoded               (agent)"
line "$flows" "flows out             (agent)"
line "$written" "lines in the file"
[ "$sent" -gt 0 ] && [ "$sent" = "$counted" ] && [ "$sent" = "$steered" ] && [ "$sent" = "$decoded" ] &&
	[ "$flows" = "$written" ] || failed=1
"$WEIR" audit --socket "$scratch/control" >"$scratch/audit" || failed=1
printf '  weir audit: %s\n' "$(head -n 1 "$scratch/audit")"

kill "$agent"
wait "$agent" || failed=1
[ -z "$failed" ] || die "the accounts do not close; see above, and: $(tail -n 2 "$scratch/agent.log")"
printf '\n'
step "sent = counted = steered = decoded; namespaces, program, pins and files are gone"
