#!/bin/bash
# A second opinion: totals of `weir replay` on real captures against what nfdump and tshark read.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
isolate "$@"

ns_make ns_a
in_a ip link set lo up

# "flows packets bytes" by weir; reversed flows of biflows that carry nothing are not counted, since
# others do not make them.
by_weir() { # CAPTURE
	"$WEIR" replay -q "tests/captures/$1.pcap" |
		jq -s -r 'map(select(.packets // 0 > 0)) |
			"\(length) \(map(.packets) | add) \(map(.bytes) | add)"'
}

# The same from what nfcapd says at its end. It hears each capture on its own port.
listen() { # CAPTURE PORT
	mkdir "$scratch/$1"
	in_a nfcapd -w "$scratch/$1" -p "$2" -b 127.0.0.1 -t 3600 -P "$scratch/$1.pid" \
		>"$scratch/$1.log" 2>&1 &
}

by_nfdump() { # CAPTURE
	sed -n "s/^Ident: .* Flows: \([0-9]*\), Packets: \([0-9]*\), Bytes: \([0-9]*\),.*/\1 \2 \3/p" \
		"$scratch/$1.log"
}

# How many values a field has in the whole capture, and their sum.
by_tshark() { # CAPTURE PORT DISSECTOR FIELD
	tshark -n -r "tests/captures/$1.pcap" -d "udp.port==$2,$3" -o cflow.max_template_fields:200 \
		-T fields -E occurrence=a -E aggregator=' ' -e "$4" 2>/dev/null |
		awk '{ n += NF; for (i = 1; i <= NF; i++) sum += $i } END { print n + 0, sum + 0 }'
}

same() { # NAME WEIR OTHER WHO
	if [ "$2" = "$3" ] && [ -n "$2" ]; then
		pass "$1"
	else
		fail "$1" "weir has '$2', $4 '$3'"
	fi
}

nfdump_reads='softflowd_v5 softflowd_v9 softflowd_ipfix softflowd_v9_sampled_ipv6 nfprobe_v5
	nfprobe_v9 nfprobe_ipfix ovs_netflow5 softflowd_ipfix_biflow'
port=2100
for capture in $nfdump_reads; do
	listen "$capture" $((++port))
done
for capture in $nfdump_reads; do
	await 60 test -s "$scratch/$capture.pid"
done
port=2100
for capture in $nfdump_reads; do
	in_a tests/tools/payloads.py send 127.0.0.1:$((++port)) "tests/captures/$capture.pcap" \
		>/dev/null
done
# Nothing waits in a socket of nfcapd's any more.
all_taken() { in_a awk 'NR > 1 && substr($5, 10) != "00000000" { left = 1 } END { exit left }' /proc/net/udp; }
await 60 all_taken
for capture in $nfdump_reads; do
	kill "$(cat "$scratch/$capture.pid")"
done
for capture in $nfdump_reads; do
	await 60 grep -q '^Terminating' "$scratch/$capture.log"
	ours=$(by_weir "$capture") theirs=$(by_nfdump "$capture")
	# nfdump keeps both directions in one record.
	case $capture in *biflow) ours=${ours#* } theirs=${theirs#* } ;; esac
	same "totals_as_nfdump_$capture" "$ours" "$theirs" nfdump
done

# Octets of frames that are not IP are in another element there (layer2OctetDeltaCount).
ours=$("$WEIR" replay -q tests/captures/ovs_ipfix.pcap |
	jq -s -r '"\(map(.packets) | add) \(map(select(.src_addr).bytes) | add)"')
packets=$(by_tshark ovs_ipfix 2033 cflow cflow.packets)
octets=$(by_tshark ovs_ipfix 2033 cflow cflow.octets)
same totals_as_tshark_ovs_ipfix "$ours" "${packets#* } ${octets#* }" tshark
for capture in ovs_sflow:2031 sfprobe:2021; do
	ours=$(by_weir "${capture%:*}")
	same "totals_as_tshark_${capture%:*}" "${ours#* }" "$(by_tshark "${capture%:*}" \
		"${capture#*:}" sflow sflow_245.header.frame_length)" tshark
done
finish
