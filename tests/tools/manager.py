#!/usr/bin/env python3
"""As much of a service manager as keeping descriptors over a restart takes (sd_notify's FDSTORE).
SPDX-License-Identifier: Apache-2.0

usage: manager.py NOTIFY-SOCKET COMMAND...
Starts COMMAND; on SIGUSR1 ends it, waits, and starts it again with what it has given to keep; on
SIGTERM ends it and itself. Prints what it does, one line each.
"""
import array
import os
import select
import signal
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
store, asked = [], []
child = 0


def start():
    pid = os.fork()
    if pid:
        return pid
    os.environ["NOTIFY_SOCKET"] = path
    if store:
        held = [os.dup(fd) for _, fd in store]
        high = [os.dup2(fd, 500 + i) for i, fd in enumerate(held)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
        os.closerange(3 + len(high), 1024)
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.environ["LISTEN_FDS"] = str(len(store))
        os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in store)
    os.execvp(command[0], command)


def hear():
    data, control, _, _ = notify.recvmsg(4096, 4096)
    fields = dict(line.split("=", 1) for line in data.decode().splitlines())
    fds = array.array("i")
    for level, kind, value in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(value[:len(value) - len(value) % fds.itemsize])
    if fields.get("FDSTOREREMOVE") == "1":
        for name, fd in [s for s in store if s[0] == fields["FDNAME"]]:
            os.close(fd)
            store.remove((name, fd))
    if fields.get("FDSTORE") == "1":
        store.extend((fields["FDNAME"], fd) for fd in fds)
    if fields.get("READY") == "1":
        print("ready, kept", len(store), flush=True)


signal.set_wakeup_fd(os.open("/dev/null", os.O_WRONLY | os.O_NONBLOCK))
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda n, _: asked.append(n))
child = start()
while True:
    if asked:
        number = asked.pop(0)
        os.kill(child, signal.SIGTERM)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if select.select([notify], [], [], 0.01)[0]:
                hear()
        print("ended", flush=True)
        if number == signal.SIGTERM:
            sys.exit()
        child = start()
    if select.select([notify], [], [], 0.05)[0]:
        hear()
