#!/bin/bash
# The regression guard: instructions a flow of each stage, held against tests/instructions/baseline.tsv.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/instructions/stages.sh [update]     after make bench-programs; update writes the baseline
#
# What a stage costs in time depends on the machine and on who else uses it; how many instructions
# it takes depends on the compiler alone. A stage may differ from its baseline by LIMIT per cent in
# either direction: cheaper is news, too, and is then written down with `update`.
set -u
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
baseline=tests/instructions/baseline.tsv
LIMIT=${LIMIT:-5}
PREFIXES=10000

stages='receive/ipfix decode/netflow5 decode/netflow9 decode/ipfix decode/sflow enrich/ipfix
	encode-protobuf/ipfix encode-json/ipfix encode-native/ipfix hash/ipfix spool/ipfix
	pipeline-protobuf/ipfix pipeline-json/ipfix pipeline-native/ipfix pipeline-protobuf/sflow'

skip_all() { # REASON
	local s
	for s in $stages; do
		printf 'SKIP %s: %s\n' "${s/\//_}" "$1"
	done
	exit 0
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# What the numbers depend on. The C library chooses its functions by the processor: the plain ones
# are the same everywhere.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-AVX
# What gcc compiled of the C library says so in every program; clang's word is beside it.
compilers=$(strings -n 8 "$BUILD/tests/bench/bench_stages" | grep -E '^((Debian|Ubuntu) )?clang version|^GCC: ')
compiler=$(grep -m 1 'clang version' <<<"$compilers" || head -n 1 <<<"$compilers")
tools="$compiler; $(getconf GNU_LIBC_VERSION)"

command -v valgrind >/dev/null || skip_all "no valgrind; apt-get install valgrind"
[ "${1:-}" = update ] || [ "$(sed -n 's/^# with //p' $baseline)" = "$tools" ] ||
	skip_all "the baseline is of '$(sed -n 's/^# with //p' $baseline)', this is '$tools'"

for p in netflow5 netflow9 ipfix sflow; do
	"$BUILD/tests/send_load" --to 10.9.0.2:4739 --from 10.9.0.10 --write "$work/$p.pcap" \
		--protocol $p --cycle 200 --hosts 20000 --spread 22 --exporters 16 --time 1790000000 >/dev/null || exit 1
done
mkdir "$work/cache"
"$BUILD/tests/bench/bench_enrich" $PREFIXES "$work/cache/ip.mmdb" only >/dev/null || exit 1
tests/bench/meta.sh 16 >"$work/cache/meta.json"
# valgrind cannot read all debugging information that clang writes.
strip --strip-debug -o "$work/bench_stages" "$BUILD/tests/bench/bench_stages"

count() { # STAGE PROTOCOL: instructions a flow
	local cache=-
	case $1 in enrich | encode-* | pipeline-* | spool) cache=$work/cache ;; esac
	valgrind --tool=callgrind --collect-atstart=no --toggle-collect=measured \
		--callgrind-out-file="$work/$1.$2" "$work/bench_stages" "$1" "$work/$2.pcap" "$cache" 1 \
		>"$work/log.$1.$2" 2>&1 || return 1
	awk -v flows="$(sed -n 's/.* of \([0-9]*\) flows$/\1/p' "$work/log.$1.$2")" \
		'/^(summary|totals): / && flows { printf "%.2f\n", $2 / flows; exit }' "$work/$1.$2"
}

[ "${1:-}" = update ] && {
	printf '# Instructions a flow of each stage; written by tests/instructions/stages.sh update.\n'
	printf '# with %s\n' "$tools"
} >"$work/new"

jobs_max=$(nproc)
for s in $stages; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs_max" ]; do wait -n; done
	(count "${s%/*}" "${s#*/}" >"$work/result.${s/\//.}") &
done
wait
status=0
for s in $stages; do
	name=${s/\//_} got=$(cat "$work/result.${s/\//.}")
	if [ -z "$got" ]; then
		printf 'FAIL %s: it did not run: %s\n' "$name" "$(tail -n 1 "$work/log.${s/\//.}")"
		status=1
		continue
	fi
	if [ "${1:-}" = update ]; then
		printf '%s\t%s\n' "$s" "$got" >>"$work/new"
		printf '%-28s %10s\n' "$s" "$got"
		continue
	fi
	awk -v name="$name" -v stage="$s" -v got="$got" -v limit="$LIMIT" '
		$1 == stage { was = $2 }
		END {
			if (!was) {
				printf "FAIL %s: not in the baseline\n", name
				exit 1
			}
			off = (got / was - 1) * 100
			if (off > limit || off < -limit) {
				printf "FAIL %s: %.1f instructions a flow, baseline %.1f (%+.1f %%); if meant: tests/instructions/stages.sh update\n", \
					name, got, was, off
				exit 1
			}
			printf "ok %s  %.1f (%+.1f %%)\n", name, got, off
		}' $baseline || status=1
done
# On the packet path nothing is allocated, and a lock is taken for a message, not for a flow.
calls_of() { # PROFILE REGEX: how often functions of such a name were called
	awk -v regex="$2" '
		match($0, /^c?fn=\([0-9]+\)/) {
			id = substr($0, index($0, "("), index($0, ")") - index($0, "(") + 1)
			if (index($0, ") ")) name[id] = substr($0, index($0, ") ") + 2)
			if ($0 ~ /^cfn=/) called = name[id]
		}
		/^calls=/ && called ~ regex { split($0, part, /[= ]/); sum += part[2] }
		END { print sum + 0 }' "$1"
}
for s in $stages; do
	case $s in pipeline-* | decode/*) ;; *) continue ;; esac
	profile=$work/${s/\//.} flows=$(sed -n 's/.* of \([0-9]*\) flows$/\1/p' "$work/log.${s/\//.}")
	[ -n "$flows" ] || continue
	got=$(calls_of "$profile" '^(malloc|calloc|realloc|free|posix_memalign|aligned_alloc|mmap|read|write|recvfrom|sendto|poll)(@|$)')
	locks=$(calls_of "$profile" '^pthread_(mutex|rwlock|spin)_(lock|rdlock|wrlock)')
	some=$(calls_of "$profile" '^decoder_datagram')
	if [ "$some" = 0 ]; then
		printf 'FAIL %s_path: the profile has no calls\n' "${s/\//_}"
		status=1
	elif [ "$got" != 0 ] || [ "$locks" -gt $((flows / 50)) ]; then
		printf 'FAIL %s_path: %d allocations or system calls and %d locks for %d flows\n' \
			"${s/\//_}" "$got" "$locks" "$flows"
		status=1
	else
		printf 'ok %s_path  no allocation, no system call, %d locks for %d flows\n' "${s/\//_}" "$locks" "$flows"
	fi
done
[ "${1:-}" != update ] || cp "$work/new" $baseline
exit $status
