"""The table of the box's figures, and which goals they reach."""
import page
from report import rows

# Unit, divisor, digits.
CALLS = {"getppid": ("getppid", "ns", 1, 0), "read": ("read 1 B", "ns", 1, 0), "pread-1": ("pread 1 B", "ns", 1, 0),
         "pread-4k": ("pread 4 KiB", "ns", 1, 0), "pread-64k": ("pread 64 KiB", "ns", 1, 0),
         "pwrite-4k": ("pwrite 4 KiB", "ns", 1, 0), "stat": ("stat", "ns", 1, 0), "open": ("open+close", "ns", 1, 0),
         "fchmod": ("fchmod", "ns", 1, 0), "mmap": ("mmap, touch, munmap", "µs", 1000, 1),
         "pipe": ("pipe, there and back", "µs", 1000, 1), "thread": ("thread, create and join", "µs", 1000, 1),
         "fork": ("fork, wait", "µs", 1000, 0), "exec": ("spawn, exec, wait", "µs", 1000, 0)}
BARE, BOX, RUNSC = "bare process", "vow box", "runsc (ptrace)"


def cell(spread, bare, divisor, digits):
    return f"{spread.scaled(divisor).text(digits)}, {spread.median / bare.median:.2f}×"


def side_by_side(values, names):
    """A row for each of names, {key: (title, divisor, digits)}; a column for each
    way to run."""
    bare, lines = values[BARE], []
    for key, (title, divisor, digits) in names.items():
        if key not in bare:
            continue
        lines.append([title, *(cell(own[key], bare[key], divisor, digits) if key in own else "–"
                               for own in values.values())])
    return rows(["", *values], lines)


def start_table(r):
    bare = r["start"][BARE].median
    return rows(["", "ms (p10–p90)", "over bare", "processes that stay", "their PSS, MB"],
                [[name, wall.text(2), f"{wall.median - bare:+.2f}", str(r["memory"][name][0]), f"{r['memory'][name][1]:.1f}"]
                 for name, wall in r["start"].items()])


def apart_table(r):
    lines = []
    for name in (BARE, BOX, "vow box, one core"):
        own = r["calls"][name]
        if "apart" in own:
            lines.append([name, own["apart"].scaled(1000).text(1), own["alone"].text(0), own["four"].text(0)])
    return rows(["", "fchmod after a pause, µs", "open+close, one process, ns", "four at once, ns for each"], lines)


def at_most(title, figure, limit, unit=""):
    return title, f"{figure:.2f}{unit}", figure <= limit


def call_goals(r):
    bare, box, one = (r["calls"][name] for name in (BARE, BOX, "vow box, one core"))
    yield at_most("getppid at 10 ns", box["getppid"].median, 10, " ns")
    for key, share in (("stat", 10), ("pread-1", 10), ("pread-4k", 10), ("open", 4)):
        yield at_most(f"{CALLS[key][0]}: 1/{share} of bare", box[key].median / bare[key].median, 1 / share, "×")
    yield at_most("a call of the broker under 0.15 µs hot (fchmod)", box["fchmod"].median / 1000, 0.15, " µs")
    yield at_most("… under 20 µs cold on one core", one["apart"].median / 1000, 20, " µs")
    yield at_most("four processes at once: open+close no slower than bare", box["four"].median / bare["four"].median, 1, "×")
    for key in ("fork", "exec"):
        yield at_most(f"{CALLS[key][0]}: at most 2 of bare", box[key].median / bare[key].median, 2, "×")


def program_goals(r):
    bare, box = r["programs"][BARE], r["programs"][BOX]
    limits = {"python3 computes": 1.03, "find /usr": 1.3, "tar": 1.3, "git status": 1.3, "bash, 50 children": 2}
    for name, limit in limits.items():
        if name in box and name in bare:
            yield at_most(f"{name}: at most {limit} of bare", box[name].median / bare[name].median, limit, "×")


def runsc_goals(r):
    if RUNSC not in r["start"]:
        return
    start = r["start"]
    for name in (BOX, "vow box, small image"):
        yield at_most(f"start-up of {name}: a thirtieth of runsc's", start[name].median / start[RUNSC].median, 1 / 30, "×")
    for kind in ("calls", "programs"):
        for name, own in r[kind][RUNSC].items():
            if name in r[kind][BOX] and name != "python3 computes":
                ratio = own.median / r[kind][BOX][name].median
                yield f"{CALLS.get(name, (name,))[0]}: 5 times as fast as runsc", f"{ratio:.1f}", ratio >= 5


def goals(r):
    """(goal, figure, reached) as the project set them."""
    for name in (BOX, "vow box, small image"):
        yield at_most(f"start-up of {name} under 5 ms", r["start"][name].median, 5, " ms")
    yield from call_goals(r)
    yield from program_goals(r)
    yield from runsc_goals(r)


def table(r):
    reached = rows(["goal", "measured", ""], [[goal, figure, "reached" if ok else "**missed**"]
                                              for goal, figure, ok in goals(r)])
    programs = {name: (name, 1e6, 1) for name in r["programs"][BARE]}
    calls = {key: (f"{title}, {unit}", divisor, digits) for key, (title, unit, divisor, digits) in CALLS.items()}
    return f"""# Figures of the box

Written by `bench/box build --record`: {r["rounds"]} rounds, each starting with another row; runsc is
measured in every third. All see the same files: vow box in an image, the others in a directory, with
/tmp in memory; the bare process is in a chroot. A figure is a median, in brackets the 10th and the
90th percentile, then the ratio to the bare process. Times are worth comparing with each other only.
What a missed goal costs is taken apart in [bench/README.md](../bench/README.md).

{page.lines(r["machine"])}

![programs in vow box and in runsc](figures-box.svg)

## Starting a program that does nothing, and memory while one waits

The image of `vow box` has 1 GB of files, the small one a single program. runsc's and crun's
processes are those that stay below the command.

{start_table(r)}
## Calls

{side_by_side(r["calls"], calls)}
fchmod stands for a call that the broker serves.

{apart_table(r)}
## Programs, ms

Measured inside, so without the start of the sandbox; each runs twice, and the second counts.

{side_by_side(r["programs"], programs)}
## Goals

{reached}"""
