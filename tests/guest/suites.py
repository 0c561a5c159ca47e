#!/usr/bin/env python3
"""usage: suites.py python|go|busybox [MODULE…]
Test suites that Debian packages carry, or their sources, outside and in a box: each test must end
alike. Speaks TAP: a row for each module."""
import re
import shutil
import sys
import tempfile
from pathlib import Path

from boxed import Tap, box, pack, run, which

PYTHON = ["test_fileio", "test_fork1", "test_faulthandler", "test_getpass", "test_glob", "test_grp", "test_io", "test_mailbox",
          "test_poll", "test_popen", "test_posixpath", "test_pwd", "test_resource", "test_select", "test_selectors",
          "test_tarfile", "test_tempfile", "test_thread", "test_threading", "test_threadsignals",
          "test_wait4"]
GO = ["os", "os/exec", "os/signal", "io/ioutil", "sync", "net", "runtime"]
# bc's sends five million short lines through pipes, a write for each word: minutes outside, several
# times as long inside. It is a test of its own.
BUSYBOX = ["ash awk", "sed grep", "tar cpio ar unzip", "gunzip gzip bunzip2 bzcat uncompress unlzma", "md5sum sha1sum sha256sum sha512sum",
           "cp mv ln ls rm rmdir mkdir touch find du readlink realpath", "sort uniq cut head tail tr wc nl od rev fold paste comm",
           "expand unexpand uuencode xxd hexdump strings", "patch diff cmp", "xargs test printf expr factor seq dc date cal",
           "dd cat echo tee pwd id hostname uptime which pidof start-stop-daemon taskset", "mount mkfs.minix makedevs mdev busybox parse"]
LONGEST = 1800 # seconds of a module
RAW = "a box has no raw sockets"
GDB = "gdb wants ptrace, which a box has not"
# What ends otherwise in a box, and why.
KNOWN = {"go": {"TestOpenFileLimit": "1024 descriptors a process",
                "TestIPConnLocalName": RAW, "TestIPConnRemoteName": RAW, "TestIPConnSpecificMethods": RAW,
                **{f"TestGdb{name}": GDB for name in ("Panic", "Const", "AutotmpTypes", "Backtrace", "PythonCgo", "Python")}},
         "python": {}, "busybox": {"hostname-d-works": "nobody to ask for the domain of a box"}}


def python_package():
    version = run(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])[1].decode().strip()
    return f"libpython{version}-testsuite"


def source(package, place):
    """Debian's sources of a package, unpacked: the directory; or a string that says why there are none."""
    (place / "lists/partial").mkdir(parents=True)
    known = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    lines = sorted({f"deb-src {line}" for line in known[1].decode().splitlines()})
    (place / "sources").write_text("\n".join(lines) + "\n")
    options = ["-o", f"Dir::Etc::SourceList={place}/sources", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={place}/lists", "-o", "APT::Sandbox::User=root"]
    for command in (["update"], ["source", package]):
        ended = run(["apt-get", *options, *command], place, 300)
        if ended[0] != 0:
            return f"sources of {package}: {(ended[2].decode(errors='replace').splitlines() or ['no end'])[-1]}"
    found = [path for path in place.glob(f"{package}-*") if path.is_dir()]
    return found[0] if found else f"sources of {package}: apt-get left none"


def busybox_tests(place):
    """What its tests want beside them: the program, and how Debian configured it."""
    found = source("busybox", place)
    if isinstance(found, str):
        return found
    tests = place / "tests"
    shutil.copytree(found / "testsuite", tests / "testsuite", symlinks=True)
    shutil.copy(which("busybox"), tests / "busybox")
    shutil.copy(found / "debian/config/pkg/static", tests / ".config")
    return tests


SUITES = {
    "python": {"programs": ["bash", "sh", "python3", "ls", "cat", "sleep", "id", "true"], "packages": [python_package()],
               "modules": PYTHON, "command": "python3 -m test -v {}",
               "result": re.compile(r"^(\w+ \([\w.]+\))(?: \.\.\.|\n).*?\b(ok|FAIL|ERROR|skipped)\b", re.M)},
    "go": {"programs": ["bash", "sh", "go", "gcc", "ls", "cat", "sleep", "id", "true", "hostname", "ps"],
           "packages": ["golang-go", "golang-src", "libc6-dev", "coreutils", "netbase"], "modules": GO,
           "command": "GOCACHE=$PWD/cache GOFLAGS=-vet=off go test -short -v {}",
           "result": re.compile(r"^ *--- (PASS|FAIL|SKIP): (\S+)", re.M)},
    # All commands but sh are busybox's own there.
    "busybox": {"programs": ["busybox", "bash", "sh", "date", "false", "ls"], "packages": [], "adds": busybox_tests, "modules": BUSYBOX,
                "command": 'export PATH=$PWD/links; "$TESTS/busybox" mkdir links; "$TESTS/busybox" --install -s links; '
                           'cp -r "$TESTS/testsuite" "$TESTS/.config" "$TESTS/busybox" .; cd testsuite; '
                           'ECHO="$PWD/../busybox echo" ./runtest {}',
                "result": re.compile(r"^(PASS|FAIL|SKIPPED|UNTESTED): (.+)$", re.M)},
}


def results(suite, ended):
    """{test: how it ended} of what a suite printed."""
    found = SUITES[suite]["result"].findall((ended[1] + ended[2]).decode(errors="replace"))
    return dict(found) if suite == "python" else {test: how for how, test in found}


def compare(tap, suite, image, module, tests):
    command = (f"TESTS={tests}; " if tests else "") + SUITES[suite]["command"].format(module)
    with tempfile.TemporaryDirectory(prefix="vow-suite-") as name:
        outside = results(suite, run(["bash", "-c", command], name, LONGEST))
    inside = results(suite, box(image, which("bash"), "-c", f"mkdir /tmp/w; cd /tmp/w; {command}", timeout=LONGEST))
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
        tests = what["adds"](Path(directory)) if "adds" in what and not missing else None
        if isinstance(tests, str):
            tap.report(suite, skip=tests)
            tap.end()
        adds = [tests] if tests else []
        fault = "" if missing else pack(image, [which(name) for name in what["programs"]], what["packages"], size="8G", adds=adds)
        if missing or "no such package" in fault:
            tap.report(suite, skip=f"{missing[0] if missing else what['packages'][0]}: not installed")
            tap.end()
        tap.report(f"an image with {suite}'s tests", [fault] if fault else [])
        for module in sys.argv[2:] or what["modules"]:
            compare(tap, suite, image, module, tests)
    tap.end()


main()
