#!/usr/bin/env python3
"""Turns data/system-paths.txt into a C table.

usage: gen-paths.py SYSTEM-PATHS PROMISES OUT.h [KIND]

With KIND ("promise") only rows of that kind: libvow has no default rules."""
import re
import sys
from pathlib import Path

LETTERS = {"r": 1, "w": 2, "x": 4, "c": 8}
KINDS = {"system": 2, "promise": 2, "protect": 1, "secret": 1, "never": 1}  # arguments
HEAD = """/* Generated from data/system-paths.txt by tools/gen-paths.py. */
static const struct system_path {
    uint8_t kind; /* enum system_path_kind */
    uint8_t promise;
    uint8_t perms;
    uint16_t path_at; /* no pointer: a table of libvow must not need relocations */
} system_paths[] = {
"""


def fail(path, number, message):
    sys.exit(f"{path}:{number}: {message}")


def read_rows(path, promises):
    """(kind, promise, perms, path) a line."""
    seen = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        kind, _, promise = words[0].partition(":")
        if KINDS.get(kind) != len(words) - 1 or bool(promise) != (kind == "promise"):
            fail(path, number, f"not a line of this table: {line}")
        if promise and promise not in promises:
            fail(path, number, f"no promise '{promise}'")
        letters = words[1] if len(words) == 3 else "r"
        name = words[-1]
        absolute = kind in ("system", "promise", "never")
        if set(letters) - set(LETTERS) or name.startswith("/") != absolute or name.endswith("/"):
            fail(path, number, f"not a line of this table: {line}")
        if (words[0], name) in seen:
            fail(path, number, f"twice: {words[0]} {name}")
        seen.add((words[0], name))
        yield kind, promise, sum(LETTERS[letter] for letter in letters), name


def main():
    promises = re.findall(r'^(?:promise|inert) (\w+)', Path(sys.argv[2]).read_text(), re.M)
    rows = [row for row in read_rows(Path(sys.argv[1]), promises) if row[0] in (sys.argv[4:] or KINDS)]
    lines, texts, size = [], [], 0
    for path in dict.fromkeys(name for *_, name in rows):  # rows of one path side by side
        for kind, promise, perms, _ in (row for row in rows if row[3] == path):
            promise = "PROMISE_" + promise.upper() if promise else 0
            lines.append(f"    {{SYSTEM_PATH_{kind.upper()}, {promise}, {perms}, {size}}},\n")
        texts.append(f'    "{path}\\0"\n')
        size += len(path.encode()) + 1
    Path(sys.argv[3]).write_text(HEAD + "".join(lines) + "};\n"
                                 + "static const char system_path_texts[] =\n"
                                 + "".join(texts).rstrip() + ";\n")


main()
