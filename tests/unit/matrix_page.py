"""docs/matrix.md keeps what it says of the pairs that did not run again."""
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(os.environ["SOURCE"])
sys.path.insert(0, str(TOP / "tests/matrix"))
sys.dont_write_bytecode = True
import page  # noqa: E402


def result(pair, kernel, failed=(), skipped=()):
    test = {"passed": 3, "failed": list(failed), "skipped": list(skipped), "date": "2026-01-02"}
    return {"pair": pair, "kernel": kernel, "landlock": 7, "tests": {"start": test}}


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.page = Path(self.folder.name) / "matrix.md"

    def write(self, *results):
        with tempfile.TemporaryDirectory() as top:
            for number, one in enumerate(results):
                (Path(top) / f"pair-{number}.json").write_text(json.dumps(one))
            page.write(Path(top), self.page)
        return page.entries(self.page.read_text())

    def test_pairs_that_did_not_run_stay(self):
        first = self.write(result("x86_64/sid", "7.2.1", ["start: a"], ["start: b: landlock-9: no"]),
                           result("aarch64/sid", "7.2.1", ["start: c"]))
        self.assertEqual(list(first), ["x86_64/sid", "aarch64/sid"])
        then = self.write(result("aarch64/sid", "7.2.2"), result("x86_64/bookworm", "6.1.0"))
        self.assertEqual(list(then), ["x86_64/bookworm", "x86_64/sid", "aarch64/sid"])
        self.assertEqual(then["x86_64/sid"], first["x86_64/sid"])
        self.assertEqual(then["x86_64/sid"].failed, ["start: a"])
        self.assertEqual(then["x86_64/sid"].missing, "`landlock-9` 1")
        self.assertEqual(then["aarch64/sid"].failed, [])
        self.assertIn("| 7.2.2 |", then["aarch64/sid"].row)

    def test_the_page_of_the_tree_is_understood(self):
        text = page.PAGE.read_text()
        pairs = page.entries(text)
        self.assertGreater(len(pairs), 3)
        self.assertEqual(sum(len(entry.failed) for entry in pairs.values()), len(page.section(text, "What failed")))


unittest.main()
