"""vow export: what is written, and what is said of the rest."""
import json
import os
import subprocess
import unittest

VOW = os.environ["VOW"]
GO_NAMES = {"x86_64": "amd64", "i386": "386", "aarch64": "arm64", "arm": "arm", "riscv64": "riscv64",
            "ppc64le": "ppc64le", "s390x": "s390x", "loongarch64": "loong64"}


def vow(*words):
    return subprocess.run([VOW, "export", *words], capture_output=True, text=True, check=False)


def profile(*words):
    return json.loads(vow("oci", *words).stdout)


def rules(entries):
    """{(name, rule)}, whatever the grouping."""
    keys = ("action", "errnoRet", "args")
    return {(name, json.dumps([entry.get(key) for key in keys]))
            for entry in entries for name in entry["names"]}


def for_host(entries, go_name):
    """What docker and podman leave on a host."""
    return [entry for entry in entries if go_name in entry.get("includes", {}).get("arches", [go_name])]


def numbers(arch):
    """The names of all calls that an architecture's filter can allow."""
    everything = "stdio rpath wpath cpath dpath fattr chown flock inet mcast unix dns getpw sendfd recvfd tty " \
                 "proc exec prot_exec id settime ps vminfo route wroute unveil error"
    done = subprocess.run([VOW, "filter", "--json", "--arch", arch, "-p", everything],
                          capture_output=True, text=True, check=True)
    return {call["name"] for call in json.loads(done.stdout)["allowed"]}


class Oci(unittest.TestCase):
    def test_the_file_for_all_is_each_ones(self):
        """On each host the rules of the one file are those of --arch, but for
        calls that only others have, whose names mean nothing there."""
        whole = profile("-p", "stdio rpath inet")
        self.assertEqual({entry["architecture"] for entry in whole["archMap"]},
                         {profile("--arch", arch)["architectures"][0] for arch in GO_NAMES})
        for arch, go_name in GO_NAMES.items():
            own = rules(profile("-p", "stdio rpath inet", "--arch", arch)["syscalls"])
            known = numbers(arch) | {name for name, _ in own}
            got = {rule for rule in rules(for_host(whole["syscalls"], go_name)) if rule[0] in known}
            self.assertEqual(got, own, arch)

    def test_defaults(self):
        for arch, enosys in (("x86_64", 38), ("mips64el", 89)):
            own = profile("-p", "stdio", "--arch", arch)
            self.assertEqual((own["defaultAction"], own["defaultErrnoRet"]), ("SCMP_ACT_ERRNO", enosys))
            self.assertNotIn("archMap", own)
        self.assertNotIn("architectures", profile("-p", "stdio"))

    def test_denied_calls(self):
        denied = {name: (entry["action"], entry.get("errnoRet"))
                  for entry in profile("-p", "stdio", "--arch", "x86_64")["syscalls"]
                  for name in entry["names"] if entry["action"] != "SCMP_ACT_ALLOW"}
        self.assertEqual(denied["mount"], ("SCMP_ACT_ERRNO", 1))
        self.assertNotIn("clone3", denied)  # the default, ENOSYS, makes libcs fall back
        killed = profile("-p", "stdio", "--kill", "--arch", "x86_64")["syscalls"]
        self.assertIn(("mount", '["SCMP_ACT_KILL_PROCESS", null, null]'), rules(killed))

    def test_conditions_can_hold(self):
        for arch in (*GO_NAMES, "mips64el"):
            entries = profile("-p", "stdio rpath wpath cpath inet unix proc exec tty", "--arch", arch)["syscalls"]
            conditions = [condition for entry in entries for condition in entry.get("args", [])]
            self.assertGreater(len(conditions), 50)
            for condition in conditions:
                self.assertGreaterEqual(condition["value"], 0)
                if condition["op"] == "SCMP_CMP_MASKED_EQ":
                    self.assertEqual(condition["valueTwo"] & ~condition["value"], 0, (arch, condition))

    def test_what_is_lost_is_listed(self):
        lost = vow("oci", "-p", "stdio", "--limit", "cpu=3").stderr
        self.assertIn("start the program with: execve fstatfs getdents64 fstatfs64\n", lost)
        self.assertIn("path rules", lost)
        self.assertIn("resource limits", lost)
        self.assertIn("where arguments decide:", lost)
        self.assertNotIn("some allowed arguments", lost)
        lost = vow("oci", "-p", "stdio exec", "--arch", "x86_64").stderr
        self.assertIn("start the program with: fstatfs getdents64\n", lost)
        self.assertNotIn("mips64el", lost)

    def test_wrong_words(self):
        for words, message in (((), "the first word is the format: oci"),
                               (("cio",), "the first word is the format: oci"),
                               (("oci", "--arch", "vax"), "no architecture 'vax'"),
                               (("oci", "--simulate"), "'--simulate' is not an option")):
            done = vow(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(message, done.stderr)


unittest.main()
