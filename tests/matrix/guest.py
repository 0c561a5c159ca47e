"""Runs a list of meson's tests in an imitated machine and reads its console."""
import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from tally import Sum  # noqa: E402

OWN = ("root", "not-root")
BUILT = ("libc-STATIC", "libc-MUSL", "libc-I386")  # what a compiler here makes is a matter of the build
SLOWER = 20  # than a machine that is not imitated; a test that hangs ends all the same
MEMORY_MB = 2048


class Facts:
    """What an imitated machine has: asked of itself, or of its image."""

    def __init__(self, console, image):
        self.image = image
        self.words = dict(re.findall(r"^@@ fact (\S+) ?(.*)$", console, re.M))

    def __getitem__(self, name):
        return self.words.get(name, "")

    @property
    def landlock(self):
        return int(self["landlock"] or 0)

    def release(self):
        return [int(part) for part in re.findall(r"\d+", self["release"])[:2]]

    def skip_is_honest(self, reason, root):
        """As in tools/run-tests, for the imitated machine."""
        if match := re.match(r"(landlock|linux)-([\d.]+): ", reason):
            here = [self.landlock] if match[1] == "landlock" else self.release()
            return here < [int(part) for part in match[2].split(".")]
        match = re.match(r"([\w.+-]+): ", reason)
        if not match:
            return False
        if match[1] in OWN:
            return root == (match[1] == "not-root")
        if match[1] in ("attempt", "sanitizer", "listener", *BUILT):
            return match[1] == "attempt" or match[1] in BUILT
        if match[1] == "landlock":
            return self.landlock == 0
        if match[1] == "mountns":
            return self["mountns"] != "yes" or self.release() < [5, 12]  # mount_setattr
        if match[1] in ("x86_64", "i386"):  # Debian's kernels for the one run the other
            return self["machine"] != "x86_64"
        return not any((self.image / place / match[1]).exists() for place in ("bin", "usr/bin", "usr/sbin"))


def shell_line(test, name, user):
    """A line of the list that guest.sh reads."""
    env = [f"{key}={value}" for key, value in {**test["env"], "TEST_SECONDS": str(60 * SLOWER)}.items()]
    words = [name, user, str(test["timeout"] * SLOWER), "env", *env, *test["cmd"]]
    return "run " + shlex.join(words)


def boot(machine, kernel, archive, console, seconds):
    """One life of a machine; its console as text."""
    command = [machine.qemu_program, *machine.qemu[1:], "-accel", "tcg", "-smp", "2", "-m", str(MEMORY_MB), "-nographic",
               "-no-reboot", "-nic", "none", "-kernel", kernel.image, "-initrd", archive, "-append",
               f"console={machine.console} panic=-1 quiet loglevel=1"]
    with console.open("wb") as out:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            out.write(b"\n@@ the machine was turned off, its time was over\n")
    return console.read_text(errors="replace").replace("\r", "")


def outputs(console):
    """name → (output, status) of every test that ended."""
    found = re.findall(r"^@@ begin (\S+)\n(.*?)^@@ end \S+ (\d+)$", console, re.M | re.S)
    return {name: (text, int(status)) for name, text, status in found}


def judge(console, facts, planned):
    """test → its Sum, for all that was planned; what was not reached has failed."""
    done, sums = outputs(console), {}
    for name, user in planned:
        total = sums[name] = Sum(lambda reason, root=user == "0": facts.skip_is_honest(reason, root))
        if name not in done:
            total.add(False, f"{name}: the machine did not come to its end")
            continue
        text, status = done[name]
        total.add_test({"name": name, "stdout": text, "result": {0: "OK", 77: "SKIP"}.get(status, f"status {status}")})
    return sums
