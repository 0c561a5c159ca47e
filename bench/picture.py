"""The figures as one SVG: a dot is a median, its line the 10th to 90th percentile."""
import math
from html import escape

LEFT, PANEL, GAP, TOP, ROW = 190, 300, 50, 64, 22
STYLE = """
text { font: 13px sans-serif; fill: #333 } .title { font-weight: 600 }
.small { font-size: 11px; fill: #777 } .grid { stroke: #8884 } .row line { stroke-width: 3; opacity: .5 }
.limit line { stroke: #888 } .limit circle { fill: #888 } .vow line { stroke: #c2410c }
.vow circle { fill: #c2410c } .peer line { stroke: #2563eb } .peer circle { fill: #2563eb }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .small { fill: #aaa }
.vow line { stroke: #fb923c } .vow circle { fill: #fb923c }
.peer line { stroke: #60a5fa } .peer circle { fill: #60a5fa } }
"""


def ticks(low, high):
    """1, 2, 5, 10 … within a logarithmic axis, and its ends."""
    steps = [base * 10 ** power for power in range(-3, 7) for base in (1, 2, 5)]
    first = max(step for step in steps if step <= low)
    last = min(step for step in steps if step >= high)
    return [step for step in steps if first <= step <= last]


def label(value):
    return f"{value:.{2 if value < 1 else 1 if value < 10 else 0}f}"


def panel(x, title, spreads, groups):
    """One column of dots; spreads is {name: Spread} in the order of the rows."""
    marks = ticks(min(s.low for s in spreads.values()), max(s.high for s in spreads.values()))
    bottom = TOP + ROW * len(spreads)

    def place(value):
        share = math.log(value / marks[0]) / math.log(marks[-1] / marks[0])
        return x + share * PANEL

    out = [f'<text class="title" x="{x}" y="{TOP - 36}">{escape(title)}</text>']
    for mark in marks:
        out.append(f'<line class="grid" x1="{place(mark):.1f}" x2="{place(mark):.1f}" '
                   f'y1="{TOP - 8}" y2="{bottom - 8}"/>')
    for mark in marks[:: max(1, math.ceil(len(marks) / 8))]:
        out.append(f'<text class="small" text-anchor="middle" x="{place(mark):.1f}" '
                   f'y="{TOP - 14}">{mark:g}</text>')
    for number, (name, s) in enumerate(spreads.items()):
        y = TOP + ROW * number + 4
        out.append(f'<g class="row {groups[name]}">'
                   f'<line x1="{place(s.low):.1f}" x2="{place(s.high):.1f}" y1="{y}" y2="{y}"/>'
                   f'<circle cx="{place(s.median):.1f}" cy="{y}" r="4.5"/>'
                   f'<text class="small" x="{place(s.high) + 8:.1f}" y="{y + 4}">{label(s.median)}</text>'
                   f'</g>')
    return "\n".join(out)


def draw(machine, label, panels, groups):
    """Two panels, (title, {name: Spread}), beside the names that the rows share;
    groups is a {name: class} for each."""
    names = list(panels[0][1])
    width, height = LEFT + 2 * PANEL + 2 * GAP, TOP + ROW * len(names) + 34
    note = f'{machine["Processor"]}; {machine["Kernel"]}; {machine["System"]}; {machine["Date"]}'
    text = "\n".join(f'<text x="0" y="{TOP + ROW * i + 8}">{escape(name)}</text>'
                     for i, name in enumerate(names))
    drawn = "\n".join(panel(LEFT + i * (PANEL + GAP), title, spreads, groups[i])
                      for i, (title, spreads) in enumerate(panels))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {width + 10} {height}" role="img"
 aria-label="{escape(label)}">
<style>{STYLE}</style>
{text}
{drawn}
<text class="small" x="0" y="{height - 8}">{escape(note)}; logarithmic; median, 10th to 90th percentile</text>
</svg>
"""
