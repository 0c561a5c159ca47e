#!/usr/bin/env python3
"""Turns the tables of data/ into C. Standard library alone.

usage: gen-tables.py DATA-DIR OUT-DIR
"""
import re
import sys
from pathlib import Path


def fail(path, line, message):
    sys.exit(f"{path}:{line}: {message}")


def read_promises(path):
    """[(name, words, inert)] in the order of the file."""
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'(promise|inert) (\w+) "(.*)"$', line)
        if match:
            rows.append((match[2], match[3], match[1] == "inert"))
        elif line.split("#")[0].strip() and not line.startswith("grant "):
            fail(path, number, "neither promise, inert nor grant")
    return rows


def write_promise_ids(rows, out):
    ids = "".join(f"    PROMISE_{name.upper()},\n" for name, _, _ in rows)
    out.write_text(f"/* Generated from data/promises.txt. */\nenum promise {{\n{ids}    PROMISE_COUNT,\n}};\n")


def main():
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    write_promise_ids(read_promises(data / "promises.txt"), out / "promise-ids.h")


main()
