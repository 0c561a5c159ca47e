"""vow filter: printing, simulating, comparing."""
import json
import os
import re
import struct
import subprocess
import tempfile
import unittest

VOW = os.environ["VOW"]


def vow(*words):
    return subprocess.run([VOW, "filter", *words], capture_output=True, text=True, check=False)


class Filter(unittest.TestCase):
    def test_text_has_names_and_figures(self):
        done = vow("-p", "stdio rpath", "--arch", "x86_64")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^ *1: if == 0xc000003e x86_64: 2, else \d+$")
        self.assertRegex(done.stdout, r"(?m): load a2  of openat$")
        self.assertRegex(done.stdout, r"(?m)^'stdio rpath' on x86_64: \d+ instructions$")

    def test_json_says_the_same(self):
        text = vow("-p", "stdio", "--arch", "s390x").stdout
        shown = json.loads(vow("-p", "stdio", "--arch", "s390x", "--json").stdout)
        self.assertEqual(shown["instructions"], int(re.search(r"(\d+) instructions$", text, re.M)[1]))
        self.assertEqual(len(shown["program"]), shown["instructions"])
        self.assertEqual(shown["arch"], "s390x")
        allowed = {call["name"]: call for call in shown["allowed"]}
        self.assertTrue(allowed["read"]["bitmap"])
        self.assertFalse(allowed["ioctl"]["bitmap"])
        self.assertNotIn("mount", allowed)
        self.assertEqual(shown["bitmap"], sum(call["bitmap"] for call in shown["allowed"]))

    def test_raw_is_the_program(self):
        program = json.loads(vow("-p", "stdio", "--json").stdout)["program"]
        with tempfile.NamedTemporaryFile() as file:
            self.assertEqual(vow("-p", "stdio", "--raw", file.name).returncode, 0)
            raw = list(struct.iter_unpack("=HBBI", file.read()))
        self.assertEqual(raw, [tuple(insn) for insn in program])

    def test_sizes_stay_in_bounds(self):
        """195 and 229 are what jart's pledge takes, with weaker checks."""
        for promises, size in (("stdio", 195), ("stdio rpath", 229),
                               ("stdio rpath wpath cpath proc exec inet dns unix", 400)):
            shown = json.loads(vow("-p", promises, "--arch", "x86_64", "--json").stdout)
            self.assertLess(shown["instructions"], size, promises)
            self.assertLessEqual(shown["longest_way"], 24, promises)
            self.assertLessEqual(shown["mean_way"], 12, promises)

    def simulate(self, promises, *words):
        done = vow("-p", promises, "--arch", "x86_64", "--simulate", *words)
        return done.returncode, done.stdout.split(",")[0]

    def test_simulation(self):
        write_and_create = ("openat", "-100", "0", "0x241", "0644")
        self.assertEqual(self.simulate("stdio rpath", *write_and_create), (1, "deny with EPERM"))
        self.assertEqual(self.simulate("stdio wpath cpath", *write_and_create), (0, "allow"))
        self.assertEqual(self.simulate("stdio", "read"), (0, "allow"))
        self.assertEqual(self.simulate("stdio", "0"), (0, "allow"))
        self.assertEqual(self.simulate("stdio", "9999"), (1, "deny with ENOSYS"))
        self.assertEqual(self.simulate("stdio", "0x40000000"), (1, "kill"))
        self.assertEqual(self.simulate("stdio", "-p"), (2, ""))

    def test_kill_answers_denials(self):
        done = vow("-p", "stdio", "--kill", "--simulate", "mount")
        self.assertEqual((done.returncode, done.stdout.split(",")[0]), (1, "kill"))

    def test_comparison(self):
        done = vow("-p", "stdio", "--arch", "x86_64", "--compare", "stdio rpath")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the second also allows:\n", done.stdout)
        self.assertNotIn("the first also allows:\n", done.stdout)
        self.assertIn("\n  chdir\n", done.stdout)
        self.assertIn("\n  openat, for example with (0x0, 0x0, 0x10000)\n", done.stdout)
        done = vow("-p", "stdio rpath", "--compare", "rpath stdio")
        self.assertEqual((done.returncode, done.stdout), (0, "both allow the same calls\n"))

    def test_examples_of_a_comparison_hold(self):
        first, second = "stdio wpath cpath", "stdio rpath inet"
        shown = json.loads(vow("-p", first, "--arch", "x86_64", "--json", "--compare", second).stdout)
        self.assertGreater(len(shown), 10)
        for extra in shown[::5]:
            words = [str(extra["nr"]), *extra["example"]]
            by_first, by_second = (self.simulate(p, *words)[0] for p in (first, second))
            self.assertEqual((by_first, by_second),
                             (0, 1) if extra["allowed_by"] == "first" else (1, 0), extra)

    def test_wrong_words(self):
        for words, message in ((("--arch", "vax"), "no architecture 'vax'"),
                               (("--arch", "x32"), "x32 is never allowed"),
                               (("--frobnicate",), "'--frobnicate' is not an option"),
                               (("-p", "stdio", "--compare", "stdioo"), "did you mean 'stdio'?"),
                               (("-p", "stdio", "--simulate", "raed"), "has no call 'raed'"),
                               (("-p", "stdio", "--simulate", "read", "x"), "'x' is not a number"),
                               (("-p", "stdio", "--simulate", "read", *"1234567"), "at most six")):
            done = vow(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(message, done.stderr)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([VOW, "filter", "-p", "stdio"], stdout=full, check=False,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


unittest.main()
