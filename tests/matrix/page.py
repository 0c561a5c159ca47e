"""docs/matrix.md: what ran on which kernel, and how it went."""
import json
from pathlib import Path

from machines import MACHINES

PAGE = Path(__file__).resolve().parents[2] / "docs/matrix.md"
HEAD = """# Where vow was tried

`make matrix` compiles vow for an architecture with Debian's cross compiler, boots Debian's kernels for it in a machine that qemu imitates
(its code is interpreted, so no kernel of the machine below takes part), and runs there the tests that ask a kernel: enforcement, Landlock,
seccomp, `vow run`, libvow's pledge and unveil, the rules of pledge(2) and unveil(2) (`conform`) and the ways out (`escape`).
`make matrix ONLY='aarch64 x86_64/sid'` takes some of the pairs.

A pair stands here if it ran to its end. Passed, failed and skipped count subtests; a skip is one whose reason this machine really has.
The page is written by `tests/matrix/run.py --record`.

| architecture | kernel | Landlock ABI | programs | passed | failed | skipped | date |
|---|---|---|---|---|---|---|---|
"""


def keep(top, result):
    """The last result of a pair stays beside its log."""
    (top / f"{result['pair'].replace('/', '-')}.json").write_text(json.dumps(result, indent=1) + "\n")


def reasons(results):
    """Why something was skipped, and how often: by the facility."""
    counts = {}
    for result in results:
        for line in result["skipped"]:
            words = line.split(": ")
            facility = next((word for word in words[1:] if " " not in word and word != "root" or word.startswith("landlock")), words[-1])
            counts[facility] = counts.get(facility, 0) + 1
    return ", ".join(f"`{name}` {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def row(result):
    figures = [result["landlock"] or "none", result["programs"], result["passed"], len(result["failed"]), len(result["skipped"]), result["date"]]
    return f"| {result['pair'].split('/')[0]} | {result['kernel']} | " + " | ".join(map(str, figures)) + " |\n"


def write(top):
    results = [json.loads(file.read_text()) for file in top.glob("*.json")]
    order = [machine.name for machine in MACHINES]
    results.sort(key=lambda result: (order.index(result["pair"].split("/")[0]), [int(word) for word in result["kernel"].split("-")[0].split("+")[0].split(".")]))
    text = HEAD + "".join(map(row, results))
    failed = [f"- {result['pair']}: {line}\n" for result in results for line in result["failed"]]
    if failed:
        text += "\nFailed:\n\n" + "".join(failed)
    absent = {name: [r["pair"].split("/")[0] for r in results if name in r["absent"]] for r in results for name in r["absent"]}
    if absent:
        text += "\nNot built there: " + "; ".join(f"`{name}` ({', '.join(sorted(set(where), key=order.index))})" for name, where in sorted(absent.items())) + ".\n"
    PAGE.write_text(text)
