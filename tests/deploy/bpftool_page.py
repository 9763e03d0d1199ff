#!/usr/bin/env python3
"""Runs the commands that stand in a page ("# COMMAND" between ``` lines) and compares what they print.
SPDX-License-Identifier: Apache-2.0

usage: bpftool_page.py check|update PAGE PREFIX...    PREFIX: what each command is run behind
`check` prints the first difference of each block, where numbers are all alike; `update` writes the
page anew, and says nothing where a block differs in numbers only.
"""
import re
import subprocess
import sys

what, page, prefix = sys.argv[1], sys.argv[2], sys.argv[3:]


def output(command):
    done = subprocess.run(prefix + ["sh", "-c", command], capture_output=True, text=True, timeout=30)
    return (done.stdout + done.stderr).expandtabs(8).rstrip().split("\n")


def shape(lines):
    return [re.sub(r"\d+", "0", re.sub(r"(?<=\S) +", " ", line.rstrip())) for line in lines]


def block(text):
    """What stands between two ``` lines, made anew; None where no command is in it."""
    lines = text.split("\n")
    if not lines[0].startswith("# "):
        return None
    made = []
    for line in lines:
        if line.startswith("# "):
            made += [line] + output(line[2:])
    return made


parts = open(page).read().split("```\n")
differ = 0
for i in range(1, len(parts), 2):
    stands = parts[i].rstrip("\n")
    made = block(stands)
    if made is None:
        continue
    if shape(made) != shape(stands.split("\n")):
        differ += 1
        for n, pair in enumerate(zip(shape(made) + ["(end)"], shape(stands.split("\n")) + ["(end)"])):
            if pair[0] != pair[1]:
                print(f"{made[0]}: line {n + 1} is {pair[0]!r}, the page has {pair[1]!r}")
                break
    parts[i] = "\n".join(made) + "\n"
if what == "update":
    open(page, "w").write("```\n".join(parts))
print(f"{len(parts) // 2} blocks, {differ} differ")
