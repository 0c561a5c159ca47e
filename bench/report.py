"""The table of figures, and which goals they reach."""
import page

# Unit, divisor, digits.
CALLS = {"getppid": ("ns", 1, 0), "read": ("ns", 1, 0), "open": ("ns", 1, 0),
         "spawn": ("µs", 1000, 0)}
NAMES = {"open": "open+close"}


class Spread:
    """A median with its 10th and 90th percentile."""

    def __init__(self, values):
        self.values = values = sorted(values)
        self.low, self.median, self.high = (values[round((len(values) - 1) * q)]
                                            for q in (0.1, 0.5, 0.9))

    def scaled(self, divisor):
        return Spread([value / divisor for value in self.values])

    def text(self, digits):
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def rows(header, lines):
    """A Markdown table; the first column is text, the others are figures."""
    rule = "|---" + "|--:" * (len(header) - 1) + "|"
    return "\n".join(["| " + " | ".join(header) + " |", rule,
                      *("| " + " | ".join(line) + " |" for line in lines)]) + "\n"


def start_table(r):
    bare = r["start"]["bare process"][0].median
    lines = []
    for name, (wall, rss) in r["start"].items():
        count, pss = r["resident"][name]
        lines.append([name, wall.text(2), f"{wall.median - bare:+.2f}", f"{wall.median / bare:.1f}×",
                      f"{rss.median:.1f}", str(count), f"{pss:.1f}"])
    return rows(["", "ms (p10–p90)", "over bare", "ratio", "largest RSS, MB", "processes that stay",
                 "their PSS, MB"], lines)


def inside_table(r):
    bare = r["inside"]["bare process"]
    lines = []
    for name, calls in r["inside"].items():
        cells = [f"{calls[call].scaled(scale).text(digits)}, "
                 f"{calls[call].median / bare[call].median:.2f}×"
                 for call, (_, scale, digits) in CALLS.items()]
        lines.append([name, *cells])
    return rows(["", *(f"{NAMES.get(call, call)}, {unit}" for call, (unit, _, _) in CALLS.items())],
                lines)


def filter_table(r):
    return rows(["filter", "instructions", "longest path", "mean path", "load, µs (p10–p90)"],
                [[f"`{promises}`", str(count), str(longest), f"{mean:.1f}", load.text(0)]
                 for promises, count, longest, mean, load in r["filters"]])


def build_table(r):
    if not r["build"]:
        return "Not measured in this run (`--no-build`).\n"
    bare = r["build"]["bare process"].median
    return rows(["", "s (p10–p90)", "ratio"],
                [[name, spread.text(1), f"{spread.median / bare:.2f}×"]
                 for name, spread in r["build"].items()])


def goals(r):
    """(goal, figure, reached) as the project set them."""
    start = {name: wall.median for name, (wall, _) in r["start"].items()}
    over = {name: value - start["bare process"] for name, value in start.items()}
    inside = {name: {call: s for call, s in calls.items()} for name, calls in r["inside"].items()}
    launcher = over["a launcher that only execs"]
    yield ("start-up over bare exec under 0.5 ms", f"{over['vow']:.2f} ms; a launcher that only execs {launcher:.2f}",
           over["vow"] < 0.5)
    if "bwrap, same mounts" in over:
        share = over["vow with a view"] / over["bwrap, same mounts"]
        yield "with a view, at most a third of bubblewrap's", f"{share:.2f}", share <= 1 / 3
    for call in ("getppid", "read"):
        mine, limit = inside["vow"][call], inside["allow-all filter alone"][call]
        yield (f"{call} not to be told from an allow-all filter",
               f"{mine.text(0)} against {limit.text(0)} ns", mine.median <= limit.high)
    ratio = inside["vow"]["open"].median / inside["Landlock alone"]["open"].median
    yield "open+close at most 1.1 of Landlock alone", f"{ratio:.2f}", ratio <= 1.1
    more = (inside["vow, explaining"]["open"].median - inside["vow"]["open"].median) / 1000
    yield "explaining at most 6 µs a path call", f"{more:.1f} µs", more <= 6
    if r["build"]:
        ratio = r["build"]["vow, explaining"].median / r["build"]["bare process"].median
        yield "building vow, explained, at most 1.25 of bare", f"{ratio:.2f}", ratio <= 1.25
    least = next(load for name, *_, load in r["filters"] if name == "return")
    for promises, count, longest, mean, load in r["filters"][:2]:
        most = {"stdio": 195, "stdio rpath": 229}[promises]
        yield f"`{promises}`: fewer than {most} instructions", str(count), count < most
        yield (f"`{promises}`: longest path at most 24, mean at most 12",
               f"{longest}, {mean:.1f}", longest <= 24 and mean <= 12)
        yield (f"`{promises}`: loaded in under 60 µs", f"{load.median:.0f} µs; one instruction {least.median:.0f}",
               load.median < 60)


def table(r):
    reached = rows(["goal", "measured", ""], [[goal, figure, "reached" if ok else "**missed**"]
                                              for goal, figure, ok in goals(r)])
    return f"""# Figures

Written by `make bench` (`bench/run build --record`). Everything was measured in one run, in rounds
that start with another row each time. A figure is a median, of {r["rounds"]} starts,
{max(1, r["rounds"] // 9)} runs inside or {max(1, r["rounds"] // 33)} builds; in brackets the 10th and
the 90th percentile. On a machine that has other work to do, times are worth comparing with each
other only.

{page.lines(r["machine"])}

The first four rows are limits, not peers: what no sandbox of that kind can go below.

![start-up and open+close beside other tools](figures.svg)

## Starting a program, and what stays beside it

{start_table(r)}
## Inside

Each with its ratio to the bare process. The promises are `stdio rpath proc exec`, so that a program
can start others; for the starts above they are `stdio rpath`.

{inside_table(r)}
## Filters (x86_64)

The last two are limits: one instruction that allows everything, and as many loads in front of it as
make it as long as `stdio rpath`.

{filter_table(r)}
## Building vow itself

{build_table(r)}
## Goals

{reached}"""
