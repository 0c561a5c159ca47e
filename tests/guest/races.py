#!/usr/bin/env python3
"""usage: races.py PROGRAM
Processes of a box that change and read the same files at the same time (races.c),
with what the broker publishes and without. Speaks TAP."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VOW, program = os.environ["VOW"], Path(sys.argv[1]).resolve()
WAYS = ([], ["--plain"])


def main():
    print(f"1..{len(WAYS)}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="vow-races-") as name:
        image = Path(name) / "image"
        subprocess.run([VOW, "box", "pack", "-o", image, "--no-data", "--size", "64M", program], check=True,
                       stdout=subprocess.DEVNULL)
        for number, way in enumerate(WAYS, 1):
            done = subprocess.run([VOW, "box", image, *way, "--", program], stdin=subprocess.DEVNULL, text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            check = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   check=False)
            wrong = done.returncode != 0 or done.stdout.count(": right\n") != 8 or check.returncode != 0
            failed |= wrong
            if wrong:
                print("\n".join(f"# {line}" for line in (done.stdout + check.stdout).splitlines()))
            print(f"{'not ok' if wrong else 'ok'} {number} - races {' '.join(way)}".rstrip(), flush=True)
    sys.exit(failed)


main()
