#!/bin/bash
# The image: small, the same each time, and under runc with exactly the chart's capabilities it takes
# exporters in through XDP.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/test.sh [whole]    whole: of the whole Containerfile, which compiles weir anew on a
#                                         Debian of its own; else its last stage, with the weir of BUILD
. "$(dirname "$0")/../../tests/netns/lib_e2e.sh"
isolate "$@"

for tool in buildah umoci runc; do
	if ! command -v $tool >/dev/null; then
		skip image "no $tool: apt-get install buildah umoci runc"
		finish
	fi
done
# What the Containerfile takes from the tree and runs is there, and is a shell's.
wrong=$(sed -n -e 's/^COPY \([^-. ][^ ]*\) .*/\1/p' -e 's/^RUN .*\(\(tests\|deploy\)[^ ]*\.sh\).*/\1/p' deploy/docker/Containerfile | while read -r file; do
	bash -n "$file" 2>&1 && [ -x "$file" ] || echo "$file"
done)
expect containerfile_runs_what_is_there "wrong: $wrong" '^wrong: $'
build=(deploy/docker/build.sh "$BUILD")
if [ "${1:-}" = whole ]; then
	if ! command -v debootstrap >/dev/null; then
		skip whole "no debootstrap: apt-get install debootstrap"
		finish
	fi
	build=(deploy/docker/bud.sh)
fi
if ! "${build[@]}" "$scratch/oci:one" >"$scratch/log" 2>&1; then
	fail image_is_built "$(tail -n 3 "$scratch/log")"
	finish
fi
pass image_is_built
if [ "${1:-}" != whole ]; then
	"${build[@]}" "$scratch/second:one" >/dev/null 2>&1
	expect image_is_reproducible "$(jq -r '.manifests[0].digest' "$scratch"/{oci,second}/index.json |
		sort -u | wc -l)" '^1$'
fi
umoci unpack --image "$scratch/oci:one" "$scratch/bundle" >/dev/null 2>&1
root=$scratch/bundle/rootfs
size=$(du -sm "$root" | cut -f1)
expect image_is_small "$([ "$size" -lt 40 ] && echo small || echo "$size MB")" '^small$'
expect image_has_no_shell "$(ls "$root/bin/")" '^weir$'
sbom=$root/sbom.spdx.json
expect sbom_names_packages "$(jq -r '.packages[] | "\(.name) \(.versionInfo) \(.externalRefs[0].referenceLocator)"' "$sbom")" \
	"^weir $(cat VERSION) " '^librdkafka 2\.([6-9]|[1-9][0-9])[^ ]* pkg:deb/debian/librdkafka@.*arch=source$' '^libc6 '
expect sbom_has_every_file "other: $(cd "$root" && {
	find usr/bin usr/lib -type f -exec sha256sum {} + | sed 's|  |  ./|'
	jq -r '.files[] | select(.fileName | test("usr/(bin|lib)/")) |
		"\(.checksums[] | select(.algorithm == "SHA256") | .checksumValue)  \(.fileName)"' sbom.spdx.json
} | sort | uniq -u)" '^other: $'
if venv=$(tests/venv.sh spdx 2>"$scratch/log"); then
	expect sbom_is_valid "wrong: $("$venv/bin/pyspdxtools" -i "$sbom" 2>&1 | head -n 3)" '^wrong: $'
else
	skip sbom_is_valid "$(tail -n 1 "$scratch/log")"
fi
expect licences_are_there "$(ls "$root/usr/share/licenses/weir" "$root/usr/share/licenses/librdkafka")" LICENSE copyright

ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null
mkdir -p "$scratch/state" "$scratch/run" "$scratch/etc"
cat >"$scratch/etc/weir.yaml" <<'END'
interfaces: [vb]
xdp: {mode: native, pin_path: /sys/fs/bpf/weir-e2e, keep_attached: true}
outputs: [{type: file, path: /var/lib/weir/flows}]
metrics: {listen: "127.0.0.1:9331"}
END
# Exactly what the chart gives.
capabilities=$(sed -n 's/^  capabilities: \[\(.*\)\]$/\1/p' deploy/helm/weir/values.yaml | tr -d ' ' |
	jq -cR 'split(",") | map("CAP_" + .)')
expect chart_gives_four_capabilities "$capabilities" '^\["CAP_BPF","CAP_NET_ADMIN","CAP_NET_RAW","CAP_IPC_LOCK"\]$'
# As the chart starts it.
args=$(sed -n 's/^ *args: \[\(agent, .*\), --set, .*/\1/p' deploy/helm/weir/templates/daemonset.yaml | jq -cR '["/usr/bin/weir"] + split(", ")')
expect chart_replaces_and_stays "$args" '"agent","--replace","--stay","-c","/etc/weir/weir.yaml"'
jq --argjson caps "$capabilities" --argjson args "$args" --slurpfile seccomp deploy/docker/seccomp.json --arg ns "/proc/$ns_b/ns/net" --arg dir "$scratch" '
	.process.args = $args
	| .process.terminal = false | .process.noNewPrivileges = true | .process.rlimits = []
	| .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}
	| .root.readonly = true
	| .linux.namespaces = [{type: "mount"}, {type: "pid"}, {type: "ipc"}, {type: "uts"},
		{type: "network", path: $ns}]
	| .linux.resources = {} | del(.linux.cgroupsPath) | .linux.seccomp = $seccomp[0]
	| .mounts = [
		{destination: "/proc", type: "proc", source: "proc"},
		{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]},
		{destination: "/etc/weir", type: "bind", source: ($dir + "/etc"), options: ["bind", "ro"]},
		{destination: "/var/lib/weir", type: "bind", source: ($dir + "/state"), options: ["bind", "rw"]},
		{destination: "/run/weir", type: "bind", source: ($dir + "/run"), options: ["bind", "rw"]},
		{destination: "/sys/fs/bpf", type: "bind", source: "/sys/fs/bpf", options: ["bind", "rw"]}]' \
	"$scratch/bundle/config.json" >"$scratch/config.json"
mv "$scratch/config.json" "$scratch/bundle/config.json"
name=weir-test-$$
runc --root "$scratch/runc" run --bundle "$scratch/bundle" "$name" </dev/null >"$scratch/out" 2>&1 &
container=$!
ln -s run/weir.sock "$scratch/control"
agent_log=$scratch/out
if await 60 "$WEIR" status --socket "$scratch/control" >/dev/null 2>&1; then
	pass image_runs_with_four_capabilities
	expect image_keeps_none_of_them "$(cat /proc/"$(runc --root "$scratch/runc" state "$name" | jq .pid)"/status)" \
		'^CapEff:	0+$' '^CapPrm:	0+$' '^NoNewPrivs:	1$' '^Seccomp:	2$'
	send_load --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 5000 --count 1000
	settled 1000
	expect image_takes_in_through_xdp "$(account rx_xdp_datagrams) $(account flows)" \
		"^1000 $(value_of records)\$"
	expect image_writes_flows "$(wc -l <"$scratch/state/flows")" "^$(value_of records)\$"
	# A rolling update: another container of it beside this one, which is told to end when that one is there.
	in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate 2000 --count 8000 >"$scratch/sent" &
	sender=$!
	runc --root "$scratch/runc" run --bundle "$scratch/bundle" "$name-next" </dev/null >"$scratch/out.next" 2>&1 &
	next=$!
	await 60 grep -q 'collecting with' "$scratch/out.next"
	await 60 grep -q 'waiting for SIGTERM' "$scratch/out"
	expect the_first_container_stays "$(runc --root "$scratch/runc" state "$name" | jq -r .status); $(cat "$scratch/out")" '^running' 'has taken over'
	runc --root "$scratch/runc" kill "$name" TERM
	wait $container
	expect image_ends_well $? '^0$'
	wait $sender
	agent_log=$scratch/out.next
	await 60 audit_closes
	records=$(($(value_of records) + $(sed -n 's/.*\brecords=\([0-9]*\).*/\1/p' "$scratch/sent")))
	runc --root "$scratch/runc" kill "$name-next" TERM
	wait $next
	expect a_rolling_update_loses_nothing "$(wc -l <"$scratch/state/flows"); $(cat "$scratch/out.next")" "^$records;" \
		'taking over from the agent that runs'
else
	fail image_runs_with_four_capabilities "$(tail -n 3 "$scratch/out")"
	runc --root "$scratch/runc" kill "$name" KILL 2>/dev/null
fi
for name in "$name" "$name-next"; do
	runc --root "$scratch/runc" delete --force "$name" 2>/dev/null
done
"$WEIR" xdp detach --pin-path $pins >/dev/null 2>&1
finish
