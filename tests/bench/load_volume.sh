#!/bin/bash
# Loads metadata of the real size: seconds, CPU and memory of each loader, trie included.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/bench/load_volume.sh [local|clickhouse]     after make; BLOCKS, AS, ORGANIZATIONS
#
# local: the versions are files. clickhouse: they are tables of ClickHouse's engine (chdb behind
# tests/clickhouse_front.py, no server), whose CPU time is told beside the loader's own.
# Ends with 1 where all of it takes more than 2 minutes of CPU or a loader more than 1 GiB.
set -u
cd "$(dirname "$0")/../.."
where=${1:-local}
. tests/integration/lib_clickhouse.sh
unset CLICKHOUSE_HOST
volume=$work/volume
mkdir "$work/conf"
touch "$work/conf/weir.yaml"
echo "making ${AS:-120000} AS, ${ORGANIZATIONS:-100000} organizations, ${BLOCKS:-5000000} blocks"
python3 tests/tools/metadata_volume.py "$volume" --as "${AS:-120000}" \
	--organizations "${ORGANIZATIONS:-100000}" --blocks "${BLOCKS:-5000000}" || exit 1
if [ "$where" = clickhouse ]; then
	start_front
	schema || { echo "$(tail -n 1 "$work/schema.log")"; exit 1; }
fi
engine_cpu() { [ -z "$front_pid" ] && echo 0 || awk '{ print ($14 + $15) / 100 }' "/proc/$front_pid/stat"; }

measured() { # NAME ARGUMENT...: a run of weir load, and a line of what it took
	local name=$1 before
	shift
	before=$(engine_cpu)
	python3 - "$work/taken" "$weir" load "$@" -c "$work/conf/weir.yaml" -s load.history="$work/history" \
		--cache "$work/cache" <<-'END' 2>"$work/load.log" || { cat "$work/load.log"; exit 1; }
	import os, subprocess, sys, time
	start = time.monotonic()
	child = subprocess.Popen(sys.argv[2:])
	_, status, use = os.wait4(child.pid, 0)
	with open(sys.argv[1], "w") as out:
	    print(time.monotonic() - start, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, file=out)
	sys.exit(status != 0)
	END
	read -r wall cpu memory <"$work/taken"
	printf '%-24s %7.1f s %7.1f s %7.1f s %6.0f MiB  %s\n' "$name" "$wall" "$cpu" \
		"$(awk -v a="$(engine_cpu)" -v b="$before" 'BEGIN { print a - b }')" "$memory" \
		"$(sed 's/.*: load [a-z]*: //' "$work/load.log" | tail -n 1)"
	printf '%s %s\n' "$cpu" "$memory" >>"$work/${sum:-all}"
}

printf '%-24s %9s %9s %9s %10s\n' '' wall CPU engine memory
measured caida caida "$volume/as-org2info.jsonl" "$volume/peeringdb.json"
measured geolite geolite "$volume"
measured trie trie
sum=again
measured 'geolite, nothing new' geolite "$volume"
# Each hundredth block of places in another place.
sed -i '2~100s/^\([^,]*\),[^,]*,/\1,7,/' "$volume"/GeoLite2-City-Blocks-IPv?.csv
measured 'geolite, 1 % changed' geolite "$volume"
awk -v n="$(nproc)" '{ cpu += $1; if ($2 > most) most = $2 }
	END { printf "caida, geolite and trie: %.0f s of CPU of 120, %.0f MiB of 1024\n", cpu, most
		exit cpu > 120 || most > 1024 }' "$work/all"
