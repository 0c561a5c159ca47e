#!/usr/bin/env python3
"""usage: calls.py WAY PROGRAM…
Runs each theme of each program (calls.c, built for several libcs) outside and in
a box (vow box --host WAY, or --plain), and compares what they print, line by line. Speaks TAP."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VOW = os.environ["VOW"]
WAY = ["--plain"] if sys.argv[1] == "plain" else ["--host", sys.argv[1]]
programs = [Path(name).resolve() for name in sys.argv[2:]]
# The outside is everybody's: others have its ports and its processors. What differs is
# asked of it again; the box is asked once.
ATTEMPTS = 3
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/root"}


def run(command, directory):
    try:
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, env=ENVIRONMENT)
    except subprocess.TimeoutExpired as error:
        return "no end", (error.stdout or b"").decode(errors="replace").splitlines()
    return done.returncode, done.stdout.decode(errors="replace").splitlines()


def faults(outside, inside):
    if outside[0] == "no end":
        return ["no end outside"]
    lines = [f"outside: {a}; in the box: {b}" for a, b in zip(outside[1], inside[1]) if a != b]
    if len(outside[1]) != len(inside[1]):
        lines.append(f"{len(outside[1])} lines outside, {len(inside[1])} in the box, which ends with {inside[1][-2:]}")
    if outside[0] != inside[0]:
        lines.append(f"ends with {outside[0]} outside, with {inside[0]} in the box")
    return lines


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP root: a guest begins as root, and must be compared with one")
        return
    themes = run([programs[0]], "/")[1]
    print(f"1..{len(programs) * len(themes)}")
    number, failed, cases = 0, False, 0
    with tempfile.TemporaryDirectory(prefix="vow-calls-") as name:
        directory = Path(name)
        directory.chmod(0o755) # cases change their user
        for program in programs:
            image = directory / f"{program.name}.img"
            subprocess.run([VOW, "box", "pack", "-o", image, "--no-data", program], check=True, stdout=subprocess.DEVNULL)
            for theme in themes:
                number += 1
                second = run([VOW, "box", image, "--discard", *WAY, "--", program, theme], "/")
                for attempt in range(ATTEMPTS):
                    outside = directory / "outside" / program.name / theme / str(attempt)
                    outside.mkdir(parents=True)
                    first = run([program, theme], outside)
                    wrong = faults(first, second)
                    if not wrong:
                        break
                cases += len(first[1])
                failed |= bool(wrong)
                print("".join(f"# {line}\n" for line in wrong[:20]), end="")
                print(f"{'not ok' if wrong else 'ok'} {number} - {program.name} {theme}", flush=True)
    print(f"# {cases} lines compared")
    sys.exit(failed)


main()
