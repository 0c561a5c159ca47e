#!/usr/bin/python3
"""usage: pty_drive.py CASE
Drives a full-screen program through a pseudoterminal, and prints what came of it.
Runs outside and in a box, and must print the same."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    """A program with a terminal of 24 by 80."""

    def __init__(self, *command):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            signal.signal(signal.SIGHUP, signal.SIG_DFL) # nohup ignores it
            os.execvp(command[0], command)
        self.resize(24, 80)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def wait_for(self, text, seconds=20):
        limit = time.monotonic() + seconds
        while not re.search(text, self.seen):
            if time.monotonic() > limit or not self.read(1):
                print("never seen:", text, "but", self.seen[-400:])
                sys.exit(1)
        print("seen:", text)
        self.seen = b""

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def type(self, text):
        os.write(self.fd, text)

    def end(self):
        while self.read(5):
            pass
        print("status:", os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))


def vim(directory):
    name = f"{directory}/text"
    t = Terminal("vim", "-u", "NONE", "-i", "NONE", "-n", name)
    t.wait_for(b"\\[New( File)?\\]")
    t.type(b"ihello from vim\rsecond line\x1b")
    t.wait_for(b"second")
    t.type(b":w\r")
    t.wait_for(b"written")
    t.resize(30, 100)
    t.type(b":q\r")
    t.end()
    print(open(name).read())


def less(directory):
    name = f"{directory}/text"
    with open(name, "w") as f:
        f.writelines(f"line {i}\n" for i in range(1, 1001))
    t = Terminal("less", name)
    t.wait_for(b"line 20")
    t.type(b"/ 500\r")
    t.wait_for(b"line 520")
    t.type(b"G")
    t.wait_for(b"line 1000")
    t.type(b"q")
    t.end()


def shell(_):
    t = Terminal("bash", "--norc", "-i")
    t.type(b"PS1='> '; stty size\n")
    t.wait_for(b"24 80")
    t.type(b"sleep 100\n")
    t.wait_for(b"sleep 100")
    time.sleep(0.3)
    t.type(b"\x1a")
    t.wait_for(b"Stopped")
    t.type(b"bg; jobs\n")
    t.wait_for(b"Running")
    t.type(b"fg\n")
    t.wait_for(b"fg\r\n.*sleep 100")
    time.sleep(0.3)
    t.type(b"\x03")
    t.type(b"echo $?\n")
    t.wait_for(b"130")
    t.type(b"cat\n")
    t.wait_for(b"cat")
    time.sleep(0.5) # until the shell has given the terminal back
    t.type(b"a line\n\x04")
    t.wait_for(b"a line\r\n(\x1b[^\r]*)?a line")
    t.type(b"exit 4\n")
    t.end()


def hang_up(directory):
    t = Terminal("bash", "--norc", "-c", f"trap 'echo hup >{directory}/hup; exit' HUP; echo ready; while :; do sleep 0.1; done")
    t.wait_for(b"ready")
    os.close(t.fd)
    print("status:", os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]))
    print(open(f"{directory}/hup").read())


def tmux(directory):
    socket = f"{directory}/tmux"
    t = Terminal("tmux", "-S", socket, "-f", "/dev/null", "new-session", "bash --norc")
    t.wait_for(b"bash-.*[$#] ")
    t.type(b"echo one$((1+1))two\r")
    t.wait_for(b"one2two")
    t.type(b"\x02")
    time.sleep(0.2) # or it takes the two for a paste
    t.type(b"c")
    t.wait_for(b"1:bash")
    t.type(b"exit\r")
    time.sleep(0.5)
    t.type(b"exit\r")
    t.wait_for(b"exited")
    t.end()


signal.alarm(50)
{"vim": vim, "less": less, "shell": shell, "hang_up": hang_up, "tmux": tmux}[sys.argv[1]](sys.argv[2])
