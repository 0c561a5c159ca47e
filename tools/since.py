"""Which kernel first had a system call, and who says so.

In this order: the table in syscalls(2) of the Linux man-pages; the HISTORY of
the call's own page; strace's NEWS where they name the kernel. What none of them
tells has a bound, written as such ("<=6.1"): the earlier of two. A release of
strace decodes what Linux has or will have in its next release, and says from
which kernel its lists are; Debian's kernel headers of a suite have the number.
"""
import gzip
import re

import debian

HEADERS = "linux-libc-dev"
# Suites with their architectures: one package each until Debian 12.
RELEASES = {"bullseye": ("amd64", "i386", "arm64", "armhf"),
            "bookworm": ("amd64", "i386", "arm64", "armhf", "ppc64el", "s390x", "mips64el"),
            "trixie": ("amd64",)}


def bound(version, package):
    """The two cells of a call that this version of the headers has."""
    return f"<={re.match(r'[0-9]+.[0-9]+', version)[0]}", f"{package} {version}"


def from_table(page):
    """{name: version} of syscalls(2)."""
    page = re.sub(r'^\.\\".*\n', "", page, flags=re.M)
    table = page[page.index(".TS"):page.index(".TE")]
    table = re.sub(r"T\{\n(.*?)\nT\}", lambda m: m[1].replace("\n", " "), table, flags=re.S)
    rows = re.findall(r"^(?:\\f\[B\]|\.BR )(\w+)(?:\\f\[\])? ?\(2\)\t(?:([\d.]+)|\tAdded as .* in ([\d.]+);)",
                      table, re.M)
    return {name: version or added for name, version, added in rows}


def from_page(page):
    """The kernel that a page's HISTORY names, if it names one alone."""
    history = re.search(r"^\.SH HISTORY\n(.*?)^\.SH", page, re.M | re.S)
    found = set(re.findall(r"Linux (\d+\.[\d.]*\d)", history[1])) if history else set()
    return found.pop() if len(found) == 1 else None


def from_news(news):
    """{name: version}: "decoding of A and B syscalls(,) introduced in Linux V"."""
    found = {}
    for item in re.split(r"\n  \* ", news):
        match = re.search(r"decoding of (.*?) syscalls?,?\s+introduced\s+(?:in|by)\s+Linux\s+(\d+\.\d+)",
                          item, re.S)
        for name in re.findall(r"\w+", match[1]) if match else ():
            found[name] = match[2]
    return found


def from_releases(news):
    """{name: version}: bounds, by the kernel that the release after the first that
    decodes a call has its lists from."""
    found, waiting = {}, set()
    for section in reversed(re.split(r"^Noteworthy changes in release ", news, flags=re.M)[1:]):
        number = re.escape(section.split()[0])  # older releases are not numbered as kernels
        kernel = re.search(rf"Updated lists of ioctl commands from Linux ({number})\.$", section, re.M)
        if kernel:
            found.update({name: kernel[1] for name in waiting - found.keys()})
            waiting = set()
        for names in re.findall(r"mplemented decoding of ([^*]*?)\ssyscalls?\b", section):
            waiting.update(re.findall(r"\w+", names))
    return found


def is_earlier(version, other):
    return [int(part) for part in version.split(".")] < [int(part) for part in other.split(".")]


def from_headers(suite, architectures):
    """(version of the package, names of the calls) of one release."""
    names = set()
    for architecture in architectures:
        package = suite.fetch(f"{HEADERS}:{architecture}")
        for path in package.top.glob("usr/include/**/unistd*.h"):
            names.update(re.findall(r"#define __(?:ARM_)?NR(?:3264)?_(\w+)", path.read_text()))
    return package.version, names


def versions(names, work):
    """{name: (version, source)} for those where something can be shown."""
    sid = debian.Suite(work, "sid")
    manual = sid.fetch("manpages-dev")
    source = f"man-pages {manual.version}"
    pages = {path.name.split(".")[0]: gzip.open(path, "rt").read()
             for path in (manual.top / "usr/share/man/man2").glob("*.2.gz")}
    found = {name: (version, f"syscalls(2), {source}")
             for name, version in from_table(pages["syscalls"]).items()}
    for name in pages.keys() & names - found.keys():
        version = from_page(pages[name])
        if version:
            found[name] = (version, f"{name}(2), {source}")
    strace = sid.fetch("strace")
    news = gzip.open(strace.top / "usr/share/doc/strace/NEWS.gz", "rt").read()
    for name, version in from_news(news).items():
        found.setdefault(name, (version, f"NEWS of strace {strace.version}"))
    shown, decoded = set(found), from_releases(news)
    for suite, architectures in RELEASES.items():
        version, have = from_headers(debian.Suite(work, suite, architectures), architectures)
        for name in have & names - found.keys():
            found[name] = bound(version, HEADERS)
    for name in (decoded.keys() & names) - shown:
        if name not in found or is_earlier(decoded[name], found[name][0].removeprefix("<=")):
            found[name] = f"<={decoded[name]}", f"NEWS of strace {strace.version} (the release after the first to decode it)"
    return found
