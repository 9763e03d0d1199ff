#!/bin/bash
# weir load without ClickHouse: every source in its own format, versions, the agent's cache.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
unset CLICKHOUSE_HOST
data=tests/data
conf=$scratch/conf
mkdir "$conf"
cp conf.example/meta_*.yml conf.example/networks.yml conf.example/communities.yml "$conf"
touch "$conf/weir.yaml"
cp -r $data "$scratch/data"
data=$scratch/data

load() { # NAME ARGUMENT...
	"$WEIR" load "$1" -c "$conf/weir.yaml" -s load.history="$scratch/history" \
		--cache "$scratch/cache" "${@:2}" 2>&1
}
all() {
	load caida -s load.custom_as="$data/custom_as_additions.yml" \
		-s load.custom_organizations="$data/custom_org_additions.yml" \
		"$data/as-org2info.jsonl" "file://$data/peeringdb.json"
	load geolite -s load.custom_ip="$data/custom_ip_additions.yml" "$data"
	load scireg "$data/scireg.json"
	load cric "$data/cric.json"
	load scinet "$data/booth_metadata.json"
	load files
	load trie
}
kept() { # TABLE: every version, sorted
	zstd -dcq "$scratch/history/$1.jsonl.zst" 2>/dev/null | sort
}
lookup() { # ADDRESS: on one line
	mmdblookup --file "$scratch/cache/ip.mmdb" --ip "$1" 2>&1 | tr -s ' \n' ' '
}

expect "every source loads" "$(all)" \
	'meta_organization: 5 rows read, 5 new' 'meta_as: 7 rows read, 7 new' \
	'meta_ip: 10 rows read, 10 new' 'meta_ip_scireg: 2 rows read, 2 new' \
	'meta_ip_cric: 1 rows read, 1 new' 'meta_ip_scinet: 2 rows read, 2 new' \
	'meta_interface: 3 rows read, 3 new' 'meta_application: 17 rows read, 17 new' \
	'7 AS, 2 devices, 3 interfaces, 17 applications, 4 communities'

before=$(sha256sum "$scratch"/history/*.zst)
again=$(all)
if grep -qE '[1-9][0-9]* (new|changed|withdrawn)' <<<"$again"; then
	fail "a second run adds nothing" "$again"
elif [ "$before" != "$(sha256sum "$scratch"/history/*.zst)" ]; then
	fail "a second run adds nothing" "the files differ"
else
	pass "a second run adds nothing"
fi

expect "an address has what every source says of it" "$(lookup 192.0.2.70)" '"as": 64496' \
	'"as_name": "Example \(as we call it\)"' '"as_ref": "64496__v1"' \
	'"organization": "Example Networks, Inc."' '"organization_ref": "caida:EXA-1-ARIN__v1"' \
	'"ip_ref": "192.0.2.0/25__v1"' '"continent": "NA"' '"country": "US"' '"city": "New York"' \
	'"latitude": 40.718500' '"scireg": "101__v1"' '"name": "loopbacks"'
expect "a block of an AS within one of a place keeps both" "$(lookup 198.51.100.200)" \
	'"as": 64502' '"country": "DE"' '"city": "Offenbach"'
expect "IPv6 too" "$(lookup 2001:db8:8000:1::1)" '"as": 64500' '"cric": "EXAMPLE-T1-LHCONE__v1"'
expect "an address of nobody has nothing" "$(lookup 8.8.8.8)" 'Could not find an entry'
expect "names are JSON" "$(python3 -m json.tool "$scratch/cache/meta.json" 2>&1)" \
	'"64805": "lhcone"' '"flow_index": 501' '"port_max": 51000' '"organization": "The Laboratory"'

sed -i 's/Beispielnetz \\"Mitte\\"/Beispielnetz/' "$data/as-org2info.jsonl"
sed -i 's/"EXAMPLE-NET-2"/"RENAMED"/' "$data/as-org2info.jsonl"
sed -i -e 's/^192.0.2.0\/25,5128581/192.0.2.0\/25,4930956/' -e '/^198.51.100.0/d' \
	"$data/GeoLite2-City-Blocks-IPv4.csv"
sed -i 's/to Boston/to Boston, MA/' "$conf/meta_interface.yml"
expect "exactly what changed gets a new version" "$(all)" \
	'meta_organization: 5 rows read, 0 new, 1 changed, 4 unchanged' \
	'meta_as: 7 rows read, 0 new, 1 changed, 6 unchanged' \
	'meta_interface: 3 rows read, 0 new, 1 changed, 2 unchanged' \
	'meta_ip_scireg: 2 rows read, 0 new, 0 changed, 2 unchanged'
expect "old versions stay" "$(kept meta_as)" '"64497__v1".*EXAMPLE-NET-2' '"64497__v2".*RENAMED'
expect "the latest counts" "$(lookup 192.0.2.1)" '"city": "Boston"' '"ip_ref": "192.0.2.0/25__v2"'

cp "$conf/meta_device.yml" "$scratch/device.yml"
sed -i '/- id: bos-er1/,$d' "$conf/meta_device.yml"
expect "a row that is taken out is withdrawn" "$(load files)" 'meta_device: 1 rows read.* 1 withdrawn'
expect "once" "$(load files)" 'meta_device: 1 rows read, 0 new, 0 changed, 1 unchanged(;|$)'
load trie >/dev/null
if grep -q bos-er1 <<<"$(grep -A3 '"devices"' "$scratch/cache/meta.json")"; then
	fail "a withdrawn device is gone" "$(cat "$scratch/cache/meta.json")"
else
	pass "a withdrawn device is gone"
fi
cp "$scratch/device.yml" "$conf/meta_device.yml"
expect "and may come back" "$(load files)" 'meta_device: 2 rows read, 0 new, 1 changed'

before=$(sha256sum "$scratch"/history/*.zst)
cat >"$scratch/bad.yml" <<-'EOF'
	table: meta_interface
	data:
	  - id: a
	    device_id: b
	    name: c
	    type: port
	    flow_index: many
	    colour: red
	  - id: a
	    type: port
EOF
expect "faults are told with their lines, all of them" "$(load files "$scratch/bad.yml")" \
	"bad.yml:7: 'many' is not a number" "bad.yml:8: meta_interface has no column 'colour'" \
	"bad.yml:9: a row of meta_interface needs 'device_id'" \
	"bad.yml:9: the id 'a' stands here twice \(first in line 3\)" 'has 5 faults'
echo '[{"scireg_id": 1, "addresses": ["192.0.2.0/24"' >"$scratch/cut.json"
expect "JSON that is cut short changes nothing" "$(load scireg "$scratch/cut.json")" 'is not JSON'
gzip -c "$data/as-org2info.jsonl" | head -c 200 >"$scratch/cut.jsonl.gz"
expect "a file that is cut short changes nothing" \
	"$(load caida "$scratch/cut.jsonl.gz" "$data/peeringdb.json")" 'cut.jsonl.gz: is cut short'
expect "a source that is not there" "$(load cric "$scratch/none.json")" \
	'none.json: No such file or directory'
[ "$before" = "$(sha256sum "$scratch"/history/*.zst)" ] && pass "none of this left a trace" ||
	fail "none of this left a trace" "the files differ"
left=$(find "$scratch/history" "$scratch/cache" -name '.*-??????' -o -name '*.new')
[ -z "$left" ] && pass "no temporary file is left" || fail "no temporary file is left" "$left"

mkdir "$scratch/zip"
python3 - "$data" "$scratch/zip" <<'EOF'
import pathlib, sys, zipfile
data, out = map(pathlib.Path, sys.argv[1:])
for kind in "ASN", "City":
    with zipfile.ZipFile(out / f"GeoLite2-{kind}-CSV.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(f"GeoLite2-{kind}-CSV_20260101/README.txt", "none")
        for file in data.glob(f"GeoLite2-{kind}-*.csv"):
            z.write(file, f"GeoLite2-{kind}-CSV_20260101/{file.name}")
EOF
expect "zip files as MaxMind packs them" \
	"$(load geolite -s load.custom_ip="$data/custom_ip_additions.yml" "$scratch"/zip/*.zip)" \
	'meta_ip: [0-9]+ rows read, 0 new, 0 changed'
expect "an .mmdb file that is not there" "$(load geolite -s load.history="$scratch/h2" tests/data/none.mmdb)" \
	'none.mmdb: No such file'

# MetrANOVA's variables, from the environment and from envs/base.env
mkdir "$conf/envs"
printf 'SCIREG_HTTP_CONSUMER_URLS="%s"\nSCIREG_HTTP_CONSUMER_UPDATE_INTERVAL=-1 # once\n' \
	"$data/scireg.json" >"$conf/envs/base.env"
expect "variables of envs/base.env" "$(load scireg)" 'meta_ip_scireg: 2 rows read, 0 new'
export SCIREG_HTTP_CONSUMER_UPDATE_INTERVAL=1
timeout 20 "$WEIR" load scireg -c "$conf/weir.yaml" -s load.history="$scratch/history" \
	2>"$scratch/every" &
await 60 grep -qz 'rows read.*rows read' "$scratch/every"
kill -TERM $(jobs -p)
wait $(jobs -p)
expect "again and again until SIGTERM" "$(cat "$scratch/every")" 'rows read' 'load scireg: stopped'
finish
