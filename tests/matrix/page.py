"""docs/matrix.md: what ran on which kernel, and how it went."""
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from machines import MACHINES

PAGE = Path(__file__).resolve().parents[2] / "docs/matrix.md"
HEAD = """# Where vow was tried

`make matrix` compiles vow for an architecture with Debian's cross compiler, boots Debian's kernels for it in a machine that qemu imitates
(its code is interpreted, so no kernel of the machine below takes part), and runs there the tests that ask a kernel: enforcement, Landlock,
seccomp, `vow run`, libvow's pledge and unveil, the rules of pledge(2) and unveil(2) (`conform`) and the ways out (`escape`).
`make matrix ONLY='aarch64 x86_64/sid'` takes some of the pairs. It takes hours, so it is not part of `make test`.

Programs are those of a pair that ran to their end, by their last run; all that each said counts. Passed, failed and skipped are subtests;
a skip is one whose reason that machine really has. `tests/matrix/run.py --record` writes this page.

| architecture | kernel | Landlock ABI | programs | passed | failed | skipped | date |
|---|---|---|---|---|---|---|---|
"""
NOTES = """
## What is known of the failures

- 6.1: the descriptor of the broker that is closed a moment late, the test that asked for git and the four rows that need Landlock ABI 6 are mended
  since, and were not run again. aarch64: so are `run_start`, `view` and the number of rseq(2); the other two took longer than 60 s.
- s390x: for a call that a filter traps, the kernel (7.2) hands over -ENOSYS in the place of the first argument, so libvow's handler cannot make
  it again in another form; glibc's sockets are there socketcall(2), whose arguments no filter sees, so that `inet` or `unix` alone make
  no socket. As yet pledge() is not usable on s390x. What a filter answers there is as the simulator says (test `kernel`, but for numbers above
  16 bits, which the kernel cuts).
- i386 runs on Debian's kernel for amd64, since no newer one is made for it. There its libc makes sockets by socketcall(2), too, but libvow's handler
  makes the call that it stands for (vow_pledge(3) says where it cannot). `doctor` wanted perl.
"""


def keep(top, pair, facts, sums):
    """The last result of each test stays beside the log of the pair."""
    file = top / f"{pair.replace('/', '-')}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    if known.get("kernel") != facts["release"]:
        known = {"pair": pair, "kernel": facts["release"], "landlock": facts.landlock, "tests": {}}
    for name, total in sums.items():
        known["tests"][name] = {"passed": total.passed, "failed": total.failed, "skipped": total.skipped,
                                "date": time.strftime("%Y-%m-%d")}
    file.write_text(json.dumps(known, indent=1) + "\n")


def count(result, what):
    return sum(test[what] if what == "passed" else len(test[what]) for test in result["tests"].values())


def row(result):
    figures = [result["landlock"] or "none", len(result["tests"]), *(count(result, what) for what in ("passed", "failed", "skipped")),
               max(test["date"] for test in result["tests"].values())]
    return f"| {result['pair'].split('/')[0]} | {result['kernel']} | " + " | ".join(map(str, figures)) + " |"


def reasons(result):
    """The facilities that were missing, and in how many subtests."""
    lines = [line for test in result["tests"].values() for line in test["skipped"]]
    found = [re.findall(r"(?<=: )[\w.+-]+(?=: )", line) for line in lines]
    counts = Counter(words[-1] for words in found if words)
    return ", ".join(f"`{name}` {number}" for name, number in counts.most_common())


@dataclass
class Entry:
    """What the page says of a pair, in lines."""
    row: str
    programs: str
    failed: list = field(default_factory=list)
    missing: str = ""

    def place(self):
        machine, kernel = [word.strip() for word in self.row.split("|")[1:3]]
        return [machine.name for machine in MACHINES].index(machine), [int(word) for word in re.findall(r"\d+", kernel)]


def entry(result):
    failed = [line for test in result["tests"].values() for line in test["failed"]]
    return Entry(row(result), ", ".join(result["tests"]), failed, reasons(result))


def section(text, title):
    """(pair, the rest) of each line of a section, in order."""
    part = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^- (\w+/\w+): (.*)$", part, re.M)


def entries(text):
    """{pair: Entry} of a page; its rows and its programs are in the same order."""
    rows = re.findall(r"^\| \w+ \| \d.*$", text, re.M)
    pairs = {pair: Entry(line, programs) for line, (pair, programs) in zip(rows, section(text, "The programs of each pair"), strict=True)}
    for pair, line in section(text, "What failed"):
        pairs[pair].failed.append(line)
    for pair, line in section(text, "What was missing"):
        pairs[pair].missing = line
    return pairs


def write(top, page=PAGE):
    """What ran last in `top` takes the place of what the page said of these pairs."""
    pairs = entries(page.read_text()) if page.exists() else {}
    for file in top.glob("*-*.json"):
        result = json.loads(file.read_text())
        pairs[result["pair"]] = entry(result)
    known = sorted(pairs.items(), key=lambda item: item[1].place())
    text = HEAD + "".join(f"{entry.row}\n" for _, entry in known)
    failed = [f"- {pair}: {line}\n" for pair, entry in known for line in entry.failed]
    if failed:
        text += "\n## What failed\n\n" + "".join(failed) + NOTES
    text += "\n## What was missing\n\nThe facilities that skips name, and how often.\n\n"
    text += "".join(f"- {pair}: {entry.missing}\n" for pair, entry in known if entry.missing)
    text += "\n## The programs of each pair\n\n" + "".join(f"- {pair}: {entry.programs}\n" for pair, entry in known)
    page.write_text(text)
