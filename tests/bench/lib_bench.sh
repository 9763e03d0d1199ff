# What the benchmarks of whole collectors share: exporters in namespace a, the collector in b with a
# broker beside it, CPU time and memory by thread. Sourced, not run.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib_e2e.sh"

to=10.9.0.2:4739
broker=
START_WAIT=120 # tables are large, machines busy

# CPU time of a process so far, all threads, seconds. What the kernel did in softirq meanwhile on
# its processor is in it.
cpu_of() { # PID
	cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.6f\n", sum / 1e9 }'
}

threads_of() { # PID: name and seconds of each
	local t
	for t in /proc/"$1"/task/*; do
		printf '%s %s\n' "$(tr ' ' _ <"$t/comm")" "$(awk '{ print $1 / 1e9 }' "$t/schedstat")"
	done
}

# Most memory a process had and what it has now, KiB.
peak_of() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
rss_of() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

bench_broker() {
	tests/kafka.sh setup || return 1
	trap 'tests/kafka.sh remove "$broker" 2>/dev/null; cleanup' EXIT
	broker=$scratch/broker
	in_b tests/kafka.sh start "$broker" --property log.retention.bytes=33554432 \
		--property log.segment.bytes=16777216 --property log.retention.check.interval.ms=1000 \
		--property log.segment.delete.delay.ms=100 \
		--property message.max.bytes=4194304 >"$scratch/broker.out" 2>&1 || return 1
	. "$broker/env"
}

# Frames of the generator, made once and sent by the kernel.
live() { # OPTION...
	sent=$(in_a "$BUILD/tests/send_load" --to $to --interface va --live --from 10.9.0.10 \
		--mac "$mac_b" "$@")
}
