#!/bin/bash
# Builds a reader of Compose files from the library that is in Docker Compose v2, and prints its path.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/deploy/compose_v2/build.sh    needs Go 1.24 and the Go module proxy, half a minute; built once
set -eu
cd "$(dirname "$0")"
to=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir/bin/compose_v2-$(cat main.go go.mod go.sum | sha256sum | cut -c1-12)
if [ ! -x "$to" ]; then
	command -v go >/dev/null || { echo "no Go here: https://go.dev/dl" >&2; exit 1; }
	mkdir -p "$(dirname "$to")"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	GOMODCACHE=$work/mod GOCACHE=$work/cache GOFLAGS='-modcacherw -trimpath -mod=readonly' CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local \
		nice go build -ldflags '-s -w' -o "$work/program" . 2>"$work/log" || { tail -n 2 "$work/log" >&2; exit 1; }
	mv "$work/program" "$to"
fi
printf '%s\n' "$to"
