"""The machines that are imitated: how each is called by whom, and how qemu
makes one. qemu interprets their code: what runs is not this machine's kernel."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    name: str          # as in data/architectures.tsv
    debian: str        # architecture of its packages
    triplet: str
    family: str        # meson's cpu_family
    kernel: str        # linux-image-KERNEL
    qemu: tuple        # the program and its own words
    console: str
    endian: str = "little"
    compiler: str = ""  # where it is not TRIPLET-gcc-12
    host: str = ""      # whose kernel runs it, where Debian makes none of its own any more

    @property
    def gcc(self):
        return (self.compiler or f"{self.triplet}-gcc-12").split()

    @property
    def tools(self):
        """What stands before ar's and strip's names."""
        return "" if self.compiler else f"{self.triplet}-"

    @property
    def qemu_program(self):
        return f"qemu-system-{self.qemu[0]}"


MACHINES = [
    Machine("x86_64", "amd64", "x86_64-linux-gnu", "x86_64", "cloud-amd64",
            ("x86_64", "-cpu", "max"), "ttyS0"),
    Machine("aarch64", "arm64", "aarch64-linux-gnu", "aarch64", "cloud-arm64",
            ("aarch64", "-M", "virt", "-cpu", "cortex-a72"), "ttyAMA0"),
    Machine("s390x", "s390x", "s390x-linux-gnu", "s390x", "s390x",
            ("s390x", "-cpu", "max"), "ttysclp0", "big"),
    Machine("riscv64", "riscv64", "riscv64-linux-gnu", "riscv64", "riscv64",
            ("riscv64", "-M", "virt"), "ttyS0"),
    Machine("ppc64le", "ppc64el", "powerpc64le-linux-gnu", "ppc64", "powerpc64le",
            ("ppc64", "-M", "pseries", "-cpu", "power9"), "hvc0"),
    Machine("arm", "armhf", "arm-linux-gnueabihf", "arm", "armmp",
            ("arm", "-M", "virt", "-cpu", "cortex-a15"), "ttyAMA0"),
    Machine("i386", "i386", "i386-linux-gnu", "x86", "cloud-amd64",
            ("x86_64", "-cpu", "max"), "ttyS0", compiler="gcc -m32", host="amd64"),
]
