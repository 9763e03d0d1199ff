#!/bin/bash
# The unit under the real service manager: systemd as the first process of a namespace of its own, which
# has this unit and no other.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../netns/lib_e2e.sh"
isolate "$@"

manager=/lib/systemd/systemd
if [ ! -x $manager ]; then
	skip unit_runs "no systemd: apt-get install systemd"
	finish
fi
pins=/sys/fs/bpf/weir
ns_pair
in_a ping -q -c 1 10.9.0.2 >/dev/null
# As on a host: BPF file system, /usr, /etc and /var/lib that this test may change.
umount /sys/fs/bpf 2>/dev/null
mount -t bpf -o mode=0700 bpf /sys/fs/bpf
mkdir "$scratch/top"
mount -t tmpfs tmpfs "$scratch/top"
mkdir "$scratch/top/upper" "$scratch/top/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$scratch/top/upper,workdir=$scratch/top/work" /etc 2>"$scratch/log" &&
	mount -t tmpfs tmpfs /usr/local && mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run
if [ $? != 0 ]; then
	skip unit_runs "no place for an installation: $(cat "$scratch/log")"
	finish
fi
make -s BUILD="$BUILD" PREFIX=/usr/local install >"$scratch/log" 2>&1 || fail installs "$(tail -n 3 "$scratch/log")"
mkdir -p /etc/weir /run/units
systemd-sysusers /usr/local/lib/sysusers.d/weir.conf 2>"$scratch/log" || fail user_is_made "$(cat "$scratch/log")"
systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/weir.conf 2>"$scratch/log" || fail directories_are_made "$(cat "$scratch/log")"
cat >/etc/weir/weir.yaml <<'END'
interfaces: [vb]
listen: {ports: [4739]}
xdp: {mode: native, keep_attached: true, when_back: exit}
outputs: ["file:/var/lib/weir/flows"]
END
cp /usr/local/lib/systemd/system/weir*.service /run/units/
# Nothing that it could wait for is there.
printf '%s\n' '[Unit]' 'DefaultDependencies=no' >/run/units/default.target
mkdir /run/units/weir.service.d /run/units/weir-pins.service.d
printf '%s\n' '[Unit]' 'DefaultDependencies=no' >/run/units/weir-pins.service.d/test.conf
printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'Wants=' 'After=' 'After=weir-pins.service' '[Service]' 'StandardError=append:/run/weir.log' \
	>/run/units/weir.service.d/test.conf

# A hierarchy of control groups of its own, and no other variables than these.
cat >"$scratch/first" <<'END'
#!/bin/bash
mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/own && mount -t cgroup2 none /sys/fs/cgroup/own || exit 1
mkdir -p "/sys/fs/cgroup/own/$1" && echo 1 >"/sys/fs/cgroup/own/$1/cgroup.procs" || exit 1
exec unshare --cgroup --mount --propagation private -- /bin/bash -c '
	umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 1
	exec env -i container=weir SYSTEMD_UNIT_PATH=/run/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=default.target --log-target=console --show-status=no'
END
chmod +x "$scratch/first"
group=weir-test-$$
# Its control groups are gone when the last process is.
remove_groups() {
	local at=$scratch/cgroups
	mkdir -p "$at"
	mount -t cgroup2 none "$at" 2>/dev/null || return
	await 60 eval 'find "$at/$group" -depth -type d -exec rmdir {} \; 2>/dev/null; [ ! -e "$at/$group" ]'
	umount "$at"
}
nsenter --net=/proc/"$ns_b"/ns/net -- unshare --pid --fork --kill-child=KILL --mount --propagation private --mount-proc \
	--uts --ipc -- "$scratch/first" "$group" >"$scratch/manager.log" 2>&1 &
keeper=$!
trap 'kill -KILL $(pgrep -P $keeper) 2>/dev/null; wait $keeper 2>/dev/null; remove_groups; umount -l "$scratch/top" 2>/dev/null; cleanup' EXIT
inside() { nsenter --target "$(pgrep -P $keeper)" --mount --pid --net --cgroup -- "$@"; }
if ! await 60 eval 'inside systemctl is-system-running 2>/dev/null | grep -Eq "running|degraded"'; then
	skip unit_runs "systemd does not start in a namespace here: $(tail -n 1 "$scratch/manager.log")"
	finish
fi
weir_pid() { inside systemctl show -P MainPID weir; }
ask() { inside /usr/local/bin/weir status --json | jq -r "$1"; }
why() { printf '%s; %s' "$(tail -n 3 "$scratch/manager.log")" "$(tail -n 3 /run/weir.log)"; }

if ! inside systemctl start weir 2>"$scratch/log"; then
	fail unit_starts "$(why)"
	finish
fi
expect unit_starts "$(inside systemctl is-active weir) $(ask '.ready, .workers[0].xdp // empty' | head -n 1)" '^active true'
pid=$(weir_pid)
status=$(inside cat "/proc/$pid/status")
user=$(id -u weir)
expect it_is_never_root "$status $(inside systemctl show -P User weir)" "^Uid:	$user	$user	$user	$user\$" 'weir$'
expect it_keeps_no_capability "$status" '^CapEff:	0+$' '^CapPrm:	0+$' '^CapAmb:	0+$' '^NoNewPrivs:	1$' '^Seccomp:	2$'
expect it_sees_its_pins_and_no_others "$(inside ls "/proc/$pid/root/sys/fs/bpf") $(stat -c %U $pins)" '^weir weir$'
expect its_home_is_all_it_can_write "$(inside nsenter --target "$pid" --mount -- sh -c \
	'for d in / /usr /etc /home /root /sys /boot /var/lib/weir /run/weir; do (: >$d/.t) 2>/dev/null && { echo $d; rm $d/.t; }; done' | tr '\n' ' ')" \
	'^/var/lib/weir /run/weir $'

arrives() { # N RATE
	in_a "$BUILD/tests/send_load" --to 10.9.0.2:4739 --interface va --from 10.9.0.1 --size 1400 --rate "$2" --count "$1" >"$scratch/sent"
}
arrives 500 5000
await 60 eval '[ "$(ask .accounts.rx_xdp_datagrams)" = 500 ]'
expect it_receives_through_xdp "$(ask .accounts.rx_xdp_datagrams)" '^500$'
sed -i 's/4739/4739, 2055/' /etc/weir/weir.yaml
inside systemctl reload weir
await 60 grep -q 'listen.ports: .*2055.*was' /run/weir.log
expect it_reloads "$(inside systemctl is-active weir) $(tail -n 3 /run/weir.log)" '^active' 'listen.ports: .*2055.*was'

# The upgrade of a package: restarted while the exporters send.
arrives 9000 1500 &
sender=$!
sleep 1
inside systemctl restart weir || fail restarts "$(why)"
wait $sender
expect it_is_another_process "$([ "$(weir_pid)" != "$pid" ] && echo other)" other
before=$(sed -n 's/.*received \([0-9]*\) datagrams.*/\1/p' /run/weir.log | tail -n 1)
await 60 eval 'after=$(ask "[.accounts.rx_xdp_datagrams, .accounts.rx_udp_datagrams] | add"); [ "$after" -ge $((9500 - before)) ]'
expect a_restart_loses_nothing "$((before + after))" '^9500$'
printf '# %d of 9000 datagrams waited for the new process\n' "$(ask .accounts.rx_udp_datagrams)"

# Its interface is removed and comes back: it ends, and is started again with the rights to attach to that.
# What comes meanwhile waits in the sockets that the manager keeps.
pid=$(weir_pid)
received() { # in all runs since this began, but for the running one
	sed -n 's/.*received \([0-9]*\) datagrams.*/\1/p' /run/weir.log | tail -n +$((runs + 1)) | awk '{ sum += $1 } END { print sum + 0 }'
}
runs=$(grep -c 'received [0-9]* datagrams' /run/weir.log)
already=$(ask '[.accounts.rx_xdp_datagrams, .accounts.rx_udp_datagrams] | add')
in_b ip link del vb
await 60 grep -q 'vb: the interface was removed' /run/weir.log
in_a ip link add va type veth peer name vb
in_a ip link set vb netns "$ns_b"
ns_end a va 1
ns_end b vb 2
in_a ping -q -c 1 10.9.0.2 >/dev/null
arrives 12000 1500
await 60 eval '[ "$(weir_pid)" != "$pid" ] && [ "$(inside systemctl is-active weir)" = active ]'
expect it_is_started_again_when_its_interface_is_back "$(inside systemctl is-active weir) $([ "$(weir_pid)" != "$pid" ] && echo other) \
$(inside systemctl show -P NRestarts weir); $(why)" '^active other 1;'
expect and_asked_for_it "$(cat /run/weir.log)" 'stopping, with exit status 75 to be started again'
await 60 eval 'after=$(ask "[.accounts.rx_xdp_datagrams, .accounts.rx_udp_datagrams] | add"); [ "$(($(received) - already + after))" -ge 12000 ]'
expect and_nothing_is_lost_meanwhile "$(($(received) - already + after))" '^12000$'
arrives 500 5000
before=$(ask .accounts.rx_xdp_datagrams)
expect and_takes_in_through_xdp "$([ "$before" -ge 500 ] && echo "$before datagrams")" 'datagrams'
printf '# %d of them waited for it\n' "$(ask .accounts.rx_udp_datagrams)"
inside systemctl stop weir
expect it_stops "$(inside systemctl show -P Result weir) $(inside systemctl is-active weir)" '^success inactive$'
inside systemctl start weir
expect it_takes_its_pins_over "$(inside systemctl is-active weir)" '^active$'
# Who removes the pins by hand removes the directory, too.
inside systemctl stop weir
rm -r $pins
inside systemctl start weir
expect it_starts_without_any_pins "$(inside systemctl is-active weir)" '^active$'
inside systemctl stop weir
finish
