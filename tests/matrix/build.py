"""Compiles the tree for another architecture: meson with Debian's cross
compiler and a sysroot of Debian's packages."""
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
# What vow and its tests link with, and what the imitated machine has besides
# busybox.
LINKED = ["libc6", "libc6-dev", "linux-libc-dev", "libcrypt1", "libcrypt-dev", "libgcc-s1", "libjansson4", "libjansson-dev",
          "libext2fs-dev", "comerr-dev"]
RUN = ["busybox-static", "dash", "util-linux", "coreutils"]
RUN_LIBRARIES = ["libcap-ng0", "libselinux1", "libpcre2-8-0", "libacl1", "libattr1"]
LATER = {"riscv64": "trixie"}  # no part of bookworm
RENAMED = {"trixie": {"libext2fs2": "libext2fs2t64"}}


def sysroot(archive, machine):
    suite = LATER.get(machine.name, "bookworm")
    names = LINKED + RUN + RUN_LIBRARIES + ["libext2fs2", "libcom-err2"]
    names = [RENAMED.get(suite, {}).get(name, name) for name in names]
    root = archive.unpacked(suite, names, "sysroot")
    for name in ("bin", "lib", "lib64"):  # newer suites have everything below usr
        if not (root / name).exists() and (root / "usr" / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    return root


def cross_file(machine, root, place):
    compiler = ", ".join(f"'{word}'" for word in ["ccache", *machine.gcc])
    libraries = root / "usr/lib" / machine.triplet
    args = f"['--sysroot={root}', '-B{libraries}', '-L{root}/lib/{machine.triplet}', '-L{libraries}']"
    place.write_text(f"""[binaries]
c = [{compiler}]
ar = '{machine.tools}ar'
strip = '{machine.tools}strip'
pkgconfig = 'pkg-config'
[built-in options]
c_args = ['--sysroot={root}', '-isystem', '{root}/usr/include/{machine.triplet}']
c_link_args = {args}
[properties]
needs_exe_wrapper = true
sys_root = '{root}'
pkg_config_libdir = '{libraries}/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = '{machine.family}'
cpu = '{machine.family}'
endian = '{machine.endian}'
""")


def configure(machine, root, build):
    if (build / "build.ninja").exists():
        return
    file = build.with_suffix(".cross")
    cross_file(machine, root, file)
    subprocess.run(["meson", "setup", build, SOURCE, "--werror", f"--cross-file={file}", "-Dmusl=disabled"], check=True,
                   stdout=subprocess.DEVNULL)
