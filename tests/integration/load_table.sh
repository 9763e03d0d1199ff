#!/bin/bash
# The table of addresses that weir load trie makes: read by the agent, and done without where it is not right.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)
unset CLICKHOUSE_HOST
conf=$scratch/conf cache=$scratch/cache
mkdir "$conf"
cp conf.example/networks.yml "$conf"
touch "$conf/weir.yaml"

load() { # NAME ARGUMENT...
	"$WEIR" load "$1" -c "$conf/weir.yaml" -s load.history="$scratch/history" --cache "$cache" "${@:2}" 2>&1
}
cat >"$scratch/agent.yaml" <<END
listen: {addresses: [127.0.0.1], ports: [62056]}
metrics: {listen: ""}
state: {directory: $scratch/state}
control: {socket: $scratch/control}
outputs:
  - {type: file, format: json, path: $scratch/flows}
END
mkdir "$scratch/state"
agent_log() { # ARGUMENT...: what an agent says of the addresses when it starts
	"$WEIR" agent -c "$scratch/agent.yaml" --set enrich.cache="$cache" "$@" >"$scratch/log" 2>&1 &
	agent=$!
	await 15 "$WEIR" status --socket "$scratch/control" >/dev/null 2>&1
	kill -TERM $agent 2>/dev/null
	wait $agent 2>/dev/null
	grep -E 'ip\.(mmdb|table)' "$scratch/log" || cat "$scratch/log"
}
known() { # what is attached to addresses, of each kind there are
	"$WEIR" lookup -c "$scratch/agent.yaml" --set enrich.cache="$cache" --json 192.0.2.1 192.0.2.70 192.0.2.200 \
		198.51.100.1 198.51.100.200 203.0.113.9 8.8.8.8 2001:db8:8000:1::1 2001:db8::1 2001:db9:: "$@" 2>/dev/null
}
same() { # NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "$3, not $2"; fi
}

{
	load caida tests/data/as-org2info.jsonl "file://$PWD/tests/data/peeringdb.json"
	load geolite -s load.custom_ip=tests/data/custom_ip_additions.yml tests/data
	load scireg tests/data/scireg.json
	load cric tests/data/cric.json
} >"$scratch/loaded"
expect "weir load trie makes it" "$(load trie; ls "$cache")" '[0-9]+ prefixes' 'ip.mmdb' 'ip.table'
cp -r "$cache" "$scratch/first"
expect "the agent reads it" "$(agent_log)" "addresses: [0-9]+ prefixes from $cache/ip.mmdb, .*read ready-made in"
with=$(known)
expect "and knows addresses by it" "$with" '"as_name": *"EXAMPLE' '"network_name": *"loopbacks"' '"ip_cric_ref"'

rm "$cache/ip.table"
expect "without it the table is built" "$(agent_log)" "there is no $cache/ip.table: the table of addresses is built" \
	"addresses: [0-9]+ prefixes from $cache/ip.mmdb, .*built in"
same "and knows the same" "$with" "$(known)"
for without in as_names geo networks refs; do
	built=$(known -s enrich.$without=false)
	cp "$scratch/first/ip.table" "$cache"
	read=$(known -s enrich.$without=false)
	rm "$cache/ip.table"
	[ "$built" != "$with" ] && same "enrich.$without: false leaves out the same" "$built" "$read" ||
		fail "enrich.$without: false leaves out the same" "it leaves nothing out"
done

# One byte in the middle, in the header, and the end missing.
for at in $(($(stat -c %s "$scratch/first/ip.table") / 2)) 60; do
	cp "$scratch/first/ip.table" "$cache"
	printf '\xa5' | dd of="$cache/ip.table" bs=1 seek=$at conv=notrunc status=none
	expect "a damaged one is told and not used" "$(agent_log)" \
		"$cache/ip.table is damaged: .*: the table of addresses is built of $cache/ip.mmdb" 'built in'
	same "which costs no knowledge" "$with" "$(known)"
done
head -c 3000 "$scratch/first/ip.table" >"$cache/ip.table"
expect "so is one that is cut short" "$(agent_log)" "$cache/ip.table is cut short: the table of addresses is built" 'built in'

# Of another ip.mmdb: a row of its own first.
cp "$scratch/first/ip.table" "$cache"
mkdir "$scratch/data"
cp tests/data/* "$scratch/data"
sed -i 's/^192.0.2.0\/25,5128581/192.0.2.0\/25,4930956/' "$scratch/data/GeoLite2-City-Blocks-IPv4.csv"
load geolite -s load.custom_ip=tests/data/custom_ip_additions.yml "$scratch/data" >>"$scratch/loaded"
load trie >>"$scratch/loaded"
expect "what changed is read" "$(agent_log)" 'read ready-made'
expect "from the new one" "$(known)" '"city": *"Boston"'
cp "$scratch/first/ip.table" "$cache"
expect "a table of another ip.mmdb is told and not used" "$(agent_log)" \
	"$cache/ip.table was made of another ip.mmdb than the one beside it: the table of addresses is built" 'built in'
expect "which is right" "$(known)" '"city": *"Boston"'

# A file that says of itself what weir's do not.
sed 's/; content /; CONTENT /' "$scratch/first/ip.mmdb" >"$cache/ip.mmdb"
expect "a table beside somebody else's ip.mmdb is told and not used" "$(agent_log)" \
	"$cache/ip.table is not used: $cache/ip.mmdb does not say which table was made of it" 'built in'
cp "$scratch"/first/* "$cache"
cp "$scratch/first/ip.mmdb" "$scratch/other.mmdb"
expect "where there are further files the table is built of all" "$(agent_log -s enrich.mmdb="$scratch/other.mmdb")" \
	"addresses: [0-9]+ prefixes from $cache/ip.mmdb and others, .*built in"

# A run that fails changes nothing; one more makes the same file.
rm "$cache/ip.table"
cp "$scratch/first/ip.table" "$cache"
before=$(sha256sum "$cache/ip.mmdb" "$cache/ip.table")
mkdir "$cache/ip.table.new"
expect "a run that cannot write the table fails" "$(load trie)" 'ip.table.new: Is a directory'
same "and leaves the old files" "$before" "$(sha256sum "$cache/ip.mmdb" "$cache/ip.table")"
rmdir "$cache/ip.table.new"
left=$(find "$cache" -name '*.new' -o -name '.data*')
same "and nothing else" "" "$left"
# Two at once: one waits for the other.
exec {held}>"$cache/.trie.lock"
flock $held
load trie >"$scratch/second" {held}>&- & # the lock is of who holds the descriptor
second=$!
await 15 grep -q waits "$scratch/second"
expect "a second run waits for the first" "$(cat "$scratch/second")" 'waits for another weir load that writes trie'
same "and writes nothing meanwhile" "" "$(find "$cache" -name '*.new' -o -name '.data*')"
exec {held}>&-
wait $second
expect "and goes on then" "$(cat "$scratch/second")" '[0-9]+ prefixes'
table=$(sha256sum <"$cache/ip.table")
load trie >>"$scratch/loaded"
same "of the same versions comes the same table" "$table" "$(sha256sum <"$cache/ip.table")"
finish
