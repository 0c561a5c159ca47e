#!/usr/bin/env python3
"""usage: programs.py HOST
Real programs in a box (vow box --host HOST), against themselves outside: the same standard output
and the same end. Speaks TAP."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VOW, HOST = os.environ["VOW"], sys.argv[1]
PATH = "/usr/bin:/bin" # not what a user put in front of it
failed = False
number = 0

# Shell scripts for busybox, static.
SHELL = [
    "echo hello; exit 3",
    "echo one >f; cat f; mv f g; ls; rm g; mkdir d; rmdir d; cd /; pwd",
    "(echo x; echo y) | sort -r; for i in 1 2 3; do busybox true; done; echo done",
    "yes | head -1000 | wc",
    "trap 'echo caught' TERM; kill -TERM $$; echo after",
    "busybox sleep 5 & kill $!; wait $!; echo $?",
    "kill -SEGV $$",
    "kill -KILL $$",
    "dd if=/dev/zero of=z bs=1M count=3 2>/dev/null; wc -c <z; md5sum <z",
    "cp /bin/busybox b; cmp b /bin/busybox && echo same; rm b",
    "mkdir -p a/b; echo t >a/b/c; ln -s b/c a/l; cat a/l; ln a/b/c a/h; rm a/b/c; cat a/h; busybox find a | sort",
    "tar cf t.tar -C /bin busybox; tar tf t.tar; mkdir u; tar xf t.tar -C u; cmp u/busybox /bin/busybox && echo same",
    "cat nothing 2>/dev/null; echo $?; ./nothing 2>/dev/null; echo $?",
    "printf '#!/bin/sh\\necho script $1\\n' >s; chmod 755 s; ./s argument; chmod 600 s; ./s 2>/dev/null; echo $?",
    "mkfifo p; (echo through >p) & cat p; wait",
    "i=0; while [ $i -lt 40 ]; do busybox true; i=$((i+1)); done; echo $i",
    "umask 027; echo >m; busybox stat -c %a m; chmod 4711 m; busybox stat -c %a m",
    "touch -d '2020-01-02 03:04:05' y; TZ=UTC busybox stat -c %y y",
    "echo abc | tee /dev/stderr 2>/dev/null; echo err >/dev/null; head -c 5 /dev/zero | od -c",
    "busybox timeout 1 busybox sleep 9; echo $?",
]

# Programs of this machine, dynamic; each with its arguments.
PACKED = {
    "bash": [
        ["-c", "echo hi; ls /dev/null | cat; x=$(echo a b); echo $x; exit 7"],
        ["-c", "set -m; sleep 0.2 & jobs; fg; echo over"],
        ["-c", "trap 'echo int' INT; kill -INT $$; for i in 1 2 3; do (exit $i); echo $?; done"],
        ["-c", "diff <(echo a) <(echo a) && echo same; cat <<<here"],
        ["-c", "sleep 0.1 & sleep 0.2 & wait; echo ${PIPESTATUS[@]}; false | true; echo ${PIPESTATUS[@]}"],
    ],
    "python3": [
        ["-c", "print(1)"],
        ["-c", "import threading\nr = []\nt = [threading.Thread(target=r.append, args=(i,)) for i in range(50)]\n"
               "[x.start() for x in t]; [x.join() for x in t]; print(sorted(r))"],
        ["-c", "import subprocess; print(subprocess.run(['echo', 'x'], capture_output=True).stdout)"],
        ["-c", "import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))"],
        ["-c", "import sqlite3; c = sqlite3.connect('/tmp/vow-guest.db'); c.execute('create table t(a)')\n"
               "c.executemany('insert into t values(?)', [(i,) for i in range(1000)]); c.commit()\n"
               "print(c.execute('select sum(a) from t').fetchone()); import os; os.unlink('/tmp/vow-guest.db')"],
        ["-c", "import mmap, os\nm = mmap.mmap(-1, 4096)\nif os.fork() == 0: m.write(b'hi'); os._exit(0)\n"
               "os.wait(); print(m[:2])"],
        ["-c", "import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: print('alarm'))\n"
               "signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(0.3); print('woke')"],
        ["-c", "import os; os.kill(os.getpid(), 11)"],
        ["-c", "import select, os\nr, w = os.pipe(); e = select.epoll(); e.register(r, select.EPOLLIN)\n"
               "print(e.poll(0)); os.write(w, b'x'); print([v for _, v in e.poll(1)]); print(select.select([r], [], [], 1)[0] == [r])"],
        ["-c", "import os, fcntl\nf = open('/tmp/vow-guest.lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
               "if os.fork() == 0:\n try: fcntl.flock(open('/tmp/vow-guest.lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
               " except BlockingIOError: os._exit(9)\n os._exit(0)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))"],
    ],
}


def run(command, directory="/tmp"):
    try:
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, env={"PATH": PATH, "HOME": "/root"})
    except subprocess.TimeoutExpired:
        return "no end", b"", b""
    return done.returncode, done.stdout, done.stderr


def report(name, faults, skip=None):
    global failed, number
    number += 1
    failed |= bool(faults)
    print("".join(f"# {fault}\n" for fault in faults), end="")
    print(f"{'not ok' if faults else 'ok'} {number} - {name.splitlines()[0][:80]}" + (f" # SKIP {skip}" if skip else ""), flush=True)


def compare(name, outside, inside):
    report(name, [] if outside[:2] == inside[:2] else
           [f"outside: {outside[0]} {outside[1]!r}", f"in the box: {inside[0]} {inside[1]!r} {inside[2]!r}"])


def busybox(directory):
    path = shutil.which("busybox")
    if not path:
        for script in SHELL:
            report(script, [], "busybox: not installed")
        return
    root, image = directory / "root", directory / "busybox.img"
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    shutil.copy(path, root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    subprocess.run([VOW, "box", "create", image, "--from", root], check=True, stdout=subprocess.DEVNULL)
    for script in SHELL:
        outside = directory / "outside"
        outside.mkdir()
        inside = run([VOW, "box", image, "--discard", "--host", HOST, "--", "busybox", "sh", "-c", "cd /tmp;" + script])
        compare(script, run(["busybox", "sh", "-c", script], outside), inside)
        shutil.rmtree(outside)


def packed(directory):
    for program, rows in PACKED.items():
        path = shutil.which(program, path=PATH)
        if not path:
            report(program, [], f"{program}: not installed")
            continue
        image = directory / f"{program}.img"
        also = [shutil.which(name, path=PATH) for name in ("ls", "cat", "sleep", "diff", "echo")]
        made = subprocess.run([VOW, "box", "pack", "-o", image, path, *filter(None, also)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        report(f"pack {program}", [made.stderr] if made.returncode else [])
        for arguments in rows:
            compare(f"{program} {arguments[-1]}", run([path, *arguments]),
                    run([VOW, "box", image, "--discard", "--host", HOST, "--", path, *arguments]))


def image_keeps_what_was_written(directory):
    image = directory / "busybox.img"
    if not image.exists():
        report("an image keeps what was written", [], "busybox: not installed")
        return
    run([VOW, "box", image, "--host", HOST, "--", "busybox", "sh", "-c", "echo kept >/kept; mkdir /d"])
    run([VOW, "box", image, "--discard", "--host", HOST, "--", "busybox", "sh", "-c", "echo lost >/lost"])
    seen = run([VOW, "box", image, "--host", HOST, "--", "busybox", "sh", "-c", "cat /kept; ls -d /d /lost 2>/dev/null"])
    check = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    report("an image keeps what was written", ([] if seen[1] == b"kept\n/d\n" else [repr(seen)])
           + ([check.stdout.decode()] if check.returncode else []))


def main():
    print(f"1..{len(SHELL) + sum(1 + len(rows) for rows in PACKED.values()) + 1}")
    with tempfile.TemporaryDirectory(prefix="vow-guest-") as name:
        busybox(Path(name))
        packed(Path(name))
        image_keeps_what_was_written(Path(name))


main()
sys.exit(failed)
