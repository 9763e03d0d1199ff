# Shared by the tests with the ClickHouse engine and a real broker: sourced, not run.
# SPDX-License-Identifier: Apache-2.0
#
# The engine is chdb behind tests/clickhouse_front.py: no server, but the engine's own Kafka tables,
# views, formats and s3 function. Sets work, KAFKA, WEIR; check NAME COMMAND... counts a test.

build=${BUILD:-build}
weir=${WEIR:-$build/weir}
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-clickhouse.XXXXXX")
failures=0
front_pid= store_pid=

clean_up() {
	stop_front KILL
	[ -z "$store_pid" ] || kill -KILL "$store_pid" 2>/dev/null
	[ ! -d "$work/broker" ] || tests/kafka.sh remove "$work/broker"
	rm -rf "$work"
}
trap 'clean_up 2>/dev/null' EXIT
trap 'exit 1' INT TERM

why=$(tests/venv.sh "${venv_sets[@]:-clickhouse}" 2>&1 >"$work/venv") || { echo "SKIP all: $why"; exit 0; }
venv=$(cat "$work/venv")

check() { # NAME COMMAND...: one line for the runner; the command says why it fails
	local name=$1
	shift
	: >"$work/why"
	if "$@" >"$work/why" 2>&1; then
		echo "ok $name"
	else
		echo "FAIL $name: $(tail -n 4 "$work/why" | tr '\n' ' ')"
		failures=$((failures + 1))
	fi
}

await() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.3
	done
}

start_broker() {
	tests/kafka.sh setup >"$work/kafka" 2>&1 || { echo "SKIP all: $(tail -n 1 "$work/kafka")"; exit 0; }
	tests/kafka.sh start "$work/broker" || { echo "FAIL broker: it does not start"; exit 1; }
	. "$work/broker/env"
	export CLICKHOUSE_KAFKA_BROKERS=$KAFKA
}

start_front() {
	rm -f "$work/ready"
	"$venv/bin/python" tests/clickhouse_front.py --data "$work/clickhouse" --memory-database ingest \
		--ready "$work/ready" "$@" 2>>"$work/front.log" &
	front_pid=$!
	disown $front_pid
	await 120 test -s "$work/ready" || { echo "FAIL front: it does not start: $(tail -n 3 "$work/front.log")"; exit 1; }
	ADDRESS=$(cat "$work/ready")
	export CLICKHOUSE_HOST=127.0.0.1 CLICKHOUSE_PORT=${ADDRESS##*:} CLICKHOUSE_INGEST_DATABASE=ingest
	export CLICKHOUSE_KAFKA_FLUSH_MS=500
}

# MinIO where tests/minio.sh has built it, else moto, a stand-in; needs the set s3.
start_store() {
	if tests/minio.sh there; then
		echo "# object store: MinIO"
		tests/minio.sh start "$work/store" ipfix || return 1
		. "$work/store/env"
		store_pid=$S3_PID
	else
		local port
		echo "# object store: moto, a stand-in (tests/minio.sh setup builds the real one)"
		port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/store.log" 2>&1 &
		store_pid=$!
		disown $store_pid
		S3=http://127.0.0.1:$port S3_KEY=test S3_SECRET=test
		await 60 curl -sf -o "$work/bucket" -X PUT "$S3/ipfix"
	fi
	export EXPORT_S3_ENDPOINT=$S3 AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET
}

stop_front() { # [SIGNAL]
	[ -n "$front_pid" ] || return 0
	kill -"${1:-TERM}" "$front_pid" 2>/dev/null
	while kill -0 "$front_pid" 2>/dev/null; do sleep 0.05; done
	front_pid=
}

sql() { # SQL: the answer in columns with tabs
	local answer
	answer=$(curl -sS -w '\n%{http_code}' "$ADDRESS/" --data-binary "$1") || return 1
	printf '%s' "${answer%$'\n'*}"
	[ "${answer##*$'\n'}" = 200 ]
}

is() { # SQL VALUE: fails with what there is instead
	local got
	got=$(sql "$1")
	[ "$got" = "$2" ] || { echo "$1 gives '$got', not '$2'"; return 1; }
}

becomes() { # SECONDS SQL VALUE
	local end=$((SECONDS + $1))
	until is "$2" "$3" >/dev/null; do
		[ $SECONDS -lt $end ] || { is "$2" "$3"; return; }
		sleep 0.3
	done
}

schema() { "$weir" load schema "$@" 2>"$work/schema.log" || { cat "$work/schema.log"; return 1; }; }

# replay FORMAT TOPIC FILE...
replay() {
	local format=$1 topic=$2
	shift 2
	"$weir" replay "$@" -q -o "kafka:$KAFKA/$topic" --format "$format" 2>"$work/replay.log" ||
		{ tail -n 3 "$work/replay.log"; return 1; }
}
