"""The file system of an imitated machine: busybox, programs of Debian, the
tests that are to run with all that they load, each at the path that it has
here; as an archive that a kernel unpacks into memory."""
import re
import shutil
import subprocess
from pathlib import Path

from machines import MACHINES

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
# Of Debian, since busybox's are one file and know fewer words.
PROGRAMS = ["cat", "cp", "dash", "date", "echo", "env", "false", "head", "id", "ls", "mkdir", "mktemp", "mv", "rm", "setpriv", "sleep", "sort",
            "touch", "true", "unshare", "wc"]
MERGED = ["bin", "sbin", "lib", "lib64"]  # below usr
DATA = ["usr/share/zoneinfo/Asia/Tokyo", "usr/share/zoneinfo/UTC", "usr/share/zoneinfo/Europe/Berlin"]
TREE = ["man", "docs", "tests/refused.sed", "tests/e2e", "presets", "README.md"]
FOLDERS = ["boot", "dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr/share", "var/log",
           "var/tmp", *(f"usr/{name}" for name in MERGED)]
TRIPLETS = [machine.triplet for machine in MACHINES]
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "shadow": "root:*:1:0:99999:7:::\n",
    "hosts": "127.0.0.1 localhost matrix\n::1 localhost\n",
    "resolv.conf": "nameserver 127.0.0.1\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "services": "domain 53/udp\nhttp 80/tcp\n",
    "protocols": "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n",
    "ld.so.conf": "".join(f"/lib/{place}\n" for place in sorted(TRIPLETS)) + "/lib/i386-linux-gnu\n/lib32\n",
    "hostname": "matrix\n",
    "machine-id": "0123456789abcdef0123456789abcdef\n",
}


class Image:
    def __init__(self, top, root, machine):
        """`root`: where Debian's files of that architecture are; / for our own."""
        self.top, self.root, self.triplet = top, Path(root), machine.triplet
        self.tools = "" if root == Path("/") else machine.tools
        shutil.rmtree(top, ignore_errors=True)
        for folder in FOLDERS:
            (top / folder).mkdir(parents=True)
        for name in MERGED:
            (top / name).symlink_to(f"usr/{name}")
        for name, text in ETC.items():
            (top / "etc" / name).write_text(text)
        (top / "etc/shadow").chmod(0o640)
        (top / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
        (top / "tmp").chmod(0o1777)
        (top / "var/tmp").chmod(0o1777)
        (top / "root").chmod(0o700)
        self.put(self.root / "bin/busybox", "bin/busybox")
        for name in PROGRAMS:
            places = [self.root / folder / name for folder in ("bin", "usr/bin")]
            self.put_program(next(place for place in places if place.exists()), f"usr/bin/{name}")
        self.put_library("libgcc_s.so.1", self.root, [self.root / folder / self.triplet for folder in ("lib", "usr/lib")])  # a thread that ends loads it
        for companion in self.root.glob("usr/lib32/libgcc_s.so.1"):
            self.put(companion)
        for name in DATA:
            self.put(Path("/") / name, name)
        for name in TREE:
            self.put(SOURCE / name)

    def put(self, source, name=None):
        """A file or folder, at its own path unless told otherwise."""
        target = self.top / (name or str(source).lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif not target.exists():
            shutil.copy(source, target)
        return target

    def put_program(self, source, name=None):
        """An ELF file without what debuggers want, and what it loads."""
        target = self.put(source, name)
        words = subprocess.run(["readelf", "-Whld", source], capture_output=True, text=True, check=False).stdout
        subprocess.run([f"{self.tools}strip", "-g", target], check=False, stderr=subprocess.DEVNULL)
        if loader := re.search(r"program interpreter: (\S+)\]", words):
            self.put_library(loader[1].lstrip("/"), source, [])
        triplet = "i386-linux-gnu" if "Intel 80386" in words else self.triplet
        places = [self.root / folder / triplet for folder in ("lib", "usr/lib")]
        if triplet != self.triplet:
            places.append(self.root / "usr/lib32")
        for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", words):
            self.put_library(needed, source, [source.parent, *source.parents[1:3], *places])

    def put_library(self, needed, program, places):
        """Where the loader looks: at a path, beside the program, in Debian's folders."""
        for place in places or [self.root]:
            found = place / needed
            if found.exists() or found.is_symlink():
                inside = found.is_relative_to(self.root) and self.root != Path("/")
                name = str(found.relative_to(self.root if inside else "/"))
                if not (self.top / name).exists():
                    real = found if found.exists() else self.root / str(found.readlink()).lstrip("/")
                    self.put_program(real.resolve(), name)
                return
        if not needed.startswith("lib/ld-musl"):
            raise SystemExit(f"matrix: nobody has {needed}, which {program} loads")
        self.put(Path("/usr/lib/x86_64-linux-musl/libc.so"), needed)

    def pack(self, archive):
        """Everything as root's."""
        subprocess.run(["/sbin/ldconfig", "-r", self.top], check=True, stderr=subprocess.DEVNULL)
        listing = subprocess.run(["find", ".", "-print0"], cwd=self.top, capture_output=True, check=True).stdout
        with archive.open("wb") as out:
            packer = subprocess.Popen(["cpio", "--quiet", "-o", "-0", "-H", "newc", "-R", "0:0"], cwd=self.top,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            zip_ = subprocess.Popen(["gzip", "-1"], stdin=packer.stdout, stdout=out)
            packer.stdin.write(listing)
            packer.stdin.close()
            if packer.wait() or zip_.wait():
                raise SystemExit("matrix: cannot pack a file system")
