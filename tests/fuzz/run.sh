#!/bin/bash
# Runs the fuzzers, each for TIME seconds, on the corpora in $BUILD/corpus (seeded from the captures).
# SPDX-License-Identifier: Apache-2.0
# usage: tests/fuzz/run.sh TIME [NAME...]      BUILD: where the fuzzers are (build-fuzz)
# SEED: a number, for the same inputs in the same order; else others each time
set -u
cd "$(dirname "$0")/../.."
build=${BUILD:-build-fuzz}
seconds=${1:?seconds for each fuzzer}
shift
[ $# -gt 0 ] || set -- "$build"/tests/fuzz/fuzz_*
passed=0 failed=0

for fuzzer in "$@"; do
	name=$(basename "$fuzzer")
	case $name in *.d) continue ;; esac
	corpus=$build/corpus/$name crashes=$build/crashes/$name
	mkdir -p "$corpus" "$crashes"
	# Seeds: what a fuzzer brings itself, else the payloads of the project's captures.
	if [ -d "tests/fuzz/seeds/${name#fuzz_}" ]; then
		cp -n "tests/fuzz/seeds/${name#fuzz_}"/* "$corpus"
	elif [ "$name" = fuzz_pcap ]; then
		cp -n tests/captures/*.pcap "$corpus"
	else
		tests/tools/payloads.py seeds "$corpus" tests/captures/*.pcap
	fi
	log=$crashes/log
	printf '  %-24s ' "$name"
	if "$build/tests/fuzz/$name" -max_total_time="$seconds" ${SEED:+-seed=$SEED} -timeout=60 -rss_limit_mb=2048 \
		-max_len=20000 -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" \
		>"$log" 2>&1 </dev/null; then
		awk '/stat::number_of_executed_units/ { n = $NF }
			/ cov: / { match($0, /cov: [0-9]+/); c = substr($0, RSTART + 5, RLENGTH - 5) }
			END { printf "%d inputs, %d edges\n", n, c }' "$log"
		printf 'ok %s\n' "$name"
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
		printf 'crashed\n'
		grep -m 1 -E 'SUMMARY|ERROR: |runtime error' "$log" | sed 's/^/    /'
		printf 'FAIL %s: again with: %s/tests/fuzz/%s %s\n' "$name" "$build" "$name" \
			"${input:-(see $log)}"
	fi
done
printf '%d passed, %d failed, 0 skipped\n' $passed $failed
[ $failed = 0 ]
