#!/usr/bin/env python3
"""Turns presets/*.vow into a C table.

usage: gen-presets.py OUT.c PRESET…"""
import json
import sys
from pathlib import Path


def quoted(text):
    return "\n        ".join(json.dumps(line, ensure_ascii=False) for line in text.splitlines(True))


def programs(text):
    """The arguments of the `program` lines: absolute paths without blanks."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    return [word for line in lines if line[:1] == ["program"] for word in line[1:]]


def main():
    rows, seen = [], {}
    for path in map(Path, sys.argv[2:]):
        text = path.read_text()
        for program in programs(text):
            if seen.setdefault(program, path.stem) != path.stem:
                sys.exit(f"{path}: {program} is {seen[program]}'s, too")
        paths = "".join(json.dumps(program) + ", " for program in programs(text))
        rows.append(f'    {{"{path.stem}",\n        {quoted(text)},\n'
                    f'        (const char *const[]){{{paths}NULL}}}},\n')
    Path(sys.argv[1]).write_text(
        '/* Generated from presets/ by tools/gen-presets.py. */\n#include "cli/preset.h"\n\n'
        'const struct preset presets[] = {\n' + "".join(rows) + "    {NULL, NULL, NULL},\n};\n")


main()
