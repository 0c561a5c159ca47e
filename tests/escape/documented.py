#!/usr/bin/env python3
"""usage: documented.py SOURCE-DIR

Compares the rows of tests/escape with docs/threat-model.md. Speaks TAP."""
import re
import sys
from pathlib import Path

source = Path(sys.argv[1])
rows = {name for file in (source / "tests/escape").glob("*.c")
        for name in re.findall(r'^\s*\{"(\w+)",', file.read_text(), re.M)}
tables = (source / "docs/threat-model.md").read_text().split("## Ways out")[1].split("\n## ")[0]
named = [name for line in tables.splitlines() if line.startswith("|")
         for name in re.findall(r"`(\w+)`", line.split("|")[-2])]

faults = [f"{name} is in no table" for name in sorted(rows - set(named))]
faults += [f"{name} is no row of tests/escape" for name in sorted(set(named) - rows)]
faults += [f"{name} is named twice" for name in sorted(set(named)) if named.count(name) > 1]
print("1..1")
print("".join(f"# {fault}\n" for fault in faults), end="")
print(f"{'not ok' if faults or not rows else 'ok'} 1 - the threat model names every row")
sys.exit(bool(faults or not rows))
