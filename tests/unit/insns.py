#!/usr/bin/env python3
"""usage: insns.py PROBE
The box's decoder of instructions against objdump's, over all code of libcs,
loaders and programs: of what it knows it must know size, kind and target, and
what must stay in its place it must not know. Speaks TAP."""
import errno
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

PROBE = sys.argv[1]
UNKNOWN, PLAIN, NOP, BRANCH, JUMP, END = range(6)
FILES = {
    "glibc": "/lib/x86_64-linux-gnu/libc.so.6",
    "glibc's loader": "/lib64/ld-linux-x86-64.so.2",
    "musl": "/lib/ld-musl-x86_64.so.1",
    "busybox": "/bin/busybox",
    "a Go program": "/usr/lib/go/bin/gofmt",
}
LINE = re.compile(r"^\s*([0-9a-f]+):\t(.*)$")
STAYS = re.compile(r"(bnd |notrack |repz? |data16 |cs |rex\S* )*(call|syscall|sysenter|sysret|int|hlt|loop|j[er]?cxz|xbegin|xabort|l(call|jmp|ret)|iret|in |out|ins|ud|endbr|rdtsc|cpuid|xsave|xrstor|fxsave|lock|\(bad\))")
KNOWN_MIN, SITES_MIN = 85, 95  # per cent


def segments(path):
    """Where addresses lie in the file."""
    data = Path(path).read_bytes()
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, start + i * size)
        if kind == 1:
            yield address, length, offset


def code(path):
    """Each instruction: address, size, words. Those before a gap are left out."""
    out = subprocess.run(["objdump", "-dw", "--no-show-raw-insn", path], check=True, text=True, stdout=subprocess.PIPE).stdout
    last = None
    for line in out.splitlines():
        found = LINE.match(line)
        if not found:
            if line.startswith("Disassembly"):
                last = None
            continue
        address, words = int(found[1], 16), found[2].split("#")[0].strip()
        if last and 0 < address - last[0] <= 15:
            yield last[0], address - last[0], last[1]
        last = address, words


def wanted(words):
    """The kind that these words must have, if it is known at all."""
    words = re.sub(r"^((bnd|notrack|repz?|data16|cs|ds|es|ss|rex\S*) )+", "", words)
    words = re.sub("<.*>", "", words)
    name = words.split()[0] if words else ""
    if name.startswith("jmp"):
        return END if "*" in words else JUMP
    if name.startswith("j"):
        return BRANCH
    if name.startswith("ret"):
        return END
    return NOP if name.startswith("nop") or words == "xchg   %ax,%ax" else PLAIN


def target(words):
    found = re.search(r"\s(?:0x)?([0-9a-f]+)(?:\s*<|\s*$)", words)
    return int(found[1], 16) if found else None


def compare(path):
    places = list(segments(path))
    insns = [(offset + address - start, address, size, words)
             for address, size, words in code(path)
             for start, length, offset in places if start <= address < start + length]
    answers = subprocess.run([PROBE, path], input="\n".join(str(i[0]) for i in insns), check=True, text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    faults, known, sites, can = [], 0, 0, 0
    if len(answers) != len(insns):
        faults.append(f"{len(insns)} asked, {len(answers)} answered")
    for (_, address, size, words), answer in zip(insns, answers):
        kind, length, relative, displacement, site = map(int, answer.split())
        if words == "syscall":
            sites += 1
            can += site == 0
            if site not in (0, -errno.ENOTSUP):
                faults.append(f"{address:x}: {words}: {site}")
        if kind == UNKNOWN:
            known += words == "int3"  # padding of Go's
            continue
        known += 1
        right = (length == size and kind == wanted(words) and not STAYS.match(words) and relative == ("(%rip)" in words)
                 and (kind not in (BRANCH, JUMP) or target(words) == address + size + displacement))
        if not right:
            faults.append(f"{address:x}: {words}: {answer}, {size} bytes, kind {wanted(words)}")
    if known * 100 < len(insns) * KNOWN_MIN:
        faults.append(f"knows only {known} of {len(insns)}")
    if can * 100 < sites * SITES_MIN:
        faults.append(f"only {can} of {sites} syscalls can become jumps")
    return faults, f"{len(insns)} instructions, {known} known; {can} of {sites} syscalls can become jumps"


def main():
    print(f"1..{len(FILES)}")
    failed = False
    for number, (name, path) in enumerate(FILES.items(), 1):
        if not os.path.exists(path):
            print(f"ok {number} - {name} # SKIP {path}: not installed")
            continue
        faults, summary = compare(path)
        failed |= bool(faults)
        print("".join(f"# {fault}\n" for fault in faults[:20]), end="")
        print(f"# {summary}\n{'not ok' if faults else 'ok'} {number} - {name}", flush=True)
    sys.exit(failed)


main()
