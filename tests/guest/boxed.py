"""What the tests with real programs share: run a command outside and in a box,
compare, and speak TAP."""
import os
import shutil
import subprocess
import sys

VOW = os.environ["VOW"]
PATH = "/usr/bin:/bin:/usr/sbin:/sbin" # not what a user put in front of it
host = "trap" # how calls come to the emulator


class Tap:
    """Rows as they come; the plan is printed at the end."""

    def __init__(self):
        self.number, self.failed = 0, False

    def report(self, name, faults=(), skip=None):
        self.number += 1
        self.failed |= bool(faults)
        for fault in faults:
            print("".join(f"# {line}\n" for line in str(fault).splitlines()), end="")
        print(f"{'not ok' if faults else 'ok'} {self.number} - {name.splitlines()[0][:80]}"
              + (f" # SKIP {skip}" if skip else ""), flush=True)

    def compare(self, name, outside, inside):
        """The same end and the same standard output, or both with what went to
        the standard error."""
        same = outside[:2] == inside[:2]
        self.report(name, [] if same else [f"outside: {outside[0]} {shown(outside)}",
                                           f"in the box: {inside[0]} {shown(inside)}"])

    def end(self):
        print(f"1..{self.number}")
        sys.exit(self.failed)


def shown(ended, most=3000):
    """The standard output of a run, and its errors, cut in the middle."""
    text = repr(ended[1]) + (f" ({ended[2]!r})" if ended[2] else "")
    return text if len(text) <= most else f"{text[:most // 2]} … {text[-most // 2:]}"


# One that programs may look into; nothing of theirs lies there.
HOME = "/root" if os.geteuid() == 0 else "/tmp"


def which(name):
    return shutil.which(name, path=PATH)


def run(command, directory="/tmp", timeout=60):
    """(exit status, standard output, standard error) of a command."""
    try:
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, check=False,
                              env={"PATH": PATH, "HOME": HOME})
    except subprocess.TimeoutExpired as late:
        return "no end", late.stdout or b"", late.stderr or b""
    return done.returncode, done.stdout, done.stderr


def box(image, *command, keep=False, timeout=60):
    return run([VOW, "box", image, "--host", host, *([] if keep else ["--discard"]), "--", *command], timeout=timeout)


def pack(image, programs, packages=(), size="4G", adds=()):
    """An image with programs of this machine: the fault, or none."""
    done = run([VOW, "box", "pack", "-o", image, "--size", size,
                *(word for name in packages for word in ("--package", name)),
                *(word for name in adds for word in ("--add", name)), *programs], timeout=600)
    return (done[2].decode(errors="replace") or f"pack: {done[0]}") if done[0] else ""
