#!/bin/bash
# What can stand in the way of XDP: each gives one clear line, and leaves things as they were.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib_xdp.sh"
isolate "$@"

# The receiver's line for a start that must fail.
refusal() { # [RUNNER...] -- SETTINGS...
	local runner=()
	while [ "$1" != -- ]; do
		runner+=("$1")
		shift
	done
	shift
	in_b "${runner[@]}" "$BUILD/tests/netns/xdp_receive" vb $pins first=100 idle=100 "$@" 2>&1
}

nothing_left() { # NAME
	if [ -e $pins ]; then
		fail "$1" "pins left: $(ls -R $pins)"
	elif in_b ip -o link show vb | grep -q xdp; then
		fail "$1" "a program is still attached"
	else
		pass "$1"
	fi
}

ns_pair

cat >"$scratch/pass.c" <<'END'
__attribute__((section("xdp"), used)) int pass(void *ctx) { (void)ctx; return 2; }
char gpl[] __attribute__((section("license"), used)) = "GPL";
END
clang -target bpf -O2 -c -o "$scratch/pass.o" "$scratch/pass.c"
in_b ip link set vb xdpdrv object "$scratch/pass.o" section xdp
expect another_program_holds_it "$(refusal --)" 'vb: another XDP program \(id [0-9]+\) holds' \
	'ip link set dev vb xdp off'
expect another_program_and_generic "$(refusal -- mode=2)" 'vb: another XDP program'
expect another_program_is_left_alone "$(in_b ip -d link show vb)" 'prog/xdp|xdp'
in_b ip link set vb xdpdrv off
nothing_left refused_by_another_program

receive keep=0
expect another_weir_has_the_pins "$(in_b "$WEIR" xdp attach -i vb --pin-path $pins 2>&1)" \
	"another weir uses $pins"
expect detach_under_a_running_weir "$("$WEIR" xdp detach --pin-path $pins 2>&1)" 'another weir uses'
other=/sys/fs/bpf/weir-other
expect another_weir_has_the_interface \
	"$(in_b "$WEIR" xdp attach -i vb --pin-path $other 2>&1)" 'another XDP program'
kill $receiver
wait $receiver 2>/dev/null
"$WEIR" xdp detach --pin-path $pins 2>/dev/null
nothing_left one_weir_at_a_time

in_a ip link set va mtu 9000
expect peer_mtu_too_large "$(refusal -- mode=1)" 'xdp_open: vb: MTU 1500 of it or its peer is too large' \
	'lower it, or allow generic'
nothing_left refused_by_mtu
receive count=100
send plain 100 1000 10000
received
expect mtu_falls_back_to_generic "$got" mode=generic xdp=100
in_a ip link set va mtu 1500

without() { # CAPABILITY... : a runner that lacks them
	printf 'setpriv\n--bounding-set\n'
	printf -- '-%s,' "$@" | sed 's/,$/\n/'
}
mapfile -t no_lock < <(without ipc_lock)
expect umem_beyond_memlock "$(refusal prlimit --memlock=8388608 "${no_lock[@]}" -- frames=4096)" \
	'vb queue 0: a UMEM of 16384 KiB does not fit RLIMIT_MEMLOCK' CAP_IPC_LOCK
nothing_left refused_by_memlock
expect umem_within_memlock "$(refusal prlimit --memlock=8388608 "${no_lock[@]}" -- frames=1024)" \
	'^mode=native'

mapfile -t lacking < <(without bpf sys_admin)
expect lacks_bpf "$(refusal "${lacking[@]}" --)" 'XDP needs CAP_BPF, which'
mapfile -t lacking < <(without bpf sys_admin net_admin net_raw)
expect lacks_all_three "$(refusal "${lacking[@]}" --)" \
	'XDP needs CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW, which'
nothing_left refused_by_capabilities
# Exactly what the service file and the chart grant.
expect four_capabilities_are_enough "$(refusal setpriv --bounding-set \
	-all,+bpf,+net_admin,+net_raw,+ipc_lock --)" '^mode=native'

expect no_such_interface "$(in_b "$WEIR" xdp attach -i nosuch --pin-path $pins 2>&1)" \
	"no interface 'nosuch'"
expect pins_elsewhere "$(in_b "$WEIR" xdp attach -i vb --pin-path /tmp/weir-pins 2>&1)" \
	'not on a BPF file system'
expect mode_unknown "$(in_b "$WEIR" xdp attach -i vb --mode fast 2>&1)" fast.*auto.*native
while umount /sys/fs/bpf 2>/dev/null; do :; done
in_b "$WEIR" xdp attach -i vb --pin-path $pins 2>"$scratch/mount.err"
expect bpffs_is_mounted "$(cat "$scratch/mount.err")" 'mounted the BPF file system' 'vb: XDP attached'
"$WEIR" xdp detach --pin-path $pins 2>/dev/null
nothing_left at_the_end

finish
