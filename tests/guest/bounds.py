#!/usr/bin/env python3
"""usage: bounds.py PROGRAM
A box with 64 MiB for what programs share (vow box --memory): what bounds.c gets of it,
and that what nobody uses is given back. Speaks TAP."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VOW, program = os.environ["VOW"], Path(sys.argv[1]).resolve()

# Theme, what the program prints.
ROWS = [
    ("shared", "4 parts, then SIGBUS\n4 parts, then SIGBUS\nand small ones: 1\n"),
    ("memory", "63 MiB, then ENOSPC\n63 MiB, then ENOSPC\n1\n0\n20000 came and went\n"),
    ("unlinked", "unmapped: 0\nended: 0\nmapped: 1\nstill there: 1\nunmapped: 0\n"),
    ("many", "wrong: 0\n"),
]


def main():
    print(f"1..{len(ROWS)}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="vow-bounds-") as name:
        image = Path(name) / "image"
        subprocess.run([VOW, "box", "pack", "-o", image, "--no-data", "--size", "256M", program], check=True,
                       stdout=subprocess.DEVNULL)
        for number, (theme, output) in enumerate(ROWS, 1):
            try:
                found = subprocess.run([VOW, "box", image, "--memory", "64M", "--", program, theme], timeout=120, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                status, printed = found.returncode, found.stdout
            except subprocess.TimeoutExpired:
                status, printed = "no end", ""
            wrong = (status, printed) != (0, output)
            failed |= wrong
            if wrong:
                print("\n".join(f"# {line}" for line in [str(status), *printed.splitlines()]))
            print(f"{'not ok' if wrong else 'ok'} {number} - {theme}", flush=True)
    sys.exit(failed)


main()
