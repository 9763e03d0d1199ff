#!/bin/bash
# What the analytics need: a Python environment, node modules, rclone. Only what is missing or has changed.
# SPDX-License-Identifier: Apache-2.0
# usage: analytics/setup.sh [python] [evidence] [rclone]    no argument: all three
set -eu
cd "$(dirname "$0")"

if [ -t 2 ]; then
	say() { printf '  SETUP   %s\n' "$*" >&2; }
else
	say() { printf 'analytics/setup.sh: %s\n' "$*" >&2; }
fi
die() { printf 'analytics/setup.sh: %s\n' "$*" >&2; exit 1; }

cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir
mkdir -p "$cache" ../build/analytics
exec 8>../build/analytics/setup.lock
flock 8

run() { # LOG COMMAND...: quiet, but for its end when it fails
	local log=../build/analytics/$1.log
	shift
	nice "$@" >"$log" 2>&1 </dev/null 8>&- || { tail -n 15 "$log" >&2; die "failed: $*"; }
}

# A directory is whole when its stamp holds the sum of what it was made of.
fresh() { [ "$(cat "$1" 2>/dev/null)" = "$(stamp "${@:2}")" ]; }
stamp() { cat "$@" | sha256sum | cut -d' ' -f1; }

set_up_python() {
	fresh .venv/weir-stamp requirements.txt && return
	local python=${PYTHON:-python3}
	"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' ||
		die "$python is $("$python" -V 2>&1); Python 3.10 to 3.13 is needed (PYTHON=...)"
	say "Python packages of requirements.txt, into analytics/.venv"
	rm -f .venv/weir-stamp
	[ -x .venv/bin/pip ] || run venv "$python" -m venv --clear .venv
	run pip .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
	# Where DuckDB looks for extensions, so that it need not download any.
	.venv/bin/python - <<-'PY' || die "DuckDB does not take the extension httpfs"
		import pathlib, shutil, duckdb, duckdb_extension_httpfs
		version, = duckdb.sql("select library_version from pragma_version()").fetchone()
		platform, = duckdb.sql("pragma platform").fetchone()
		name = "httpfs.duckdb_extension"
		to = pathlib.Path(".venv/extensions") / version / platform
		to.mkdir(parents=True, exist_ok=True)
		shutil.copy(pathlib.Path(list(duckdb_extension_httpfs.__path__)[0]) / "extensions" / version / name, to / name)
		duckdb.connect(config={"extension_directory": ".venv/extensions"}).load_extension("httpfs")
	PY
	stamp requirements.txt >.venv/weir-stamp
}

set_up_evidence() {
	[ -e evidence/package.json ] || return 0
	local of=(evidence/package.json)
	[ ! -d evidence/scripts ] || of+=(evidence/scripts/*)
	fresh evidence/node_modules/.weir-stamp "${of[@]}" && return
	command -v node >/dev/null || die "no node; Node.js 20 or 22 is needed"
	case $(node --version) in
	v20.* | v21.* | v22.*) ;;
	*) die "node is $(node --version); Node.js 20 or 22 is needed" ;;
	esac
	say "node modules of evidence/package.json, into analytics/evidence/node_modules (some minutes the first time)"
	rm -f evidence/node_modules/.weir-stamp
	run npm npm --prefix evidence install --no-save --no-package-lock --no-audit --no-fund --cache "$cache/npm"
	stamp "${of[@]}" >evidence/node_modules/.weir-stamp
}

set_up_rclone() {
	command -v rclone >/dev/null && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "no rclone; install it: apt-get install rclone"
	say "rclone"
	DEBIAN_FRONTEND=noninteractive run apt apt-get -q -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends rclone
}

[ $# -gt 0 ] || set -- python evidence rclone
for what in "$@"; do
	case $what in
	python | evidence | rclone) "set_up_$what" ;;
	*) die "unknown part '$what': python, evidence and rclone are known" ;;
	esac
done
