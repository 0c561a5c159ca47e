#!/usr/bin/env python3
"""Runs vow's tests on Debian's kernels in machines that qemu imitates. Everything
stays in BUILD/matrix: PAIR.log is what the machine's console showed."""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import build as cross  # noqa: E402
import guest  # noqa: E402
import page  # noqa: E402
from image import Image  # noqa: E402
from kernels import SUITES, Archive  # noqa: E402
from machines import MACHINES  # noqa: E402

PAIR_SECONDS = 3600
# Of meson's tests those that ask a kernel; (name, who also runs it).
UNIT = ["arch", "broker", "enforce", "landlock", "library", "look", "own-tables", "start", "steps", "view_apply"]
LIB = ["lib-" + part for part in ("limit-fd", "spawn", "pledge", "pledge-exec", "pledge-served", "pledge-threads", "unveil",
                                  "unveil-broker", "unveil-data", "unveil-race")]
E2E = ["doctor", "run_command", "run_descriptors", "run_elsewhere", "run_environment", "run_limits", "run_start", "view"]
TESTS = [*UNIT, "lib-shared", "lib-archive", "lib-static", *(f"{name}-static" for name in LIB),
         "kernel", "libseccomp", *E2E, "fresh-glibc", "fresh-glibc-static", "fresh-musl-static", "conform-glibc-static",
         "conform-musl-static", "escape"]
AS_USER = ["lib-pledge-static", "lib-unveil-static", "conform-glibc-static"]


def native(machine):
    return machine.name == os.uname().machine


class Build:
    """The tree, compiled for a machine."""

    def __init__(self, machine, top, own):
        self.machine, self.top = machine, top
        self.root, self.build = Path("/"), own
        if not native(machine):
            self.root = cross.sysroot(Archive(top / "packages", machine.debian), machine)
            self.build = top / f"build-{machine.name}"
            cross.configure(machine, self.root, self.build)
        self.tests = {test["name"]: test for test in self.introspect("--tests")}

    def introspect(self, what):
        return json.loads(subprocess.run(["meson", "introspect", what, self.build], check=True, capture_output=True, text=True).stdout)

    def planned(self):
        names = [name for name in TESTS if name in self.tests]
        return [(name, name, "0") for name in names] + \
               [(name, f"{name}-as-user", "65534") for name in AS_USER if name in names]

    def files_of(self, test):
        """What a test's words and environment name below the build."""
        for word in [*test["cmd"], *test["env"].values()]:
            path = self.build / word.split(":")[0]
            if path.is_file() and path.resolve().is_relative_to(self.build):
                yield path

    def compile(self):
        wanted = sorted({str(path.relative_to(self.build)) for path in self.outputs()})
        subprocess.run(["ninja", "-C", self.build, *wanted], check=True, stdout=subprocess.DEVNULL)

    def outputs(self):
        """Of ninja's targets those that the tests name, compiled or not."""
        known = {Path(file) for target in self.introspect("--targets") for file in target["filename"]}
        for name in [name for name in TESTS if name in self.tests]:
            test = self.tests[name]
            for word in [*test["cmd"], *test["env"].values()]:
                path = self.build / word
                if path in known:
                    yield path

    def image(self):
        self.compile()
        image = Image(self.top / f"image-{self.machine.name}", self.root, self.machine)
        for name in [name for name in TESTS if name in self.tests]:
            for file in self.files_of(self.tests[name]):
                image.put_program(file.absolute())
            for word in self.tests[name]["cmd"]:  # scripts of the tree
                if word.endswith(".sh"):
                    image.put(Path(os.path.normpath(word)))
        image.put(HERE / "guest.sh", "init")
        (image.top / "matrix").mkdir()
        probe = "cd {1}\nrun probe-landlock 0 60 {0} doctor --json\nfact landlock \"$(sed -n 's/.*\"landlock\": \\([0-9]*\\).*/\\1/p' /matrix/output)\"\n"
        views = "unshare -m sh -c 'mount -t tmpfs none /tmp && cd /tmp && pivot_root . .' 2>/dev/null && fact mountns yes\n"
        lines = [guest.shell_line(self.tests[name], title, user) for name, title, user in self.planned()]
        (image.top / "matrix/list").write_text(probe.format(self.build / "vow", self.build) + views + "\n".join(lines) + "\n")
        archive = self.top / f"{self.machine.name}.cpio.gz"
        image.pack(archive)
        return image, archive


def run_pair(pair, kernel, built, image, archive):
    """The Sum of each test."""
    start = time.monotonic()
    log = built.top / f"{pair.replace('/', '-')}.log"
    console = guest.boot(built.machine, kernel, archive, log, PAIR_SECONDS)
    facts = guest.Facts(console, image.top)
    sums = guest.judge(console, facts, [(title, user) for _, title, user in built.planned()])
    print(f"{pair}: Linux {facts['release'] or kernel.release}, Landlock ABI {facts.landlock}, {time.monotonic() - start:.0f} s")
    print(*(total for total in sums.values() if total.failed), sep="\n")
    page.keep(built.top, pair, facts, sums)
    return any(total.failed for total in sums.values())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("only", nargs="*", help='pairs whose name, "ARCHITECTURE/SUITE", begins with this: aarch64, x86_64/bullseye')
    parser.add_argument("--tests", help="these of meson's tests alone, separated by commas")
    parser.add_argument("--record", action="store_true", help="write docs/matrix.md: what ran takes the place of what it said of these pairs")
    return parser.parse_args()


def main():
    words = arguments()
    own, only = words.build.resolve(), words.only
    if words.tests:
        TESTS[:] = [name for name in TESTS if name in words.tests.split(",")]
    top = own / "matrix"
    top.mkdir(exist_ok=True)
    failed = False
    for machine in MACHINES:
        pairs = [f"{machine.name}/{suite}" for suite in SUITES]
        pairs = [pair for pair in pairs if not only or any(pair.startswith(word) for word in only)]
        if not pairs:
            continue
        packages = Archive(top / "packages", machine.host or machine.debian)
        built = image = archive = None
        for pair in pairs:
            kernel = packages.kernel(pair.split("/")[1], machine.kernel)
            if kernel is None:
                print(f"{pair}: skipped, that suite has no linux-image-{machine.kernel}")
                continue
            if built is None:
                built = Build(machine, top, own)
                image, archive = built.image()
            failed |= run_pair(pair, kernel, built, image, archive)
    if words.record:
        page.write(top)
    sys.exit(failed)


main()
