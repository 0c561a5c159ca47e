#!/usr/bin/env python3
"""usage: build.py SOURCE
Builds vow in a box, with gcc, meson and ninja of this machine, and runs its unit
and simulator tests there. Speaks TAP: a row for each step and each test."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from boxed import VOW, Tap, box, pack, run, which

PROGRAMS = ["bash", "sh", "cc", "gcc", "make", "meson", "ninja", "pkg-config", "python3", "grep", "sed", "awk", "git", "ps"]
PACKAGES = ["libc6-dev", "libext2fs-dev", "comerr-dev", "libjansson-dev", "musl-tools", "coreutils", "diffutils",
            "findutils", "bsdutils", "e2fsprogs"]


def sources(source, directory):
    """The sources as git knows them; without git all but builds."""
    listed = run(["git", "-C", source, "ls-files", "-z"])
    names = [name for name in listed[1].decode().split("\0") if name] if listed[0] == 0 else \
        [str(path.relative_to(source)) for path in Path(source).rglob("*")
         if path.is_file() and not any((up / "meson-info").exists() for up in path.parents)]
    for name in names:
        if (Path(source) / name).is_file():
            place = directory / "vow" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((Path(source) / name).read_bytes())
            place.chmod((Path(source) / name).stat().st_mode & 0o777)
    return directory / "vow"


def step(tap, image, name, script):
    ended = box(image, which("bash"), "-c", script, keep=True, timeout=1500)
    tap.report(name, [] if ended[0] == 0 else [f"{ended[0]}: {ended[1][-2000:].decode(errors='replace')} {ended[2]!r}"])
    return ended[0] == 0


def main():
    tap = Tap()
    missing = [name for name in PROGRAMS if not which(name)]
    if missing:
        tap.report("building vow in a box", skip=f"{missing[0]}: not installed")
        tap.end()
    with tempfile.TemporaryDirectory(prefix="vow-build-") as name:
        directory, image = Path(name), Path(name) / "image"
        fault = pack(image, [which(program) for program in PROGRAMS], PACKAGES, size="8G",
                     adds=["/etc/hostname"])
        tap.report("an image with a compiler", [fault] if fault else [])
        subprocess.run([VOW, "box", "cp", sources(sys.argv[1], directory), f"{image}:/root/vow"], check=True)
        if step(tap, image, "meson setup", "cd /root/vow && meson setup /root/build") and \
           step(tap, image, "ninja vow vow-box", "ninja -C /root/build vow vow-box && /root/build/vow --version"):
            box(image, which("bash"), "-c", "cd /root/build && meson test --suite unit --suite sim -t 10 >/root/out 2>&1",
                keep=True, timeout=1500)
            results(tap, image, directory)
    tap.end()


def results(tap, image, directory):
    """A row for each test that ran in the box."""
    subprocess.run([VOW, "box", "cp", f"{image}:/root/build/meson-logs/testlog.json", directory / "log"], check=True)
    for line in (directory / "log").read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        result, output = test["result"], test.get("stdout", "")
        reasons = sorted({line.partition("# SKIP ")[2] for line in output.splitlines() if "# SKIP " in line})
        tap.report(f"{test['name']} in the box", [] if result in ("OK", "SKIP") else [result, output[-2000:]],
                   skip=f"box: {'; '.join(reasons) or 'it says not why'}" if result == "SKIP" else None)


main()
