#!/usr/bin/env python3
"""Checks Grafana's dashboards; used by grafana.sh.
SPDX-License-Identifier: Apache-2.0

usage: grafana_check.py files DIR METRICS.md    form, uids, layout, links, names of metrics and labels
       grafana_check.py rules DIR               the PromQL expressions as a file of recording rules
       grafana_check.py queries DIR ADDRESS     runs each ClickHouse query; each must give rows
"""
import glob
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

PLUGIN, PROMETHEUS = "grafana-clickhouse-datasource", "prometheus"
SPAN, INTERVAL = 3600, 60
# What Grafana would put in; the flows of grafana.sh answer to these.
CHOSEN = {"exporter": ["192.0.2.1", "r2"], "protocol": ["tcp"], "as": "64501", "address": "10.1.0.1", "port": "443"}
failures = 0


def report(name, reasons):
    global failures
    if reasons:
        failures += 1
        print(f"FAIL {name}: {'; '.join(reasons[:4])}")
    else:
        print(f"ok {name}")


def panels(board):
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def boards(directory):
    for path in sorted(glob.glob(f"{directory}/dashboards/*.json")):
        with open(path, encoding="utf-8") as f:
            yield os.path.basename(path), json.load(f)


def expressions(board):
    for panel in panels(board):
        for target in panel.get("targets", []):
            if target["datasource"]["type"] == PROMETHEUS:
                yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        if variable.get("datasource", {}).get("type") == PROMETHEUS:
            yield variable["name"], variable["query"]["query"]


def overlapping(board):
    taken = {}
    for panel in board["panels"]:
        p = panel["gridPos"]
        if p["x"] < 0 or p["x"] + p["w"] > 24 or p["w"] < 1 or p["h"] < 1:
            yield f"{panel['title']} does not fit into 24 columns"
        for x in range(p["x"], p["x"] + p["w"]):
            for y in range(p["y"], p["y"] + p["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} overlaps {other}"
                    return


def documented(path):
    """Names in the tables of docs/METRICS.md, each with its labels."""
    known = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.split("|")]
            found = len(cells) > 4 and re.fullmatch(r"`(weir_\w+)`", cells[1])
            if found:
                labels = cells[2] if len(cells) == 5 else cells[3]
                known[found.group(1)] = {l.strip() for l in labels.split(",") if l.strip()}
    return known


def check_files(directory, metrics):
    found = list(boards(directory))
    report("there are dashboards", [] if len(found) >= 5 else [f"only {len(found)}"])
    uids = [b["uid"] for _, b in found]
    report("uids and titles are unique", [] if len(set(uids)) == len({b["title"] for _, b in found}) == len(found) else [str(uids)])
    report("a file is named after its uid", [n for n, b in found if n != b["uid"] + ".json"])
    sources = open(f"{directory}/provisioning/datasources/weir.yaml", encoding="utf-8").read()
    given = dict(re.findall(r"uid: (\S+)\n\s+type: (\S+)", sources))
    known = documented(metrics)
    for name, board in found:
        uid = board["uid"]
        every = list(panels(board))
        report(f"{uid}: panels do not overlap", list(overlapping(board)))
        ids = [p["id"] for p in every]
        report(f"{uid}: each panel has its id and title", [] if len(ids) == len(set(ids)) and all(p["title"] for p in every) else [str(ids)])
        used = {(t["datasource"]["uid"], t["datasource"]["type"]) for p in every for t in p.get("targets", [])}
        report(f"{uid}: its data sources are provisioned", [str(u) for u in used if given.get(u[0]) != u[1]])
        text = json.dumps(board)
        variables = {v["name"] for v in board["templating"]["list"]}
        asked = set(re.findall(r"\$\{(\w+)[:}]|\$(?!__)(\w+)", "\n".join(
            t.get("rawSql", "") + t.get("expr", "") for p in every for t in p.get("targets", []))))
        asked = {a or b for a, b in asked}
        report(f"{uid}: variables that queries name exist", sorted(asked - variables))
        report(f"{uid}: variables are used", sorted(v for v in variables if not re.search(rf"\$\{{?{v}\b", text)))
        wrong = []
        for there, query in re.findall(r"/d/([\w-]+)\?([^\"]*)", text):
            if there not in uids:
                wrong.append(f"no dashboard {there}")
                continue
            target = next(b for _, b in found if b["uid"] == there)
            wrong += [f"{there} has no variable {v}" for v in re.findall(r"var-(\w+)=", query)
                      if v not in {x["name"] for x in target["templating"]["list"]}]
        report(f"{uid}: links lead to dashboards and variables that exist", wrong)
        wrong = []
        for title, expr in expressions(board):
            names = set(re.findall(r"\bweir_\w+", expr))
            wrong += [f"{title}: {n}" for n in names if n not in known]
            labels = {"instance"}.union(*(known.get(n, set()) for n in names))
            for group in re.findall(r"\b(?:by|without) \(([^)]*)\)", expr):
                wrong += [f"{title}: no label {l}" for l in re.split(r",\s*", group) if l not in labels]
            wrong += [f"{title}: no label {l}" for l in re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\"", expr) if l not in labels]
            if any(expr.count(a) != expr.count(b) for a, b in ("()", "{}", "[]")):
                wrong.append(f"{title}: brackets")
        if any(True for _ in expressions(board)):
            report(f"{uid}: metrics and labels are those of docs/METRICS.md", wrong)


def rules(directory):
    print("groups:\n  - name: weir\n    rules:")
    n = 0
    for _, board in boards(directory):
        for _, expr in expressions(board):
            if expr.startswith("label_values"):
                continue
            n += 1
            expr = expr.replace("$__rate_interval", "5m").replace("$__range", "6h").replace("$instance", ".*").replace("$exporter", ".*")
            print(f"      - record: weir:r{n}\n        expr: {json.dumps(expr)}")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def closing(text, at):
    """The index of the bracket that closes the one at `at`; quotes are minded."""
    depth, quote = 0, None
    for i in range(at, len(text)):
        c = text[i]
        if quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            if not depth:
                return i
    raise ValueError("a bracket is not closed")


def interpolated(text, every, now):
    """The query as Grafana and the plugin would send it; with `every`, lists stand on All."""
    while (at := text.find("$__conditionalAll(")) >= 0:
        end = closing(text, at + len("$__conditionalAll"))
        condition = text[at + len("$__conditionalAll("):end].rsplit(",", 1)[0]
        text = text[:at] + ("1=1" if every else condition) + text[end + 1:]

    def variable(found):
        value, form = CHOSEN[found.group(1)], found.group(2)
        if form == "singlequote":
            return ",".join("'" + v.replace("'", "\\'") + "'" for v in value)
        if form != "sqlstring":
            raise ValueError(f"form {form} of a variable is not known here")
        if isinstance(value, list):
            value = value[0]
        return quoted("" if every and found.group(1) in ("address", "port") else value)

    text = re.sub(r"\$\{(\w+):(\w+)\}", variable, text)
    start, end = now - SPAN, now
    text = re.sub(r"\$__timeFilter\(([^()]*)\)", rf"\1 >= toDateTime({start}) AND \1 <= toDateTime({end})", text)
    text = re.sub(r"\$__timeInterval\(([^()]*)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {INTERVAL} second)", text)
    for macro, value in (("$__fromTime", f"toDateTime({start})"), ("$__toTime", f"toDateTime({end})"), ("$__interval_s", str(INTERVAL))):
        text = text.replace(macro, value)
    if "$" in text:
        raise ValueError(f"not replaced: {text[text.index('$'):][:40]}")
    return text


def ask(address, query):
    request = urllib.request.Request(f"{address}/?default_format=JSONCompact", query.encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ValueError(error.read().decode(errors="replace").strip()[:300]) from None


def check_series(meta, rows):
    if not meta[0]["type"].startswith("DateTime"):
        return f"the first column is {meta[0]['type']}, not a time"
    if [r[0] for r in rows] != sorted(r[0] for r in rows):
        return "not in the order of time"
    if not any(re.search(r"Int|Float|Decimal", m["type"]) for m in meta[1:]):
        return "no number in it"
    return None


def check_queries(directory, address):
    now = int(time.time()) + 1
    for _, board in boards(directory):
        for panel in panels(board):
            targets = [t for t in panel.get("targets", []) if t["datasource"]["type"] == PLUGIN]
            if not targets:
                continue
            wrong, columns = [], set()
            for target in targets:
                for every in (True, False):
                    try:
                        query = interpolated(target["rawSql"], every, now)
                        if "by_interface_1h" in query or "by_edge_as_1d" in query:  # rows begin before the hour
                            query = query.replace(f"toDateTime({now - SPAN})", f"toDateTime({now - 90 * 86400})")
                        answer = ask(address, query)
                    except ValueError as error:
                        wrong.append(str(error))
                        continue
                    columns |= {m["name"] for m in answer["meta"]}
                    if not answer["data"]:
                        wrong.append("no rows")
                    elif target["queryType"] == "timeseries":
                        bad = check_series(answer["meta"], answer["data"])
                        wrong += [bad] if bad else []
            named = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
            named |= set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)))
            wrong += [f"no column {c}" for c in sorted(named - columns)]
            report(f"{board['uid']}: {panel['title']}", wrong)
        for variable in board["templating"]["list"]:
            if variable.get("datasource", {}).get("type") == PLUGIN:
                try:
                    rows = ask(address, interpolated(variable["query"], True, now))["data"]
                    report(f"{board['uid']}: values of {variable['name']}", [] if rows else ["none"])
                except ValueError as error:
                    report(f"{board['uid']}: values of {variable['name']}", [str(error)])


def main():
    if sys.argv[1:2] == ["files"]:
        check_files(*sys.argv[2:])
    elif sys.argv[1:2] == ["rules"]:
        rules(*sys.argv[2:])
    elif sys.argv[1:2] == ["queries"]:
        check_queries(*sys.argv[2:])
    else:
        sys.exit(__doc__)
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
