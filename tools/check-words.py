#!/usr/bin/env python3
"""usage: check-words.py VOW SOURCE-DIR

Compares what `vow help` and `vow COMMAND --help` say with the manual pages and
the completions: each command, each option, and nothing that is not there.
Speaks TAP."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

vow, source = sys.argv[1], Path(sys.argv[2])
SHELLS = {"bash": "vow.bash", "zsh": "_vow", "fish": "vow.fish"}
failed = False
number = 0


def report(name, faults, skip=None):
    global failed, number
    number += 1
    failed |= bool(faults)
    print("".join(f"# {fault}\n" for fault in faults), end="")
    print(f"{'not ok' if faults else 'ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""))


def told(*arguments):
    return subprocess.run([vow, *arguments], capture_output=True, text=True, check=True).stdout


def commands():
    return re.findall(r"^  ([a-z]+)  +\S", told("help"), re.M)


def options_in(text):
    """-x and --long-words that stand alone in a text."""
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-[a-zA-Z])(?![\w-])", text))


def options_of_manual(command):
    """mdoc writes --word as `Fl -word`, and may have several in a line."""
    pages = [source / "man" / "vow.1", source / "man" / f"vow-{command}.1"]
    text = "\n".join(page.read_text() for page in pages if page.exists())
    return {"-" + word for word in re.findall(r"\bFl (-?[a-zA-Z][\w-]*)", text)}


def options_of_completion(shell):
    text = (source / "completions" / SHELLS[shell]).read_text()
    if shell != "fish":
        return options_in(re.sub(r"[\[\](){}'\"*|:=]", " ", text))
    lines = "\n".join(line for line in text.splitlines() if line.startswith("complete "))
    return ({"--" + word for word in re.findall(r" -l ([a-z-]+)", lines)}
            | {"-" + word for word in re.findall(r" -s (\w)\b", lines)})


def completion_faults(shell, options):
    known = options_of_completion(shell)
    return [f"{SHELLS[shell]} lacks {word}" for word in sorted(options - known)]


def completions_invent_nothing(options):
    """fish lists each option once, in a form that can be read back."""
    return [f"vow.fish has {word}, vow has not"
            for word in sorted(options_of_completion("fish") - options)]


def main():
    names = commands()
    print(f"1..{2 + len(names) + 2 * len(SHELLS)}")
    top = (source / "man" / "vow.1").read_text()
    report("each command is in vow(1) and has a page",
           [f"vow-{name}.1" for name in names if f".Xr vow-{name} 1" not in top
            or not (source / "man" / f"vow-{name}.1").exists()])
    every = {"--help", "--version"}
    for name in names:
        options = options_in(told(name, "--help"))
        every |= options
        report(f"the manual has every option of {name}",
               [f"lacks {word}" for word in sorted(options - options_of_manual(name) - {"--help", "-h"})]
               or ([] if options else ["--help shows no option"]))
    report("completions invent nothing", completions_invent_nothing(every))
    for shell, file in SHELLS.items():
        report(f"{file} has every option", completion_faults(shell, every - {"-h"}))
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", source / "completions" / file], check=False)
            report(f"{shell} reads {file}", [] if done.returncode == 0 else ["syntax error"])
        else:
            report(f"{shell} reads {file}", [], f"{shell}: not installed")


main()
sys.exit(failed)
