"""Where figures are written down, and what they were measured on."""
import datetime
import os
import platform
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def machine():
    """What figures are measured on, and which vow, one line each."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    version = subprocess.run(["git", "-C", SOURCE, "describe", "--always", "--dirty"], text=True, check=False,
                             capture_output=True).stdout.strip()
    return {"Processor": f"{cpu}, {os.cpu_count()} processors",
            "Kernel": f"Linux {platform.release()}",
            "System": platform.freedesktop_os_release()["PRETTY_NAME"],
            "vow": version or "not from a repository",
            "Load while it began": f"{os.getloadavg()[0]:.1f}",
            "Date": datetime.date.today().isoformat()}


def lines(about):
    """What machine() says, as a list of Markdown."""
    return "\n".join(f"- {key}: {value}" for key, value in about.items())


def add_option(parser):
    parser.add_argument("--record", nargs="?", const="", metavar="MACHINE",
                        help="write the page in docs/; with MACHINE, another machine's, whose name ends in that word")


def record(name, other, text, svg=None):
    """Writes docs/NAME.md and its picture; of a machine other than the first, docs/NAME-OTHER.md."""
    full = f"{name}-{other}" if other else name
    docs = SOURCE / "docs"
    (docs / f"{full}.md").write_text(text.replace(f"({name}.svg)", f"({full}.svg)"))
    if svg:
        (docs / f"{full}.svg").write_text(svg)
