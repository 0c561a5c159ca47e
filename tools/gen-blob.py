#!/usr/bin/env python3
"""usage: gen-blob.py FILE NAME OUTPUT

Writes a file as a C array NAME and its size NAME_size, debug information left out."""
import subprocess
import sys
import tempfile
from pathlib import Path

source, name, output = sys.argv[1:]
with tempfile.NamedTemporaryFile() as stripped:
    subprocess.run(["strip", "-s", "-o", stripped.name, source], check=True)
    data = Path(stripped.name).read_bytes()
lines = [", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24)]
Path(output).write_text(f"#include <stddef.h>\nextern const unsigned char {name}[];\nextern const size_t {name}_size;\n"
                        f"const unsigned char {name}[] = {{\n" + ",\n".join(lines) +
                        f"}};\nconst size_t {name}_size = sizeof {name};\n")
