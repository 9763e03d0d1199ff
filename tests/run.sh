#!/bin/bash
# Runs the groups of tests it is given and closes with one line 'N passed, N failed, N skipped'.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/run.sh GROUP...
#
# A group is a set of programs: the cmocka binaries made of tests/GROUP/test_*.c, and the scripts
# tests/GROUP/*.sh but lib*.sh, run from the top of the tree with BUILD and WEIR (the program) in
# their environment. What counts in a program's output:
#   cmocka's own lines (a test that skips prints 'SKIP NAME: reason' first);
#   'ok NAME', 'FAIL NAME: reason', 'SKIP NAME: reason', one line a test;
#   or, where a program counts for itself, 'N passed, N failed, N skipped'.
# A program that fails and says nothing of it, or that tests nothing, counts as one failure.
# 'unit@build-asan' runs the group with BUILD=build-asan.
set -u
cd "$(dirname "$0")/.."

build=${BUILD:-build}
limit=${TEST_TIMEOUT:-900} # seconds that one program may take
passed=0 failed=0 skipped=0
reasons=()
tty=
[ -t 1 ] && tty=1

count() { # LOG STATUS: sets p, f, s
	read -r p f s < <(awk '
		/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { own = 1; P += $1; F += $3; S += $5 }
		/^\[       OK \] / { p++ }
		/^\[  FAILED  \] [^ ]+$/ && !seen[$0]++ { f++ }
		/^\[  SKIPPED \] [^ ]+$/ && !seen[$0]++ { s++ }
		/^\[==========\]/ { cmocka = 1 }
		!cmocka && /^ok / { p++ }
		!cmocka && /^FAIL / { f++ }
		!cmocka && /^SKIP / { s++ }
		END { if (own) print P + 0, F + 0, S + 0; else print p + 0, f + 0, s + 0 }' "$1")
	if [ "$f" = 0 ] && { [ "$2" != 0 ] || [ $((p + s)) = 0 ]; }; then
		f=1
		case $2 in
		0) reasons+=("FAIL $name: it tested nothing") ;;
		124) reasons+=("FAIL $name: stopped after $limit s") ;;
		137) reasons+=("FAIL $name: killed") ;;
		*) reasons+=("FAIL $name: ended with status $2") ;;
		esac
	fi
}

run() { # NAME COMMAND...
	name=$1
	shift
	local log=$logs/${short}.log status start=$SECONDS p f s
	[ -n "$tty" ] && printf '  %-40s ...\r' "$name"
	{ timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null; } 2>/dev/null
	status=$?
	count "$log" $status
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '  %-40s %4d passed' "$name" "$p"
	[ "$f" = 0 ] || printf ', %d FAILED' "$f"
	[ "$s" = 0 ] || printf ', %d skipped' "$s"
	printf '  (%d s)\n' $((SECONDS - start))
	if [ "$f" != 0 ]; then
		printf '    last lines of %s:\n' "$log"
		tail -n 40 "$log" | sed 's/^/    | /'
	fi
	while read -r line; do
		reasons+=("$line")
	done < <(sed -n -e "s|^FAIL |FAIL $name: |p" -e "s|^SKIP |SKIP $name: |p" \
		-e "s|^\[  FAILED  \] \([^ ]*\)$|FAIL $name: \1|p" "$log" | awk '!seen[$0]++')
}

for arg in "$@"; do
	group=${arg%%@*}
	BUILD=$build
	[ "$group" = "$arg" ] || BUILD=${arg#*@}
	BUILD=$(realpath "$BUILD")
	export BUILD WEIR=$BUILD/weir
	logs=$BUILD/tests/log/$group
	mkdir -p "$logs"
	found=
	programs=("$BUILD/tests/$group"/test_* tests/"$group"/*.sh)
	[ "$group" != unit ] || programs=("$BUILD"/tests/test_*)
	for program in "${programs[@]}"; do
		case $program in
		*.d | *.o | */lib*.sh) continue ;;
		esac
		[ -x "$program" ] || continue
		found=1
		short=$(basename "$program" .sh)
		run "$arg/$short" "$(realpath "$program")"
	done
	if [ -z "$found" ]; then
		failed=$((failed + 1))
		reasons+=("FAIL $arg: no test programs found")
	fi
done

for reason in "${reasons[@]}"; do
	printf '%s\n' "$reason"
done
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed = 0 ]
