#!/usr/bin/env python3
"""usage: shape.py VOW-H LIBVOW-SO LIBVOW-A MAN-DIR

What a program gets that links libvow: the names of its header and no others,
the C library and no others, little weight, and a manual that says what the
header says. Speaks TAP."""
import re
import subprocess
import sys
from pathlib import Path

header, shared, static, manual = sys.argv[1:]
PUBLIC = set(re.findall(r"\b(vow_\w+|pledge|unveil)\(", re.sub(r"/\*.*?\*/", "", Path(header).read_text(), flags=re.S)))
SIZE_LIMIT = 116 * 1024  # what gcc 12 makes is 110 KiB, what clang 14 makes 115 (bench/README.md)
failed = False


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def contracts():
    """(functions, errnos) of each comment of the header and what follows it."""
    for comment, code in re.findall(r"/\*(.*?)\*/([^/]*)", Path(header).read_text(), re.S):
        functions = re.findall(r"\b(vow_\w+|pledge|unveil)\(", code)
        yield functions, set(re.findall(r"\b(E[A-Z0-9]{3,})[.:]", comment))


def manual_faults():
    """Each function has its page, with its prototype and each of its errors."""
    pages = {path: path.read_text() for path in Path(manual).glob("*.3")}
    for functions, errnos in contracts():
        for function in functions:
            own = [text for text in pages.values() if re.search(rf"^\.Fn {function}\b", text, re.M)
                   and re.search(rf"^\.Nm {function}\b", text, re.M)]
            if len(own) != 1:
                yield f"{function} is in {len(own)} pages"
                continue
            yield from (f"{function}: the page lacks {name}" for name in sorted(errnos)
                        if f".It Bq Er {name}\n" not in own[0])


def report(number, name, fault):
    global failed
    failed |= bool(fault)
    print(f"# {fault}\n" if fault else "", end="")
    print(f"{'not ok' if fault else 'ok'} {number} - {name}")


def main():
    sanitized = "san_" in told("nm", "-D", shared)
    print("1..5")
    exported = {line.split("@")[0] for line in told("nm", "-D", "--defined-only", "-P", shared).split("\n")
                if " T " in line}
    report(1, "the shared library exports the names of vow.h",
           "" if exported == PUBLIC else f"they differ in {sorted(exported ^ PUBLIC)}")
    globals_ = {line.split()[0] for line in told("nm", "-g", "--defined-only", "-P", static).split("\n")
                if len(line.split()) > 2}
    report(2, "so does the static one", "" if {name for name in globals_ if "san" not in name} == PUBLIC
           else f"they differ in {sorted(globals_ ^ PUBLIC)}")
    needed = re.findall(r"NEEDED.*\[(.*)\]", told("readelf", "-d", shared))
    others = [name for name in needed if not re.match(r"libc\.|ld-linux|lib[au]\w*san", name)]
    report(3, "it needs the C library alone", f"it needs {others}" if others else "")
    loaded = sum(int(size, 16) for size in re.findall(r"^ +LOAD(?: +\S+){3} +(0x\w+)",
                                                      told("readelf", "-lW", shared), re.M))
    if sanitized:
        print("ok 4 - it is small # SKIP sanitizer: its checks are not libvow's weight")
    else:
        report(4, "it is small", f"{loaded} bytes to load, more than {SIZE_LIMIT}"
               if not 0 < loaded <= SIZE_LIMIT else "")
    report(5, "the manual has its functions and their errors", "; ".join(manual_faults()))


main()
sys.exit(failed)
