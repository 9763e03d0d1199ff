#!/usr/bin/env python3
"""Native or RowBinary: bytes on the wire and the engine's time to read them, of the same flows.
SPDX-License-Identifier: Apache-2.0
usage: build/venv/bin/python tests/bench/native_or_rowbinary.py FLOWS.native     (weir replay --format native)
"""
import os
import subprocess
import sys
import tempfile

import chdb

native = os.path.abspath(sys.argv[1])
ddl = open(os.path.join(os.path.dirname(__file__), "../../deploy/clickhouse/repeatable/23_native.sql")).read()
columns = [line.strip().rstrip(",").split(" ", 1)
           for line in ddl.split("\n(\n")[1].split("\n)\n")[0].splitlines()]


def structure(names=None):
    return ", ".join(f"{n} {t}" for n, t in columns if names is None or n in names)


def ask(sql):
    return chdb.query(sql, "TabSeparated").data().strip()


def source(path, fmt, names=None):
    return f"file('{path}', '{fmt}', '{structure(names)}')"


os.chdir(tempfile.mkdtemp())
count = int(ask(f"SELECT count() FROM {source(native, 'Native')}"))
used = ask("SELECT " + ", ".join(f"countIf({n} != defaultValueOfTypeName('{t}'))" for n, t in columns)
           + f" FROM {source(native, 'Native')}").split("\t")
used = {n for (n, _), k in zip(columns, used) if k != "0"}
files = {"Native": (native, "Native", None), "RowBinary": ("all.rb", "RowBinary", None),
         f"RowBinary, {len(used)} columns": ("used.rb", "RowBinary", used)}
for path, fmt, names in files.values():
    if fmt == "RowBinary":
        ask(f"INSERT INTO FUNCTION {source(path, fmt, names)} "
            f"SELECT {', '.join(n for n, _ in columns if names is None or n in names)} FROM {source(native, 'Native')}")
print(f"{count} flows, {len(columns)} columns of which {len(used)} are used")
print(f"{'':24} {'bytes/flow':>10} {'lz4':>7} {'zstd':>7} {'CPU ns/flow to read':>20}")
for name, (path, fmt, names) in files.items():
    packed = [int(subprocess.run(f"{tool} -c {path} | wc -c", shell=True, capture_output=True).stdout)
              for tool in ("lz4 -q", "zstd -q -3")]
    best = None
    for _ in range(3):
        before = sum(os.times()[:2])
        chdb.query(f"SELECT * FROM {source(path, fmt, names)} SETTINGS max_threads = 1", "Null")
        spent = sum(os.times()[:2]) - before
        best = spent if best is None else min(best, spent)
    print(f"{name:24} {os.path.getsize(path) / count:10.1f} {packed[0] / count:7.1f} {packed[1] / count:7.1f} "
          f"{best / count * 1e9:20.0f}")
