#!/bin/bash
# docs/BPFTOOL.md shows what bpftool shows, but for the numbers.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/deploy/bpftool.sh [update]    update: writes what it shows into the page
. "$(dirname "$0")/../netns/lib_e2e.sh"
isolate "$@"

pins=/sys/fs/bpf/weir
page=$PWD/docs/BPFTOOL.md
ns_pair
in_a ip addr add 10.9.0.7/24 dev va
in_a ping -q -c 1 10.9.0.2 >/dev/null
sed -n '/^interfaces:/,/^```$/{/^```$/!p}' "$page" >"$scratch/weir.yaml"
printf '%s\n' 'xdp: {mode: native}' "outputs: [\"file:$scratch/flows\"]" "state: {directory: \"$scratch/state\"}" \
	"control: {socket: \"$scratch/control\"}" 'metrics: {listen: ""}' >>"$scratch/weir.yaml"
spawn "$ns_b" "$WEIR" agent -c "$scratch/weir.yaml" 2>"$scratch/agent.log"
agent=$spawned
if ! await 60 eval '"$WEIR" status --socket "$scratch/control" >/dev/null 2>&1'; then
	fail agent_starts "$(tail -n 1 "$scratch/agent.log")"
	finish
fi
send() { # FROM PORT COUNT: all on one processor, the first
	in_a taskset -c 0 "$BUILD/tests/send_load" --to "10.9.0.2:$2" --interface va --from "$1" --size 1400 --rate 5000 --count "$3" >/dev/null
}
send 10.9.0.1 4739 500
send 10.9.0.7 2055 20
await 60 eval '[ "$(kernel_sum steered)" = 500 ]'
ln -s "$(realpath "$WEIR")" "$scratch/weir"
run=(nsenter "--net=/proc/$ns_b/ns/net" -- env "PATH=$scratch:$PATH")
if [ "${1:-}" = update ]; then
	tests/deploy/bpftool_page.py update "$page" "${run[@]}"
fi
expect page_shows_what_bpftool_shows "$(tests/deploy/bpftool_page.py check "$page" "${run[@]}" 2>&1)" '^[0-9]+ blocks, 0 differ$'
expect page_shows_every_pin "lacks: $(find $pins -type f | while read -r pin; do
	grep -q "^## ${pin#"$pins/"}\$" "$page" || echo "${pin#"$pins/"}"
done | tr '\n' ' ')" '^lacks: $'
# The check itself.
sed 's/"datagrams":/"packets":/' "$page" >"$scratch/page.md"
expect another_name_would_be_seen "$(tests/deploy/bpftool_page.py check "$scratch/page.md" "${run[@]}" 2>&1)" 'page has.*packets' '[1-9] differ$'
kill "$agent"
wait "$agent"
expect agent_ends_well $? '^0$'
finish
