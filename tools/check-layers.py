#!/usr/bin/env python3
"""usage: check-layers.py SOURCE-DIR LIBRARY

Holds src/ to src/layers.toml. Speaks TAP."""
import re
import subprocess
import sys
import tomllib
from pathlib import Path

source, objects = Path(sys.argv[1]) / "src", Path(sys.argv[2] + ".p")  # meson's name
layers = tomllib.loads((source / "layers.toml").read_text())
uses, pure = layers["uses"], layers["pure"]
files = sorted(path.relative_to(source) for path in source.rglob("*.[ch]"))


def includes(file, pattern):
    return re.findall(rf"^\s*#\s*include\s+{pattern}", (source / file).read_text(), re.M)


def is_pure(file):
    return any(str(file).startswith(entry) for entry in pure["files"])


def folders_are_listed():
    folders = {path.name for path in source.iterdir() if path.is_dir()}
    return [f"{folder}/ is not in layers.toml" for folder in sorted(folders - set(uses))]


def order_is_downwards():
    order = list(uses)
    return [f"{name} uses {other}, which does not stand above it"
            for name in order for other in uses[name] if order.index(other) >= order.index(name)]


def includes_are_allowed():
    return [f"{file} includes {target}/" for file in files
            for target in includes(file, r'"([^"/]*)/[^"]*"')
            if target not in (file.parts[0], "base", *uses.get(file.parts[0], []))]


def pure_files_include_no_system_header():
    return [f"{file} includes <{header}.h>" for file in files if is_pure(file)
            for header in includes(file, r"<([^>]*)\.h>") if header not in pure["headers"]]


def symbols(flag):
    """(source file, symbol) of each object; meson names it folder_file.c.o."""
    text = subprocess.run(["nm", "-A", "-P", flag, *sorted(objects.glob("*.o"))],
                          capture_output=True, text=True, check=True)
    for line in text.stdout.splitlines():
        path, symbol = line.split(": ", 1)
        yield Path(path).name[:-2].replace("_", "/", 1), symbol.split()[0].split("@")[0]


def pure_files_call_no_system():
    own = {name for file, name in symbols("--defined-only")
           if is_pure(file) or file.startswith("base/")}
    allowed = re.compile("|".join(pure["functions"]))
    return [f"{file} calls {name}()" for file, name in symbols("--undefined-only")
            if is_pure(file) and name not in own and not allowed.fullmatch(name)]


def main():
    checks = [folders_are_listed, order_is_downwards, includes_are_allowed,
              pure_files_include_no_system_header, pure_files_call_no_system]
    print(f"1..{len(checks)}")
    failed = False
    for number, check in enumerate(checks, 1):
        faults = check()
        failed |= bool(faults)
        print("".join(f"# {fault}\n" for fault in faults), end="")
        print(f"{'not ok' if faults else 'ok'} {number} - {check.__name__}")
    sys.exit(failed)


main()
