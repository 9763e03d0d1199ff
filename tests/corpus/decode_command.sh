#!/bin/bash
# The options and exit statuses of `weir decode`, over the project's own captures.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
weir=${WEIR:-build/weir}
captures=tests/captures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME STATUS ARGUMENT...: runs `weir decode`, leaves its output in $work/out and $work/err
check() {
	local name=$1 expected=$2 status
	shift 2
	"$weir" decode "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status = "$expected" ] || fail "$name" "status $status: $(tail -n 1 "$work/err")"
}
fail() {
	echo "FAIL $1: $2"
	failed=1
}
ok() {
	[ $failed = 1 ] || echo "ok $1"
	[ $failed = 0 ] || overall=1
	failed=0
}
overall=0

name=every_capture_of_the_project_gives_records
for capture in $captures/*.pcap; do
	check $name 0 "$capture"
	[ -s "$work/out" ] || fail $name "$capture: nothing printed"
done
ok $name

name=several_files_are_read_as_one
check $name 0 $captures/softflowd_v5.pcap $captures/softflowd_v9.pcap
cp "$work/out" "$work/both"
check $name 0 $captures/softflowd_v5.pcap
cut -d, -f2- "$work/out" >"$work/parts"
check $name 0 $captures/softflowd_v9.pcap
cut -d, -f2- "$work/out" >>"$work/parts"
cut -d, -f2- "$work/both" | cmp -s - "$work/parts" || fail $name "the records differ"
ok $name

name=other_ports_are_left_out
check $name 0 --port 9 $captures/softflowd_v9.pcap
[ ! -s "$work/out" ] || fail $name "records of another port"
grep -q 'to other ports' "$work/err" || fail $name "not told: $(cat "$work/err")"
ok $name

name=a_users_elements_are_used
printf '0\t4\tproto\tunsigned8\n' >"$work/mine.tsv"
check $name 0 --elements "$work/mine.tsv" $captures/softflowd_v9.pcap
grep -q '"proto":' "$work/out" || fail $name "the name is not in the records"
! grep -q '"protocolIdentifier":' "$work/out" || fail $name "the old name still is"
ok $name

name=what_cannot_be_read_is_named
check $name 1 "$work/none.pcap"
grep -q "$work/none.pcap" "$work/err" || fail $name "$(cat "$work/err")"
check $name 1 --elements "$work/none.tsv" $captures/softflowd_v9.pcap
grep -q "$work/none.tsv" "$work/err" || fail $name "$(cat "$work/err")"
head -c 300 $captures/softflowd_v9.pcap >"$work/cut.pcap"
check $name 1 "$work/cut.pcap"
grep -q "$work/cut.pcap" "$work/err" || fail $name "$(cat "$work/err")"
ok $name

name=a_full_disk_is_told
if [ -w /dev/full ]; then
	"$weir" decode $captures/softflowd_v9.pcap >/dev/full 2>"$work/err"
	[ $? = 1 ] || fail $name "status 0"
	grep -q 'standard output' "$work/err" || fail $name "$(cat "$work/err")"
	ok $name
else
	echo "SKIP $name: no /dev/full"
fi

name=wrong_usage_is_status_2
check $name 2
check $name 2 --port 0 x.pcap
check $name 2 --port 65536 x.pcap
check $name 2 --names all x.pcap
check $name 2 --nothing x.pcap
check $name 0 --help
grep -q '^usage: weir decode' "$work/out" || fail $name "no usage"
ok $name

exit $overall
