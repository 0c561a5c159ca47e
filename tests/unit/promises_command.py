"""vow promises, as text and as JSON, against the tables in data/."""
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

VOW, TOP = os.environ["VOW"], Path(os.environ["SOURCE"])
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True
import facts  # noqa: E402


def vow(*words):
    return subprocess.run([VOW, "promises", *words], capture_output=True, text=True, check=False)


class Promises(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.facts = facts.Facts(TOP / "data", TOP / "src/policy/decide.h")

    def test_every_promise_in_words(self):
        done = vow()
        lines = [f"{p.name:10} {p.words}" for p in self.facts.promises]
        self.assertEqual((done.returncode, done.stdout.splitlines()), (0, lines))

    def test_named_ones_alone(self):
        done = vow("rpath", "stdio inet")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()],
                         ["stdio", "rpath", "inet"])

    def test_calls_of_every_architecture(self):
        """The JSON has exactly the grants of the tables, and no refused call."""
        for arch in self.facts.archs:
            if not arch.granted:
                continue
            shown = json.loads(vow("--syscalls", "--json", "--arch", arch.name).stdout)
            self.assertEqual(shown["arch"], arch.name)
            got = {(family["name"], call["name"], call["nr"]): len(call.get("when", [""]))
                   for family in shown["families"] for call in family["calls"]}
            wanted = {}
            for call in self.facts.calls.values():
                for family, _, _ in self.facts.grants(call, arch) if arch.name in call.numbers else ():
                    key = (family.name, call.name, call.numbers[arch.name])
                    wanted[key] = wanted.get(key, 0) + 1
            wanted = {key: count for key, count in wanted.items() if key[0] not in facts.UNGRANTED}
            self.assertEqual(got, wanted, arch.name)

    def test_conditions_in_words(self):
        text = vow("--syscalls", "--arch", "x86_64", "rpath").stdout
        self.assertRegex(text, r"openat a2 & \(O_ACCMODE \|[^=]*\) == O_RDONLY\n")
        self.assertRegex(text, r"open a file for reading and writing \(with wpath\)\n")
        self.assertIn("TCGETS2", vow("--syscalls", "--arch", "x86_64", "stdio").stdout)
        self.assertNotIn("TCGETS2", vow("--syscalls", "--arch", "ppc64le", "stdio").stdout)

    def test_text_is_no_wider_than_a_hundred(self):
        for arch in ("x86_64", "i386"):
            for line in vow("--syscalls", "--arch", arch).stdout.splitlines():
                if line.startswith("      "):
                    self.assertLessEqual(len(line), 101, line)

    def test_native_architecture_by_default(self):
        machine = {"i686": "i386", "armv7l": "arm"}.get(os.uname().machine, os.uname().machine)
        self.assertIn(f"On {machine}.", vow("--syscalls").stdout)

    def test_mistakes(self):
        for words, message in {("--arch", "vax"): "no architecture 'vax'; there are: x86_64 ",
                               ("--arch", "x32"): "x32 is never allowed",
                               ("rpaht",): "did you mean 'rpath'",
                               ("--sycalls",): "no option '--sycalls'"}.items():
            done = vow(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertRegex(done.stderr, rf"^vow promises: .*{re.escape(message)}")

    def test_help(self):
        done = vow("--help")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("usage: vow promises"))

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([VOW, "promises"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write: ", done.stderr)


unittest.main()
