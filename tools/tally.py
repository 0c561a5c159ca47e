"""Adds up TAP, with all its subtests."""
import re

TAP_LINE = re.compile(r"(not )?ok\b[ \d]*-? *(.*?)(?: *# *SKIP\b *(.*))?$")


class Sum:
    """What passed, failed and was skipped. `honest` tells of the reason of a skip
    whether what it names is really missing."""

    def __init__(self, honest):
        self.honest = honest
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, ok, name, skip_reason=None):
        if not ok:
            self.failed.append(name)
        elif skip_reason is None:
            self.passed += 1
        elif self.honest(skip_reason):
            self.skipped.append(f"{name}: {skip_reason}")
        else:
            self.failed.append(f"{name}: skipped although this machine has it: '{skip_reason}'")

    def add_test(self, test):
        """All subtests of one program; a plan that is not met is a failure."""
        before, planned, seen = len(self.failed), None, 0
        output = test.get("stdout", "")
        for line in output.splitlines():
            if plan := re.match(r"1\.\.(\d+)(?: *# *SKIP *(.*))?$", line):
                planned = int(plan[1])
                if planned == 0:
                    self.add(True, test["name"], plan[2] or "")
            elif match := TAP_LINE.match(line):
                seen += 1
                self.add(not match[1], f"{test['name']}: {match[2]}", match[3])
        if planned is None and seen == 0:  # not TAP: the exit status is all there is
            reason = (output.splitlines() or [""])[-1] if test["result"] == "SKIP" else None
            self.add(test["result"] in ("OK", "SKIP"), test["name"], reason)
        elif seen != planned:
            self.add(False, f"{test['name']}: {seen} of {planned} subtests reported")
        elif test["result"] not in ("OK", "SKIP") and len(self.failed) == before:
            self.add(False, f"{test['name']}: {test['result']}")

    def __str__(self):
        lines = [f"skipped: {line}" for line in self.skipped] + [f"failed: {line}" for line in self.failed]
        return "\n".join([*lines, self.figures()])

    def figures(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"
