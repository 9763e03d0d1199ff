#!/usr/bin/env python3
"""Sends numbered datagrams in the ways that the XDP tests need.
SPDX-License-Identifier: Apache-2.0
usage: xdp_send.py KIND COUNT SIZE RATE [FLOWS]
KIND: plain, plain6, options, extensions, vlan, qinq, mixed (every other one fragmented)"""
import socket
import struct
import sys
import time

PORT = 2055
SOURCE, TARGET = '10.9.0.1', '10.9.0.2'
SOURCE6, TARGET6 = 'fd09::1', 'fd09::2'


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tagged(payload, tags):
    """An Ethernet frame with VLAN tags, as no VLAN device is needed to receive it by XDP."""
    addresses = socket.inet_aton(SOURCE) + socket.inet_aton(TARGET)
    udp = struct.pack('!HHHH', 5000, PORT, 8 + len(payload), 0)
    pseudo = addresses + struct.pack('!HH', 17, 8 + len(payload))
    udp = udp[:6] + struct.pack('!H', checksum(pseudo + udp + payload) or 0xffff)
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0) + addresses
    ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    frame = mac_of_peer() + b'\2' * 6
    for i, tag in enumerate(tags):
        frame += struct.pack('!HH', 0x88a8 if i + 1 < len(tags) else 0x8100, tag)
    return frame + b'\x08\0' + ip + udp + payload


def mac_of_peer():
    with open('/proc/net/arp') as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            if fields[0] == TARGET:
                return bytes.fromhex(fields[3].replace(':', ''))
    sys.exit('no ARP entry of the peer: ping it first')


def udp_sockets(kind, n):
    v6 = kind in ('plain6', 'extensions')
    sockets = []
    for i in range(n):
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(('::' if v6 else SOURCE, 5000 + i))
        if kind == 'options':
            s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b'\1\1\1\0')
        if kind == 'extensions':
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, b'\0\0\1\4\0\0\0\0')
        if kind == 'mixed':
            s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: fragments are wanted
        sockets.append(s)
    return sockets


def main():
    kind, count, size, rate = sys.argv[1], *map(int, sys.argv[2:5])
    flows = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    if kind in ('vlan', 'qinq'):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(('va', 0))
        tags = [100] if kind == 'vlan' else [200, 100]
        template = [tagged(struct.pack('!I', i % 64) + bytes(size - 4), tags) for i in range(64)]
    else:
        # Not connected: what the receiver refuses when it is gone is none of our business.
        sockets = udp_sockets(kind, flows)
        target = (TARGET6 if kind in ('plain6', 'extensions') else TARGET, PORT)
    payload = bytearray(size)
    large = bytearray(3000)
    start = time.perf_counter()
    for i in range(count):
        if kind in ('vlan', 'qinq'):
            raw.send(template[i % 64])
        else:
            out = large if kind == 'mixed' and i % 2 else payload
            struct.pack_into('!I', out, 0, i)
            sockets[i % flows].sendto(out, target)
        if i % 32 == 0:
            ahead = i / rate - (time.perf_counter() - start)
            if ahead > 0.001:
                time.sleep(ahead)
            elif ahead < -0.02:  # not made up for: the rate stays what was asked for
                start -= ahead + 0.02


main()
