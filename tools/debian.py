"""Fetches and unpacks packages of any Debian suite with an apt of its own: the
mirror that this machine's apt uses, Debian's signature, nothing installed."""
import subprocess
import sys
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def fail(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def mirror():
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)"],
                             capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        uri, *origin = line.split()
        if origin == ["Debian"] and "security" not in uri:
            return uri.rstrip("/")
    return fail("apt's lists name no mirror of Debian; 'apt-get update' fetches them")


class Package:
    """An unpacked package: where it is and its version."""

    def __init__(self, deb, top):
        self.top = top
        self.version = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True,
                                      text=True, check=True).stdout.strip()
        subprocess.run(["dpkg-deb", "-x", deb, top], check=True)


class Suite:
    """One suite for some architectures, or its sources; everything stays below
    `directory`."""

    def __init__(self, directory, suite, architectures=("amd64",), kind="deb"):
        self.directory, self.suite = directory / suite, suite
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self.directory / part).mkdir(parents=True)
        sources = self.directory / "sources.list"
        sources.write_text(f"{kind} [signed-by={KEYRING}] {mirror()} {suite} main\n")
        status = self.directory / "status"
        status.touch()  # what is installed here does not matter
        options = {"Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-",
                   "Dir::State": self.directory / "state",
                   "Dir::State::Status": status, "Dir::Cache": self.directory / "cache",
                   "APT::Sandbox::User": "root", "APT::Architecture": architectures[0],
                   "APT::Architectures": ",".join(architectures)}
        self.options = [f"-o{name}={value}" for name, value in options.items()]
        self.apt = ["apt-get", "-q", *self.options]
        self.run("update")

    def run(self, *words):
        done = subprocess.run([*self.apt, *words], cwd=self.directory, stdout=sys.stderr, check=False)
        if done.returncode:
            fail(f"apt-get {' '.join(words)} failed")

    def cache(self, *words):
        """What apt-cache says."""
        return subprocess.run(["apt-cache", *self.options, *words], capture_output=True, text=True, check=False).stdout

    def fetch(self, package):
        """The Package "name" or "name:arch"."""
        before = set(self.directory.glob("*.deb"))
        self.run("download", package)
        deb, = set(self.directory.glob("*.deb")) - before
        return Package(deb, self.directory / package.replace(":", "-"))

    def fetch_source(self, package):
        """The directory of an unpacked source package, with Debian's patches."""
        before = set(self.directory.iterdir())
        self.run("source", package)
        top, = [path for path in set(self.directory.iterdir()) - before if path.is_dir()]
        return top
