#!/usr/bin/env python3
"""usage: programs.py HOST
Real programs in a box (vow box --host HOST), against themselves outside: the same standard output
and the same end. Speaks TAP."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import boxed
from boxed import VOW, Tap, box, pack, run, which

tap = Tap()

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
        ["-c", "import mmap, os, subprocess\nd = open('/bin/echo', 'rb').read(); n = '/tmp/vow-guest.program'\n"
               "with open(n, 'w+b') as f: f.truncate(len(d)); m = mmap.mmap(f.fileno(), len(d)); m[:] = d; m.close()\n"
               "os.chmod(n, 0o755); print(subprocess.run([n, 'written', 'by mmap'], capture_output=True)); os.unlink(n)"],
        ["-c", "import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: print('alarm'))\n"
               "signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(0.3); print('woke')"],
        ["-c", "import os; os.kill(os.getpid(), 11)"],
        ["-c", "import select, os\nr, w = os.pipe(); e = select.epoll(); e.register(r, select.EPOLLIN)\n"
               "print(e.poll(0)); os.write(w, b'x'); print([v for _, v in e.poll(1)]); print(select.select([r], [], [], 1)[0] == [r])"],
        ["-c", "import os, fcntl, tempfile\nf = tempfile.NamedTemporaryFile(); fcntl.flock(f, fcntl.LOCK_EX)\n"
               "if os.fork() == 0:\n try: fcntl.flock(open(f.name), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
               " except BlockingIOError: os._exit(9)\n os._exit(0)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))"],
    ],
}


def busybox(directory):
    path = which("busybox")
    if not path:
        tap.report("busybox", skip="busybox: not installed")
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
        inside = box(image, "busybox", "sh", "-c", "cd /tmp;" + script)
        tap.compare(script, run(["busybox", "sh", "-c", script], outside), inside)
        shutil.rmtree(outside)


def packed(directory):
    for program, rows in PACKED.items():
        path = which(program)
        if not path:
            tap.report(program, skip=f"{program}: not installed")
            continue
        image = directory / f"{program}.img"
        fault = pack(image, [path, *(which(name) for name in ("ls", "cat", "sleep", "diff", "echo"))])
        tap.report(f"pack {program}", [fault] if fault else [])
        for arguments in rows:
            tap.compare(f"{program} {arguments[-1]}", run([path, *arguments]), box(image, path, *arguments))


def image_keeps_what_was_written(directory):
    image = directory / "busybox.img"
    if not image.exists():
        tap.report("an image keeps what was written", skip="busybox: not installed")
        return
    box(image, "busybox", "sh", "-c", "echo kept >/kept; mkdir /d", keep=True)
    box(image, "busybox", "sh", "-c", "echo lost >/lost")
    seen = box(image, "busybox", "sh", "-c", "cat /kept; ls -d /d /lost 2>/dev/null", keep=True)
    check = run(["e2fsck", "-fn", image])
    tap.report("an image keeps what was written", ([] if seen[1] == b"kept\n/d\n" else [repr(seen)])
               + ([check[1].decode()] if check[0] else []))


def main():
    boxed.host = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="vow-guest-") as name:
        busybox(Path(name))
        packed(Path(name))
        image_keeps_what_was_written(Path(name))
    tap.end()


main()
