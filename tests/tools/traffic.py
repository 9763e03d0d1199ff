#!/usr/bin/env python3
"""Ordinary traffic for exporters to watch: TCP and UDP conversations of known sizes.
SPDX-License-Identifier: Apache-2.0

usage: traffic.py serve                 answer on PORTS (all addresses of this namespace) until killed
       traffic.py ask ADDRESS... SECONDS  hold conversations with those addresses; prints what was moved
"""
import random
import socket
import sys
import threading
import time

PORTS = (80, 443, 5001, 8080)
UDP_PORTS = (53, 123, 4500)


def serve_tcp(sock):
    """Each request is a decimal number and a newline: so many bytes are the answer."""
    def answer(peer):
        with peer, peer.makefile("rb") as lines:
            for line in lines:
                peer.sendall(bytes(int(line)))

    while True:
        peer, _ = sock.accept()
        threading.Thread(target=answer, args=(peer,), daemon=True).start()


def serve_udp(sock):
    while True:
        data, sender = sock.recvfrom(2048)
        sock.sendto(data * 3, sender)


def listening(kind, port):
    sock = socket.socket(socket.AF_INET6, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        sock.listen(64)
    return sock


def serve():
    jobs = [(serve_tcp, listening(socket.SOCK_STREAM, p)) for p in PORTS]
    jobs += [(serve_udp, listening(socket.SOCK_DGRAM, p)) for p in UDP_PORTS]
    for job, sock in jobs:
        threading.Thread(target=job, args=(sock,), daemon=True).start()
    while True:
        time.sleep(3600)


def ask_tcp(address, port, size):
    with socket.create_connection((address, port), timeout=10) as sock:
        sock.sendall(b"%d\n" % size)
        left = size
        while left:
            left -= len(sock.recv(min(left, 65536)) or sys.exit("connection closed early"))
    return size


def ask_udp(address, port, size):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(bytes(size), (address, port))
        return len(sock.recv(65536))


def ask(addresses, seconds):
    choose = random.Random(1)
    end = time.monotonic() + seconds
    conversations = moved = 0
    while time.monotonic() < end:
        address = choose.choice(addresses)
        if choose.random() < 0.6:
            moved += ask_tcp(address, choose.choice(PORTS), choose.choice((200, 5000, 60000, 400000)))
        else:
            moved += ask_udp(address, choose.choice(UDP_PORTS), choose.randint(20, 400))
        conversations += 1
        time.sleep(0.05)
    print(f"{conversations} conversations, {moved} bytes in answers")


if len(sys.argv) == 2 and sys.argv[1] == "serve":
    serve()
elif len(sys.argv) > 3 and sys.argv[1] == "ask":
    ask(sys.argv[2:-1], float(sys.argv[-1]))
else:
    sys.exit(__doc__)
