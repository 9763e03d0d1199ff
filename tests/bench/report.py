#!/usr/bin/env python3
"""Puts the numbers of bench.sh into docs/PERFORMANCE.md, draws them, and says the main ones.

SPDX-License-Identifier: Apache-2.0
usage: report.py RESULT.json PERFORMANCE.md PICTURE.svg
"""

import json
import sys
from html import escape

BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of measured -->"

# part, name, what is held against the goal, goal, unit
GOALS = [
    ("agent", "ipfix protobuf/lz4", "cpu_us", 0.50, "us a flow"),
    ("agent", "ipfix protobuf/lz4-fast", "cpu_us", 0.50, "us a flow"),
    ("agent", "ipfix native/lz4", "cpu_us", 0.30, "us a flow"),
    ("agent", "ipfix protobuf/none", "cpu_us", 0.20, "us a flow"),
    ("agent", "ipfix json/none", "cpu_us", 0.70, "us a flow"),
    ("agent", "sflow protobuf/none", "cpu_us", 0.25, "us a sample"),
    ("start", "start with 5000000 prefixes", "load_ms", 1000, "ms"),
    ("swap", "1,000 after each swap", "cpu_ms", 1.0, "ms"),
    ("start", "idle, not enriched", "core_percent", 0.1, "% of a core"),
]
TITLES = {
    "micro": "Stages, one thread, captures in memory (receive: of a datagram)",
    "agent": "The whole agent to a Kafka broker, CPU time a flow",
    "shape": "Hosts, exporters, templates and queues (Protobuf made and thrown away)",
    "loss": "High rate",
    "start": "Start and idle",
    "swap": "The table of addresses exchanged: the longest batch of 256 flows",
    "peers": "Beside other collectors, not enriched, CPU time a flow",
}


def number(value):
    if isinstance(value, float) and value != int(value):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    return f"{int(value):,}" if isinstance(value, (int, float)) else ""


def table(rows):
    columns = []
    for row in rows:
        columns += [k for k in row if k not in columns and k not in ("part", "name")]
    lines = ["| | " + " | ".join(c.replace("_", " ") for c in columns) + " |",
             "|---|" + "---:|" * len(columns)]
    for row in rows:
        cells = [number(row[c]) if c in row else "" for c in columns]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return lines


def ratios(parts):
    """Lines on weir beside each peer that had the same protocol."""
    rows = {r["name"]: r for r in parts.get("peers", [])}
    lines = []
    for name, row in rows.items():
        if name.startswith("weir") or not row.get("cpu_us"):
            continue
        protocol = name.split()[1].rstrip(",")
        ours = "to file, JSON" if name.endswith("json") else "to file, Protobuf"
        ours = rows.get(f"weir {protocol} {ours}")
        if ours and ours["cpu_us"]:
            lines.append(f"{name}: {number(row['cpu_us'] / ours['cpu_us'])} times weir's CPU time")
    return lines


def goals(parts):
    lines = []
    for part, name, key, goal, unit in GOALS:
        row = next((r for r in parts.get(part, []) if r["name"] == name), None)
        if row and row[key]:
            met = "met" if row[key] <= goal else "missed"
            lines.append(f"{name}: {row[key]:.3f} {unit}, goal {goal:.2f}: {met}")
    return lines


def picture(rows, path):
    """A bar for each collector, on a logarithmic scale."""
    from math import log10

    rows = [r for r in rows if (r.get("cpu_us") or 0) > 0]
    if not rows:
        return False
    width, left, bar, gap, top = 760, 250, 18, 8, 46
    low, high = 0.01, 1000.0
    scale = (width - left - 80) / (log10(high) - log10(low))
    height = top + len(rows) * (bar + gap) + 34
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           '<text x="12" y="22" font-size="14">CPU time a flow in microseconds '
           '(logarithmic; shorter is better)</text>']
    for power in range(-2, 4):
        x = left + (power + 2) * scale
        out.append(f'<line x1="{x:.1f}" y1="{top - 8}" x2="{x:.1f}" y2="{height - 26}" '
                   'stroke="#dddddd"/>')
        out.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#555555">'
                   f'{10 ** power:g}</text>')
    for i, row in enumerate(rows):
        y = top + i * (bar + gap)
        length = max(2.0, (log10(max(low, min(high, row["cpu_us"]))) - log10(low)) * scale)
        colour = "#2a6f97" if row["name"].startswith("weir") else "#a0a0a0"
        out.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(row["name"])}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar}" fill="{colour}"/>')
        out.append(f'<text x="{left + length + 6:.1f}" y="{y + 13}">{number(row["cpu_us"])}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
    return True


def main(result, document, svg):
    with open(result, encoding="utf-8") as f:
        rows = json.load(f)
    machine = next((r for r in rows if r["part"] == "machine"), {})
    parts = {}
    for row in rows:
        if row["part"] in TITLES:
            parts.setdefault(row["part"], []).append(row)
    lines = [f"Machine: {machine.get('name', '?')}, {machine.get('cores', '?')} cores, "
             f"{machine.get('memory', '?')}, Linux {machine.get('kernel', '?')}, "
             f"{machine.get('compiler', '?')}, librdkafka {machine.get('rdkafka', '?')}; weir "
             f"{machine.get('version', '?')}, {machine.get('date', '?')}. Load averages when it began: "
             f"{machine.get('load', '?')}.", ""]
    told = goals(parts) + ratios(parts)
    lines += [f"- {line}" for line in told] + ([""] if told else [])
    for part, title in TITLES.items():
        if part in parts:
            lines += [f"### {title}", ""] + table(parts[part]) + [""]
    if picture(parts.get("peers", []), svg):
        lines += [f"![CPU time a flow, weir and its peers]({svg.rsplit('/', 1)[-1]})", ""]

    with open(document, encoding="utf-8") as f:
        text = f.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"{document}: no place for the numbers: the lines '{BEGIN}' and '{END}' are missing")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    with open(document, "w", encoding="utf-8") as f:
        f.write(head + BEGIN + "\n" + "\n".join(lines) + END + tail)
    print("\nSummary")
    for line in told:
        print(f"  {line}")
    print(f"  in {document}, drawn in {svg}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
