#!/usr/bin/env python3
"""usage: hostile.py HOST PROGRAM
What a hostile program in a box (vow box --host HOST) gets (hostile.c): nothing that the filter does not
allow; and the box and its image are whole afterwards. Speaks TAP."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VOW, HOST, program = os.environ["VOW"], sys.argv[1], Path(sys.argv[2]).resolve()
DIED = -11  # of a signal of its own making

# Theme, how the box ends, what the program prints.
ROWS = [
    ("jump", 0, "3019 tried, 0 passed\nfutex wakes 0\n"),
    ("replace", 0, "mprotect 0\ngetuid -38\n"),
    ("scribble", DIED, ""),
    ("stubs", 0, "72 ended\noverwritten: Segmentation fault\ngetuid 0\nmprotect -1 ENOMEM\n"),
    ("poison", DIED, ""),
    ("published", 0, "mprotect -13\n4096 bytes, 7\n"),
    ("forge", 0, "still served\n"),
    ("claims", 0, "file: made\ndirectory: made\n"
                  + "".join(f"{what}: none\n" for what in (
                      "number", "largest number", "life", "no inode", "nobody's inode", "beyond inodes", "largest inode",
                      "for writing", "for both", "truncates", "path", "not a directory", "all flags"))
                  + "position 1\nin use: 1\nlimit: made none\nuser: none\nstill served\n"),
    ("exhaust", 0, "EAGAIN, EMFILE\nfork again: 1\n"),
    ("fill", 0, "ENOSPC\n0\n"),
    ("sockets", 0, "the end of the chain: 0\ncircles: 30000\nflood: ENOBUFS\nagain: 65536\nin flight: ETOOMANYREFS\nstill served: 1\n"),
]


def box(image, theme):
    try:
        done = subprocess.run([VOW, "box", image, "--host", HOST, "--", program, theme], stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except subprocess.TimeoutExpired:
        return "no end", "", ""
    return done.returncode, done.stdout, done.stderr


def main():
    print(f"1..{len(ROWS)}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="vow-hostile-") as name:
        image = Path(name) / "image"
        subprocess.run([VOW, "box", "pack", "-o", image, "--no-data", "--size", "64M", program], check=True,
                       stdout=subprocess.DEVNULL)
        for number, (theme, status, output) in enumerate(ROWS, 1):
            found = box(image, theme)
            check = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            wrong = found[:2] != (status, output) or check.returncode != 0
            failed |= wrong
            if wrong:
                print("\n".join(f"# {line}" for line in (repr(found) + "\n" + check.stdout).splitlines()))
            print(f"{'not ok' if wrong else 'ok'} {number} - {theme}", flush=True)
    sys.exit(failed)


main()
