#!/usr/bin/env python3
"""usage: gen-box-calls.py SOURCE-DIR [--check]

Writes docs/box-syscalls.md from src/box/calls.def and data/syscalls.tsv; with
--check, only says (in TAP) whether it is what would be written."""
import re
import sys
from pathlib import Path

source = Path(sys.argv[1])
page = source / "docs/box-syscalls.md"
WHERE = {"LOCAL": "shim", "BROKER": "broker", "BOTH": "shim and broker"}


def served():
    text = re.sub(r"/\*.*?\*/", "", (source / "src/box/calls.def").read_text(), flags=re.S)
    for name, where, level, note in re.findall(r'CALL\((\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)"', text):
        yield name, WHERE[where], level, note


def numbers():
    lines = [line.split("\t") for line in (source / "data/syscalls.tsv").read_text().splitlines() if line[0] != "#"]
    column = lines[0].index("x86_64")
    return {line[0]: int(line[column]) for line in lines[1:] if line[column] != "-"}


def write():
    rows = sorted(served())
    every = numbers()
    unknown = {name for name, *_ in rows} - set(every)
    assert not unknown, unknown
    full = [row for row in rows if row[2] == "FULL"]
    partial = [row for row in rows if row[2] == "PARTIAL"]
    absent = sorted(set(every) - {row[0] for row in rows})
    lines = ["# The calls of a box", "",
             "Written by tools/gen-box-calls.py from src/box/calls.def: what a program in a box gets for each system "
             "call of x86_64.", "",
             f"{len(full)} are served in full, {len(partial)} in part, {len(absent)} are absent and answer ENOSYS, as "
             "do the calls of i386 and x32.", "",
             "## In full", "Like the kernel, errors included.", "",
             "| Call | Served by |", "|---|---|"]
    lines += [f"| {name} | {where} |" for name, where, _, _ in full]
    lines += ["", "## In part", "", "| Call | Served by | How it differs |", "|---|---|---|"]
    lines += [f"| {name} | {where} | {note} |" for name, where, _, note in partial]
    lines += ["", "## Absent", "These answer ENOSYS, which programs and libraries take as an old kernel's answer.", "",
              ", ".join(absent) + ".", ""]
    return "\n".join(lines)


if sys.argv[2:] == ["--check"]:
    fresh = page.exists() and page.read_text() == write()
    print("1..1")
    print(f"{'' if fresh else 'not '}ok 1 - docs/box-syscalls.md is what calls.def says")
    sys.exit(not fresh)
page.write_text(write())
