#!/usr/bin/env python3
"""usage: pledged.py BUILD SOURCE

Real tools, as Debian has their sources, hold themselves to promises: the lines
of TOOLS go into main() at build time, the tool is linked with BUILD's libvow,
and its own tests must pass. That they are in force is seen from outside, and
by other promises, under which the same tests fail. Speaks TAP."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

build, source = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
sys.path.insert(0, str(source / "tools"))
import debian

SUITE = "bookworm"


class Tool:
    """`rules` are unveil's; `less` are promises under which the tests must fail;
    `waits` starts the tool so that it waits for standard input."""

    def __init__(self, package, main, rules, promises, less, make, check, waits):
        self.package, self.main, self.rules, self.promises, self.less = package, main, rules, promises, less
        self.make, self.check, self.waits = make, check, waits

    def calls(self, promises):
        steps = [f'unveil("{path}", "{letters}")' for path, letters in self.rules]
        steps.append(f'pledge("{promises}", NULL)')
        return " || ".join(f"{step} != 0" for step in steps)


TOOLS = [
    # A compressor: reads what it is told to, writes where it is.
    Tool("bzip2", "bzip2.c", [("/", "r"), (".", "rwc")], "stdio rpath wpath cpath fattr chown", "",
         ["make", "bzip2"], ["make", "test"], ["./bzip2", "-c"]),
    # An editor that starts other programs.
    Tool("ed", "main.c", [("/", "rx"), ("/dev", "rw"), (".", "rwc"), ("/tmp", "rwc")],
         "stdio rpath wpath cpath proc exec", "stdio rpath wpath cpath", ["sh", "-c", "./configure && make"],
         ["make", "check"], ["./ed", "-s"]),
    # Text, written large: reads its fonts.
    Tool("figlet", "figlet.c", [("fonts", "r"), (".", "r"), ("/tmp", "r"), ("/usr/share/figlet", "r")],
         "stdio rpath tty", "stdio tty", ["make"], ["make", "check"], ["./figlet", "-d", "fonts"]),
]


def insert(path, calls):
    """Behind the brace that opens main(), and the declaration at the top."""
    text = path.read_text(errors="surrogateescape")
    code = re.sub(r"/\*.*?\*/", lambda comment: re.sub(r"[^\n]", " ", comment[0]), text, flags=re.S)
    main = re.search(r"^(?:\w+ )?main *\([^{]*\{", code, re.M)
    lines = f"\n  if ({calls}) return 125;\n"
    path.write_text("#include <vow.h>\n" + text[:main.end()] + lines + text[main.end():], errors="surrogateescape")


def run(tool, top, command, log):
    flags = [f"CPPFLAGS=-I{source}/include", f"LDFLAGS=-L{build} -Wl,-rpath,{build} -Wl,--no-as-needed -lvow"]
    command = [*command, *flags] if command[0] == "make" else \
        [word.replace("make", "make " + " ".join(f"'{flag}'" for flag in flags)) for word in command]
    with open(log, "ab") as output:
        return subprocess.run(command, cwd=top, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT).returncode == 0


def is_held(tool, top):
    """While it waits for input: does the kernel filter its calls?"""
    with subprocess.Popen(tool.waits, cwd=top, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for _ in range(6000):
            status = Path(f"/proc/{process.pid}/status").read_text()
            held = re.search(r"^Seccomp:\s*2$", status, re.M) and re.search(r"^State:\s*S", status, re.M)
            if held:
                break
            subprocess.run(["sleep", "0.01"], check=True)
        process.stdin.close()
        process.stdout.read()
    return bool(held)


def try_tool(tool, suite, directory):
    """[(what, did it hold, log)]"""
    log = directory / f"{tool.package}.log"
    results = []
    for promises in (tool.promises, tool.less):
        top = suite.fetch_source(tool.package)
        insert(top / tool.main, tool.calls(promises))
        built = run(tool, top, tool.make, log)
        passed = built and run(tool, top, tool.check, log)
        if promises == tool.promises:
            results += [("builds", built), ("passes its own tests", passed), ("is held", built and is_held(tool, top))]
        else:
            results.append((f"does not with '{promises}'", built and not passed))
        subprocess.run(["rm", "-r", top], check=True)
    return results, log.read_text(errors="replace")


def main():
    failed, number = False, 0
    with tempfile.TemporaryDirectory(prefix="vow-pledged-") as name:
        try:
            suite = debian.Suite(Path(name), SUITE, kind="deb-src")
        except SystemExit:
            print("1..0 # SKIP mirror: Debian's sources cannot be fetched here")
            return False
        print(f"1..{4 * len(TOOLS)}")
        for tool in TOOLS:
            results, log = try_tool(tool, suite, Path(name))
            if not all(ok for _, ok in results):
                print("".join(f"# {line}\n" for line in log.splitlines()[-60:]), end="")
            for what, ok in results:
                number += 1
                failed |= not ok
                print(f"{'ok' if ok else 'not ok'} {number} - {tool.package} {what}", flush=True)
    return failed


sys.exit(main())
