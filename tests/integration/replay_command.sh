#!/bin/bash
# weir replay as its user meets it: what it reads, writes, says, and the status it ends with.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"

scratch=$(mktemp -d)
trap cleanup EXIT
pcap=tests/captures/softflowd_ipfix.pcap
flows=536

replay() { # ARGUMENT...: sets out (file), log, status
	out=$scratch/out
	"$WEIR" replay "$@" >"$out" 2>"$scratch/log"
	status=$?
	log=$(cat "$scratch/log")
}

summary() { # TEXT: its number
	sed -n "s/^ *\([0-9]*\) $1.*/\1/p" <<<"$log"
}

replay $pcap
expect json_on_standard_output "$status $(wc -l <"$out") $(grep -c '^{"type":"IPFIX"' "$out")" \
	"^0 $flows $flows$"
expect summary_counts_flows "$(summary 'flows made')" "^$flows$"
expect summary_tells_the_cost "$log" 'ns of CPU a flow'
plain=$(md5sum <"$out")

gzip -c $pcap >"$scratch/x.pcap.gz"
replay "$scratch/x.pcap.gz"
expect gzip_is_the_same "$status $(md5sum <"$out")" "^0 $plain"
"$WEIR" replay - -q <$pcap >"$scratch/stdin" 2>"$scratch/log"
expect standard_input_is_the_same "$? $(md5sum <"$scratch/stdin") $(cat "$scratch/log")" \
	"^0 $plain *$"

replay $pcap tests/captures/softflowd_v5.pcap --repeat 3 --output "$scratch/three.json"
expect several_files_several_times "$status $(wc -l <"$scratch/three.json")" \
	"^0 $((3 * (flows + 333)))$"
replay $pcap --format protobuf -o "$scratch/flows.pb" -q
expect protobuf_to_a_file "$status $(($(stat -c %s "$scratch/flows.pb") > flows * 20)) $log" '^0 1 $'

replay $pcap --ports 1,2
expect other_ports_are_skipped "$status $(wc -l <"$out") $log" '^0 0 ' 'datagrams to other ports'

size=$(stat -c %s $pcap)
head -c $((size - 10)) $pcap >"$scratch/cut.pcap"
replay "$scratch/cut.pcap"
expect cut_capture_says_so_and_is_used "$status $(($(wc -l <"$out") > 500)) $log" '^1 1 ' \
	"cut.pcap: is cut short at byte $((size - 10)), in packet"
replay "$scratch/missing.pcap"
expect missing_file_is_one_line "$status $(wc -l <"$scratch/log") $log" \
	'^1 1 .*missing.pcap: cannot be opened: No such file'
replay Makefile "$WEIR"
expect no_captures_are_one_line_each "$status $(wc -l <"$scratch/log") $log" '^1 2 ' \
	'neither pcap nor pcapng'
replay
expect no_file_is_wrong_usage "$status" '^2$'
replay - --repeat 2
expect standard_input_cannot_be_repeated "$status $log" '^2 .*only once'
replay $pcap --format xml
expect unknown_format "$status $log" "^1 .*'xml' is none of auto, json"
replay --help
expect help "$status $(cat "$out")" '^0 usage: weir replay'

"$WEIR" replay $pcap --repeat 200 2>"$scratch/log" | head -n 5 >"$scratch/five"
expect closed_pipe_ends_it "${PIPESTATUS[0]} $(wc -l <"$scratch/five")" '^1 5$'
finish
