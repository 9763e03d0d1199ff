#!/usr/bin/env python3
"""The messages that weir can print, out of its sources; those that a page of docs does not explain.
SPDX-License-Identifier: Apache-2.0

usage: messages.py list              LEVEL<tab>FILE:LINE<tab>MESSAGE, each
       messages.py missing PAGE      those whose longest fixed part does not stand, as far as 40 letters, in PAGE
"""
import glob
import re
import sys

CALL = re.compile(r"\b(?:log_(error|warning|info)\(|(?:load_fail|xdp_fail|capture_fail|snprintf)\("
                  r"(?:[^\"();]|sizeof\([^()]*\))*?,)\s*((?:\"(?:[^\"\\]|\\.)*\"\s*|[A-Z][A-Za-z0-9_]+\s*)+)")
# Of the settings: what is the matter with one, its name and place are put before it.
SETTING = re.compile(r"(?:\bfault\((?:\"[^\"]*\"|&?\w+),\s*(?:\w+,\s*)?|\bbuffer_(?:format|string)\((?:&?why|(?:[pl]->)?errors),[^\";]*?"
                     r"|\bwrong = |\bwrong\(argv, [^\";]*?,\s*)()((?:\"(?:[^\"\\]|\\.)*\"\s*)+)")
LITERAL = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|[A-Z][A-Za-z0-9_]+")
CONVERSION = re.compile(r"%%|%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]|%[-+ #0]*\d*(?:ll|l|z)?$")


ENOUGH = 40  # letters by which somebody would look for it


def plain(text):
    text = re.sub(r"\s+", " ", text.replace("`", ""))
    return re.sub(r"^load [a-z]+: ", "", text).strip(" :;,'")


def messages():
    for path in sorted(glob.glob("agent/**/*.c", recursive=True) + glob.glob("loaders/*.c")):
        source = open(path).read()
        calls = list(CALL.finditer(source))
        if path.startswith("agent/conf/"):
            calls += SETTING.finditer(source)
        for call in calls:
            text = "".join("\0" if part.group(1) is None else part.group(1)
                           for part in LITERAL.finditer(call.group(2)))
            text = text.replace('\\"', '"').replace("\\n", " ")
            text = re.sub(r"%[-+ #0\d.*]*\0", "\0", text)
            if call.group(0).startswith("snprintf") and "error" not in call.group(0).split('"')[0]:
                continue
            yield call.group(1) or "error", path, source.count("\n", 0, call.start()) + 1, text


def shown(text):
    return CONVERSION.sub("…", text).replace("\0", "…")


def fragments(text):
    return [f.strip() for f in re.split("\0", CONVERSION.sub("\0", text)) if f.strip()]


def main():
    if sys.argv[1] == "list":
        for level, path, line, text in messages():
            print(f"{level}\t{path}:{line}\t{shown(text)}")
        return
    page = plain(open(sys.argv[2]).read())
    for level, path, line, text in messages():
        longest = plain(max(fragments(text), key=len, default=""))
        if text.endswith("out of memory"):
            longest = "out of memory"
        if len(longest) >= 4 and longest[:ENOUGH].strip(" :;,'") not in page:
            print(f"{path}:{line}: {shown(text)}")


main()
