#!/bin/bash
# A real object store on a free loopback port, for the demo and the tests: MinIO, one node.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/minio.sh setup            build it (Go, once, some minutes)
#        tests/minio.sh there            has it been built? by the exit status
#        tests/minio.sh start DIR BUCKET...
#        tests/minio.sh stop DIR
# `start` leaves DIR/env to be sourced: S3=http://127.0.0.1:PORT, S3_PID, S3_KEY, S3_SECRET.
set -eu

module=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir
program=$cache/minio

die() { printf 'minio.sh: %s\n' "$*" >&2; exit 1; }

setup() {
	[ ! -x "$program" ] || return 0
	command -v go >/dev/null || die "no go; install golang 1.24 or later"
	mkdir -p "$cache"
	exec 8>"$cache/minio.lock"
	flock 8
	[ ! -x "$program" ] || return 0
	CGO_ENABLED=0 GOBIN=$cache nice go install -trimpath -ldflags "-s -w" "$module" \
		>"$cache/minio.log" 2>&1 || { tail -n 5 "$cache/minio.log" >&2; die "MinIO could not be built"; }
}

start() {
	local dir=$1 port bucket i
	shift
	setup
	mkdir -p "$dir/data"
	for bucket in "$@"; do mkdir -p "$dir/data/$bucket"; done
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	printf 'S3=http://127.0.0.1:%s\nS3_KEY=weir-test\nS3_SECRET=%s\n' "$port" \
		"$(head -c 12 /dev/urandom | base64 | tr '+/' ab)" >"$dir/env"
	. "$dir/env"
	MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off MINIO_ROOT_USER=$S3_KEY \
		MINIO_ROOT_PASSWORD=$S3_SECRET setsid "$program" server --quiet \
		--address "127.0.0.1:$port" "$dir/data" >"$dir/log" 2>&1 </dev/null 8>&- &
	printf 'S3_PID=%s\n' "$!" >>"$dir/env"
	for i in $(seq 200); do
		curl -sf -o "$dir/health" "$S3/minio/health/ready" && return 0
		kill -0 $! 2>/dev/null || { tail -n 5 "$dir/log" >&2; die "it ended at once"; }
		sleep 0.1
	done
	die "it is not ready after 20 seconds"
}

[ $# -ge 1 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
case $1 in
setup) setup ;;
there) [ -x "$program" ] ;;
start) shift; start "$@" ;;
stop)
	if [ -e "$2/env" ]; then
		. "$2/env"
		kill "$S3_PID" 2>/dev/null || true
	fi
	;;
*) die "no command '$1'" ;;
esac
