#!/bin/bash
# weir and its peers on the same datagrams, in namespaces of their own: CPU time a flow, loss, memory.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/bench/bench.sh [PART...]      all: micro agent shape loss start swap peers; root
#
# Ends with a summary; $BUILD/bench/result.json has the numbers. What may be set:
#   BENCH_SECONDS   of each load (5)            BENCH_ROUNDS    of each, least and median count (3)
#   BENCH_RATE      datagrams a second (20000)  BENCH_PREFIXES  in the table of addresses (5000000)
#   BENCH_LOSS_RATE, BENCH_LOSS_SECONDS         of the load that must lose nothing (100000, 60)
. "$(dirname "$0")/lib_bench.sh"
isolate "$@"

seconds=${BENCH_SECONDS:-5} rounds=${BENCH_ROUNDS:-3} rate=${BENCH_RATE:-20000}
prefixes=${BENCH_PREFIXES:-5000000}
loss_rate=${BENCH_LOSS_RATE:-100000} loss_seconds=${BENCH_LOSS_SECONDS:-60}
out=$BUILD/bench
mkdir -p "$out"
result=$out/result.jsonl
: >"$result"
parts=${*:-micro agent shape loss start swap peers}

wants() { [[ " $parts " == *" $1 "* ]]; }
say() { printf '\n%s\n' "$*"; }

# One line of the result, and one to look at.
record() { # PART NAME [KEY=NUMBER...]
	local part=$1 name=$2 pair value
	shift 2
	{
		printf '{"part":"%s","name":"%s"' "$part" "$name"
		for pair in "$@"; do # what could not be measured is null
			value=${pair#*=}
			printf ',"%s":%s' "${pair%%=*}" "${value:-null}"
		done
		printf '}\n'
	} >>"$result"
	printf '  %-34s' "$name"
	for pair in "$@"; do printf ' %s %-9s' "${pair%%=*}" "${pair#*=}"; done
	printf '\n'
}

# The least and the median of the numbers on standard input.
least_and_median() { sort -g | awk '{ v[NR] = $1 } END { print v[1], v[int(NR / 2) + 1] }'; }

machine() {
	jq -cn --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--arg cores "$(nproc)" --arg kernel "$(uname -r)" \
		--arg memory "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
		--arg compiler "$(clang --version | head -n 1)" --arg load "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
		--arg date "$(date -u +%F)" --arg version "$(cat VERSION)" \
		--arg glibc "$(getconf GNU_LIBC_VERSION)" --arg rdkafka "$(dpkg-query -W -f '${Version}' librdkafka1 2>/dev/null)" \
		'{part: "machine", name: $cpu, cores: $cores, kernel: $kernel, memory: $memory,
		compiler: $compiler, load: $load, date: $date, version: $version, glibc: $glibc, rdkafka: $rdkafka}' >>"$result"
}

fresh_pair() { # [QUEUES]
	ns_pair "$@"
	mac_b=$(in_b ip -j link show vb | jq -r '.[0].address')
	in_b ip neigh replace 10.9.0.1 lladdr 02:00:00:00:00:01 dev vb
}

# A table of addresses as large as a world's, and devices with interfaces.
make_cache() {
	cache=$scratch/cache
	mkdir -p "$cache"
	"$BUILD/tests/bench/bench_enrich" "$1" "$cache/ip.mmdb" only >/dev/null
	tests/bench/meta.sh 16 >"$cache/meta.json"
}
# The hosts of the load are spread over the addresses that the table knows: 450 to a prefix.
spread_of() { awk -v n="$1" 'BEGIN { b = int(log(n * 400) / log(2)); print (b > 30 ? 30 : b) }'; }

# CPU time a flow of the agent under one load: sets $cpu_least $cpu_median $flows $sent_flows $rss.
# The agent runs already.
agent_load() { # OPTION-OF-SEND_LOAD...
	local i c0 c1 f0 f1 numbers=()
	flows=0 sent_flows=0
	live --hosts 20000 --spread "$spread" --count "$((rate / 2))" --rate "$rate" --batch 64 "$@"
	settle_flows
	for i in $(seq "$rounds"); do
		c0=$(cpu_of "$agent") f0=$(account flows)
		live --hosts 20000 --spread "$spread" --count "$((rate * seconds))" --rate "$rate" --batch 64 "$@"
		settle_flows
		c1=$(cpu_of "$agent") f1=$(account flows)
		[ "${f1:-0}" -gt "${f0:-0}" ] || continue
		numbers+=("$(awk -v a="$c0" -v b="$c1" -v n=$((f1 - f0)) 'BEGIN { printf "%.4f", (b - a) / n * 1e6 }')")
		flows=$((flows + f1 - f0)) sent_flows=$((sent_flows + $(value_of records)))
	done
	read -r cpu_least cpu_median < <(printf '%s\n' "${numbers[@]}" | least_and_median)
	rss=$(($(rss_of "$agent") / 1024))
}

# Until the output has all; what is left after a while is slowness of the broker.
settle_flows() { await 20 nothing_waits; }
nothing_waits() { [ "$(status '[.outputs[].waiting_flows] | add' 2>/dev/null)" = 0 ]; }

loss_of() { awk -v s="$1" -v g="$2" 'BEGIN { printf "%.3f", s ? (s - g) / s * 100 : 0 }'; }

bench_agent() { # NAME SETTING... -- OPTION-OF-SEND_LOAD...
	local name=$1 settings=()
	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	if ! agent_start "${settings[@]}"; then
		printf '  %-34s did not start: %s\n' "$name" "$(tail -n 1 "$agent_log")"
		return
	fi
	agent_load "$@"
	record "$part" "$name" cpu_us="${cpu_least:-0}" median_us="${cpu_median:-0}" \
		loss_percent="$(loss_of "$sent_flows" "$flows")" rss_mib="$rss" rate="$rate"
	kill "$agent"
	wait "$agent" 2>/dev/null
	rm -rf "${scratch:?}/state"
}

kafka() { # FORMAT COMPRESSION: settings
	printf '%s ' "outputs=kafka:$KAFKA/bench" "outputs[0].format=$1" "outputs[0].compression=$2" \
		drain_time=5s
}
nowhere() { # FORMAT
	printf '%s ' "outputs[0].type=none" "outputs[0].format=$1"
}
names_only='enrich.refs=false enrich.networks=false'

part_micro() {
	local p s line hosts
	say "Stages, ns of CPU time a flow (receive: a datagram), one thread, over captures in memory"
	for p in netflow5 netflow9 ipfix sflow; do
		"$BUILD/tests/send_load" --to $to --from 10.9.0.10 --write "$scratch/$p.pcap" --protocol $p \
			--cycle 200 --hosts 20000 --spread "$spread" --exporters 16 >/dev/null
	done
	hosts=$("$WEIR" replay -q "$scratch/ipfix.pcap" | jq -r .src_addr | sort -u | wc -l)
	[ "$hosts" -gt 1000 ] || { echo "the load has $hosts hosts: nothing enriched would mean anything"; exit 1; }
	for s in receive/ipfix decode/netflow5 decode/netflow9 decode/ipfix decode/sflow enrich/ipfix \
		encode-protobuf/ipfix encode-json/ipfix encode-native/ipfix spool/ipfix hash/ipfix \
		pipeline-protobuf/ipfix pipeline-native/ipfix pipeline-json/ipfix; do
		line=$("$BUILD/tests/bench/bench_stages" "${s%/*}" "$scratch/${s#*/}.pcap" "$cache" 200 2>/dev/null)
		record micro "$s" ns="$(cut -d ' ' -f 2 <<<"$line")" median_ns="$(cut -d ' ' -f 3 <<<"$line")"
	done
}

part_agent() {
	local format
	say "The whole agent to a real broker, $prefixes prefixes, everything attached: us of CPU time a flow"
	fresh_pair
	bench_broker || { echo "  no broker: $(tail -n 1 "$scratch/broker.out")"; return; }
	for format in protobuf/lz4 protobuf/lz4-fast protobuf/none native/lz4 native/lz4-fast native/none json/none; do
		# shellcheck disable=SC2046
		bench_agent "ipfix $format" $(kafka ${format%/*} ${format#*/}) "enrich.cache=$cache" -- \
			--protocol ipfix --exporters 16 --cycle 20000
	done
	# shellcheck disable=SC2046,SC2086
	bench_agent "ipfix protobuf/lz4 names only" $(kafka protobuf lz4) "enrich.cache=$cache" $names_only -- \
		--protocol ipfix --exporters 16 --cycle 20000
	# shellcheck disable=SC2046
	bench_agent "ipfix protobuf/lz4, 1,000 hosts" $(kafka protobuf lz4) "enrich.cache=$cache" -- \
		--protocol ipfix --exporters 16 --cycle 20000 --hosts 1000
	# shellcheck disable=SC2046
	bench_agent "ipfix protobuf/lz4, Zipf" $(kafka protobuf lz4) "enrich.cache=$cache" -- \
		--protocol ipfix --exporters 16 --cycle 20000 --zipf
	# shellcheck disable=SC2046
	bench_agent "ipfix protobuf/lz4 not enriched" $(kafka protobuf lz4) -- \
		--protocol ipfix --exporters 16 --cycle 20000
	for format in netflow9 netflow5 sflow; do
		# shellcheck disable=SC2046
		bench_agent "$format protobuf/none" $(kafka protobuf none) "enrich.cache=$cache" -- \
			--protocol $format --exporters 16 --cycle 20000
	done
	tests/kafka.sh remove "$broker" 2>/dev/null
}

part_shape() {
	local n
	say "How cost depends on hosts, exporters, templates and queues: Protobuf made and thrown away"
	fresh_pair
	for n in 1 1000 20000 1000000; do
		# shellcheck disable=SC2046
		bench_agent "hosts $n" $(nowhere protobuf) "enrich.cache=$cache" -- --protocol ipfix \
			--exporters 16 --cycle 20000 --hosts $n
	done
	# shellcheck disable=SC2046
	bench_agent "hosts 20000, Zipf" $(nowhere protobuf) "enrich.cache=$cache" -- --protocol ipfix \
		--exporters 16 --cycle 20000 --zipf
	for n in 1 100 10000; do
		# shellcheck disable=SC2046
		bench_agent "exporters $n" $(nowhere protobuf) "enrich.cache=$cache" -- --protocol ipfix \
			--template-every 0 --exporters $n --cycle 20000
	done
	for n in 1 1000 100000; do # of 100 exporters where there are more than 100
		# shellcheck disable=SC2046
		bench_agent "templates $n" $(nowhere protobuf) "enrich.cache=$cache" -- --protocol ipfix \
			--template-every 0 --exporters $((n > 100 ? 100 : 1)) \
			--templates $((n > 100 ? n / 100 : 1)) --cycle 100000
	done
	for n in 1 2 4; do
		fresh_pair $n
		# shellcheck disable=SC2046
		bench_agent "queues $n" $(nowhere protobuf) "enrich.cache=$cache" -- --protocol ipfix \
			--exporters 16 --ports 64 --cycle 20000
	done
}

part_loss() {
	say "$loss_rate datagrams a second for $loss_seconds s, one worker, and twice that, two: Protobuf made and thrown away"
	at_rate "$loss_rate/s" 1 "$loss_rate" "$cache"
	at_rate "$((2 * loss_rate))/s, two workers" 2 $((2 * loss_rate)) "$cache"
	at_rate "$((2 * loss_rate))/s, two workers, not enriched" 2 $((2 * loss_rate)) ""
}

at_rate() { # NAME QUEUES RATE CACHE
	local c0 c1
	fresh_pair "$2"
	# shellcheck disable=SC2046
	agent_start $(nowhere protobuf) "enrich.cache=$4" || return
	live --hosts 20000 --spread "$spread" --count 20000 --rate 20000 --cycle 20000 --exporters 16 --ports 64
	settle_flows
	c0=$(cpu_of "$agent")
	f0=$(account flows)
	live --hosts 20000 --spread "$spread" --count $(($3 * loss_seconds)) --rate "$3" \
		--batch 64 --cycle 20000 --exporters 16 --ports 64
	sleep 1
	c1=$(cpu_of "$agent")
	record loss "$1" sent="$(value_of records)" flows="$(($(account flows) - f0))" \
		achieved_rate="$(value_of rate)" \
		loss_percent="$(loss_of "$(value_of records)" "$(($(account flows) - f0))")" \
		cores="$(awk -v a="$c0" -v b="$c1" -v s="$(sed -n 's/.*seconds=\([0-9.]*\).*/\1/p' <<<"$sent")" \
			'BEGIN { printf "%.3f", (b - a) / s }')" peak_mib=$(($(peak_of "$agent") / 1024))
	kill "$agent"
	wait "$agent" 2>/dev/null
	rm -rf "${scratch:?}/state"
}

part_swap() {
	local line
	say "The table of $prefixes prefixes exchanged under a thread that enriches: its longest batch of 256 flows, ms"
	while read -r line; do
		record swap "${line%%:*}" cpu_ms="$(cut -d ' ' -f 1 <<<"${line#*: }")" mean_ms="$(cut -d ' ' -f 2 <<<"${line#*: }")"
	done < <("$BUILD/tests/bench/bench_swap" "$cache" 5 2>/dev/null)
}

part_start() {
	local c0 c1
	say "Start with $prefixes prefixes; idle"
	fresh_pair
	# shellcheck disable=SC2046
	agent_start $(nowhere protobuf) "enrich.cache=$cache" || { cat "$agent_log"; return; }
	record start "start with $prefixes prefixes" \
		load_ms="$(status '[.tables[] | select(.name == "addresses")][0].load_ms')" \
		cpu_s="$(cpu_of "$agent")" rss_mib=$(($(rss_of "$agent") / 1024)) \
		peak_mib=$(($(peak_of "$agent") / 1024))
	kill "$agent"
	wait "$agent" 2>/dev/null
	# shellcheck disable=SC2046
	agent_start $(nowhere protobuf) enrich.cache= || return
	sleep 2
	c0=$(cpu_of "$agent")
	sleep 10
	c1=$(cpu_of "$agent")
	record start "idle, not enriched" core_percent="$(awk -v a="$c0" -v b="$c1" 'BEGIN { printf "%.3f", (b - a) * 10 }')" \
		rss_mib=$(($(rss_of "$agent") / 1024))
	kill "$agent"
	wait "$agent" 2>/dev/null
}

# Of a process and all that it started, also of what has ended.
tree_cpu() { # PID
	local p sum
	sum=$(cpu_of "$1")
	for p in $(pgrep -P "$1"); do sum=$(awk -v a="$sum" -v b="$(tree_cpu "$p")" 'BEGIN { print a + b }'); done
	echo "$sum"
}
tree_rss() {
	local p sum
	sum=$(rss_of "$1")
	for p in $(pgrep -P "$1"); do sum=$((sum + $(tree_rss "$p"))); done
	echo "$sum"
}
udp_lost() { in_b awk '/^Udp:/ { if (h) print $6; h = 1 }' /proc/net/snmp; } # RcvbufErrors

# A collector that reads UDP sockets; the same frames come in through the kernel.
bench_peer() { # NAME PROTOCOL RATE COMMAND...
	local name=$1 protocol=$2 r=$3 peer c0 c1 lost total sent_records numbers=() i
	shift 3
	spawn "$ns_b" "$@" >"$scratch/peer.log" 2>&1
	peer=$spawned
	await 60 listening || { printf '  %-34s does not listen: %s\n' "$name" "$(tail -n 1 "$scratch/peer.log")"; kill "$peer" 2>/dev/null; return; }
	sleep 1
	peer_load "$r" 1
	lost=$(udp_lost) sent_records=0 total=0
	for i in $(seq "$rounds"); do
		c0=$(tree_cpu "$peer")
		l0=$(udp_lost)
		peer_load "$r" "$seconds"
		sleep 2
		c1=$(tree_cpu "$peer")
		numbers+=("$(awk -v a="$c0" -v b="$c1" -v n="$(value_of records)" -v d="$(value_of datagrams)" -v l=$(($(udp_lost) - l0)) \
			'BEGIN { printf "%.4f", l < d ? (b - a) / (n * (1 - l / d)) * 1e6 : 0 }')")
		total=$((total + $(value_of datagrams)))
	done
	read -r cpu_least cpu_median < <(printf '%s\n' "${numbers[@]}" | least_and_median)
	record peers "$name" cpu_us="$cpu_least" median_us="$cpu_median" \
		loss_percent="$(loss_of "$total" $((total - $(udp_lost) + lost)))" rss_mib=$(($(tree_rss "$peer") / 1024)) rate="$r"
	# nfacctd's plugins are processes of their own, which end when they notice that it has.
	read -ra children < <(pgrep -d ' ' -P "$peer"; echo)
	kill "$peer" "${children[@]}" 2>/dev/null
	{ await 10 silent || kill -KILL "$peer"; wait "$peer"; } 2>/dev/null
	await 10 gone "${children[@]}" || kill -KILL "${children[@]}" 2>/dev/null
	sleep 1
	rm -rf "${scratch:?}/nfcapd"
}
silent() { ! listening; }
gone() { # PID...
	local p
	for p; do ! kill -0 "$p" 2>/dev/null || return 1; done
}
listening() { in_b ss -Hlun | grep -q ':4739 '; }
peer_load() { # RATE SECONDS
	sent=$(in_b "$BUILD/tests/send_load" --to $to --interface vb --pass --from 10.9.0.10 --mac "$mac_b" \
		--exporters 16 --hosts 20000 --spread "$spread" --cycle 20000 --protocol "$protocol" \
		--rate "$1" --count $(($1 * $2)) --batch 64)
}

find_goflow2() {
	local bin=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir/bin
	goflow2=$(command -v goflow2 || echo "$bin/goflow2")
	[ -x "$goflow2" ] && return
	command -v go >/dev/null || return 1
	GOBIN=$bin GOFLAGS=-trimpath timeout 300 go install github.com/netsampler/goflow2/v2/cmd/goflow2@v2.2.6 >"$scratch/go.log" 2>&1
}

part_peers() {
	local p
	say "Peers, and weir beside them: us of CPU time a flow, same datagrams, none of them enriched"
	fresh_pair
	for p in ipfix netflow9 netflow5 sflow; do
		# shellcheck disable=SC2046
		part=peers bench_agent "weir $p to file, Protobuf" outputs=file:/dev/null "outputs[0].format=protobuf" \
			enrich.cache= -- --protocol $p --exporters 16 --cycle 20000
	done
	# shellcheck disable=SC2046
	part=peers bench_agent "weir ipfix to file, JSON" outputs=file:/dev/null "outputs[0].format=json" \
		enrich.cache= -- --protocol ipfix --exporters 16 --cycle 20000
	fresh_pair
	in_b sysctl -qw net.core.rmem_max=33554432 2>/dev/null
	if command -v nfcapd >/dev/null; then
		for p in ipfix netflow9 netflow5; do
			mkdir -p "$scratch/nfcapd"
			bench_peer "nfcapd $p" $p "$rate" nfcapd -p 4739 -w "$scratch/nfcapd" -B 8388608
		done
	else
		echo "  nfcapd: not here; apt-get install nfdump"
	fi
	if command -v nfacctd >/dev/null; then
		printf '%s\n' 'daemonize: false' 'nfacctd_port: 4739' 'nfacctd_ip: 10.9.0.2' 'plugins: print' \
			'aggregate: src_host,dst_host,src_port,dst_port,proto,tos,tcpflags,in_iface,out_iface,src_mask,dst_mask,timestamp_start,timestamp_end' \
			'print_output_file: /dev/null' 'print_refresh_time: 10' 'plugin_buffer_size: 1024000' \
			'plugin_pipe_size: 102400000' 'nfacctd_pipe_size: 8388608' 'print_output: csv' >"$scratch/nfacctd.conf"
		for p in ipfix netflow5; do
			bench_peer "nfacctd $p" $p 2000 nfacctd -f "$scratch/nfacctd.conf"
		done
	else
		echo "  nfacctd: not here; apt-get install pmacct"
	fi
	if find_goflow2; then
		for p in bin json; do
			bench_peer "goflow2 ipfix, $p" ipfix $([ $p = bin ] && echo 2000 || echo 500) "$goflow2" -listen netflow://:4739 -format $p \
				-transport file -transport.file /dev/null -addr 127.0.0.1:8081
		done
		bench_peer "goflow2 sflow, bin" sflow 2000 "$goflow2" -listen sflow://:4739 -format bin \
			-transport file -transport.file /dev/null -addr 127.0.0.1:8081
	else
		echo "  goflow2: not here, and go could not install it: $(tail -n 1 "$scratch/go.log" 2>/dev/null)"
	fi
}

machine
spread=$(spread_of "$prefixes")
for part in $parts; do
	case $part in
	micro | agent | shape | loss | start | swap) [ -n "${cache:-}" ] || make_cache "$prefixes" ;;
	esac
	"part_$part"
done
jq -s . "$result" >"$out/result.json"
say "numbers: $out/result.json"
