# Shared by the tests against a real broker: sourced, not run.
# SPDX-License-Identifier: Apache-2.0

build=${BUILD:-build}
flows=$build/tests/integration/kafka_flows
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-kafka.XXXXXX")
trap 'for d in "$work"/broker*; do tests/kafka.sh remove "$d"; done 2>/dev/null; rm -rf "$work"' EXIT
failures=0

[ -x "$flows" ] || { echo "FAIL setup: no $flows; run make test-programs"; exit 1; }
tests/kafka.sh setup || { echo "SKIP all: no broker could be fetched"; exit 0; }

# check NAME COMMAND...: one line for the runner; the command says why it fails.
check() {
	local name=$1
	shift
	: >"$work/why"
	if ("$@") >"$work/why" 2>&1; then
		echo "ok $name"
	else
		echo "FAIL $name: $(tail -n 3 "$work/why" | tr '\n' ' ')"
		failures=$((failures + 1))
	fi
}

# publish KEY=VALUE...: accounts in $work/accounts, what the operator would read in $work/log.
publish() {
	"$flows" publish "$@" >"$work/accounts" 2>"$work/log" || {
		cat "$work/log"
		echo "publishing ended with status $?"
		return 1
	}
}

# read_back KEY=VALUE...: what is in the topic goes to $work/reading.
read_back() {
	"$flows" read "$@" >"$work/reading" 2>"$work/reading.log" || { cat "$work/reading.log"; return 1; }
}

# is FILE NAME VALUE: the number that a file has for a name; 0 where it has none.
number() { awk -v n="$2" '$1 == n { v = $2 } END { print v + 0 }' "$work/$1"; }
is() {
	[ "$(number "$1" "$2")" = "$3" ] || { echo "$2 is $(number "$1" "$2"), not $3"; return 1; }
}
above() { [ "$(number "$1" "$2")" -gt "$3" ] || { echo "$2 is $(number "$1" "$2"), not over $3"; return 1; }; }
says() { grep -q "$1" "$work/log" || { echo "the log does not say '$1' but: $(tail -n 2 "$work/log")"; return 1; }; }
says_not() { ! grep -q "$1" "$work/log" || { echo "the log says '$1'"; return 1; }; }

# library_has version V | feature NAME: of the librdkafka that programs are run with.
library_has() {
	python3 - "$@" <<-'END'
	import ctypes, sys
	lib = ctypes.CDLL("librdkafka.so.1")
	lib.rd_kafka_conf_new.restype = ctypes.c_void_p
	if sys.argv[1] == "version":
	    v = lib.rd_kafka_version()
	    sys.exit((v >> 24, v >> 16 & 255, v >> 8 & 255) < tuple(map(int, sys.argv[2].split("."))))
	text, size = ctypes.create_string_buffer(512), ctypes.c_size_t(512)
	lib.rd_kafka_conf_get(ctypes.c_void_p(lib.rd_kafka_conf_new()), b"builtin.features", text,
	                      ctypes.byref(size))
	sys.exit(sys.argv[2] not in text.value.decode().split(","))
	END
}

# The librdkafka that the Python package confluent-kafka carries, kept in the build: $newer is a
# directory for LD_LIBRARY_PATH.
newer_library() {
	local venv library
	newer=$(realpath "$build")/newer-librdkafka
	[ ! -e "$newer/librdkafka.so.1" ] || return 0
	venv=$(tests/venv.sh kafka 2>"$work/pip") || return 1
	library=$(realpath "$venv"/lib/python3*/site-packages/confluent_kafka.libs/librdkafka*.so.1) &&
		mkdir -p "$newer" && ln -sf "$library" "$newer/librdkafka.so.1"
}
