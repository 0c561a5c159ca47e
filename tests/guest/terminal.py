#!/usr/bin/env python3
"""Programs that own the screen, in a box on a terminal of ours: vim, less, and
bash with job control. Speaks TAP."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

from boxed import PATH, VOW, Tap, box, pack, which

PATIENCE = 60


class Session:
    """A program in a box on a terminal of 24 lines; what it shows, and its end."""

    def __init__(self, image, *command):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(VOW, [VOW, "box", str(image), "--", *command], {"TERM": "xterm", "PATH": PATH})
        self.shown, self.ended = b"", False

    def read(self, seconds):
        if not self.ended and select.select([self.terminal], [], [], seconds)[0]:
            try:
                part = os.read(self.terminal, 65536)
            except OSError: # its last user is gone
                part = b""
            self.shown += part
            self.ended = not part

    def wait_for(self, text):
        """Until it shows this, behind what was waited for before."""
        late = time.monotonic() + PATIENCE
        while text not in self.shown and not self.ended and time.monotonic() < late:
            self.read(0.5)
        found = text in self.shown
        self.shown = self.shown.partition(text)[2] if found else self.shown
        return found

    def type(self, keys):
        os.write(self.terminal, keys)

    def end(self):
        """Its exit status."""
        late = time.monotonic() + PATIENCE
        while not self.ended and time.monotonic() < late:
            self.read(0.5)
        if not self.ended:
            os.kill(self.pid, 9)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def converse(tap, name, session, steps, status):
    """Each step is what must be shown, and what is typed then."""
    faults = []
    for shown, keys in steps:
        if not session.wait_for(shown):
            faults.append(f"{shown!r} is not shown, but {session.shown[-400:]!r}")
            break
        session.type(keys)
    ended = session.end()
    tap.report(name, faults + ([] if ended == status else [f"it ended with {ended}, and showed {session.shown[-400:]!r}"]))


def main():
    tap, names = Tap(), ["bash", "sh", "vim", "less", "cat", "sleep", "seq", "stty", "env"]
    missing = [name for name in names if not which(name)]
    if missing:
        tap.report("a terminal", skip=f"{missing[0]}: not installed")
        tap.end()
    with tempfile.TemporaryDirectory(prefix="vow-terminal-") as directory:
        image = Path(directory) / "image"
        fault = pack(image, [which(name) for name in names])
        tap.report("an image with " + " ".join(names), [fault] if fault else [])
        converse(tap, "vim writes a file", Session(image, "vim", "-u", "NONE", "/root/text"),
                 [(b"New", b"ihello from vim\x1b"), (b"from vim", b":s/vim/a box/\r"), (b"a box", b":wq\r")], 0)
        tap.report("… which is there", [] if box(image, "cat", "/root/text")[1] == b"hello from a box\n" else ["it is not"])
        box(image, "sh", "-c", "seq 1000 >/root/lines", keep=True)
        converse(tap, "less goes to the end, finds, and quits", Session(image, "less", "/root/lines"),
                 [(b"23", b"G"), (b"1000", b"?^777\r"), (b"777", b"q")], 0)
        converse(tap, "bash stops a job, lists it, lets it go on and ends it",
                 Session(image, "bash", "--norc", "-i"),
                 [(b"#", b"sh -c 'stty size; exec sleep 1000'\r"), (b"24 80", b"\x1a"), (b"Stopped", b"jobs\r"), (b"Stopped", b"bg\r"),
                  (b"exec sleep", b"kill -9 %1; wait %1; echo it was $?\r"), (b"it was 137", b"exit 3\r")], 3)
        check = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        tap.report("the image is whole", [check.stdout] if check.returncode else [])
    tap.end()


main()
