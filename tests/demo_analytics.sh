# make demo-analytics: the dashboard of the demo's flows, and again with new ones. Sourced by demo_pipeline.sh.
# SPDX-License-Identifier: Apache-2.0
#
# All of it runs in the collector's namespace, from which nothing leads to the outside.
export R2_ENDPOINT=$S3 R2_ACCESS_KEY_ID=$S3_KEY R2_SECRET_ACCESS_KEY=$S3_SECRET R2_PROVIDER=Minio
unset ANALYTICS_DUCKDB ANALYTICS_FLOWS ANALYTICS_DESTINATION

site() {
	in_b python3 analytics/ipfix_pipeline.py --state "$scratch/analytics" --envs "$scratch/envs" --retries 0 \
		>"$scratch/site.log" 2>&1
	local status=$?
	sed 's/^/        /' "$scratch/site.log"
	[ $status = 0 ] || die "no site"
}
in_marts() {
	analytics/.venv/bin/python -c 'import sys, duckdb
print(*duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchone())' "$scratch/analytics/weir.duckdb" "$1"
}
same_in_marts() {
	local want
	want=$(sql "SELECT concat(toString(count()), ' ', toString(intDiv(sum(bit_count), 8))) FROM data_flow")
	[ "$(in_marts 'SELECT flows, bytes FROM data_status')" = "$want" ] ||
		die "the marts have $(in_marts 'SELECT flows, bytes FROM data_status') flows and bytes, not $want"
	step "marts = data_flow: $want flows and bytes; $(find "$scratch/store/data/ipfix-analytics" -name xl.meta | wc -l) objects of the site"
}

title "The dashboard (analytics/ipfix_pipeline.py, to s3://ipfix-analytics/)"
site
same_in_marts

step "five more seconds of traffic, and the site again"
exporter_softflowd "$ns_a" lan0 10.9.0.2:4739 10
sleep 1.5
in_a tests/tools/traffic.py ask 192.0.2.2 2001:db8::2 5 | sed 's/^/        /'
exporters_stop
sleep 1
await 20 eval '[ "$(status "[.outputs[].waiting_flows] | add")" = 0 ]'
sent=$(status .accounts.flows)
await 60 eval '[ "$(sql "SELECT count() FROM data_flow")" = "$sent" ]' ||
	die "data_flow has $(sql 'SELECT count() FROM data_flow') flows, not $sent"
sleep 1.5
in_b "$WEIR" load export 2>"$scratch/export.log" || die "$(tail -n 1 "$scratch/export.log")"
site
same_in_marts
step "the pages are in analytics/evidence/build: python3 -m http.server -d analytics/evidence/build"
