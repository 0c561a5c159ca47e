#!/usr/bin/env python3
"""Does what a new user does, `make run` and `make test` in a fresh clone, in new
Debian systems that have nothing but make: without the packages as an ordinary
user, who is told what to type; then as root, who gets them; then as the user
again. Wants root and apt's mirror. Everything stays in BUILD/roots."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tools"))
import debian  # noqa: E402

SUITES = ["bookworm", "trixie", "sid"]
PAGE = SOURCE / "docs/roots.md"
SECONDS = 5400
USER, USER_ID = "somebody", "1000"
NAMESPACES = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child", "--propagation", "private"]
ENVIRONMENT = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TERM=dumb"]
CLOSING = re.compile(r"^\d+ passed, \d+ failed, \d+ skipped$|^make run: .*$", re.M)


class Root:
    """A new system of a suite, with the tree twice: root's and the user's."""

    def __init__(self, top, suite, way):
        self.top, self.suite, self.way = top, suite, way
        self.place = top / f"{suite}-{way}"
        self.log = self.place.with_suffix(".log")
        self.log.unlink(missing_ok=True)

    def make(self):
        base = self.top / f"{self.suite}.base"
        if not base.exists():
            partial = base.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run(["debootstrap", "--variant=minbase", "--include=make", self.suite, partial, debian.mirror()],
                           check=True, stdout=subprocess.DEVNULL)
            partial.rename(base)
        remove(self.place)
        subprocess.run(["cp", "-a", base, self.place], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc") / name, self.place / "etc" / name)
        settings = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
        kept = [line for line in settings.splitlines() if re.match(r"Acquire::(Check|http)", line)]
        (self.place / "etc/apt/apt.conf.d/90mirror").write_text("\n".join(kept) + "\n")
        self.enter("0", ["useradd", "--create-home", "--uid", USER_ID, "--shell", "/bin/bash", USER])
        for home in ("root", f"home/{USER}"):
            subprocess.run(["git", "clone", "-q", "--no-local", SOURCE, self.place / home / "vow"], check=True)
        self.enter("0", ["chown", "-R", f"{USER}:", f"/home/{USER}/vow"])

    def enter(self, uid, words, seconds=SECONDS):
        """Its exit status and what it printed, which the log has as well."""
        home = "/root" if uid == "0" else f"/home/{USER}"
        identity = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", "--"]
        command = [*NAMESPACES, HERE / "enter.sh", self.place, self.way, *ENVIRONMENT, f"HOME={home}", *identity, *words]
        with self.log.open("ab+") as log:
            begin = log.seek(0, os.SEEK_END)
            log.write(f"\n$ {' '.join(words)}   # uid {uid}\n".encode())
            log.flush()
            try:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                        timeout=seconds, check=False).returncode
            except subprocess.TimeoutExpired:
                status = "no end"
            log.seek(begin)
            return status, log.read().decode(errors="replace")

    def types(self, uid, target):
        """make TARGET in the clone: its status and output."""
        home = "/root" if uid == "0" else f"/home/{USER}"
        return self.enter(uid, ["make", "-C", f"{home}/vow", target])


def remove(place):
    """Nothing may be mounted there: namespaces have taken their mounts along."""
    if any(f" {place}/" in line for line in Path("/proc/self/mountinfo").read_text().splitlines()):
        raise SystemExit(f"roots: something is mounted below {place}")
    if place.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", place], check=True)


def told(status, output):
    """Was an ordinary user without packages told the one line to type?"""
    lines = re.findall(r"^  sudo apt-get install --no-install-recommends .*$", output, re.M)
    return "told what to type" if status != 0 and len(lines) == 1 else f"not told: status {status}"


def closing(status, output):
    """The line that a command closes with, or that it has none."""
    found = CLOSING.findall(output)
    good = status == 0 and bool(found)
    return ("" if good else f"status {status}: ") + (found[-1] if found else "no result")


def try_root(root):
    """(who, command, result) of every step."""
    root.make()
    for target in ("run", "test"):
        yield "user, no packages", f"make {target}", told(*root.types(USER_ID, target))
    for who, uid in (("root", "0"), ("user", USER_ID)):
        for target in ("run", "test"):
            yield who, f"make {target}", closing(*root.types(uid, target))


def is_good(result):
    return result.startswith(("told", "make run: all")) or " 0 failed" in result and not result.startswith("status")


def record(rows):
    """Replaces the lines of docs/roots.md that were run again."""
    lines = PAGE.read_text().splitlines()
    for row in rows:
        head = "| " + " | ".join(row[:4]) + " |"
        new = "| " + " | ".join(row) + " |"
        old = [number for number, line in enumerate(lines) if line.startswith(head)]
        if old:
            lines[old[0]] = new
        else:
            lines.insert(1 + max(number for number, line in enumerate(lines) if line.startswith("|")), new)
    PAGE.write_text("\n".join(lines) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("only", nargs="*", help=f"SUITE or SUITE/chroot; otherwise {', '.join(SUITES)}")
    parser.add_argument("--record", action="store_true", help="write the results into docs/roots.md")
    parser.add_argument("--keep", action="store_true", help="leave the systems there, to look around")
    return parser.parse_args()


def main():
    words = arguments()
    if os.geteuid() != 0:
        raise SystemExit("roots: only root can make another system")
    top = words.build.resolve() / "roots"
    top.mkdir(parents=True, exist_ok=True)
    good = True
    for name in words.only or SUITES:
        suite, _, way = name.partition("/")
        root, rows = Root(top, suite, way or "container"), []
        for who, command, result in try_root(root):
            print(f"{suite}/{root.way}: {who}: {command}: {result}", flush=True)
            rows.append([suite, root.way, who, command, result, time.strftime("%Y-%m-%d")])
            good &= is_good(result)
        if not words.keep:
            remove(root.place)
        if words.record:
            record(rows)
    sys.exit(not good)


main()
