#!/bin/bash
# The whole pipeline: flows, MinIO, dbt, Evidence, rclone to a second bucket, and the site in Chromium.
# SPDX-License-Identifier: Apache-2.0
#
# It builds in analytics/evidence (build/, .evidence/), as the pipeline itself does. SHOTS=DIR keeps pictures.
set -u
cd "$(dirname "$0")/../.."
[ -e analytics/evidence/package.json ] || { echo "SKIP all: no analytics/evidence"; exit 0; }
for program in node npm rclone; do
	command -v $program >/dev/null || { echo "SKIP all: no $program"; exit 0; }
done
[ -d analytics/evidence/node_modules ] || { echo "SKIP all: no node_modules; make analytics installs them"; exit 0; }
. tests/analytics/lib_analytics.sh
count=${ANALYTICS_FLOW_COUNT:-100000}

export R2_ENDPOINT=$S3 R2_ACCESS_KEY_ID=$S3_KEY R2_SECRET_ACCESS_KEY=$S3_SECRET R2_PROVIDER=Minio
mkdir "$work/envs"
pipeline() { # ARGUMENT...: its status
	timeout -k 10 900 python3 analytics/ipfix_pipeline.py --envs "$work/envs" --state "$work/state" --retries 0 "$@" \
		>"$work/pipeline.log" 2>&1 </dev/null
}
went_well() { pipeline "$@" || { tail -n 8 "$work/pipeline.log"; return 1; }; }

objects() { store lsf -R --files-only --format hsp site:ipfix-analytics | sort; }
same_as_built() { # the bucket has what was built; with `only`, and nothing else
	local direction=--one-way
	[ "${1:-}" != only ] || direction=
	store check $direction analytics/evidence/build site:ipfix-analytics || { tail -n 3 "$work/rclone.log"; return 1; }
}
# The sums of the Parquet files that the pages query, as they are in the bucket.
equal_on_site() {
	local want
	want=$(expected)
	rm -rf "$work/site" && store copy site:ipfix-analytics "$work/site" --include '*.parquet' || return 1
	"$python" - "$work/site" "$want" <<-'PY'
		import pathlib, sys, duckdb
		top, want = sys.argv[1:]
		for table in ("traffic_hourly", "data_status", "destinations_daily", "applications_daily", "exporters"):
		    files = [str(p) for p in pathlib.Path(top).rglob(f"{table}.parquet")]
		    if len(files) != 1:
		        sys.exit(f"{table}.parquet is there {len(files)} times")
		    f, p, b = duckdb.execute("select sum(flows), sum(packets), sum(bytes) from read_parquet(?)", files).fetchone()
		    if f"{f:.0f}\t{p:.0f}\t{b:.0f}" != want:
		        sys.exit(f"{table} on the site has {f:.0f} {p:.0f} {b:.0f}, not {want}")
	PY
}

dry() {
	went_well --dry-run && ! [ -e "$work/state" ] && [ -z "$(objects)" ] && grep -q 'steps: ' "$work/pipeline.log" &&
		! grep -q "$S3_SECRET" "$work/pipeline.log"
}
check "a dry run tells the steps and does nothing" dry

empty() {
	went_well && grep -q 'no flows yet: the site will say so' "$work/pipeline.log" && same_as_built only &&
		store cat site:ipfix-analytics/index.html | grep -q 'No flows yet' || return 1
	went_well && grep -q 'nothing is new' "$work/pipeline.log"
}
if [ -n "${ANALYTICS_QUICK:-}" ]; then
	echo "SKIP an empty bucket makes a site that says what to do: ANALYTICS_QUICK is set, it builds a site of its own"
else
	check "an empty bucket makes a site that says what to do, once" empty
fi

first_run() {
	flows "$count" 0 48 && aged && export_now && went_well --keep-days 0 && equal_everywhere && same_as_built only && equal_on_site
}
check "flows, marts, pages and bucket have the same sums" first_run
sed -n 's/^/# first run: /p' "$work/pipeline.log"

types() {
	store lsjson --stat -M site:ipfix-analytics/index.html >"$work/page" && grep -q '"MimeType": *"text/html' "$work/page" &&
		grep -q '"cache-control": *"no-cache"' "$work/page" && store cat site:ipfix-analytics/index.html | grep -qi '<html'
}
check "pages are served as pages" types

skipped() {
	local begin=$SECONDS
	objects >"$work/before"
	went_well && grep -q 'nothing is new' "$work/pipeline.log" && objects | cmp - "$work/before" &&
		! grep -q 'dbt build' "$work/pipeline.log" && echo "# a run with nothing new: $((SECONDS - begin)) s" >"$work/skipped"
}
check "nothing new, nothing done" skipped
cat "$work/skipped" 2>/dev/null

locked() {
	local status
	exec 7>build/analytics/pipeline.lock
	flock 7
	pipeline
	status=$?
	exec 7>&-
	[ $status = 3 ] && grep -q 'another run is on' "$work/pipeline.log"
}
check "two runs do not meet" locked

served() {
	local pid status
	python3 analytics/ipfix_pipeline.py --envs "$work/envs" --state "$work/state" --serve --every 1 \
		>"$work/serve.log" 2>&1 </dev/null &
	pid=$!
	await 300 eval '[ "$(grep -c "nothing is new" "$work/serve.log")" -ge 2 ]' || { kill $pid; tail -n 3 "$work/serve.log"; return 1; }
	kill -TERM $pid
	await 30 eval "! kill -0 $pid 2>/dev/null" || { kill -KILL $pid; echo "it does not stop"; return 1; }
	wait $pid
	status=$?
	[ $status = 0 ] && grep -q stopped "$work/serve.log" || { echo "status $status: $(tail -n 2 "$work/serve.log")"; return 1; }
}
check "--serve runs on a schedule until it is stopped" served

failing() {
	local status
	echo "this is no Parquet" | store rcat site:ipfix/date=x/hour=y/weir-bad.parquet || return 1
	objects >"$work/before"
	pipeline
	status=$?
	store deletefile site:ipfix/date=x/hour=y/weir-bad.parquet
	[ $status = 1 ] && grep -q 'ipfix_pipeline: dbt build ended with status 1' "$work/pipeline.log" &&
		grep -q '| .*weir-bad.parquet' "$work/pipeline.log" && ! grep -q Traceback "$work/pipeline.log" || {
		tail -n 5 "$work/pipeline.log"
		return 1
	}
	objects | cmp - "$work/before" && same_as_built only
}
check "a step that fails is told with its last lines, and the old site stays" failing

hanging() {
	objects >"$work/before"
	! pipeline --force --timeout 1 && grep -q 'dbt build was stopped after 1 s' "$work/pipeline.log" && objects | cmp - "$work/before"
}
check "a step that hangs is stopped" hanging

second_run() {
	local removed
	# More than a page of a listing (1000) of old objects, none of which may stay.
	mkdir -p "$work/old" && (cd "$work/old" && seq 1100 | xargs -I{} touch "old-{}.js") &&
		store copy "$work/old" site:ipfix-analytics/_app/immutable/old --transfers 16 &&
		[ "$(objects | grep -c immutable/old/)" = 1100 ] || return 1
	flows $((count / 100)) 0 2 && flows 200 40 44 && aged && export_now || return 1
	sleep 2
	went_well --keep-days 0.00001 && equal_everywhere && same_as_built only && equal_on_site || return 1
	removed=$(sed -n 's/.* \([0-9]*\) objects of earlier sites.*/\1/p' "$work/pipeline.log")
	[ "${removed:-0}" -ge 1100 ] || { echo "$removed objects were removed"; return 1; }
}
if [ -n "${ANALYTICS_QUICK:-}" ]; then
	echo "SKIP new and late flows make a new site: ANALYTICS_QUICK is set, it builds a second site"
else
	check "new and late flows: a new site, and of the old one nothing stays" second_run
fi
[ -n "${ANALYTICS_QUICK:-}" ] || sed -n 's/^/# second run: /p' "$work/pipeline.log"

kept() { # what is younger than --keep-days stays, though it is not of the site
	echo "// young" | store rcat site:ipfix-analytics/young.js && sleep 1 &&
		"$python" -c "
import argparse, os, pathlib, sys
sys.path.insert(0, 'analytics')
import ipfix_pipeline as p
o = argparse.Namespace(envs=pathlib.Path('$work/envs'), state=pathlib.Path('$work/state'), to='r2:ipfix-analytics', keep_days=1, timeout=None)
sys.exit(p.Run(o, p.settings(o)).clean() != 0)" && objects | grep -q young.js
}
check "objects of an earlier site stay for some days" kept

secrets() { ! grep -rq "$S3_SECRET" "$work/state" "$work/pipeline.log" analytics/evidence/build; }
check "the secret is in no log and not on the site" secrets

if [ ! -e tests/analytics/site_check.py ]; then
	echo "SKIP the site in Chromium: no tests/analytics/site_check.py"
elif ! command -v chromium >/dev/null; then
	echo "SKIP the site in Chromium: no chromium; apt-get install chromium"
else
	rm -rf "$work/site"
	store copy site:ipfix-analytics "$work/site"
	SITE_DIR=$work/site DUCKDB_FILE=$ANALYTICS_DUCKDB timeout -k 5 1500 "$python" tests/analytics/site_check.py 2>"$work/chromium.log" ||
		{ tail -n 5 "$work/chromium.log"; failures=$((failures + 1)); }
fi

[ $failures = 0 ]
