#!/usr/bin/env python3
"""Real programs under the fewest promises that they need. TAP.

Each row says which promises a program needs and how to tell that it did its
work. It is run as it stands, and once more without each of its promises:
then it must not do its work, and where the row asks for it the explanation
must name the promise that was taken away.

usage: programs.py [NAME …]     VOW names the command (default: vow)
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

VOW = os.environ.get("VOW", "vow")
SOURCE = Path(os.environ.get("SOURCE", Path(__file__).resolve().parents[2]))
TIME_LIMIT = 120  # seconds for one run
GREETING = "hello from a file\n"


@dataclass
class Row:
    name: str
    promises: str
    argv: list
    stdout: str = None        # exact standard output
    holds: object = None      # check(directory, stdout) -> bool
    before: object = None     # prepare(directory)
    options: list = field(default_factory=list)
    explained: bool = False   # the explanation names each missing promise
    always: str = "stdio"     # promises that the test does not take away
    needs: str = None         # a program that must be there, if not argv[0]
    serves: object = None     # for a server: talk(directory) -> bool, then SIGTERM


class Quiet(BaseHTTPRequestHandler):
    def do_GET(self):
        body = GREETING.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve():
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


HTTP_PORT = serve()
NGINX_PORT, REDIS_PORT = free_port(), free_port()
URL = f"http://127.0.0.1:{HTTP_PORT}/"


os.environ["HOME"] = "/nonexistent"  # no settings of whoever tests
os.environ["CC"] = "cc"  # meson does not put ccache, whose store no rule shows, before what was named


def run(argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT,
                          stdin=subprocess.DEVNULL, **options)


# ---- what a row's directory holds

def fixture(directory):
    (directory / "in.txt").write_text(GREETING)
    (directory / "numbers").write_text("3\n1\n2\n")
    (directory / "tree/below").mkdir(parents=True)
    (directory / "tree/below/leaf").write_text("a leaf\n")
    (directory / "hello.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("hello from C"); return 0; }\n')


class Missing(Exception):
    """Why a row cannot be tried here, as a skip says it."""


def compile_c(*flags, compiler="gcc", libc):
    def prepare(directory):
        if subprocess.run([compiler, *flags, "-o", "hello", "hello.c"], cwd=directory).returncode != 0:
            raise Missing(f"libc-{libc}: none to build a program with")
        try:
            subprocess.run(["./hello"], cwd=directory, stdout=subprocess.DEVNULL)
        except OSError as error:
            raise Missing("i386: this kernel starts none of its programs") from error
    return prepare


def compile_go(directory):
    (directory / "hello.go").write_text(
        'package main\nimport ("fmt"; "os"; "sync")\nfunc main() {\n'
        ' var group sync.WaitGroup\n total := make(chan int, 50)\n'
        ' for i := 0; i < 50; i++ { group.Add(1); go func(n int) { total <- n; group.Done() }(i) }\n'
        ' group.Wait(); close(total); sum := 0\n for n := range total { sum += n }\n'
        ' text, err := os.ReadFile("in.txt"); if err != nil { panic(err) }\n'
        ' fmt.Print(sum, " ", string(text)) }\n')
    subprocess.run(["go", "build", "-o", "hello", "hello.go"], cwd=directory, check=True,
                   env={**os.environ, "GOCACHE": str(directory / "cache"), "GO111MODULE": "off",
                        "HOME": str(directory)})


def archive(directory):
    subprocess.run(["tar", "cf", "a.tar", "tree"], cwd=directory, check=True)
    shutil.rmtree(directory / "tree")


def repository(directory):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "."], ["add", "in.txt"], ["commit", "-qm", "first"]):
        subprocess.run(git + words, cwd=directory, check=True)


def vow_copy(directory):
    """The sources of vow itself, configured, to be built under vow."""
    names = subprocess.run(["git", "ls-files"], cwd=SOURCE, capture_output=True, text=True)
    copy = directory / "vow"
    if names.returncode == 0:
        for name in names.stdout.split("\n"):
            if name and (SOURCE / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(SOURCE / name, copy / name)
    else:
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("build*", ".git"))
    system = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}  # no tools of a home directory
    subprocess.run(["meson", "setup", "build"], cwd=copy, check=True, stdout=subprocess.DEVNULL, env=system)


def nginx_files(directory):
    (directory / "logs").mkdir()
    owner = "user root;" if os.geteuid() == 0 else ""  # else it gives its files to nobody
    (directory / "nginx.conf").write_text(
        f"daemon off; master_process off; {owner} pid nginx.pid; error_log stderr;\n"
        f"events {{ worker_connections 64; }}\n"
        f"http {{ access_log off; client_body_temp_path t1; proxy_temp_path t2;\n"
        f" fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n"
        f" server {{ listen 127.0.0.1:{NGINX_PORT}; root {directory}; }} }}\n")


# ---- whether it did its work

def has(name, text=None):
    def check(directory, _):
        path = directory / name
        return path.exists() and (text is None or path.read_text() == text)
    return check


def committed(directory, _):
    log = run(["git", "log", "--format=%s"], cwd=directory).stdout
    return log == "second\nfirst\n"


def compiled(directory, _):
    return (directory / "hello").exists() and run(["./hello"], cwd=directory).stdout == "hello from C\n"


def built(directory, _):
    binary = directory / "vow/build/vow"
    return binary.exists() and run([binary, "--version"]).stdout.startswith("vow ")


def talk_nginx(_):
    return run(["curl", "-sf", f"http://127.0.0.1:{NGINX_PORT}/in.txt"]).stdout == GREETING


def talk_redis(_):
    client = ["redis-cli", "-p", str(REDIS_PORT)]
    return run(client + ["set", "k", "v"]).stdout == "OK\n" and run(client + ["get", "k"]).stdout == "v\n"


PYTHON = "/usr/bin/python3"
WRITES = "stdio rpath wpath cpath"
ROWS = [
    Row("cat", "stdio rpath", ["cat", "in.txt"], GREETING, explained=True),
    Row("cat standard input", "stdio", ["cat"], ""),
    Row("ls", "stdio rpath", ["ls", "tree"], "below\n"),
    Row("ls -l", "stdio rpath", ["ls", "-ln", "tree/below"], holds=lambda d, out: "leaf" in out),
    Row("date", "stdio", ["date", "-d", "@0", "-u", "+%Y"], "1970\n"),
    Row("tar create", WRITES, ["tar", "cf", "out.tar", "tree"], holds=has("out.tar"), explained=True),
    Row("tar extract", WRITES + " fattr", ["tar", "xf", "a.tar"], before=archive,
        holds=has("tree/below/leaf", "a leaf\n"), explained=True),
    Row("gzip", WRITES + " fattr", ["gzip", "in.txt"], holds=has("in.txt.gz")),
    Row("gzip in a pipe", "stdio rpath proc exec", ["sh", "-c", "gzip -c in.txt | gunzip"], GREETING, needs="gzip"),
    Row("xz", WRITES + " fattr", ["xz", "in.txt"], holds=has("in.txt.xz")),
    Row("grep -r", "stdio rpath", ["grep", "-r", "leaf", "tree"], "tree/below/leaf:a leaf\n", explained=True),
    Row("find", "stdio rpath", ["find", "tree", "-name", "leaf"], "tree/below/leaf\n"),
    Row("sort", "stdio rpath", ["sort", "-n", "numbers"], "1\n2\n3\n"),
    Row("awk", "stdio rpath", ["awk", "{ s += $1 } END { print s }", "numbers"], "6\n"),
    Row("sed", "stdio rpath", ["sed", "s/1/one/", "numbers"], "3\none\n2\n"),
    Row("sed -i", WRITES, ["sed", "-i", "s/1/one/", "numbers"], holds=has("numbers", "3\none\n2\n")),
    Row("git log", "stdio rpath", ["git", "log", "--format=%s"], "first\n", before=repository),
    Row("git commit", WRITES + " fattr proc exec",
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "second"],
        before=repository, holds=committed, always="stdio fattr proc exec"),
    Row("git clone", WRITES + " fattr proc exec", ["git", "clone", "-q", ".", "copy"], before=repository,
        holds=has("copy/in.txt", GREETING), always="stdio fattr", explained=False),
    Row("curl", "stdio rpath inet", ["curl", "-s", URL], GREETING, explained=True, always="stdio rpath"),
    Row("wget", WRITES + " inet", ["wget", "-q", "--tries=1", "-O", "got", URL], holds=has("got", GREETING), explained=True,
        always="stdio rpath"),
    Row("ssh-keygen", WRITES, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"],
        holds=has("key.pub"), always="stdio rpath"),
    Row("openssl", "stdio rpath", ["openssl", "dgst", "-sha256", "-r", "in.txt"],
        holds=lambda d, out: out.endswith(" *in.txt\n")),
    Row("python3", "stdio rpath", [PYTHON, "-c", "import json; print(open('in.txt').read(), end='')"], GREETING),
    Row("python3 threads", "stdio rpath", [PYTHON, "-c",
        "import threading; t = [threading.Thread(target=print, args=(1,)) for _ in range(2)]; "
        "[x.start() for x in t]; [x.join() for x in t]"], "1\n1\n"),
    Row("python3 subprocess", "stdio rpath proc exec",
        [PYTHON, "-c", "import subprocess; print(subprocess.check_output(['echo', 'child']).decode(), end='')"],
        "child\n", explained=True, always="stdio rpath"),
    Row("perl", "stdio rpath", ["perl", "-MPOSIX", "-e", "open F, 'in.txt' or die; print <F>"], GREETING),
    Row("node", "stdio rpath prot_exec", ["node", "-e", "process.stdout.write(require('fs').readFileSync('in.txt'))"],
        GREETING, always="stdio rpath"),
    Row("sqlite3", WRITES + " flock", ["sqlite3", "db", "create table t(x); insert into t values(7); select x from t"],
        "7\n", explained=True),
    Row("gcc", WRITES + " fattr proc exec", ["gcc", "-O2", "-o", "hello", "hello.c"], holds=compiled,
        always="stdio rpath fattr"),
    Row("make and gcc build vow", WRITES + " fattr flock proc exec", ["ninja", "-C", "vow/build", "vow"], before=vow_copy, options=["-v", "+rx:vow/tools", "-v", "+rx:vow/musl", "-v", "+x:vow/build/src"],
        holds=built, always="stdio rpath wpath cpath fattr flock proc exec"),
    Row("bash with children", "stdio rpath proc exec", ["bash", "-c", "ls tree | cat; echo done"], "below\ndone\n"),
    Row("nginx", WRITES + " inet fattr id", ["nginx", "-p", ".", "-c", "nginx.conf"], before=nginx_files, serves=talk_nginx,
        always="stdio rpath wpath cpath fattr id"),
    Row("redis-server", "stdio rpath inet proc", ["redis-server", "--port", str(REDIS_PORT), "--save", "", "--bind",
        "127.0.0.1"], serves=talk_redis, always="stdio rpath proc"),
    Row("busybox static", "stdio rpath", ["busybox", "cat", "in.txt"], GREETING),
    Row("a Go program", "stdio rpath", ["./hello"], "1225 " + GREETING, before=compile_go, needs="go"),
    Row("a musl program", "stdio", ["./hello"], "hello from C\n", before=compile_c(compiler="musl-gcc", libc="MUSL"), needs="musl-gcc"),
    Row("a static musl program", "stdio", ["./hello"], "hello from C\n",
        before=compile_c("-static", compiler="musl-gcc", libc="MUSL"), needs="musl-gcc"),
    Row("a static glibc program", "stdio", ["./hello"], "hello from C\n", before=compile_c("-static", libc="STATIC"), needs="gcc"),
    Row("an i386 program", "stdio", ["./hello"], "hello from C\n", before=compile_c("-m32", libc="I386"), needs="gcc"),
    Row("a static i386 program", "stdio", ["./hello"], "hello from C\n", before=compile_c("-m32", "-static", libc="I386"), needs="gcc"),
]


# ---- running a row

def vow_argv(row, promises, report):
    return [VOW, "run", "-p", promises, "--explain", "--json", str(report), *row.options, "--", *row.argv]


def tail(process, directory, row, argv):
    """A server: waits until it answers, ends it, says whether it did."""
    del argv
    try:
        for _ in range(600):
            if process.poll() is not None:
                return False
            if row.serves(directory):
                return True
            time.sleep(0.1)
        return False
    finally:
        if process.poll() is None:
            process.terminate()


def attempt(row, promises):
    """(did its work, what it printed, the denials reported)"""
    with tempfile.TemporaryDirectory(prefix="vow-programs-") as top:
        directory = Path(top) / "work"
        directory.mkdir()
        fixture(directory)
        if row.before:
            row.before(directory)
        report = Path(top) / "report.json"
        argv = vow_argv(row, promises, report)
        if row.serves:
            process = subprocess.Popen(argv, cwd=directory, text=True, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            done = tail(process, directory, row, argv)
            output = process.communicate(timeout=TIME_LIMIT)[0]
        else:
            result = run(argv, cwd=directory)
            done = (result.returncode == 0 and (row.stdout is None or result.stdout == row.stdout)
                    and (row.holds is None or row.holds(directory, result.stdout)))
            output = f"status {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-4000:]}"
        lines = report.read_text().splitlines() if report.exists() else []
        return done, output, [json.loads(line) for line in lines]


def missing_promises(events):
    return {word for e in events if e.get("event") == "denial" for word in e["missing"]["promises"]}


class Tap:
    def __init__(self):
        self.count = self.failures = 0

    def result(self, ok, name, detail=""):
        self.count += 1
        self.failures += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)
        if not ok:
            print("".join(f"# {line}\n" for line in detail.splitlines()), end="", flush=True)

    def refused(self, name, output):
        """Skips if vow would not start for want of something of this machine."""
        reason = subprocess.run(["sed", "-nf", SOURCE / "tests/refused.sed"], input=output,
                                stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        if reason:
            self.skip(name, reason)
        return bool(reason)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)


def check(row, tap):
    program = row.needs or row.argv[0]
    if not shutil.which(program):
        return tap.skip(row.name, f"{Path(program).name}: not installed")
    done, output, events = attempt(row, row.promises)
    if not done and tap.refused(f"{row.name}: works with '{row.promises}'", output):
        return None
    tap.result(done, f"{row.name}: works with '{row.promises}'", output)
    for word in row.promises.split():
        if word in row.always.split():
            continue
        fewer = " ".join(w for w in row.promises.split() if w != word)
        done, output, events = attempt(row, fewer)
        said = missing_promises(events)
        ok = not done and (not row.explained or word in said)
        name = f"{row.name}: stopped without '{word}'"
        if ok or not tap.refused(name, output):
            tap.result(ok, name, f"did its work: {done}; said: {said}\n{output}")
    return None


def main():
    tap = Tap()
    for row in ROWS:
        if len(sys.argv) < 2 or row.name in sys.argv[1:]:
            try:
                check(row, tap)
            except Missing as reason:
                tap.skip(row.name, reason)
    print(f"1..{tap.count}")
    return 1 if tap.failures else 0


sys.exit(main())
