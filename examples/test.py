#!/usr/bin/env python3
"""usage: test.py BUILD-DIR-OF-EXAMPLES

Each program has been taken over by what it reads (NAME-taken, hole.h), and
makes every attempt of hole.c: it gets nothing. `attempt` makes the same ones
where nothing stops them, and gets it. Speaks TAP."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

build = Path(sys.argv[1]).resolve()
env = {**os.environ, "PATH": f"{build}:/usr/sbin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
number, failed = 0, False

# How what the stranger sends reaches a program: a script; $1 is the exploit.
WAYS = {
    "decode": 'picture "$1" >in.png; decode-taken <in.png',
    "oracle": """
        openssl req -x509 -newkey ed25519 -nodes -keyout key.pem -subj "/O=$1/CN=pear.example" -out in.pem 2>req.log
        oracle-taken in.pem pear.example <in.pem""",
    "acme": """
        [ -e account.pem ] || openssl genpkey -algorithm ed25519 -out account.pem
        with "acme-server '$1'" 'acme-taken account.pem . 127.0.0.1 $PORT'""",
    "chat": """
        mkdir -p keys
        export EXPLOIT="$1"
        with 'chat-taken keys' 'curl -s -d "$EXPLOIT" 127.0.0.1:$PORT'""",
    "reach": """lan sh -c 'shout far "$1" & reach-taken near 192.0.2.9; wait' sh "$1" """,
}

NEEDS = {"oracle": "openssl", "acme": "openssl", "chat": "curl", "reach": "ip"}


def lack(name):
    """Why a program cannot be tried here, or None."""
    program = NEEDS.get(name)
    if program and not shutil.which(program, path=env["PATH"]):
        return f"{program}: not installed"
    if name == "reach" and subprocess.run(["lan", "true"], env=env, stderr=subprocess.DEVNULL).returncode:
        return "network: it cannot have one of its own here"
    return None


def report(ok, name, comment="", skip=None):
    global number, failed
    number += 1
    failed |= not ok
    print("" if ok else "".join(f"# {line}\n" for line in comment.splitlines()), end="")
    print(f"{'ok' if ok else 'not ok'} {number} - {name}{' # SKIP ' + skip if skip else ''}")


def run(script, *arguments):
    """What it shows, both streams, in a directory that holds one precious file."""
    with tempfile.TemporaryDirectory(prefix="vow-examples-") as directory:
        (Path(directory) / "precious").touch()
        done = subprocess.run(["sh", "-c", script, "sh", *arguments], cwd=directory, env=env, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        kept = (Path(directory) / "precious").exists() and not (Path(directory) / "taken").exists()
        return done.stdout.decode(errors="replace"), kept


def main():
    attempts = run("attempt")[0].split()
    names = [name for name in WAYS if (build / f"{name}-taken").exists()]
    lacks = {name: lack(name) for name in names}
    print(f"1..{len(attempts) * (1 + len(names))}")
    for attempt in attempts:
        text, _ = run('attempt "$1"', attempt)
        report(text.startswith("got "), f"without a promise: {attempt} gets something", text)
        for name in names:
            if lacks[name]:
                report(True, f"{name}: {attempt} gets nothing", skip=lacks[name])
                continue
            text, kept = run(WAYS[name], f"exploit:{attempt}")
            stopped = f"{name}-taken" in text or attempt in ("kill", "promise")
            report("got " not in text and kept and stopped, f"{name}: {attempt} gets nothing", text)
    return failed


sys.exit(main())
