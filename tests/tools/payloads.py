#!/usr/bin/env python3
"""The UDP payloads of classic pcap captures (Ethernet, no fragments): sent again, or as files.
SPDX-License-Identifier: Apache-2.0

usage: payloads.py send ADDRESS:PORT FILE.pcap...    to a collector on this machine
       payloads.py seeds DIRECTORY FILE.pcap...      for the fuzzers: each payload as a file, and each
                                                     capture's first ones as one length-prefixed file
"""
import hashlib
import pathlib
import socket
import struct
import sys
import time


def payloads(path):
    data = pathlib.Path(path).read_bytes()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        sys.exit(f"{path}: not a classic little-endian pcap file")
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        kind, = struct.unpack_from("!H", frame, 12)
        if kind == 0x0800 and frame[23] == 17:
            udp = 14 + (frame[14] & 15) * 4
        elif kind == 0x86DD and frame[20] == 17:
            udp = 54
        else:
            continue
        length, = struct.unpack_from("!H", frame, udp + 4)
        yield frame[udp + 8:udp + length]


def send(where, files):
    address, port = where.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        n = 0
        for path in files:
            for payload in payloads(path):
                sock.sendto(payload, (address, int(port)))
                n += 1
                time.sleep(0.001)
    print(n)


def seeds(directory, files):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)

    def write(data):
        (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)

    for path in files:
        several = b""
        for payload in payloads(path):
            write(payload)
            if len(several) + len(payload) < 16384:
                several += struct.pack("!H", len(payload)) + payload
        write(several)


if len(sys.argv) > 3 and sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3:])
elif len(sys.argv) > 3 and sys.argv[1] == "seeds":
    seeds(sys.argv[2], sys.argv[3:])
else:
    sys.exit(__doc__)
