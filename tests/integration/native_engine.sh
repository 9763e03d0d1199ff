#!/bin/bash
# Native blocks as the ClickHouse engine reads them: the same rows as JSON, enriched fields too.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
unset CLICKHOUSE_HOST
venv=$(tests/venv.sh clickhouse 2>"$scratch/why") || { skip native_engine "$(cat "$scratch/why")"; finish; }

conf=$scratch/conf
mkdir "$conf"
cp conf.example/meta_*.yml conf.example/networks.yml conf.example/communities.yml "$conf"
cat >"$conf/weir.yaml" <<END
enrich:
  cache: $scratch/cache
  policy: {enabled: true, originator: example.org}
load: {history: $scratch/history}
END
load() { "$WEIR" load "$1" -c "$conf/weir.yaml" --cache "$scratch/cache" "${@:2}" >>"$scratch/load" 2>&1; }
load caida tests/data/as-org2info.jsonl "file://$PWD/tests/data/peeringdb.json" &&
	load geolite tests/data && load scireg tests/data/scireg.json && load files && load trie ||
	fail load "$(tail -n 2 "$scratch/load")"

replay() { # FORMAT FILE
	"$WEIR" replay tests/captures/*.pcap -q -c "$conf/weir.yaml" --output "$2" --format "$1" 2>&1
}
expect writes_native "$(replay native "$scratch/flows.native"; echo $?)" '^0$'
replay json "$scratch/flows.json"

cat >"$scratch/compare.py" <<'END'
import sys

import chdb

ddl, native, json = sys.argv[1:]
# As deploy/clickhouse declares the columns.
columns = {}
for line in open(ddl).read().split("\n(\n")[1].split("\n)\n")[0].splitlines():
    name, kind = line.strip().rstrip(",").split(" ", 1)
    columns[name] = kind
structure = ", ".join(" ".join(c) for c in columns.items())
# Numbers in Native are names in JSON.
names = [n for n in columns if not n.endswith(("_mac", "proto", "_origin", "layer_stack"))
         and n not in ("type", "etype")]


def ask(path, fmt, what):
    return chdb.query(f"SELECT {what} FROM file('{path}', '{fmt}', '{structure}') "
                      "SETTINGS input_format_skip_unknown_fields = 1", "TabSeparated").data().strip()


def read(path, fmt):
    row = ask(path, fmt, ", ".join(f"countIf({n} != defaultValueOfTypeName('{columns[n]}')), "
                                   f"sum(cityHash64(toString({n})))" for n in names)).split("\t")
    return dict(zip(names, zip(row[::2], row[1::2])))


got = read(native, "Native")
# JSON has names where the columns want numbers.
structure = ", ".join(f"{n} {columns[n]}" for n in names)
want = read(json, "JSONEachRow")
bad = [f"{n}: native {got[n]}, json {want[n]}" for n in names if got[n] != want[n]]
print(ask(native, "Native", "count()"), "rows:", " ".join(n for n in names if want[n][0] != "0"))
print("\n".join(bad))
sys.exit(bool(bad))
END
ddl=$PWD/deploy/clickhouse/repeatable/23_native.sql
cd "$scratch" || exit 1
if "$venv/bin/python" compare.py "$ddl" flows.native flows.json >compared 2>&1; then
	pass the_engine_reads_the_same_of_both
else
	fail the_engine_reads_the_same_of_both "$(tail -n 5 compared)"
fi
expect enriched_fields_are_among_them "$(cat compared)" "^$(wc -l <flows.json) " src_as_name src_country src_latitude \
	policy_scope device_id application_service
finish
