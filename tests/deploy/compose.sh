#!/bin/bash
# The stack of deploy/compose: what its file says, and its services' own command lines run for real.
# SPDX-License-Identifier: Apache-2.0
#
# There is no container engine here: weir's services run under runc, on the image's files, with the
# privileges, mounts and variables that the file gives them; Kafka and MinIO run with the settings of
# theirs. Instead of the ClickHouse server there is its engine behind tests/clickhouse_front.py.
. "$(dirname "$0")/../netns/lib_e2e.sh"
isolate "$@"

tree=$scratch/tree stack=$scratch/tree/deploy/compose
mkdir -p "$tree/deploy"
cp -r conf.example "$tree/"
cp -r deploy/compose deploy/docker "$tree/deploy/"
[ ! -d deploy/grafana ] || cp -r deploy/grafana "$tree/deploy/"
rm -rf "$stack/conf" "$stack/.env" "$stack/caches"

"$stack/setup" vb
expect setup_makes_passwords_of_its_own "$(stat -c %a "$stack/.env") $(grep -cE '^(CLICKHOUSE_PASSWORD|S3_SECRET)=[0-9a-f]{36}$' \
	"$stack/.env") $(sed -n 's/.*\(PASSWORD\|SECRET\)=//p' "$stack/.env" | sort -u | wc -l)" '^600 2 3$'
expect setup_hides_the_variables "$(stat -c %a "$stack/conf/envs/base.env")" '^640$'
before=$(find "$stack" -type f -exec sha256sum {} + | sort)
"$stack/setup" other
expect setup_leaves_what_is_there "$([ "$before" = "$(find "$stack" -type f -exec sha256sum {} + | sort)" ] && echo same)" same
if said=$("$WEIR" check -c "$stack/conf/weir.yaml" 2>&1); then
	pass settings_are_valid
else
	fail settings_are_valid "$said"
fi

# A parser: Compose v2 as a plugin or alone, or Debian's 1.29.
if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	skip compose "no docker compose and no docker-compose here: apt-get install docker-compose"
	finish
fi
printf '# parsed by %s\n' "$("${compose[@]}" version 2>/dev/null | head -n 1)"
config() { # COMPOSE-OPTION...
	(cd "$stack" && "${compose[@]}" "$@")
}
if config config -q 2>"$scratch/error"; then
	pass parser_takes_it
else
	fail parser_takes_it "$(head -n 3 "$scratch/error")"
	finish
fi
config --profile science --profile seeing --profile analytics config >"$scratch/config.yml" 2>"$scratch/error"
python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' \
	<"$scratch/config.yml" >"$scratch/config.json"
ask() { jq -r "$@" "$scratch/config.json"; }
expect up_starts_what_no_profile_holds_back "$(ask '[.services | to_entries[] |
	select(.value.profiles | not) | .key] | sort | join(" ")')" \
	'^cache_ip_trie clickhouse export kafka metadata_caida_org_as metadata_file_export metadata_ip_geo metadata_scireg minio schema topics weir$'
expect names_of_the_loaders_are_known_ones "$(ask '.services | keys | join(" ")')" \
	metadata_cric metadata_scinet
# The reader of Compose v2 itself, which knows the file's schema and who depends on whom.
if v2=$(tests/deploy/compose_v2/build.sh 2>"$scratch/error"); then
	"$v2" "$stack/docker-compose.yml" >"$scratch/v2.json" 2>"$scratch/error" ||
		fail compose_v2_takes_it "$(head -n 3 "$scratch/error")"
	expect compose_v2_has_nothing_to_say "said: $(cat "$scratch/error")" '^said: $'
	expect compose_v2_starts_the_same "$(jq -r '.services | keys | join(" ")' "$scratch/v2.json")" \
		"^$(ask '[.services | to_entries[] | select(.value.profiles | not) | .key] | sort | join(" ")')\$"
	"$v2" "$stack/docker-compose.yml" science seeing analytics >"$scratch/v2.json" 2>"$scratch/error"
	for what in image command entrypoint user cap_add cap_drop read_only; do
		# The one prints a $ as it must be written in the file, the other as it is.
		jq -S ".services | map_values(.$what // null)" "$scratch/config.json" | sed 's/\$\$/$/g' >"$scratch/v1"
		jq -S ".services | map_values(.$what // null)" "$scratch/v2.json" | diff "$scratch/v1" -
	done >"$scratch/differ"
	expect compose_v2_reads_the_same "differ: $(head -c 300 "$scratch/differ")" '^differ: $'
	sed 's/^    cap_add:/    cap_ad:/' "$stack/docker-compose.yml" >"$stack/wrong.yml"
	expect compose_v2_refuses_what_is_wrong "$("$v2" "$stack/wrong.yml" 2>&1 >/dev/null)" 'services.weir.*cap_ad'
	rm "$stack/wrong.yml"
else
	skip compose_v2_takes_it "no reader of Compose v2: $(tail -n 1 "$scratch/error")"
fi
mv "$stack/.env" "$scratch/env"
config config -q >"$scratch/error" 2>&1
expect no_password_no_start "$? $(tail -n 1 "$scratch/error")" '^[1-9][0-9]* .*(PASSWORD|SECRET).*setup'
mv "$scratch/env" "$stack/.env"

expect weir_ends_to_be_started_again "$("$WEIR" config -c "$stack/conf/weir.yaml" | grep when_back) $(ask .services.weir.restart)" \
	'when_back: exit unless-stopped$'
expect images_are_pinned "unpinned: $(ask '.services[] | select(has("build") | not) | .image |
	select(test(":[A-Za-z.]*[0-9]+[.-][0-9]+") | not)' | tr '\n' ' ')" '^unpinned: $'
expect weir_is_of_this_version "$(ask '.services.weir.image')" ":$(cat VERSION)\$"
expect nobody_has_privileges "more: $(ask '.services | to_entries[] | select(.value.cap_drop != ["ALL"]
	or .value.privileged or (.value.security_opt | index("no-new-privileges:true") | not)) | .key' | tr '\n' ' ')" '^more: $'
expect only_weir_adds_capabilities "$(ask '[.services | to_entries[] | select(.value.cap_add) |
	"\(.key) \(.value.cap_add | sort | join(","))"] | join(";")')" '^weir BPF,IPC_LOCK,NET_ADMIN,NET_RAW$'
expect ports_are_on_loopback "others: $(ask '.services[].ports // [] | .[] |
	if type == "string" then . else "\(.host_ip):\(.published)" end | select(startswith("127.0.0.1:") | not)')" '^others: $'
expect what_runs_on_is_watched "unwatched: $(ask '.services | to_entries[] | select(.value.healthcheck | not) | .key |
	select(test("^(metadata_|cache_|topics$|schema$|export$|analytics)") | not)' | tr '\n' ' ')" '^unwatched: $'
missing=$(ask '.services[].volumes // [] | .[] | if type == "string" then split(":")[0] else
	select(.type == "bind") | .source end | select(startswith("/"))' | sort -u | while read -r path; do
	[ -e "$path" ] || echo "$path"
done | tr '\n' ' ')
if [ ! -d deploy/grafana ]; then
	skip dashboards_are_there "no deploy/grafana in this tree"
	missing=$(tr ' ' '\n' <<<"$missing" | grep -v /deploy/grafana/ | tr '\n' ' ')
fi
expect what_is_mounted_exists "missing: ${missing% }" '^missing: $'
# The analytics are built here, not pulled.
if [ -e analytics/ipfix_pipeline.py ]; then
	expect analytics_are_built_of_files_that_are_there "$(grep '^COPY' deploy/compose/analytics.Containerfile)" ' analytics analytics$'
	expect analytics_take_their_command "$(python3 analytics/ipfix_pipeline.py --help)" '--serve' '--every'
else
	skip analytics_are_built_of_files_that_are_there "no analytics/ipfix_pipeline.py in this tree"
fi
# A variable that nobody reads is a mistake: what weir's services get stands in the program or its settings.
unread=$(ask '.services[] | select(.image | test("/weir:")) | .environment // {} | keys[]' | sort -u | while read -r name; do
	grep -aqF "${name#CLICKHOUSE_}" "$WEIR" || grep -qF "$name" "$stack/conf/weir.yaml" ||
		grep -q "^$name=" conf.example/envs/base.env || echo "$name"
done | tr '\n' ' ')
expect variables_are_read "unread: $unread" '^unread: $'

if ! command -v runc >/dev/null; then
	skip services_run "no runc: apt-get install runc"
	finish
fi
if ! why=$(tests/kafka.sh setup 2>&1); then
	skip services_run "no Kafka: $(tail -n 1 <<<"$why")"
	finish
fi

# What the engine would do: the names of the network, volumes, files of the image.
deploy/docker/rootfs.sh "$WEIR" "$scratch/rootfs" >"$scratch/log" 2>&1 || fail image_files "$(tail -n 1 "$scratch/log")"
chown -R 65532:65532 "$scratch/rootfs/var/lib/weir/cache"
mkdir -p "$scratch/rootfs/app" "$scratch/rootfs/etc/weir"
printf '127.0.0.1 localhost kafka clickhouse minio\n' >"$scratch/hosts"
mount --bind "$scratch/hosts" /etc/hosts
for volume in state cache; do
	cp -a "$scratch/rootfs/var/lib/weir/" "$scratch/volume-$volume"
done
rm -rf "$scratch/volume-cache" && cp -a "$scratch/rootfs/var/lib/weir/cache" "$scratch/volume-cache"
ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null

# `docker compose run --rm [-e NAME=VALUE]... SERVICE [ARGUMENT...]` under runc; runc's name for it is
# $container.
compose_run() { # [-e NAME=VALUE]... SERVICE [ARGUMENT...]
	local more=() service bundle
	while [ "$1" = -e ]; do
		more+=("$2")
		shift 2
	done
	service=$1
	shift
	bundle=$scratch/bundle-$service
	mkdir -p "$bundle"
	container=weir-$service-$$
	[ -e "$bundle/spec" ] || (cd "$bundle" && runc spec && mv config.json spec)
	jq -n --slurpfile spec "$bundle/spec" --slurpfile config "$scratch/config.json" \
		--slurpfile seccomp "$tree/deploy/docker/seccomp.json" --arg service "$service" --arg dir "$scratch" \
		--arg net "/proc/$ns_b/ns/net" '
		($config[0].services[$service]) as $s
		| ($s.user // "0:0" | split(":") | map(tonumber)) as $user
		| ([$s.cap_add // [] | .[] | "CAP_" + .]) as $caps
		| $spec[0]
		| .process.args = ["/usr/bin/weir"] + (if $ARGS.positional == [] then $s.command else $ARGS.positional end)
		| .process.env = ["PATH=/usr/bin"] + [$s.environment // {} | to_entries[] | "\(.key)=\(.value)"]
		| .process.cwd = $s.working_dir | .process.terminal = false | .process.noNewPrivileges = true
		| .process.user = {uid: $user[0], gid: ($user[1] // 0)} | .process.rlimits = []
		| .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}
		| .root = {path: ($dir + "/rootfs"), readonly: $s.read_only}
		| .linux.namespaces = [{type: "mount"}, {type: "pid"}, {type: "ipc"}, {type: "uts"}, {type: "network", path: $net}]
		| .linux.resources = {} | del(.linux.cgroupsPath) | .linux.seccomp = ($seccomp[0] | del(.archMap))
		| .mounts = [{destination: "/proc", type: "proc", source: "proc"},
			{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]},
			{destination: "/etc/hosts", type: "bind", source: ($dir + "/hosts"), options: ["bind", "ro"]}]
			+ [$s.tmpfs // [] | .[] | split(":") | {destination: .[0], type: "tmpfs", source: "tmpfs",
				options: (["nosuid", "nodev"] + (.[1] // "mode=755" | split(",")))}]
			+ [$s.volumes // [] | .[] | (if type == "string" then split(":") else
				[.source, .target, (if .read_only then "ro" else "rw" end)] end)
				| {destination: .[1], type: "bind", options: ["bind", (.[2] // "rw")],
				source: (if .[0] | startswith("/") then .[0] else $dir + "/volume-" + .[0] end)}]' \
		--args -- "$@" >"$bundle/config.json"
	for setting in "${more[@]}"; do
		jq --arg set "$setting" '.process.env |= map(select(startswith($set | split("=")[0] + "=") | not)) + [$set]' \
			"$bundle/config.json" >"$bundle/next" && mv "$bundle/next" "$bundle/config.json"
	done
	sed -i "s|\"path\": \"rootfs\"|\"path\": \"$scratch/rootfs\"|" "$bundle/config.json"
	timeout "${run_limit:-300}" runc --root "$scratch/runc" run --bundle "$bundle" "$container" </dev/null
}
runs() { # NAME REGEX COMPOSE_RUN-ARGUMENT...: ends well and says so
	local name=$1 regex=$2
	shift 2
	if compose_run "$@" >"$scratch/out-$name" 2>&1; then
		expect "$name" "$(tail -n 5 "$scratch/out-$name")" "$regex"
	else
		fail "$name" "status $?: $(tail -n 3 "$scratch/out-$name")"
	fi
}

# Kafka with the properties that its image makes of the variables.
lib=${XDG_CACHE_HOME:-$HOME/.cache}/weir/kafka-4.3.1
kafka=$scratch/kafka
mkdir -p "$kafka/data"
ask '.services.kafka.environment | to_entries[] | select(.key | startswith("KAFKA_")) | select(.key != "KAFKA_HEAP_OPTS") |
	"\(.key | ltrimstr("KAFKA_") | ascii_downcase | gsub("_"; "."))=\(.value)"' |
	sed "s|/var/lib/kafka/data|$kafka/data|" >"$kafka/server.properties"
java_opts=(-Xmx512m -XX:+UseSerialGC -cp "$lib/*")
java "${java_opts[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$kafka/server.properties" \
	>"$kafka/log" 2>&1 || fail kafka_takes_its_settings "$(tail -n 3 "$kafka/log")"
spawn "$ns_b" java "${java_opts[@]}" kafka.Kafka "$kafka/server.properties" >>"$kafka/log" 2>&1
mkdir -p "$scratch/opt/kafka/bin"
cat >"$scratch/opt/kafka/bin/kafka-topics.sh" <<-END
	#!/bin/sh
	exec java -Xmx256m -XX:+UseSerialGC -cp "$lib/*" org.apache.kafka.tools.TopicCommand "\$@"
END
chmod +x "$scratch/opt/kafka/bin/kafka-topics.sh"
mount --bind "$scratch/opt" /opt
mapfile -t test < <(ask '.services.kafka.healthcheck.test[1:][]')
if await 180 in_b timeout 60 "${test[@]}" >"$scratch/log" 2>&1; then
	pass kafka_takes_its_settings
else
	fail kafka_takes_its_settings "$(tail -n 3 "$kafka/log" "$scratch/log")"
fi
script=$(ask '.services.topics.command[0]' | sed 's/\$\$/$/g')
if in_b sh -ec "$script" >"$scratch/log" 2>&1 && in_b sh -ec "$script" >>"$scratch/log" 2>&1; then
	expect topics_are_made "$(in_b kcat -L -b 127.0.0.1:9094 2>&1 | grep 'topic "')" '"flows" with 4 partitions' \
		'"counters" with 1 partitions'
else
	fail topics_are_made "$(tail -n 3 "$scratch/log")"
fi

# The agent, through XDP, to the broker.
run_limit=900 compose_run weir >"$scratch/weir.log" 2>&1 &
runner=$!
inside() { runc --root "$scratch/runc" exec "weir-weir-$$" "$@"; }
mapfile -t test < <(ask '.services.weir.healthcheck.test[1:][]')
if await 90 eval 'inside "${test[@]}" >"$scratch/status" 2>&1'; then
	pass weir_is_healthy
	sent=$(in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 2000 --count 500)
	flows=$(value_of records)
	await 60 eval '[ "$(inside weir status --json | jq ".outputs[0].accounts.published_flows")" = "$flows" ]'
	expect weir_publishes_what_came_through_xdp "$(inside weir status --json |
		jq -r '"\(.accounts.rx_xdp_datagrams) \(.outputs[0].accounts.published_flows)"')" "^500 $flows\$"
	expect weir_keeps_no_capability "$(cat /proc/"$(runc --root "$scratch/runc" state "weir-weir-$$" | jq .pid)"/status)" \
		'^CapEff:	0+$' '^CapPrm:	0+$' '^NoNewPrivs:	1$' '^Seccomp:	2$'
else
	fail weir_is_healthy "$(tail -n 3 "$scratch/weir.log" "$scratch/status")"
fi

# ClickHouse's engine instead of its server, for the schema and the loaders.
if venv=$(tests/venv.sh clickhouse 2>"$scratch/log"); then
	spawn "$ns_b" "$venv/bin/python" tests/clickhouse_front.py --data "$scratch/clickhouse" --port 8123 \
		--memory-database ingest --ready "$scratch/ready" 2>"$scratch/front.log"
	await 60 test -s "$scratch/ready" || fail engine "$(tail -n 1 "$scratch/front.log")"
	sql() { in_b curl -sS "http://127.0.0.1:8123/?database=metranova" --data-binary "$1"; }
	in_b curl -sS http://127.0.0.1:8123/ --data-binary "CREATE DATABASE IF NOT EXISTS metranova"
	# The engine has no users but its own, which is what the dictionaries log in as.
	runs schema_is_applied . -e CLICKHOUSE_INGEST_DATABASE=ingest -e CLICKHOUSE_USERNAME=default -e CLICKHOUSE_PASSWORD= schema
	cp tests/data/* "$stack/caches/"
	runs metadata_caida_org_as . -e CAIDA_ORG_AS_CONSUMER_UPDATE_INTERVAL=-1 \
		-e CAIDA_ORG_AS_CONSUMER_AS2ORG_FILE=caches/as-org2info.jsonl \
		-e CAIDA_ORG_AS_CONSUMER_PEERINGDB_FILE=caches/peeringdb.json metadata_caida_org_as
	blocks=caches/GeoLite2-City-Blocks-IPv4.csv,caches/GeoLite2-City-Blocks-IPv6.csv
	runs metadata_ip_geo . -e IP_GEO_CSV_CONSUMER_UPDATE_INTERVAL=-1 \
		-e IP_GEO_CSV_CONSUMER_ASN_FILES=${blocks//City/ASN} -e IP_GEO_CSV_CONSUMER_IP_BLOCK_FILES=$blocks \
		-e IP_GEO_CSV_CONSUMER_LOCATION_FILES=caches/GeoLite2-City-Locations-en.csv metadata_ip_geo
	runs metadata_scireg . -e SCIREG_HTTP_CONSUMER_UPDATE_INTERVAL=-1 \
		-e SCIREG_HTTP_CONSUMER_URLS=caches/scireg.json metadata_scireg
	runs metadata_cric . -e CRIC_IP_CONSUMER_UPDATE_INTERVAL=-1 -e CRIC_IP_CONSUMER_URL=caches/cric.json metadata_cric
	runs metadata_scinet . -e SCINET_FILE_CONSUMER_UPDATE_INTERVAL=-1 \
		-e SCINET_FILE_CONSUMER_PATHS=caches/booth_metadata.json metadata_scinet
	runs metadata_file_export . -e FILE_CONSUMER_UPDATE_INTERVAL=-1 metadata_file_export
	runs cache_ip_trie . -e CLICKHOUSE_CONSUMER_UPDATE_INTERVAL=-1 cache_ip_trie
	expect metadata_is_in_the_database "$(for table in meta_as meta_ip meta_ip_scireg meta_ip_cric meta_ip_scinet meta_device; do
		sql "SELECT count() > 0 FROM $table"
	done | tr '\n' ' ')" '^(1 ){6}$'
	await 60 grep -q 'ip.mmdb' "$scratch/weir.log"
	expect weir_takes_the_tables_over "$(cat "$scratch/weir.log")" 'ip.mmdb'
	if await 120 eval '[ "$(sql "SELECT count() FROM data_flow")" = "$flows" ]'; then
		pass flows_are_in_the_database
	else
		fail flows_are_in_the_database "$(sql 'SELECT count() FROM data_flow') of $flows; $(sql "SELECT
			num_messages_read, exceptions.text, assignments.topic FROM system.kafka_consumers FORMAT JSONEachRow") $(sql 'SHOW TABLES FROM ingest')"
	fi
	if tests/minio.sh there; then
		# Its own command, but for the root of the drive.
		mkdir -p "$scratch/data" "$scratch/bin"
		cp "${XDG_CACHE_HOME:-$HOME/.cache}/weir/minio" "$scratch/bin/"
		mapfile -t variables < <(ask '.services.minio.environment | to_entries[] | "\(.key)=\(.value)"')
		spawn "$ns_b" env "${variables[@]}" PATH="$scratch/bin:$PATH" sh -ec "$(ask '.services.minio.entrypoint[2]' |
			sed "s|/data|$scratch/data|g")" >"$scratch/minio.log" 2>&1
		mapfile -t test < <(ask '.services.minio.healthcheck.test[1:][]')
		await 60 in_b "${test[@]}"
		sleep 2
		runs export_writes_parquet "$flows flows" -e EXPORT_INTERVAL=-1 -e EXPORT_GRACE=1 export
		expect parquet_is_in_the_bucket "$(cd "$scratch/data/ipfix" && find . -name '*.parquet' -prune)" \
			'date=.*/hour=.*/weir-'
	else
		runs export_says_what_it_would_do . -e EXPORT_INTERVAL=-1 export load export --dry-run
		skip export_writes_parquet "no MinIO: tests/minio.sh setup"
	fi
else
	skip schema_and_loaders "$(tail -n 1 "$scratch/log")"
fi
runc --root "$scratch/runc" kill "weir-weir-$$" TERM 2>/dev/null
wait $runner
expect weir_ends_well $? '^0$'
finish
