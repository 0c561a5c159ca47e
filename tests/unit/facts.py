"""The tables of data/ and their reader: numbers against the installed headers,
what conditions mean on each architecture, and every mistake that the generator
must name with file and line. usage: facts.py SOURCE-DIR"""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(os.environ["SOURCE"])
DATA, DECIDE = TOP / "data", TOP / "src/policy/decide.h"
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True
import facts  # noqa: E402

SPEC = importlib.util.spec_from_file_location("gen_tables", TOP / "tools/gen-tables.py")
generator = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generator)

# The system's headers by architecture, on a machine that has them.
HEADERS = {"x86_64": "asm/unistd_64.h", "i386": "asm/unistd_32.h", "x32": "asm/unistd_x32.h"}


def numbers_installed(header):
    """{name: number} as the C compiler sees it; {} if there is no such header."""
    cpp = ["cc", "-E", "-D__X32_SYSCALL_BIT=0", "-include", header, "-x", "c"]
    macros = subprocess.run([*cpp, "-dM", "/dev/null"], capture_output=True, text=True, check=False)
    names = re.findall(r"#define __NR_([a-z_]\w*) ", macros.stdout)
    lines = "".join(f"@{name} __NR_{name}\n" for name in names)
    text = subprocess.run([*cpp, "-P", "-"], input=lines, capture_output=True, text=True, check=False)
    values = re.findall(r"^@(\w+) (.*)$", text.stdout, re.M)
    return {name: sum(map(int, re.findall(r"\d+", value))) for name, value in values}


class Numbers(unittest.TestCase):
    def test_against_installed_headers(self):
        native = os.uname().machine
        headers = HEADERS if native == "x86_64" else {native: "asm/unistd.h"}
        archs = facts.read_architectures(DATA)
        calls = facts.read_calls(DATA, archs)
        for arch, header in headers.items():
            installed = numbers_installed(header)
            if not installed:
                self.skipTest(f"no <{header}>")
            self.assertGreater(len(installed), 300)
            for name, number in installed.items():
                if name in calls:  # one that newer headers dropped or older have not
                    self.assertEqual(calls[name].numbers.get(arch), number, f"{name} on {arch}")


# Where libcs define what data/families/ names.
LIBC = """errno fcntl sched sys/eventfd sys/ioctl sys/ipc sys/mman sys/mount sys/prctl sys/random
sys/resource sys/shm sys/socket sys/stat sys/timerfd sys/un sys/wait sys/xattr netinet/in
netinet/tcp netinet/udp net/if net/route linux/fs linux/futex linux/netlink linux/prctl
linux/seccomp linux/sockios linux/fiemap""".split()
# The libc's termios is not the kernel's.
LIBC_CANNOT = r"TC[GS]ETS\w*2"
# With 64 or without: glibc lets two names stand for one command.
LIBC_DIFFERS = r"F_(GETLK|SETLK|SETLKW)(64)?"


def compile_and_run(source, *options):
    """What the program prints; AssertionError with the compiler's words."""
    with tempfile.TemporaryDirectory() as work:
        program = Path(work) / "program"
        done = subprocess.run(["cc", "-w", "-D_GNU_SOURCE", *options, "-xc", "-", "-o", program],
                              input=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def constants_of_libc(names, *options):
    """{name: value} of those that the C library defines as macros."""
    lines = [f"#if __has_include(<{header}.h>)\n#include <{header}.h>\n#endif" for header in LIBC]
    lines += ["#include <stdio.h>", "int main(void)", "{"]
    lines += [f'#ifdef {name}\nprintf("{name} %lld\\n", (long long)({name}));\n#endif'
              for name in names if not re.fullmatch(LIBC_CANNOT, name)]
    printed = compile_and_run("\n".join([*lines, "}", ""]), *options)
    return {name: int(value) for name, value in map(str.split, printed.splitlines())}


class Values(unittest.TestCase):
    def against_libc(self, arch, *options):
        constants = facts.Constants(DATA)
        try:
            compile_and_run("int main(void) { return 0; }\n", *options)
        except (AssertionError, OSError):
            self.skipTest(f"cc {' '.join(options)} makes no programs here")
        found = constants_of_libc(constants.rows, *options)
        self.assertGreater(len(found), 250)
        for name, value in found.items():
            text = constants.rows[name][arch]
            if not re.fullmatch(LIBC_DIFFERS, name):
                self.assertNotEqual(text, "-", f"{name} on {arch}")
                self.assertEqual(int(text, 0) & 0xffffffff, value & 0xffffffff, f"{name} on {arch}")

    def test_native(self):
        machine = {"i686": "i386", "armv7l": "arm"}.get(os.uname().machine, os.uname().machine)
        self.against_libc(machine)

    def test_i386(self):
        # Without gcc-multilib the headers of both are in one folder.
        self.against_libc("i386", "-m32", "-idirafter/usr/include/x86_64-linux-gnu")


class Conditions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.archs = {arch.name: arch for arch in facts.read_architectures(DATA)}
        cls.constants = facts.Constants(DATA)

    def atom(self, text, arch="x86_64"):
        place = facts.Place("families/test.txt", 7)
        return facts.Condition(text, place).atom(self.archs[arch], self.constants)

    def test_width(self):
        self.assertEqual(self.atom("a1:int == 5"), (1, 32, 0xffffffff, ((5, 5),), False))
        self.assertEqual(self.atom("a1:long == 5"), (1, 64, 2**64 - 1, ((5, 5),), False))
        self.assertEqual(self.atom("a1:long == 5", "i386"), (1, 32, 0xffffffff, ((5, 5),), False))

    def test_negative_values_are_cut(self):
        self.assertEqual(self.atom("a0:int == -1")[3], ((0xffffffff, 0xffffffff),))
        self.assertEqual(self.atom("a0:long == -1")[3], ((2**64 - 1, 2**64 - 1),))
        self.assertEqual(self.atom("a0:int in -2..3")[3], ((0, 3), (0xfffffffe, 0xffffffff)))

    def test_ranges_merge(self):
        self.assertEqual(self.atom("a0:int in 3 1 2 9..12 11..20 22")[3], ((1, 3), (9, 20), (22, 22)))

    def test_masks(self):
        self.assertEqual(self.atom("a2:int & (1 | 0x10 | 0o100) == 0")[2], 0x51)
        self.assertEqual(self.atom("a2:int & ~7 == 0")[2], 0xfffffff8)
        self.assertEqual(self.atom("a2:long & ~(1 | 2) == 0")[2], 2**64 - 4)
        self.assertEqual(self.atom("a2:int & 6 in 2 4"), (2, 32, 6, ((2, 2), (4, 4)), False))

    def test_constants_are_the_architectures_own(self):
        self.assertEqual(self.atom("a2:int & O_CREAT == 0")[2], 0x40)
        self.assertEqual(self.atom("a2:int & O_CREAT == 0", "mips64el")[2], 0x100)

    def test_what_an_architecture_lacks(self):
        both = self.atom("a1:int in TCGETS TCGETS2", "ppc64le")
        self.assertEqual(both[3], ((0x402c7413, 0x402c7413),))
        self.assertIsNone(self.atom("a1:int == TCGETS2", "ppc64le"))
        self.assertEqual(self.atom("a1:int & (TCGETS2 | 1) == 0", "ppc64le")[2], 1)

    def test_launch(self):
        self.assertEqual(self.atom("a5:long == $launch_secret"), (5, 64, 0xffffffffffffffff, (), True))


class Mistakes(unittest.TestCase):
    """The generator on a copy of data/ with one mistake in it."""

    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.data = Path(work.name) / "data"
        shutil.copytree(DATA, self.data)

    def edit(self, name, change):
        path = self.data / name
        path.write_text(change(path.read_text()))

    def append(self, name, line):
        """Returns the number of the line."""
        self.edit(name, lambda text: text + line + "\n")
        return len((self.data / name).read_text().splitlines())

    def refused(self, where, message):
        with self.assertRaises(facts.DataError) as caught:
            generator.generate(self.data, DECIDE)
        self.assertRegex(str(caught.exception),
                         rf"^{re.escape(str(self.data))}/{where}: .*{message}")

    def family(self, line, message):
        """A mistake in a line of a family."""
        (self.data / "families/zz.txt").write_text(
            f'# comment\nfamily zz "do what a test does"\n{line}\n')
        self.append("promises.txt", "grant stdio: zz")
        self.refused("families/zz.txt:3", message)

    def test_a_good_family_is_taken(self):
        (self.data / "families/zz.txt").write_text(
            'family zz "do # what" # why\ngetpid !arm a0:int in 1..3, a1:long & 1 == 0 # x\n')
        self.append("promises.txt", "grant stdio: zz")
        self.assertIn("do # what", generator.generate(self.data, DECIDE)["tables_shared.c"])

    def test_named_architectures_get_what_they_need(self):
        own = generator.generate(self.data, DECIDE, ["x86_64", "i386"])
        self.assertEqual(set(own), {"own_shared.c", "own_x86_64.c", "own_i386.c"})
        self.assertNotIn("0xf0002", "".join(own.values()))  # arm's cacheflush
        self.assertIn("0xf0002", generator.generate(self.data, DECIDE)["tables_arm.c"])

    def test_unclassified_call(self):
        self.edit("refused.txt", lambda text: text.replace(" ptrace", ""))
        self.refused(r"syscalls.tsv:\d+", "ptrace is in no family and not in refused.txt")

    def test_call_classified_twice(self):
        line = self.append("refused.txt", 'refuse "for a test": ptrace')
        self.refused(f"refused.txt:{line}", "ptrace is refused twice")

    def test_call_granted_and_refused(self):
        self.append("refused.txt", 'refuse "for a test": getpid')
        self.refused(r"families/\w+.txt:\d+", r"getpid is in family [\w-]+, and refused: .*refused.txt:")

    def test_number_twice(self):
        self.edit("syscalls.tsv", lambda text: text.replace("\nread\t0\t", "\nread\t1\t"))
        self.refused(r"syscalls.tsv:\d+", "write and read are both 1 on x86_64")

    def test_call_listed_twice(self):
        self.edit("syscalls.tsv", lambda text: text + text.splitlines()[-1] + "\n")
        self.refused(r"syscalls.tsv:\d+", "writev is listed twice")

    def test_short_row(self):
        line = self.append("syscalls.tsv", "new\t1\t2")
        self.refused(f"syscalls.tsv:{line}", "3 columns, not 13")

    def test_unknown_call(self):
        self.family("getpid gepid", "no architecture has the call gepid")

    def test_unknown_constant(self):
        self.family("getpid a0:int == O_NOTHING", "no constant O_NOTHING")

    def test_unknown_architecture(self):
        self.family("getpid !vax", "no architecture vax")

    def test_no_width(self):
        self.family("getpid a0 == 1", "a0 says no width")

    def test_bad_conditions(self):
        for line, message in {
                "getpid a6:int == 1": "is no condition",
                "getpid a0:int": "neither a call nor a condition",
                "getpid a0:int = 1": "neither a call nor a condition",
                "getpid a0:int == 1 2": "'2' is too much",
                "getpid a0:int in": "a value is missing",
                "getpid a0:int == (1 | 2": "a value is missing",
                "getpid a0:int == 010": "no number",
                "getpid a0:int == 1, a1": "is no condition",
                "getpid a0:int == 0x100000000": "does not fit in 32 bits",
                "getpid a0:int in 3..2": "3..2 is empty",
                "getpid a0:int & 6 == 1": "0x1 can never be",
                "getpid a0:int == $fd": "is no value",
                "a0:int == 1": "names no call",
                "getpid a0:int == 1, a1:int == 1, a2:int == 1, a3:int == 1, a4:int == 1, a5:int == 1, "
                "a0:int == 2": "more than 6 conditions"}.items():
            with self.subTest(line=line):
                self.edit("promises.txt", lambda text: text.replace("grant stdio: zz\n", ""))
                self.family(line, message)

    def test_call_that_loses_an_architecture(self):
        self.edit("refused.txt", lambda text: text.replace(" ptrace", ""))
        self.family("ptrace !s390x", "no line of a family for ptrace applies on s390x")

    def test_family_without_promise(self):
        (self.data / "families/zz.txt").write_text('family zz "do what a test does"\ngetpid\n')
        self.refused("families/zz.txt:1", "no promise grants zz")

    def test_family_twice(self):
        (self.data / "families/zz.txt").write_text('family launch "start"\ngetpid\n')
        self.refused("families/zz.txt:1", "family launch is there already")

    def test_line_without_family(self):
        (self.data / "families/zz.txt").write_text("getpid\n")
        self.refused("families/zz.txt:1", "no family line above")

    def test_promises(self):
        for line, message in {"grant stdio: nothing": "no family nothing",
                              "grant nobody: memory": "no promise nobody",
                              "grant pf: memory": "pf is inert",
                              "grant stdio: launch": "granted by a run",
                              "grant stdio: probe": "granted by nothing",
                              "grant stdio: memory": "stdio has memory already",
                              'promise stdio "again"': "listed twice",
                              "promise x": "neither promise, inert nor grant"}.items():
            with self.subTest(line=line):
                text = (self.data / "promises.txt").read_text()
                number = self.append("promises.txt", line)
                self.refused(f"promises.txt:{number}", message)
                (self.data / "promises.txt").write_text(text)

    def test_refusals(self):
        for line, message in {'refuse "for a test": gepid': "no architecture has the call gepid",
                              "refuse ptrace": "neither: errno",
                              "errno ENOSYS gepid": "no architecture has the call gepid"}.items():
            with self.subTest(line=line):
                text = (self.data / "refused.txt").read_text()
                number = self.append("refused.txt", line)
                self.refused(f"refused.txt:{number}", message)
                (self.data / "refused.txt").write_text(text)

    def test_operations(self):
        for row, message in {"gepid stat - 0 - - - - - - -": "no architecture has the call gepid",
                             "getpid fly - 0 - - - - - - -": "no kind of operation fly",
                             "getpid stat - 6 - - - - - - -": "'6' is no argument"}.items():
            with self.subTest(row=row):
                text = (self.data / "operations.tsv").read_text()
                number = self.append("operations.tsv", row.replace(" ", "\t"))
                self.refused(f"operations.tsv:{number}", message)
                (self.data / "operations.tsv").write_text(text)


class Command(unittest.TestCase):
    def run_on(self, data, out):
        return subprocess.run([sys.executable, "-B", TOP / "tools/gen-tables.py", data, DECIDE, out,
                               Path(out) / "tables.d"], capture_output=True, text=True, check=False)

    def test_writes_all_or_nothing(self):
        with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as data:
            done = self.run_on(data, out)
            self.assertEqual((done.returncode, os.listdir(out)), (1, []))
            self.assertIn("architectures.tsv", done.stderr)
            done = self.run_on(DATA, out)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("tables_s390x.c", os.listdir(out))
            self.assertIn(f"{DATA}/families/memory.txt", (Path(out) / "tables.d").read_text())


unittest.main()
