#!/bin/bash
# The agent as a service: what it tells the manager, and how closed its unit is.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
isolate "$@"

# Listens where NOTIFY_SOCKET points, and prints what comes.
listen() {
	python3 -u -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode())' "$scratch/notify" >"$scratch/told" &
	await 60 test -S "$scratch/notify"
}

listen
ns_make ns_a
in_a ip link set lo up
NOTIFY_SOCKET=$scratch/notify WATCHDOG_USEC=30000000 spawn "$ns_a" "$WEIR" agent \
	--set "outputs=file:$scratch/flows" --set "state.directory=$scratch/state" \
	--set "control.socket=$scratch/control" --set metrics.listen= 2>"$scratch/log"
agent=$spawned
await 60 grep -q '^READY=1$' "$scratch/told"
expect tells_that_it_is_ready "$(cat "$scratch/told" "$scratch/log")" '^READY=1$'
await 60 grep -q '^WATCHDOG=1$' "$scratch/told"
expect feeds_the_watchdog "$(cat "$scratch/told")" '^WATCHDOG=1$'
expect leaves_its_sockets_to_the_manager "$(grep -c '^FDSTORE=1$' "$scratch/told") $(ls -l /proc/"$agent"/fd | grep -c socket:)" '^[1-9]'
kill -HUP "$agent"
await 60 grep -q '^RELOADING=1$' "$scratch/told"
expect tells_that_it_reloads "$(cat "$scratch/told")" '^RELOADING=1$'
kill "$agent"
wait "$agent"
await 60 grep -q '^STOPPING=1$' "$scratch/told"
expect tells_that_it_stops "$(tail -n 1 "$scratch/told")" '^STOPPING=1$'

# Without WATCHDOG_USEC nobody waits for it.
NOTIFY_SOCKET=$scratch/notify spawn "$ns_a" "$WEIR" agent \
	--set "outputs=file:$scratch/flows" --set "state.directory=$scratch/state" \
	--set "control.socket=$scratch/control" --set metrics.listen= 2>"$scratch/log"
agent=$spawned
await 60 "$WEIR" status --socket "$scratch/control" >/dev/null
sleep 1.2
kill "$agent"
wait "$agent"
await 60 eval '[ "$(grep -c "^STOPPING" "$scratch/told")" = 2 ]'
expect no_watchdog_where_none_is_asked_for \
	"$(sed -n '/STOPPING/,$p' "$scratch/told" | sed 1d | grep -v ^FD | tr '\n' ' ')" '^READY=1 STOPPING=1 $'

if ! command -v systemd-analyze >/dev/null; then
	skip unit_is_closed "no systemd-analyze here"
else
	exposure=$(systemd-analyze security --offline=true deploy/systemd/weir.service 2>/dev/null |
		sed -n 's/.*Overall exposure level for weir.service: \([0-9.]*\) .*/\1/p')
	expect unit_is_closed "exposure $exposure" '^exposure ([01]\.[0-9]|2\.[01])$'
	mkdir -p "$scratch/unit"
	cp deploy/systemd/weir-pins.service "$scratch/unit/"
	sed "s|/usr/bin/weir|$WEIR|" deploy/systemd/weir.service >"$scratch/unit/weir.service"
	wrong=$(systemd-analyze verify --man=no "$scratch/unit/weir.service" 2>&1 |
		grep -v 'Not showing unlisted system calls')
	expect unit_is_valid "wrong: $wrong" '^wrong: $'
fi
finish
