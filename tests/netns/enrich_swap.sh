#!/bin/bash
# The cache of addresses replaced a thousand times under load: no drop, no flow without it, no leak.
# SPDX-License-Identifier: Apache-2.0
#
# The workers' own share, that no batch waits for a new table, is measured in tests/unit/test_enrich.c.
. "$(dirname "$0")/lib_e2e.sh"
isolate "$@"

SWAPS=${SWAPS:-1000}
SECONDS_MAX=${SWAP_SECONDS:-120} # on a busy machine it is as many as there is time for, if 100
RATE=${SWAP_RATE:-5000} # datagrams a second

# Two caches: the city that send_load's flows get tells which one they met.
unset CLICKHOUSE_HOST
touch "$scratch/weir.yaml"
for as in 0 1; do
	cat >"$scratch/custom.yml" <<-END
	table: meta_ip
	data:
	  - id: all-networks
	    ip_subnet: [["0.0.0.0", 0]]
	    city_name: Table $as
	END
	if ! "$WEIR" load geolite -c "$scratch/weir.yaml" -s load.history="$scratch/history$as" \
		-s load.custom_ip="$scratch/custom.yml" tests/data 2>"$scratch/log" ||
		! "$WEIR" load trie -c "$scratch/weir.yaml" -s load.history="$scratch/history$as" --cache "$scratch/cache$as" 2>>"$scratch/log"; then
		fail cache "$(tail -n 1 "$scratch/log")"
		finish
	fi
done
mkdir "$scratch/cache"
cp "$scratch"/cache0/* "$scratch/cache"

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$agent/status"; } # KiB
table() { status ".tables[0].$1"; }

ns_pair
cat >"$scratch/weir.yaml" <<END
outputs:
  - {type: file, format: json, path: $scratch/flows, rotate_size: 100M, keep: 2}
END
# As lib_e2e.sh's, with outputs of its own.
swapped_agent() {
	agent_log=$scratch/agent.log
	spawn "$ns_b" "$WEIR" agent -c "$scratch/weir.yaml" --set interfaces=vb --set xdp.mode=native --set xdp.pin_path=$pins \
		--set state.directory="$scratch/state" --set control.socket="$scratch/control" --set metrics.listen= \
		--set enrich.cache="$scratch/cache" --set enrich.check_interval=0 --set xdp.frames=65536 --set xdp.ring_size=32768 2>"$agent_log"
	agent=$spawned
	await 60 agent_ready_or_gone
	kill -0 "$agent" 2>/dev/null
}
if ! swapped_agent; then
	fail cache_is_replaced "the agent did not start: $(tail -n 2 "$agent_log")"
	finish
fi
spawn "$ns_a" "$BUILD/tests/send_load" --count 100000000 --rate "$RATE" --size 600 --to 10.9.0.2:4739
sender=$spawned
loaded=$(table loads)
begun=$SECONDS
for ((i = 1; i <= SWAPS && (i <= 100 || SECONDS - begun < SECONDS_MAX); i++)); do
	as=$((i % 2))
	# Every other pair of swaps without the table that is made with it: then the agent builds it.
	[ $((i / 2 % 2)) = 0 ] || { cp "$scratch/cache$as/ip.table" "$scratch/cache/ip.table.new" && mv "$scratch/cache/ip.table.new" "$scratch/cache/ip.table"; }
	cp "$scratch/cache$as/ip.mmdb" "$scratch/cache/ip.mmdb.new" && mv "$scratch/cache/ip.mmdb.new" "$scratch/cache/ip.mmdb"
	kill -HUP "$agent"
	until=$((SECONDS + 60))
	while now=$(table loads) && [ "${now:-0}" -lt $((loaded + i)) ] && [ $SECONDS -lt $until ]; do
		sleep 0.005
	done
	[ $i != 50 ] || early=$(resident)
done
swaps=$((i - 1))
kill "$sender"
wait "$sender" 2>/dev/null
late=$(resident)
await 60 audit_closes
got="loads=$(($(table loads) - loaded)) refused=$(table refused) lost=$(status '[.exporters.list[].lost] | add') \
dropped=$(status '[.outputs[].dropped_flows // 0] | add') open=$(audit_closes && echo 0 || echo 1)"
[ "$got" = "loads=$swaps refused=0 lost=0 dropped=0 open=0" ] && pass cache_is_replaced_under_load_without_a_loss ||
	fail cache_is_replaced_under_load_without_a_loss "$got; $(tail -n 2 "$scratch/audit")"
[ "$late" -lt $((early + early / 10 + 2048)) ] && pass memory_stays ||
	fail memory_stays "$early KiB after 50 tables, $late KiB after $swaps"
flows=$(account flows)
kept=$(cat "$scratch"/flows* | wc -l)
seen=$(cat "$scratch"/flows* | grep -c '"src_city":"Table 0"') other=$(cat "$scratch"/flows* | grep -c '"src_city":"Table 1"')
[ $((seen + other)) = "$kept" ] && [ "$seen" -gt $((kept / 5)) ] && [ "$other" -gt $((kept / 5)) ] &&
	pass each_flow_has_one_table_or_the_other || fail each_flow_has_one_table_or_the_other "$kept flows: $seen and $other; $(tail -n 1 "$scratch/flows")"
echo "# $flows flows through $swaps tables; $early KiB after 50 of them, $late KiB at the end"
[ "$(grep -c 'read ready-made' "$agent_log")" -gt $((swaps / 5)) ] && [ "$(grep -c 'MiB, built' "$agent_log")" -gt $((swaps / 5)) ] &&
	pass tables_were_read_and_built || fail tables_were_read_and_built "$(grep -c 'read ready-made' "$agent_log") and $(grep -c 'MiB, built' "$agent_log")"
agent_stop agent
finish
