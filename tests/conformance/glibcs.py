#!/usr/bin/env python3
"""usage: glibcs.py BUILD [SUITE…]

Runs the table under the glibc of other Debian suites (bullseye, bookworm and
sid unless said otherwise). For each, libvow and the tests are compiled with
that libc's headers and this machine's of the kernel, linked with its libc and
run by its loader; the packages are fetched with apt's own keys and unpacked,
nothing is installed."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tools"))
from debian import Suite  # noqa: E402

TRIPLET = "x86_64-linux-gnu"
PACKAGES = ["libc6", "libc6-dev", "libgcc-s1"]
LIBRARY = ["vowparts", "tables-own"]
HERE = SOURCE / "tests/conformance"


def sources_of(build, names):
    """The C files of meson's targets, and where their headers are."""
    targets = json.loads(subprocess.run(["meson", "introspect", "--targets", build], check=True,
                                        capture_output=True, text=True).stdout)
    for target in targets:
        if target["name"] in names and target["type"] in ("static library", "executable"):
            for group in target["target_sources"]:
                for file in group.get("sources", []) + group.get("generated_sources", []):
                    if file.endswith(".c"):
                        yield Path(file)


def unpack(suite, root):
    """The suite's libc as a root directory, and its version."""
    packages = [suite.fetch(name) for name in PACKAGES]
    for package in packages:
        subprocess.run(["cp", "-a", f"{package.top}/.", root], check=True)
    for name in ("lib", "lib64"):  # newer suites have everything below usr
        if not (root / name).exists() and (root / "usr" / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    loader = root / "lib64/ld-linux-x86-64.so.2"
    if not loader.exists():  # a link to outside of the root
        loader.unlink()
        loader.symlink_to(f"../lib/{TRIPLET}/ld-linux-x86-64.so.2")
    return packages[0].version


def kernel_headers(root):
    """This machine's, beside the suite's libc, and SYS_ names for all calls: an
    old libc knows those of its day."""
    subprocess.run([SOURCE / "musl/kernel-headers", root / "kernel", "gcc"], check=True)
    numbers = (root / "kernel/asm/unistd_64.h").read_text()
    names = re.findall(r"#define __NR_(\w+)", numbers)
    lines = [f"#ifndef SYS_{name}\n#define SYS_{name} __NR_{name}\n#endif" for name in names]
    (root / "names.h").write_text("#include <sys/syscall.h>\n" + "\n".join(lines) + "\n")


def compile_program(root, build, files, program):
    loader = root / "lib64/ld-linux-x86-64.so.2"
    parts = [root / f"lib/{TRIPLET}" / name for name in ("libpthread.so.0", "libdl.so.2")]  # once apart from libc
    places = [root / f"lib/{TRIPLET}", root / f"usr/lib/{TRIPLET}"]
    subprocess.run(["gcc", f"--sysroot={root}", "-std=gnu11", "-D_GNU_SOURCE", '-DVOW_VERSION="0"', "-O1", "-w",
                    "-isystem", root / "kernel", "-include", root / "names.h", f"-I{SOURCE}/src", f"-I{build}/src", f"-I{build}/src/policy", f"-I{SOURCE}/include",
                    f"-I{SOURCE}/tests", *map(str, files), "-o", program, *parts,
                    f"-B{places[1]}/", *(f"-L{place}" for place in places), *(f"-Wl,-rpath,{place}" for place in places), f"-Wl,--dynamic-linker={loader}"], check=True)


def run(program, title, env):
    """Its TAP, and how many lines of it are not ok."""
    done = subprocess.run([program], capture_output=True, text=True, env=env, check=False)
    lines = done.stdout.splitlines()
    bad = [line for line in lines if line.startswith(("not ok", "#"))]
    bad += done.stderr.splitlines()[:5]
    passed = sum(line.startswith("ok") for line in lines)
    print(f"{title}: {passed} passed, {sum(line.startswith('not ok') for line in bad)} failed", *bad, sep="\n  ")
    return done.returncode != 0 or passed == 0


def main():
    build, suites = Path(sys.argv[1]).resolve(), sys.argv[2:] or ["bullseye", "bookworm", "sid"]
    library = list(sources_of(build, LIBRARY))
    failed = False
    with tempfile.TemporaryDirectory(prefix="vow-glibcs-") as top:
        for name in suites:
            root = Path(top) / f"{name}-root"
            root.mkdir()
            version = unpack(Suite(Path(top), name), root)
            kernel_headers(root)
            module = root / "module.so"
            subprocess.run(["gcc", "-shared", "-fPIC", "-nostdlib", HERE / "module.c", "-o", module], check=True)
            for target in ("conform", "fresh"):
                program = root / target
                compile_program(root, build, library + list(sources_of(build, [target])), program)
                failed |= run(program, f"{target} under glibc {version} ({name})",
                              {"PATH": "/usr/bin:/bin", "VOW_MODULE": str(module)})
    sys.exit(failed)


main()
