#!/usr/bin/env python3
"""usage: differences.py LIST MAN-PAGE [--write]

Compares the list of differences in a manual page with what the table says
(LIST is the program of list.c), or writes it there. Speaks TAP."""
import subprocess
import sys
from pathlib import Path

BEGIN = '.\\" From here on generated: ninja -C build differences\n'
END = '.\\" Generated until here.\n'

listing = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
page = Path(sys.argv[2])
before, _, rest = page.read_text().partition(BEGIN)
_, _, after = rest.partition(END)
wanted = before + BEGIN + listing + END + after
if sys.argv[3:] == ["--write"]:
    page.write_text(wanted)
    sys.exit()
current = page.read_text() == wanted and listing.count("\n.It ") > 5
print("1..1")
print("" if current else f"# {page.name} is not what the table says: ninja -C build differences\n", end="")
print(f"{'ok' if current else 'not ok'} 1 - the manual lists the differences of the table")
sys.exit(not current)
