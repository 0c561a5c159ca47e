#!/usr/bin/env python3
"""usage: suites.py python|go [MODULE…]
Test suites that Debian packages carry, outside and in a box: each test must end
alike. Speaks TAP: a row for each module."""
import re
import sys
import tempfile
from pathlib import Path

from boxed import Tap, box, pack, run, which

PYTHON = ["test_fileio", "test_fork1", "test_faulthandler", "test_getpass", "test_glob", "test_grp", "test_io", "test_mailbox",
          "test_poll", "test_popen", "test_posixpath", "test_pwd", "test_resource", "test_select", "test_selectors",
          "test_tarfile", "test_tempfile", "test_thread", "test_threading", "test_threadsignals",
          "test_wait4"]
GO = ["os", "os/exec", "os/signal", "io/ioutil", "sync", "net"]
RAW = "a box has no raw sockets"
# What ends otherwise in a box, and why.
KNOWN = {"go": {"TestReadFileProc": "/proc/sys/fs/pipe-max-size is absent", "TestOpenFileLimit": "1024 descriptors a process",
                "TestIPConnLocalName": RAW, "TestIPConnRemoteName": RAW, "TestIPConnSpecificMethods": RAW},
         "python": {}}


def python_package():
    version = run(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])[1].decode().strip()
    return f"libpython{version}-testsuite"


SUITES = {
    "python": {"programs": ["bash", "sh", "python3", "ls", "cat", "sleep", "id", "true"], "packages": [python_package()],
               "modules": PYTHON, "command": "python3 -m test -v {}",
               "result": re.compile(r"^(\w+ \([\w.]+\))(?: \.\.\.|\n).*?\b(ok|FAIL|ERROR|skipped)\b", re.M)},
    "go": {"programs": ["bash", "sh", "go", "gcc", "ls", "cat", "sleep", "id", "true", "hostname", "ps"],
           "packages": ["golang-go", "golang-src", "libc6-dev", "coreutils", "netbase"], "modules": GO,
           "command": "GOCACHE=$PWD/cache GOFLAGS=-vet=off go test -short -v {}",
           "result": re.compile(r"^ *--- (PASS|FAIL|SKIP): (\S+)", re.M)},
}


def results(suite, ended):
    """{test: how it ended} of what a suite printed."""
    found = SUITES[suite]["result"].findall((ended[1] + ended[2]).decode(errors="replace"))
    return {test: how for how, test in found} if suite == "go" else dict(found)


def compare(tap, suite, image, module):
    command = SUITES[suite]["command"].format(module)
    with tempfile.TemporaryDirectory(prefix="vow-suite-") as name:
        outside = results(suite, run(["bash", "-c", command], name, 900))
    inside = results(suite, box(image, which("bash"), "-c", f"mkdir /tmp/w; cd /tmp/w; {command}", timeout=900))
    faults = [f"{test}: outside {how}, in the box {inside.get(test, 'nothing')}" for test, how in outside.items()
              if inside.get(test) != how and test not in KNOWN[suite]]
    if not outside:
        tap.report(f"{suite} {module}", skip=f"{module}: ran no test outside")
        return
    tap.report(f"{suite} {module}: {len(outside)} tests", faults)


def main():
    tap, suite = Tap(), sys.argv[1]
    what = SUITES[suite]
    missing = [name for name in what["programs"] if not which(name)]
    with tempfile.TemporaryDirectory(prefix="vow-suites-") as directory:
        image = Path(directory) / "image"
        fault = "" if missing else pack(image, [which(name) for name in what["programs"]], what["packages"], size="8G")
        if missing or "no such package" in fault:
            tap.report(suite, skip=f"{missing[0] if missing else what['packages'][0]}: not installed")
            tap.end()
        tap.report(f"an image with {suite}'s tests", [fault] if fault else [])
        for module in sys.argv[2:] or what["modules"]:
            compare(tap, suite, image, module)
    tap.end()


main()
