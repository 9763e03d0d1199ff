#!/usr/bin/env python3
"""Puts odd things in the place of each value of the chart, and of each key that is anybody's to choose.
SPDX-License-Identifier: Apache-2.0

usage: hostile.py HELM CHART VALUES [N]    VALUES: a file that turns everything on; N: so many cases only,
                                           always the same ones
With KUBECTL="kubectl --kubeconfig FILE" a server judges what is rendered, too.

A value is refused, by the schema or in words of the chart, or what is rendered is YAML of the objects
that were there before, with no more privileges, of the same shape where text replaced text, with the
text whole in it, and valid for Kubernetes. Many cases that the schema lets pass are rendered together;
where that fails, each alone. Prints what is not so, and in the last line what was tried.
"""
import concurrent.futures
import copy
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

import yaml

try:
    import jsonschema
    import kubernetes_validate
except ImportError:
    jsonschema = kubernetes_validate = None

helm, chart, full = sys.argv[1:4]
kubectl = shlex.split(os.environ.get("KUBECTL", ""))
TEXTS = {
    "newline": "a\nhostPID: true\nprivileged: true\n",
    "indented newline": "a\n        hostPID: true\n",
    "carriage return": "a\r\nhostPID: true",
    "quotes": "\\\"' }} {{ fail \"x\" }} # : - [&*!|>%@`",
    "double quote": "a\", hostPID: true, b: \"",
    "single quote": "a', b: 'c",
    "template": "{{ .Values | toYaml }}{{ end }}",
    "comment": "a # b",
    "colon": "a: b",
    "tag": "!!python/object/apply:os.system [id]",
    "binary tag": "!!binary aGk=",
    "anchor": "&a *b",
    "flow map": "{a: b}",
    "flow list": "[a, b]",
    "block": "|\n  a",
    "end of document": "a\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: evil}\n",
    "number as text": "0123",
    "truth as text": "yes",
    "null as text": "~",
    "time as text": "2026-11-26",
    "float as text": "1e3",
    "secret": "pa$$w\"o'r`d$(NODE_NAME)${HOME}%s\\",
    "unicode": "é名\u202e\u2028\ufeff😀",
    "control": "a\u0001\u007f\tb",
    "spaces": "  a  ",
    "one letter": "a",
    "long name": "a" * 63,
    "longer name": "a" * 64,
    "very long": "x" * 5000,
    "dots": "..",
    "climbs": "/var/lib/../../etc",
    "root": "/",
    "dash": "-a-",
    "capitals": "ABC",
    "IPv6": "2001:db8::1",
    "IPv6 in brackets": "[2001:db8::1]",
    "IPv6 with a zone": "[fe80::1%eth0]",
    "prefix too long": "192.0.2.1/33",
    "no address": "999.1.1.1",
    "empty": "",
}
OTHERS = {
    "null": None, "true": True, "zero": 0, "minus one": -1, "fraction": 1.5, "huge": 10 ** 20, "port too high": 65536,
    "list": [], "list of null": [None], "list of odd maps": [{"a\nb": "c\"d"}], "list of odd text": ["a\nb: c"],
    "twice the same": [2055, 2055], "map": {}, "odd key": {"a\nb: c": "d"}, "empty key": {"": "a"},
    "quoted key": {"a\": {b: \"": "c"}, "template key": {"{{ .Values }}": "c"}, "long key": {"k" * 300: "a"},
    "null in a map": {"a": None}, "nested": {"a": {"b": [{"c": None}]}},
}
# How templates and the server fail where nobody thought of a value.
ACCIDENT = re.compile(r"nil pointer|can't evaluate|wrong type|error calling (?!fail)|YAML parse error|error converting|"
                      r"panic|incompatible types|cannot unmarshal|unable to build|unexpected")
# What Kubernetes alone knows the form of, and is asked to check.
PASSED_ON = {"affinity", "extraVolumes", "extraVolumeMounts", "extraContainers"}
CAPABILITIES = {"BPF", "NET_ADMIN", "NET_RAW", "IPC_LOCK"}
AT_ONCE = 12


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
    at = values
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value


class Case:
    def __init__(self, base, path, what, odd):
        self.path, self.what, self.odd = path, what, odd
        was = value_at(base, path)
        # Text for text: the objects keep their shape.
        self.text = isinstance(odd, str) and odd != "" and isinstance(was, str) and was != ""

    def __str__(self):
        return ".".join(map(str, self.path)) + " = " + self.what

    def apart_from(self, other):
        n = min(len(self.path), len(other.path))
        return self.path[:n] != other.path[:n]


def with_odd(base, cases):
    values = copy.deepcopy(base)
    for case in cases:
        put(values, case.path, case.odd)
    return values


def render(values):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        # To helm the file is YAML: no pairs of surrogates, but every other escape of JSON.
        file.write(re.sub(r"\\ud83d\\ude00", "\U0001f600", json.dumps(values)).replace("\x7f", "\\u007f"))
        file.flush()
        return subprocess.run([helm, "template", "collector", chart, "--namespace", "default", "--kube-version", "1.34",
                               "-f", file.name], capture_output=True, text=True, timeout=300)


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def texts(docs):
    for doc in docs:
        for node in walk(doc):
            if isinstance(node, str):
                yield node
            elif isinstance(node, dict):
                yield from (key for key in node if isinstance(key, str))


def shape(node):
    if isinstance(node, dict):
        return {key: shape(child) for key, child in node.items()}
    if isinstance(node, list):
        return [shape(child) for child in node]
    return isinstance(node, str) or type(node).__name__


def read(rendered):
    docs = [d for d in yaml.safe_load_all(rendered) if d]
    for doc in docs:
        if doc["kind"] == "ConfigMap" and "weir.yaml" in doc["data"]:
            doc["data"]["weir.yaml"] = yaml.safe_load(doc["data"]["weir.yaml"])
    return docs


def server_refuses(rendered):
    if not kubectl:
        return None
    done = subprocess.run(kubectl + ["apply", "--dry-run=server", "--validate=strict", "-f", "-"], input=rendered,
                          capture_output=True, text=True, timeout=300)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Warning:")]
    # How much of two that are given is no matter of the chart, and the server says it well.
    said = " ".join(said)
    if "Invalid value" in said and said.count("Invalid value") == said.count("must be less than or equal to"):
        return None
    return f"the server refuses: {said[:300]}" if done.returncode else None


def wrong(rendered, cases, base):
    """What is the matter with the objects; None where nothing is."""
    docs = read(rendered)
    if not {d["kind"] for d in docs} <= {d["kind"] for d in base}:
        return "kinds that were not there"
    for doc in docs:
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
    if all(case.text for case in cases):
        if shape(docs) != shape(base):
            return "the objects have another shape"
        there = list(texts(docs))
        for case in cases:
            if case.what != "very long" and not any(case.odd in text or case.odd.strip("[]") in text for text in there):
                return f"{case}: the text is not there as it was given"
    for doc in docs:
        if doc["kind"] == "ConfigMap" and isinstance(doc["data"].get("weir.yaml"), dict):
            doc["data"]["weir.yaml"] = ""
        if kubernetes_validate and "monitoring.coreos.com" not in doc["apiVersion"] and \
                not any(case.path[0] in PASSED_ON for case in cases):
            try:
                kubernetes_validate.validate(doc, "1.34", strict=True)
            except kubernetes_validate.ValidationError as e:
                return f"{doc['kind']}: {'.'.join(map(str, e.path))}: {str(e.message)[:100]}"
    return None if any(case.path[0] in PASSED_ON for case in cases) else server_refuses(rendered)


def attempt(values, base, cases):
    """Renders them together; where something is wrong, each alone. [(refused, fault or None)]"""
    done = render(with_odd(values, cases))
    if not done.returncode:
        try:
            fault = wrong(done.stdout, cases, base)
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as e:
            fault = f"no YAML of objects: {str(e)[:200]}"
        if not fault:
            return [(False, None)] * len(cases)
    elif len(cases) == 1:
        said = done.stderr.strip()
        return [(True, f"{cases[0]}: refused by accident: {said[:300]}" if ACCIDENT.search(said) else None)]
    if len(cases) == 1:
        return [(False, f"{cases[0]}: {fault}")]
    half = len(cases) // 2
    return attempt(values, base, cases[:half]) + attempt(values, base, cases[half:])


def groups(cases):
    """Of cases at different places, texts and others apart."""
    rest = sorted(cases, key=lambda case: not case.text)
    while rest:
        group, left = [], []
        for case in rest:
            fits = len(group) < AT_ONCE and all(case.apart_from(other) and case.text == other.text for other in group)
            (group if fits else left).append(case)
        yield group
        rest = left


def main():
    with open(os.path.join(chart, "values.yaml")) as f, open(full) as g:
        values = merge(yaml.safe_load(f), yaml.safe_load(g))
    with open(os.path.join(chart, "values.schema.json")) as f:
        schema = jsonschema.Draft7Validator(json.load(f)) if jsonschema else None
    base = read(render(values).stdout)
    odd = {**TEXTS, **OTHERS}
    cases = [Case(values, path, what, odd[what]) for path in sorted(set(leaves(values)), key=str) for what in odd
             if path[0] != "cronJobs" or len(path) < 2 or path[1] == "geolite"]  # the others are alike
    chance = random.Random(1)
    if len(sys.argv) > 4:
        cases = chance.sample(cases, min(int(sys.argv[4]), len(cases)))
    chance.shuffle(cases)
    # The schema's own answer is quick; of those that it refuses helm is asked about some. (null it takes for
    # a value that is not there.)
    passed = [c for c in cases if not schema or c.odd is None or schema.is_valid(with_odd(values, [c]))]
    passed_ids = {id(c) for c in passed}
    refused = [c for c in cases if id(c) not in passed_ids]
    asked = [[c] for c in refused[:max(20, len(refused) // 50)]] + list(groups(passed))
    counts = {"refused": len(refused), "rendered": 0}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for group, outcome in zip(asked, pool.map(lambda group: attempt(values, base, group), asked)):
            for case, (was_refused, fault) in zip(group, outcome):
                if id(case) in passed_ids:
                    counts["refused" if was_refused else "rendered"] += 1
                elif not was_refused:
                    fault = f"{case}: helm takes what the schema refuses"
                if fault:
                    print(fault, flush=True)
    print(f"{len(cases)} tried: {counts['refused']} refused, {counts['rendered']} rendered"
          + ("" if kubernetes_validate else ", not validated: no kubernetes-validate"))


main()
