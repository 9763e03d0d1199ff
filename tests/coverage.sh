#!/bin/bash
# Prints how many lines of agent/decode the unit tests and the corpus reach, and what the fuzzers'
# corpora (make fuzz) add to it.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/coverage.sh [LINES]     with LINES set: the lines that nothing reaches, too
set -eu
cd "$(dirname "$0")/.."
build=build-cov
flags="-fprofile-instr-generate -fcoverage-mapping"

for tool in llvm-profdata llvm-cov; do
	command -v $tool >/dev/null || {
		echo "coverage: no $tool: install the package llvm"
		exit 1
	}
done
make CC=clang BUILD=$build OPTIMISE="-O1 -g" SANITIZE="$flags" test-programs
rm -rf $build/profiles
export LLVM_PROFILE_FILE=$PWD/$build/profiles/%p-%m.profraw
BUILD=$build tests/run.sh unit corpus || echo "coverage: of a run in which tests failed"
if [ -d build-fuzz/corpus ]; then
	make CC=clang BUILD=$build OPTIMISE="-O1 -g" SANITIZE="$flags" fuzzers
	for corpus in build-fuzz/corpus/*; do
		"$build/tests/fuzz/$(basename "$corpus")" -runs=0 "$corpus" >/dev/null 2>&1
	done
fi
llvm-profdata merge -sparse -o $build/profile $build/profiles/*.profraw
programs=$(for p in $build/tests/test_* $build/tests/corpus/test_* $build/tests/fuzz/fuzz_*; do
	[ ! -x "$p" ] || case $p in *.d) ;; *) echo "-object $p" ;; esac
done)
# shellcheck disable=SC2086
[ -z "${1-}" ] || llvm-cov show -instr-profile=$build/profile $build/weir $programs agent/decode/*.c |
	awk '/^[^ ].*\.c:$/ { file = $0 } /^ +[0-9]+\| +0\|/ { print file $0 }'
# shellcheck disable=SC2086
llvm-cov report -instr-profile=$build/profile $build/weir $programs agent/decode/*.c |
	awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "Lines") break }
	     /\.c / || /^TOTAL/ { printf "%-28s %6s lines, %5s not reached, %s\n", $1, $8, $9, $10 }'
