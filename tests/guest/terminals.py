#!/usr/bin/env python3
"""Programs that want a terminal, driven through pseudoterminals outside and in a
box (pty_drive.py): they must come to the same. Speaks TAP."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VOW = os.environ["VOW"]
PATH = "/usr/bin:/bin"
DRIVER = Path(__file__).with_name("pty_drive.py").read_text()
CASES = {"shell": "bash", "hang_up": "bash", "vim": "vim", "less": "less"}
SCRIPTS = [
    "stty -a; tty | sed 's/[0-9]*$//'; test -t 0 && echo terminal",
    "stty -echo -icanon min 2; stty -g; stty sane; stty cols 132; stty size",
    "bash -c 'set -m; sleep 0.2 & jobs; fg; echo over'",
]


def run(command):
    try:
        done = subprocess.run(command, cwd="/tmp", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, env={"PATH": PATH, "HOME": "/root", "SHELL": "/bin/bash"})
    except subprocess.TimeoutExpired as late:
        return "no end", late.stdout or b""
    return done.returncode, done.stdout


def main():
    programs = ["python3", "bash", "script", "stty", "tty", "sed", "sleep", "cat", *set(CASES.values())]
    missing = [name for name in dict.fromkeys(programs) if not shutil.which(name, path=PATH)]
    print(f"1..{len(CASES) + len(SCRIPTS)}")
    failed, number = False, 0
    with tempfile.TemporaryDirectory(prefix="vow-terminals-") as name:
        image = Path(name) / "image"
        found = [shutil.which(program, path=PATH) for program in dict.fromkeys(programs) if program not in missing]
        subprocess.run([VOW, "box", "pack", "-o", image, *found], check=True, stdout=subprocess.DEVNULL)
        rows = [(case, program, lambda directory, case=case: ["/usr/bin/python3", "-c", DRIVER, case, directory])
                for case, program in CASES.items()]
        rows += [(text, "script", lambda _, text=text: ["/usr/bin/script", "-qec", text, "/dev/null"]) for text in SCRIPTS]
        for title, program, command in rows:
            number += 1
            if program in missing:
                print(f"ok {number} - {title} # SKIP {program}: not installed")
                continue
            with tempfile.TemporaryDirectory(prefix="vow-terminals-") as directory:
                outside = run(command(directory))
            inside = run([VOW, "box", image, "--discard", "--", *command("/tmp")])
            failed |= outside != inside
            if outside != inside:
                print("".join(f"# {where}: {status} {line!r}\n" for where, (status, text) in
                              (("outside", outside), ("in the box", inside)) for line in text.splitlines()), end="")
            print(f"{'ok' if outside == inside else 'not ok'} {number} - {title}", flush=True)
    sys.exit(failed)


main()
