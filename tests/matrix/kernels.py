"""Debian's kernels, as their packages have them."""
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from debian import Suite  # noqa: E402

SUITES = ["bullseye", "bookworm", "trixie", "sid"]


@dataclass
class Kernel:
    image: Path
    release: str


class Archive:
    """Packages of every suite for one architecture. What was unpacked once
    stays in `top`."""

    def __init__(self, top, debian):
        self.top, self.debian, self.open = top / debian, debian, {}
        self.top.mkdir(parents=True, exist_ok=True)

    def suite(self, name):
        if name not in self.open:
            shutil.rmtree(self.top / name, ignore_errors=True)
            self.open[name] = Suite(self.top, name, (self.debian,))
        return self.open[name]

    def unpacked(self, suite, packages, into):
        """The directory `into` with all of the packages, fetched once."""
        place, partial = self.top / into, self.top / f"{into}.partial"
        if not place.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            for name in packages:
                subprocess.run(["cp", "-a", f"{self.suite(suite).fetch(name).top}/.", partial], check=True)
            partial.rename(place)
        return place

    def kernel_release(self, suite, flavour):
        """What the package without a version stands for: "6.1.0-50-s390x"."""
        words = self.suite(suite).cache("depends", f"linux-image-{flavour}")
        return re.search(rf"Depends: linux-image-(\d\S*{re.escape(flavour)})\b", words)[1]

    def kernel(self, suite, flavour):
        """None where the suite has none for this architecture."""
        kept = self.top / f"kernel-{suite}"
        if not kept.exists():
            words = self.suite(suite).cache("search", "--names-only", f"^linux-image-{flavour}$")
            if not words.strip():
                return None
            release = self.kernel_release(suite, flavour)
            for part in ("image", "binary"):  # newer suites have it in a package of its own
                top = self.suite(suite).fetch(f"linux-{part}-{release}").top
                found = [path for path in top.rglob("vmlinu[xz]*") if path.is_file()]
                if found:
                    break
            kept.mkdir()
            shutil.copy(found[0], kept / release)
        image, = kept.iterdir()
        return Kernel(image, image.name)
