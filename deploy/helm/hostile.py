#!/usr/bin/env python3
"""Puts odd things in the place of each value of the chart, one after the other.
SPDX-License-Identifier: Apache-2.0

usage: hostile.py HELM CHART VALUES [N]    VALUES: a file that turns everything on; N: so many cases only
The schema refuses, or what is rendered is YAML of kinds that were there before, with no more
privileges, and valid for Kubernetes where kubernetes-validate can be imported. Prints what is not so,
and in the last line what was tried.
"""
import concurrent.futures
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import yaml

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None

helm, chart, full = sys.argv[1:4]
ODD = {
    "newline": "a\nhostPID: true\nprivileged: true\n",
    "quotes": "\\\"' }} {{ fail \"x\" }} # : - [&*!|>%@`",
    "long": "x" * 300,
    "number as text": "0123",
    "null": None,
    "map in a list": [{"a\nb": "c\"d"}],
}
# How templates and the server fail where nobody thought of a value.
ACCIDENT = re.compile(r"nil pointer|can't evaluate|wrong type|error calling (?!fail)|YAML parse error|error converting|"
                      r"panic|incompatible types|cannot unmarshal|unable to build")
# What Kubernetes alone knows the form of, and is asked to check.
PASSED_ON = {"affinity", "extraVolumes", "extraVolumeMounts", "extraContainers"}
CAPABILITIES = {"BPF", "NET_ADMIN", "NET_RAW", "IPC_LOCK"}


def merge(base, over):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


def leaves(node, path=()):
    if isinstance(node, dict):
        for key in node:
            yield from leaves(node[key], path + (key,))
    elif isinstance(node, list):
        yield path
        for i, item in enumerate(node[:1]):
            yield from leaves(item, path + (i,))
    else:
        yield path
    if isinstance(node, dict) and path:
        yield path


def value_at(values, path):
    for key in path:
        values = values[key]
    return values


def put(values, path, value):
    values = copy.deepcopy(values)
    at = values
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return values


def render(values):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values, file)
        file.flush()
        return subprocess.run([helm, "template", "collector", chart, "--kube-version", "1.34", "-f", file.name],
                              capture_output=True, text=True, timeout=60)


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def kinds(docs):
    return {d["kind"] for d in docs if d}


def wrong(docs, known, path):
    """What is the matter with the objects; None where nothing is."""
    if not kinds(docs) <= known:
        return f"kinds that were not there: {kinds(docs) - known}"
    for doc in filter(None, docs):
        name = doc["metadata"]["name"]
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name) or len(name) > 63:
            return f"a {doc['kind']} has the name {name!r}"
        for node in walk(doc):
            if not isinstance(node, dict):
                continue
            if node.get("hostPID") or node.get("privileged") is True or node.get("allowPrivilegeEscalation") is True:
                return "more privileges"
            added = (node.get("capabilities") or {}).get("add", []) if isinstance(node.get("capabilities"), dict) else []
            if not set(added or []) <= CAPABILITIES:
                return f"more capabilities: {added}"
        if kubernetes_validate and path[0] not in PASSED_ON and "monitoring.coreos.com" not in doc["apiVersion"]:
            try:
                kubernetes_validate.validate(doc, "1.34", strict=True)
            except kubernetes_validate.ValidationError as e:
                return f"{doc['kind']}: {'.'.join(map(str, e.path))}: {str(e.message)[:100]}"
    return None


def attempt(case):
    path, what, values, known = case
    done = render(values)
    where = ".".join(map(str, path)) + " = " + what
    if done.returncode:
        accident = ACCIDENT.search(done.stderr)
        return "refused", f"{where}: refused by accident: {done.stderr.strip()[:300]}" if accident else None
    try:
        docs = list(yaml.safe_load_all(done.stdout))
        fault = wrong(docs, known, path)
    except yaml.YAMLError as e:
        fault = f"no YAML: {str(e)[:100]}"
    return "rendered", f"{where}: {fault}" if fault else None


def main():
    with open(os.path.join(chart, "values.yaml")) as f, open(full) as g:
        base = merge(yaml.safe_load(f), yaml.safe_load(g))
    plain = render(base)
    known = kinds(list(yaml.safe_load_all(plain.stdout)))
    cases = [(path, what, put(base, path, odd), known)
             for path in sorted(set(leaves(base)), key=str) for what, odd in ODD.items()
             if what != "long" or isinstance(value_at(base, path), str)
             if path[0] != "cronJobs" or len(path) < 2 or path[1] == "geolite"]  # the others are alike
    if len(sys.argv) > 4:
        cases = random.Random(1).sample(cases, min(int(sys.argv[4]), len(cases)))
    counts = {"refused": 0, "rendered": 0}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome, fault in pool.map(attempt, cases):
            counts[outcome] += 1
            if fault:
                print(fault)
    print(f"{len(cases)} tried: {counts['refused']} refused, {counts['rendered']} rendered"
          + ("" if kubernetes_validate else ", not validated: no kubernetes-validate"))


main()
