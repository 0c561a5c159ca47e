#!/usr/bin/env python3
"""usage: bounds.py PROGRAM
A box with 64 MiB for what programs share (vow box --memory): what bounds.c gets of it,
and that what nobody uses is given back; and boxes with a bound for all (--limit). Speaks TAP."""
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VOW, program = os.environ["VOW"], Path(sys.argv[1]).resolve()

SHARED = ["--memory", "64M"]
NO_GROUP = "no cgroup for it can be made"
# Theme, options, what the program prints.
ROWS = [
    ("shared", SHARED, "4 parts, then SIGBUS\n4 parts, then SIGBUS\nand small ones: 1\n"),
    ("memory", SHARED, "63 MiB, then ENOSPC\n63 MiB, then ENOSPC\n1\n0\n20000 came and went\n"),
    ("unlinked", SHARED, "unmapped: 0\nended: 0\nmapped: 1\nstill there: 1\nunmapped: 0\n"),
    ("many", SHARED, "wrong: 0\n"),
    ("own", ["--limit", "mem=128M"], "32 MiB: status 0\n512 MiB: signal 9\n32 MiB: status 0\n"),
    ("own", [], "32 MiB: status 0\n512 MiB: status 0\n32 MiB: status 0\n"),
    ("children", ["--limit", "procs=20"], "EAGAIN\nagain: 1\n"),
    ("children", ["--limit", "procs=500"], "all\nagain: 1\n"),
    ("locks", [], "16384, then ENOLCK\ngiven up: 0\nagain: 0\n"),
]


LIMITS = ["--limit", "mem=64M", "--limit", "procs=30"]
CGROUPS = Path("/sys/fs/cgroup")
NO_SWAP = {"memory.memsw.limit_in_bytes": str(64 << 20), "memory.swap.max": "0"}


def left(image):
    """What is wrong with the groups of a box whose vow is killed: its memory is bound
    with what is swapped out, and the next box removes them."""
    box = subprocess.Popen([VOW, "box", image, "--discard", *LIMITS, "--", program, "waits"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with box:
        if NO_GROUP in box.stdout.readline():
            return None
        groups = [path for path in CGROUPS.rglob(f"vow-box-{box.pid}") if path.is_dir()]
        bounds = [path for group in groups for path in group.iterdir() if path.name in NO_SWAP]
        faults = [f"{path}: {path.read_text()}" for path in bounds if path.read_text().strip() != NO_SWAP[path.name]]
        box.kill()
    until = time.monotonic() + 20
    while any((group / "cgroup.procs").read_text() for group in groups) and time.monotonic() < until:
        time.sleep(0.05)
    subprocess.run([VOW, "box", image, "--discard", *LIMITS, "--", program, "none"], stdin=subprocess.DEVNULL, timeout=60)
    return faults + ([] if groups else ["no group is there"]) + [f"{group} is left" for group in groups if group.exists()]


def main():
    print(f"1..{len(ROWS) + 1}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="vow-bounds-") as name:
        image = Path(name) / "image"
        subprocess.run([VOW, "box", "pack", "-o", image, "--no-data", "--size", "256M", program], check=True,
                       stdout=subprocess.DEVNULL)
        for number, (theme, options, output) in enumerate(ROWS, 1):
            try:
                found = subprocess.run([VOW, "box", image, *options, "--", program, theme], timeout=120, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                status, printed = found.returncode, found.stdout
            except subprocess.TimeoutExpired:
                status, printed = "no end", ""
            skip = "cgroup: none can be made here" if NO_GROUP in printed else None
            wrong = not skip and (status, printed) != (0, output)
            failed |= wrong
            if wrong:
                print("\n".join(f"# {line}" for line in [str(status), *printed.splitlines()]))
            print(f"{'not ok' if wrong else 'ok'} {number} - {' '.join([theme, *options])}"
                  + (f" # SKIP {skip}" if skip else ""), flush=True)
        faults = left(image)
        failed |= bool(faults)
        print("".join(f"# {fault}\n" for fault in faults or []) + f"{'not ok' if faults else 'ok'} {len(ROWS) + 1} - left"
              + (" # SKIP cgroup: none can be made here" if faults is None else ""))
    sys.exit(failed)


main()
