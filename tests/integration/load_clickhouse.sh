#!/bin/bash
# weir load into the ClickHouse engine: chdb behind a loopback HTTP front, which is no server.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
venv=$(tests/venv.sh clickhouse 2>"$scratch/venv")
if [ -z "$venv" ]; then
	skip load_clickhouse "no chdb: $(tail -n 1 "$scratch/venv")"
	finish
fi
data=$(realpath tests/data)
conf=$scratch/conf
mkdir "$conf"
cp conf.example/meta_*.yml conf.example/networks.yml conf.example/communities.yml "$conf"
touch "$conf/weir.yaml"

front=$(realpath tests/clickhouse_front.py)
(cd "$scratch" && exec "$venv/bin/python" "$front" --data "$scratch/ch" --ready "$scratch/ready") \
	>"$scratch/front" 2>&1 &
if ! await 60 test -s "$scratch/ready"; then
	fail "the engine starts" "$(tail -n 3 "$scratch/front")"
	finish
fi
url=$(cat "$scratch/ready")
export CLICKHOUSE_HOST=127.0.0.1 CLICKHOUSE_PORT=${url##*:} CLICKHOUSE_DATABASE=metranova

query() { curl -sS "$url/?database=metranova" --data-binary "$1"; }
load() { # NAME ARGUMENT...
	"$WEIR" load "$1" -c "$conf/weir.yaml" -s load.history="$scratch/work" \
		--cache "$scratch/cache" "${@:2}" 2>&1
}
all() {
	load caida "$data/as-org2info.jsonl" "$data/peeringdb.json"
	load geolite "$data"
	load scireg "$data/scireg.json"
	load cric "$data/cric.json"
	load scinet "$data/booth_metadata.json"
	load files
	load trie
}
rows() { # of all tables
	for table in organization as ip ip_scireg ip_cric ip_scinet device circuit interface \
		application; do
		echo "$table $(query "SELECT count() FROM meta_$table")"
	done
}

expect "the schema" "$(load schema)" 'files applied'
expect "every source loads" "$(all)" 'meta_organization: 4 rows read, 4 new' \
	'meta_as: 6 rows read, 6 new' 'meta_ip: 9 rows read, 9 new' \
	'meta_interface: 3 rows read, 3 new' 'meta_application: 17 rows read, 17 new' \
	'2 devices, 3 interfaces, 17 applications'
before=$(rows)
expect "the rows are there" "$before" '^organization 4$' '^as 6$' '^ip 9$' '^ip_cric 1$' \
	'^interface 3$' '^application 17$'
again=$(all)
if [ "$before" = "$(rows)" ] && ! grep -qE '[1-9][0-9]* (new|changed)' <<<"$again"; then
	pass "a second run adds nothing"
else
	fail "a second run adds nothing" "$again"
fi
expect "refs join" "$(query "SELECT i.id, a.name, o.name FROM meta_ip i
	JOIN meta_as a ON i.as_ref = a.ref JOIN meta_organization o ON a.organization_ref = o.ref
	WHERE i.id = '192.0.2.0/25'")" '^192.0.2.0/25	EXAMPLE-NET	Example Networks, Inc.$'
expect "subnets of IPv4 have the length of IPv4" \
	"$(query "SELECT ip_subnet FROM meta_ip WHERE id = '192.0.2.0/25'")" \
	"'::ffff:192.0.2.0',25"
expect "ext holds what PeeringDB says" \
	"$(query "SELECT ext.peeringdb_scope, ext.data_source FROM meta_as WHERE id = '64500'")" \
	"^Europe	\['CAIDA','PeeringDB'\]"
sed 's/"EXAMPLE-NET-2"/"RENAMED"/' "$data/as-org2info.jsonl" >"$scratch/as.jsonl"
expect "exactly what changed gets a new version" \
	"$(load caida "$scratch/as.jsonl" "$data/peeringdb.json")" \
	'meta_organization: 4 rows read, 0 new, 0 changed' 'meta_as: 6 rows read, 0 new, 1 changed'
expect "and the old one stays" \
	"$(query "SELECT ref, name FROM meta_as WHERE id = '64497' ORDER BY ref")" \
	'^64497__v1	EXAMPLE-NET-2$' '^64497__v2	RENAMED$'
before=$(rows)
expect "a wrong port is told" "$(CLICKHOUSE_PORT=1 load scireg "$data/scireg.json")" \
	'ClickHouse at 127.0.0.1:1: '
expect "a table that is not there is told" \
	"$(CLICKHOUSE_SCIREG_METADATA_TABLE=none load scireg "$data/scireg.json")" 'UNKNOWN_TABLE|none'
[ "$before" = "$(rows)" ] && pass "nothing changed by that" || fail "nothing changed by that" "$(rows)"
expect "the password is in no message" \
	"$(CLICKHOUSE_PORT=1 CLICKHOUSE_PASSWORD=geheim7 load cric "$data/cric.json" | grep -c geheim7)" \
	'^0$'
expect "an address" "$(mmdblookup --file "$scratch/cache/ip.mmdb" --ip 192.0.2.70 | tr -s ' \n' ' ')" \
	'"as": 64496' '"ip_ref": "192.0.2.0/25__v1"' '"scireg": "101__v1"'

# A run that dies half-way: the table is as it was. In one block first, killed at many moments.
state_of() { query "SELECT count(), sum(cityHash64(ref, hash)) FROM meta_ip"; }
killed_after() { # SECONDS DIRECTORY
	"$WEIR" load geolite -s load.history="$scratch/work" "$2" 2>"$scratch/killed" &
	local loader=$!
	sleep "$1"
	kill -KILL $loader 2>/dev/null
	wait $loader 2>/dev/null
}
# All of it in 100,000 rows of the first octets: the rows of one run are there wholly or not at all.
python3 tests/tools/metadata_volume.py "$scratch/volume" --as 2000 --organizations 2000 --blocks 100000
all_or_nothing() {
	local before now moment
	before=$(state_of)
	for moment in 0.05 0.2 0.4 0.6 0.9 1.2 1.6 2.1; do
		killed_after $moment "$scratch/volume"
		# What the loader had sent may still be on its way in.
		now=$(query "SELECT count() FROM meta_ip")
		[ "$now" = "${before%%$'\t'*}" ] || [ "$now" -ge $((${before%%$'\t'*} + 100000)) ] ||
			{ echo "after $moment s: $now rows, before ${before%%$'\t'*}"; return 1; }
	done
	load geolite "$scratch/volume" >"$scratch/out"
	grep -qE 'meta_ip: 10[0-9]{4} rows read' "$scratch/out" &&
		[ "$(query "SELECT count() = uniqExact(ref), count() = uniqExact(id, hash) FROM meta_ip")" = "1	1" ] ||
		{ cat "$scratch/out"; query "SELECT count(), uniqExact(ref), uniqExact(id, hash) FROM meta_ip"; return 1; }
}
if why=$(all_or_nothing 2>&1); then
	pass "a run that is killed at any moment leaves the table as it was, or as it was to be"
else
	fail "a run that is killed at any moment leaves the table as it was, or as it was to be" "$why"
fi
expect "and one that came through once adds nothing when it runs again" "$(load geolite "$scratch/volume")" \
	'meta_ip: 10[0-9]{4} rows read, 0 new, 0 changed'

# More than one block, by way of a table beside it.
python3 tests/tools/metadata_volume.py "$scratch/volume" --as 2000 --organizations 2000 --blocks 1200000
before=$(state_of)
"$WEIR" load geolite -s load.history="$scratch/work" "$scratch/volume" 2>"$scratch/killed" &
loader=$!
if await 120 eval '[ "$(query "EXISTS TABLE meta_ip__load")" = 1 ]'; then
	kill -KILL $loader
	wait $loader 2>/dev/null
	[ "$before" = "$(state_of)" ] && pass "killed while the table beside it fills, the table is as it was" ||
		fail "killed while the table beside it fills, the table is as it was" "$(state_of), before $before"
else
	fail "killed while the table beside it fills, the table is as it was" "no table meta_ip__load: $(cat "$scratch/killed")"
fi
expect "and the next run does it all" "$(load geolite "$scratch/volume")" 'meta_ip: 12[0-9]{5} rows read'
expect "each row once, and nothing is left beside it" \
	"$(query "SELECT count() = uniqExact(ref), count() > 1200000, (SELECT count() FROM system.tables WHERE name LIKE '%__load') FROM meta_ip")" \
	'^1	1	0$'
kill %1
finish
