"""Sends batches of flows to a topic, each several times, in any order and to any partition.
SPDX-License-Identifier: Apache-2.0

usage: clickhouse_twice.py BROKERS TOPIC NAME BATCHES FLOWS COPIES [broken | keyed | anew]

Batch i has header weir.batch = NAME/i and FLOWS flows, of which sequence_num counts on through all
batches and bytes is 100. With `broken` a message that cannot be read, with the same header, stands
before the copies of each, in the same partition. With `keyed` all copies
of a batch go to one partition, as the agent sends them. NAME - is for no header. With `anew` the topic is
deleted and made again, with one partition, before.
"""
import random
import sys
import time

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def field(number, v):
    return varint(number << 3) + varint(v)


def batch(first, flows, now):
    out = b""
    for i in range(first, first + flows):
        flow = (field(1, 4) + field(4, i) + field(9, 100) + field(10, 1) + field(20, 6) + field(30, 0x0800)
                + field(110, now) + field(111, now) + varint(6 << 3 | 2) + b"\x04\x0a" + i.to_bytes(4, "big")[1:])
        out += varint(len(flow)) + flow
    return out


def make_anew(brokers, topic):
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.delete_topics([topic])[topic].result()
    for _ in range(120):
        try:
            return admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
        except KafkaException:  # it is still being deleted
            time.sleep(0.5)
    sys.exit("the topic is not deleted")


brokers, topic, name, batches, flows, copies = sys.argv[1:4] + [int(a) for a in sys.argv[4:7]]
if "anew" in sys.argv[7:]:
    make_anew(brokers, topic)
producer = Producer({"bootstrap.servers": brokers, "linger.ms": 50})
for _ in range(120):  # a topic that was just made is not known at once
    partitions = len(producer.list_topics(topic, 60).topics[topic].partitions)
    if partitions:
        break
    time.sleep(0.5)
now = time.time_ns()
random.seed(" ".join(sys.argv[3:]))  # the same places and order each time
messages = []
for i in range(batches):
    body = batch(i * flows, flows, now)
    if "broken" in sys.argv[7:]:
        place = random.randrange(partitions)
        messages.append([(b"\xff" + body[:40], i, place)] + [(body, i, place)] * copies)
    else:
        messages += [[(body, i, i % partitions if "keyed" in sys.argv[7:] else random.randrange(partitions))]
                     for _ in range(copies)]
random.shuffle(messages)
for body, i, partition in (m for group in messages for m in group):
    while True:
        try:
            producer.produce(topic, body, partition=partition,
                             headers=None if name == "-" else {"weir.batch": f"{name}/{i}"})
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)
if producer.flush(60):
    sys.exit("not all messages were taken")
