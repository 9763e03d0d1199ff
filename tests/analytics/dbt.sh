#!/bin/bash
# dbt over flows with known totals: nothing, much, a little more, late, cut short, hostile.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/analytics/lib_analytics.sh
count=${ANALYTICS_FLOW_COUNT:-1000000}

export DBT_PROFILES_DIR=$PWD/analytics/dbt DBT_PROJECT_DIR=$PWD/analytics/dbt DBT_TARGET_PATH=$work/dbt DBT_LOG_PATH=$work/log
export DUCKDB_EXTENSIONS=$PWD/analytics/.venv/extensions DO_NOT_TRACK=1
dbt() { # ARGUMENT...; leaves the seconds that it took, by the clock and of CPU
	local TIMEFORMAT='%R %U'
	{ time env -C analytics/dbt timeout -k 5 600 ../.venv/bin/dbt --quiet --no-use-colors build "$@" \
		>"$work/build.log" 2>&1 </dev/null; } 2>"$work/time" || {
		grep -v '^$' "$work/build.log" | tail -n 8
		return 1
	}
}
# Also: how many bytes it had from the store, in FILE.read with the files and flows; the times in FILE.
measured() { # FILE
	local before after
	before=$(sent) && dbt && after=$(sent) || return 1
	cp "$work/time" "$1"
	echo "$(read_now | tr '\t' ' ') $((after - before))" >"$1.read"
}

# Of the last run: files and flows that were read.
read_now() { duck "SELECT count(*), coalesce(sum(flows), 0) FROM stg_files WHERE loaded_at = (SELECT max(loaded_at) FROM stg_files)"; }

empty() {
	dbt && duck_is "SELECT count(*) FROM stg_flows" 0 && duck_is "SELECT count(*), sum(flows) FROM overview" "3	0" &&
		duck_is "SELECT flows, data_until FROM data_status" "0	" && dbt
}
check "an empty bucket gives empty marts, twice" empty

first_run() {
	flows "$count" 0 48 && aged && export_now && measured "$work/first" && equal_everywhere
}
check "the sums are those of ClickHouse, the bucket and arithmetic" first_run

names() {
	duck_is "SELECT exporter, exporter_name, interfaces, sampling_rate_min, sampling_rate_max FROM exporters ORDER BY exporter" \
		"o'brien-rt1	o'brien-rt1	4	1	100
router1	Router 1	4	1	100" &&
		duck_is "SELECT DISTINCT speed FROM interfaces WHERE interface LIKE '%::core'" 100000000000 &&
		duck_is "SELECT label FROM autonomous_systems WHERE as_number = 64500" "AS64500 SRC-0" &&
		duck_is "SELECT country_name FROM countries WHERE country = 'CH'" Switzerland &&
		duck_is "SELECT string_agg(DISTINCT application ORDER BY application) FROM applications_daily WHERE port IN ('22', '53', '443')" \
			"dns,https,quic,ssh,unknown" &&
		duck_is "SELECT string_agg(DISTINCT direction ORDER BY direction) FROM traffic_5m" "inbound,internal,outbound,transit" &&
		duck_is "SELECT count(*) > 0, bool_and(src_addr LIKE '2001:db8::ffff:%') FROM stg_flows WHERE ip_version = 6" "True	True"
}
check "names, speeds, directions and IPv6 addresses are what they should be" names

# By other means than the model's: all steps of the window, those without flows as 0, sorted.
percentile() {
	duck_is "WITH steps AS (SELECT unnest(generate_series(greatest(w.window_from, r.data_from), w.window_until - INTERVAL 5 MINUTE,
			INTERVAL 5 MINUTE)) AS step FROM time_windows w, time_range r WHERE time_window = '24h'),
		sums AS (SELECT time_bucket(INTERVAL 5 MINUTE, start_time) AS step, sum(bytes) * 8 / 300 AS rate FROM stg_flows
			WHERE in_interface = 'router1::port1' GROUP BY ALL)
		SELECT round(quantile_disc(coalesce(rate, 0), 0.95), 3) = (SELECT round(p95_bits_per_second, 3) FROM interface_utilisation
			WHERE time_window = '24h' AND interface = 'router1::port1' AND direction = 'in'),
		round(max(rate), 3) = (SELECT round(max_bits_per_second, 3) FROM interface_utilisation
			WHERE time_window = '24h' AND interface = 'router1::port1' AND direction = 'in')
		FROM steps LEFT JOIN sums USING (step)" "True	True"
}
check "the 95th percentile is that of all steps of 5 minutes" percentile

nothing_new() {
	dbt && cp "$work/time" "$work/nothing" && equal_everywhere && duck_is "SELECT count(DISTINCT invocation) FROM stg_files" 1
}
check "a run with nothing new reads nothing" nothing_new

# Counted: files and flows by dbt, bytes by the store. Seconds are told and not judged: what dbt takes to start and to
# look at each model is the same in every run.
one_percent() {
	local new
	new=$(store lsf -R --files-only site:ipfix | wc -l)
	flows $((count / 100)) 0 2 && aged && export_now || return 1
	new=$(($(store lsf -R --files-only site:ipfix | wc -l) - new))
	measured "$work/second" && equal_everywhere || return 1
	awk -v first="$(cat "$work/first")" -v nothing="$(cat "$work/nothing")" -v second="$(cat "$work/second")" \
		-v was="$(cat "$work/first.read")" -v now="$(cat "$work/second.read")" -v files=$new -v flows=$((count / 100)) 'BEGIN {
			split(was, w); split(now, n); split(first, f); split(nothing, o); split(second, s)
			printf "# first run: %d files, %d flows, %.2f MB from the store; %.1f s, %.1f s of CPU\n", w[1], w[2], w[3] / 1e6, f[1], f[2]
			printf "# nothing new: %.1f s, %.1f s of CPU\n", o[1], o[2]
			printf "# 1 %% more: %d files, %d flows, %.2f MB from the store (%.3f of the first); %.1f s, %.1f s of CPU\n",
				n[1], n[2], n[3] / 1e6, n[3] / w[3], s[1], s[2]
			exit !(n[1] == files && n[2] == flows && n[3] < 0.15 * w[3]) }' >"$work/cost" || { cat "$work/cost"; return 1; }
}
check "1 % more costs the reading of 1 %" one_percent
cat "$work/cost" 2>/dev/null

late() {
	flows 500 60 90 && aged && export_now && dbt && equal_everywhere && dbt --vars 'check_all: true' && equal_everywhere
}
check "late files are added to the hours that they belong to" late

killed() {
	local pause
	for pause in 6 9 12; do
		flows 1000 0 30 && aged && export_now || return 1
		(cd analytics/dbt && exec ../.venv/bin/dbt --quiet build) >"$work/killed.log" 2>&1 </dev/null &
		sleep $((pause + RANDOM % 5))
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
	done
	dbt --vars 'check_all: true' && equal_everywhere
}
check "runs killed in the middle are made good, nothing counts twice" killed

pruned() {
	dbt --vars 'flow_days: 1' && duck_is "SELECT count(*) FROM stg_flows WHERE start_time < (SELECT day_now FROM time_range) - INTERVAL 1 DAY" 0 &&
		duck_is "SELECT count(*) > 0 FROM agg_traffic_5m WHERE period < (SELECT day_now FROM time_range) - INTERVAL 1 DAY" True &&
		flows 300 60 62 && aged && export_now && dbt --vars 'flow_days: 1' &&
		duck_is "SELECT flows, packets, bytes FROM data_status" "$(expected)" &&
		duck_is "SELECT sum(flows), sum(packets), sum(bytes) FROM destinations_daily" "$(expected)"
}
check "flows that are old go, their sums stay, and late ones are added" pruned

again() { dbt --full-refresh --vars 'check_all: true' && equal_everywhere; }
check "all read anew is the same" again

# Not through ClickHouse: files as an older or a faulty exporter might leave, made with DuckDB.
strange() {
	"$python" - "$work/store" "$S3" "$S3_KEY" "$S3_SECRET" "$DUCKDB_EXTENSIONS" <<-'PY' || return 1
		import sys, duckdb
		_, _, url, key, secret, extensions = sys.argv
		c = duckdb.connect(config={"extension_directory": extensions})
		c.load_extension("httpfs")
		c.execute(f"create secret (type s3, key_id '{key}', secret '{secret}', url_style path, use_ssl false, endpoint '{url[7:]}')")
		old = """epoch_ns(now())::ubigint as time_received_ns, epoch_ns(now() - interval 1 hour)::ubigint as time_flow_start_ns,
		    'NETFLOW_V5' as type, '192.0.2.99' as sampler_address, '192.0.2.5' as src_addr, '2001:db8::5' as dst_addr"""
		# Without the columns that came later, without a device, sampling not told.
		c.execute(f"""copy (select {old}, '' as etype, '' as proto, 100::ubigint as bytes, 1::ubigint as packets,
		    0::ubigint as sampling_rate, 'a column of the future' as novel) to 's3://ipfix/date=x/hour=y/weir-old.parquet'""")
		# Numbers that cannot be.
		c.execute(f"""copy (select {old}, 'IPv4' as etype, '250' as proto, 18446744073709551615::ubigint as bytes,
		    18446744073709551615::ubigint as packets, 18446744073709551615::ubigint as sampling_rate,
		    18446744073709551615::ubigint as time_flow_end_ns, 18446744073709551615::ubigint as in_interface_speed)
		    to 's3://ipfix/date=x/hour=y/weir-absurd.parquet'""")
	PY
	dbt && duck_is "SELECT plausible, protocol, ip_version, direction, sampling_rate, bytes FROM stg_flows
		WHERE exporter = '192.0.2.99' ORDER BY plausible" "False	250	4	unknown	9000000000000000000	0
True	unknown	4	unknown	1	100" && duck_is "SELECT rejected_flows FROM data_status" 1 &&
		duck_is "SELECT flows, bytes, exporter_name FROM exporters WHERE exporter = '192.0.2.99'" "1	100	192.0.2.99"
}
check "old files are read, flows that cannot be are kept apart" strange

unreadable() {
	local before
	before=$(duck "SELECT * EXCLUDE (built_at) FROM data_status")
	echo "this is no Parquet" | store rcat site:ipfix/date=x/hour=y/weir-bad.parquet || return 1
	! dbt >"$work/message" && grep -q 'weir-bad.parquet' "$work/message" || { echo "the message: $(cat "$work/message")"; return 1; }
	duck_is "SELECT * EXCLUDE (built_at) FROM data_status" "$before" || return 1
	store deletefile site:ipfix/date=x/hour=y/weir-bad.parquet || return 1
	dbt && duck_is "SELECT * EXCLUDE (built_at) FROM data_status" "$before"
}
check "a file that cannot be read is named, and the marts stay as they were" unreadable

secrets() { ! grep -rq "$S3_SECRET" "$work/log" "$work/dbt" "$work/build.log"; }
check "the secret is in no log" secrets

[ $failures = 0 ]
