#!/bin/bash
# A Python environment with pinned packages for the tests and the demo, in build/venv.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/venv.sh SET...     clickhouse: chdb, the ClickHouse engine as a library
#                                 s3: moto, a stand-in for an object store
#                                 kafka: confluent-kafka, for the new librdkafka in it
#                                 spdx: spdx-tools, which checks lists of what is in an image
#                                 k8s: kubernetes-validate, the schemas of Kubernetes' objects
# Prints the directory. Ends with 1, and the reason on standard error, when it cannot be made.
set -eu
cd "$(dirname "$0")/.."

declare -A packages=(
	[clickhouse]='chdb==4.4.0'
	[s3]='moto[s3,server]==5.2.5'
	[kafka]='confluent-kafka==2.16.1'
	[spdx]='spdx-tools==0.8.3'
	[k8s]='kubernetes-validate==1.37.0'
)

die() { printf 'venv.sh: %s\n' "$*" >&2; exit 1; }

venv=${VENV:-$PWD/build/venv}
mkdir -p "$(dirname "$venv")"
exec 8>"$venv.lock"
flock 8
wanted=()
for set in "$@"; do
	[ -n "${packages[$set]:-}" ] || die "no set '$set'; there are: ${!packages[*]}"
	grep -qxF "${packages[$set]}" "$venv/weir-packages" 2>/dev/null || wanted+=("${packages[$set]}")
done
if [ ${#wanted[@]} -gt 0 ]; then
	[ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv" >"$venv.log" 2>&1 ||
		die "python3 -m venv fails: $(tail -n 1 "$venv.log"); install python3-venv"
	"$venv/bin/python" -m pip install -q --disable-pip-version-check "${wanted[@]}" >"$venv.log" 2>&1 ||
		die "pip cannot install ${wanted[*]}: $(tail -n 1 "$venv.log")"
	printf '%s\n' "${wanted[@]}" >>"$venv/weir-packages"
fi
printf '%s\n' "$venv"
