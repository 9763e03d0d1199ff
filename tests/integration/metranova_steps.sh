#!/bin/bash
# MetrANOVA's thirteen steps, typed as docs/METADATA.md has them, against the ClickHouse engine.
# SPDX-License-Identifier: Apache-2.0
#
# The files are the project's own, in the formats of CAIDA, PeeringDB, MaxMind and the registry; a
# web server on the loopback stands for theirs. The engine is chdb behind a front: no server.
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
venv=$(tests/venv.sh clickhouse 2>"$scratch/venv")
if [ -z "$venv" ]; then
	skip metranova_steps "no chdb: $(tail -n 1 "$scratch/venv")"
	finish
fi
top=$PWD
data=$top/tests/data
WEIR=$(realpath "$WEIR")
PATH=$(dirname "$WEIR"):$PATH
unset "${!CLICKHOUSE_@}" "${!CAIDA_@}" "${!IP_GEO_@}" "${!SCIREG_@}" "${!FILE_CONSUMER_@}"

"$venv/bin/python" tests/clickhouse_front.py --data "$scratch/ch" --ready "$scratch/ready" >"$scratch/front" 2>&1 &
mkdir -p "$scratch/www/as" "$scratch/www/pdb"
(cd "$scratch/www" && exec python3 -u -m http.server --bind 127.0.0.1 0) >"$scratch/www.log" 2>&1 &
await 60 test -s "$scratch/ready" && await 60 grep -q 'port [0-9]' "$scratch/www.log"
url=$(cat "$scratch/ready") web=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$scratch/www.log")
query() { curl -sS "$url/?database=metranova" --data-binary "$1"; }
# CAIDA's names have the month in them; that of this month and of the last are not out yet.
month=$(date -u -d "$(date -u +%Y-%m-15) -2 month" +%Y%m)
gzip -c "$data/as-org2info.jsonl" >"$scratch/www/as/${month}01.as-org2info.jsonl.gz"
cp "$data/peeringdb.json" "$scratch/www/pdb/peeringdb_2_dump_${month:0:4}_${month:4}_01.json"
cp "$data/scireg.json" "$scratch/www/"

mkdir "$scratch/pipeline" && cd "$scratch/pipeline" || exit 1                              # 1
cp -r "$top/conf.example" conf                                                             # 2
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=kafka -days 2 -keyout conf/certificates/kafka_user.key \
	-out conf/certificates/kafka_user.crt 2>"$scratch/openssl"                             # 3
cp conf/certificates/kafka_user.crt conf/certificates/kafka_ca.crt
sed -i -e 's/^#\(CLICKHOUSE_[A-Z]*=\)/\1/' \
	-e "s/^CLICKHOUSE_HOST=.*/CLICKHOUSE_HOST=127.0.0.1/" \
	-e "s/^CLICKHOUSE_PORT=.*/CLICKHOUSE_PORT=${url##*:} # HTTP/" \
	-e '/^CLICKHOUSE_FLOW/s/^/#/' -e 's/^CLICKHOUSE_SECURE=.*/CLICKHOUSE_SECURE=false/' conf/envs/base.env # 4
sed -i -e "s|^  history: .*|  history: $scratch/history|" -e "s|^  cache: .*|  cache: $scratch/cache|" \
	-e "s|^  as2org: .*|  as2org: $web/as/%Y%m01.as-org2info.jsonl.gz|" \
	-e "s|^  peeringdb: .*|  peeringdb: $web/pdb/peeringdb_2_dump_%Y_%m_01.json|" \
	-e "s|^  scireg: .*|  scireg: $web/scireg.json|" conf/weir.yaml
expect "the copied settings are valid" "$(weir check -c conf/weir.yaml 2>&1)" '^conf/weir.yaml: valid'
expect "tables" "$(weir load schema 2>&1)" '11 files applied'

# 5 and 6: nothing to fetch by hand
expect "step 6: CAIDA, from the newest month that is out" "$(CAIDA_ORG_AS_CONSUMER_UPDATE_INTERVAL=-1 weir load caida 2>&1)" \
	'took the file of 2 months ago: .*as-org2info' 'took the file of 2 months ago: .*peeringdb' \
	'meta_organization: 4 rows read, 4 new' 'meta_as: 6 rows read, 6 new'
mkdir caches
gunzip -c "$scratch/www/as/"*.gz >caches/caida_as_org2info.jsonl
cp "$data/peeringdb.json" caches/caida_peeringdb.json
sed -i -e 's/^#\(CAIDA_ORG_AS_CONSUMER_[AP][A-Z0-9]*_FILE=\)/\1/' -e 's/^#\(IP_GEO_CSV_CONSUMER_[A-Z_]*_FILES=\)/\1/' conf/envs/base.env
expect "step 5 as MetrANOVA has it: the same from caches/, unpacked" "$(weir load caida 2>&1)" \
	'meta_organization: 4 rows read, 0 new, 0 changed' 'meta_as: 6 rows read, 0 new, 0 changed'
cp "$data"/GeoLite2-*.csv caches/                                                          # 7
expect "step 8: GeoLite2" "$(IP_GEO_CSV_CONSUMER_UPDATE_INTERVAL=-1 weir load geolite 2>&1)" 'meta_ip: 9 rows read, 9 new'
expect "step 9: the Science Registry" "$(SCIREG_HTTP_CONSUMER_UPDATE_INTERVAL=-1 weir load scireg 2>&1)" \
	'meta_ip_scireg: 2 rows read, 2 new'
expect "step 10: the cache of addresses" "$(CLICKHOUSE_CONSUMER_UPDATE_INTERVAL=-1 weir load trie 2>&1)" '14 prefixes'
sed -i 's/to Boston/to Boston, MA/' conf/meta_interface.yml                                # 11
expect "step 12: devices and interfaces" "$(FILE_CONSUMER_UPDATE_INTERVAL=-1 weir load files 2>&1)" \
	'meta_device: 2 rows read, 2 new' 'meta_interface: 3 rows read, 3 new' 'meta_circuit: 2 rows read, 2 new'
expect "step 12: and the cache again" "$(weir load trie 2>&1)" '2 devices, 3 interfaces, 17 applications'

# 13: the agent, which writes to Kafka in this stack
sed -i -e '/^outputs:/,/^state:/{s/^    type: file/    type: kafka/; s/^    format: json/    format: protobuf/
	s/^    brokers: .*/    brokers: "${KAFKA_BOOTSTRAP_SERVERS}"/; s/^    topic: .*/    topic: flows/
	s/^      ca: .*/      ca: "${KAFKA_SSL_CA_LOCATION}"/; s/^      key: .*/      key: "${KAFKA_SSL_KEY_LOCATION}"/
	s/^      certificate: .*/      certificate: "${KAFKA_SSL_CERTIFICATE_LOCATION}"/}' conf/weir.yaml
expect "step 13: the output to Kafka, with MetrANOVA's variables" "$(weir config -c conf/weir.yaml 2>&1)" \
	'brokers: "?kafka:9092' 'ca: conf/certificates/kafka_ca.crt' 'key: conf/certificates/kafka_user.key'
sed -i -e "s|^  directory: .*|  directory: $scratch/state|" -e "s|^  socket: .*|  socket: $scratch/control|" -e 's|^  listen: .*|  listen: ""|' conf/weir.yaml
mkdir "$scratch/state"
weir agent -c conf/weir.yaml -s listen.ports=62055 -s listen.addresses=127.0.0.1 >"$scratch/agent" 2>&1 &
agent=$!
await 60 weir status --socket "$scratch/control" >/dev/null 2>&1
kill -TERM $agent 2>/dev/null
wait $agent 2>/dev/null
expect "step 13: the agent takes what was loaded" "$(cat "$scratch/agent")" \
	'addresses: [0-9]+ prefixes from .*ip.mmdb, .*read ready-made' 'metadata: 2 devices, 3 interfaces, 17 applications, 6 AS'
expect "an address and an exporter are known" "$(weir lookup -c conf/weir.yaml 192.0.2.70 192.0.2.1)" \
	'as_name +EXAMPLE-NET$' 'ip_scireg_ref +101__v1' 'network_site +nyc' 'device_id +nyc-cr1' 'device_ref +nyc-cr1__v1'
expect "mmdblookup reads the cache" "$(mmdblookup --file "$scratch/cache/ip.mmdb" --ip 2001:db8:8000:1::1 | tr -s ' \n' ' ')" \
	'"as": 64500' '"country": "DE"'

all() {
	weir load caida
	weir load geolite
	weir load scireg
	weir load files
}
state() { for t in organization as ip ip_scireg device interface circuit application; do
	query "SELECT '$t', count(), sum(cityHash64(*)) FROM meta_$t"
done; }
before=$(state)
again=$(all 2>&1)
[ "$before" = "$(state)" ] && ! grep -qE '[1-9][0-9]* (new|changed|withdrawn)' <<<"$again" &&
	pass "all of it again adds no row" || fail "all of it again adds no row" "$again"

sed -i 's/"EXAMPLE-NET-2"/"RENAMED"/' caches/caida_as_org2info.jsonl
sed -i 's/"info_scope":"Europe"/"info_scope":"Global"/' caches/caida_peeringdb.json
sed -i 's/^192.0.2.0\/25,5128581/192.0.2.0\/25,4930956/' caches/GeoLite2-City-Blocks-IPv4.csv
sed -i 's/Example Laboratory/Example National Laboratory/' "$scratch/www/scireg.json"
sed -i 's/rack: B12/rack: B13/' conf/meta_device.yml
expect "changed files: exactly the changed rows get a new version" "$(all 2>&1)" \
	'meta_organization: 4 rows read, 0 new, 0 changed, 4 unchanged; meta_as: 6 rows read, 0 new, 2 changed, 4 unchanged' \
	'meta_ip: 9 rows read, 0 new, 1 changed, 8 unchanged' 'meta_ip_scireg: 2 rows read, 0 new, 1 changed, 1 unchanged' \
	'meta_device: 2 rows read, 0 new, 1 changed, 1 unchanged' 'meta_interface: 3 rows read, 0 new, 0 changed, 3 unchanged'
expect "and these are they" "$(query "SELECT ref FROM meta_as WHERE endsWith(ref, '__v2') UNION ALL SELECT ref FROM meta_ip WHERE
	endsWith(ref, '__v2') UNION ALL SELECT ref FROM meta_ip_scireg WHERE endsWith(ref, '__v2') UNION ALL SELECT ref FROM
	meta_device WHERE endsWith(ref, '__v2')" | sort | tr '\n' ' ')" '^101__v2 192.0.2.0/25__v2 64497__v2 64500__v2 nyc-cr1__v2 $'

# On a terminal there is progress; --every, and MetrANOVA's variable for it, go on until SIGTERM.
expect "progress on a terminal" "$(script -qec 'weir load caida' "$scratch/terminal" | cat -v)" 'caida: meta_(organization|as)'
kill -TERM %1 %2
cd "$top"
finish
