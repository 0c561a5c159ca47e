"""Reads the tables of data/ and says what is wrong with them.

Everything here is about text: what a line means, on one architecture or on
all. gen-tables.py turns the result into C, refresh-tables asks for the names
of the constants. data/README.md is the reference of the formats. Standard
library alone.
"""
import re
from pathlib import Path

CLAUSE_ATOMS = 6  # src/arch/arch.h
ERRNO_DEFAULT = "EPERM"
UNGRANTED = {"launch": "granted by a run, not by a promise", "probe": "granted by nothing",
             "settled": "granted by nothing",
             "served": "granted by libvow, not by a promise",
             "open-served": "granted by libvow, not by a promise",
             "keep-handler": "granted by libvow, not by a promise",
             "ask-broker": "granted by libvow, not by a promise",
             "start-broker": "granted by libvow, not by a promise"}
OPERATION_ARGUMENTS = ("dir", "path", "flags", "mode", "dir2", "path2", "fd", "address", "size")


class DataError(Exception):
    """A mistake in a data file; says where."""

    def __init__(self, where, message):
        super().__init__(f"{where}: {message}")


class Place:
    """A line of a file, for messages."""

    def __init__(self, path, line):
        self.path, self.line = path, line

    def __str__(self):
        return f"{self.path}:{self.line}"

    def error(self, message):
        return DataError(self, message)


def lines_of(path):
    """(place, text) of each line that says something, comments cut off."""
    for number, text in enumerate(path.read_text().splitlines(), 1):
        text = re.sub(r'("[^"]*")|#.*', lambda m: m[1] or "", text).rstrip()
        if text.strip():
            yield Place(path, number), text


def rows_of(path):
    """(place, {column: text}) of each row of a tab-separated table."""
    lines = iter(lines_of(path))
    place, head = next(lines, (Place(path, 1), ""))
    columns = head.split("\t")
    for place, text in lines:
        cells = text.split("\t")
        if len(cells) != len(columns):
            raise place.error(f"{len(cells)} columns, not {len(columns)}")
        yield place, dict(zip(columns, cells))


# Architectures and numbers ---------------------------------------------------


class Arch:
    def __init__(self, row):
        self.name, self.oci = row["name"], row["oci"]
        self.audit, self.elf_machine = int(row["audit"], 0), int(row["elf_machine"])
        self.bits = int(row["bits"])
        self.elf64, self.big_endian = row["elf64"] == "1", row["big_endian"] == "1"
        self.headers, self.target = row["headers"], row["target"]
        self.granted = self.name != "x32"  # x32 is never allowed, only named


def read_architectures(data):
    return [Arch(row) for _, row in rows_of(data / "architectures.tsv")]


class Call:
    """One system call on all architectures."""

    def __init__(self, place, row, archs):
        self.place, self.name = place, row["name"]
        self.since = None if row["since"] == "-" else row["since"]
        self.numbers = {a.name: int(row[a.name]) for a in archs if row[a.name] != "-"}
        self.lines = []  # of families, in their order
        self.reason = None
        self.errno = ERRNO_DEFAULT
        self.operation = None


def read_calls(data, archs):
    """{name: Call} in the order of the file."""
    calls, numbers = {}, {}
    for place, row in rows_of(data / "syscalls.tsv"):
        call = Call(place, row, archs)
        if call.name in calls:
            raise place.error(f"{call.name} is listed twice")
        calls[call.name] = call
        for arch, number in call.numbers.items():
            other = numbers.setdefault((arch, number), call.name)
            if other != call.name:
                raise place.error(f"{call.name} and {other} are both {number} on {arch}")
    return calls


class Constants:
    """Values by architecture. A constant that one architecture does not have
    is no value there; one that none has is a mistake."""

    def __init__(self, data):
        self.path = data / "constants.tsv"
        self.rows = {}
        for place, row in rows_of(self.path):
            name = row.pop("name")
            if name in self.rows:
                raise place.error(f"{name} is listed twice")
            self.rows[name] = row

    def value(self, name, arch, place):
        """None where the architecture has no such constant."""
        if name not in self.rows:
            raise place.error(f"no constant {name} in {self.path.name}; "
                              "if the name is right, run tools/refresh-tables --constants")
        text = self.rows[name][arch.name]
        return None if text == "-" else int(text, 0)


# Conditions ------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?:(\d\w*)|([A-Za-z_]\w*)|(\.\.)|([()|~-])|(\$\w+))")


class Expression:
    """A value: numbers, constants, ( … | … ), ~X, -N."""

    def __init__(self, tree):
        self.tree = tree

    def names(self):
        kind, *rest = self.tree
        if kind == "name":
            return {rest[0]}
        return set().union(*(part.names() for part in rest if isinstance(part, Expression)))

    def value(self, arch, constants, place, absent):
        """A Python integer, maybe negative; `absent` stands for a constant
        that the architecture does not have. None if that is None."""
        kind, *rest = self.tree
        if kind == "number":
            return rest[0]
        if kind == "name":
            found = constants.value(rest[0], arch, place)
            return absent if found is None else found
        values = [part.value(arch, constants, place, absent) for part in rest]
        if None in values:
            return None
        return values[0] | values[1] if kind == "or" else ~values[0]

    def text(self, arch, constants, place):
        """As written, without the flags that the architecture does not have;
        None if nothing is left."""
        kind, *rest = self.tree
        if kind == "number":
            return str(rest[0]) if rest[0] < 10 else f"{rest[0]:#x}"
        if kind == "name":
            return None if constants.value(rest[0], arch, place) is None else rest[0]
        parts = [part.text(arch, constants, place) for part in rest]
        if kind == "not":
            inner = parts[0] or "0"
            return f"~({inner})" if " " in inner else f"~{inner}"
        return " | ".join(part for part in parts if part) or None


class Parser:
    """Of one condition's right side."""

    def __init__(self, text, place):
        self.place, self.tokens, at = place, [], 0
        text = text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise place.error(f"'{text[at:].strip()}' is no value")
            self.tokens.append(match[0].strip())
            at = match.end()

    def peek(self):
        return self.tokens[0] if self.tokens else ""

    def next(self):
        if not self.tokens:
            raise self.place.error("a value is missing")
        return self.tokens.pop(0)

    def unary(self):
        token = self.next()
        if token == "(":
            inner = self.either()
            if self.next() != ")":
                raise self.place.error("')' is missing")
            return inner
        if token == "~":
            return Expression(("not", self.unary()))
        if token == "-":
            return Expression(("number", -self.number(self.next())))
        if token[0].isdigit():
            return Expression(("number", self.number(token)))
        if re.fullmatch(r"[A-Za-z_]\w*", token):
            return Expression(("name", token))
        raise self.place.error(f"'{token}' is no value")

    def number(self, token):
        if not re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+|0|[1-9][0-9]*", token):
            raise self.place.error(f"'{token}' is no number (octal is 0o…)")
        return int(token, 0)

    def either(self):
        left = self.unary()
        while self.peek() == "|":
            self.next()
            left = Expression(("or", left, self.unary()))
        return left

    def end(self):
        if self.tokens:
            raise self.place.error(f"'{self.tokens[0]}' is too much")


CONDITION = re.compile(r"a([0-5])(?::(int|long))?\s*(?:&(.*?))?\s*(==|\bin\b)(.*)$")


class Condition:
    """(argument & mask) lies in one of the ranges."""

    def __init__(self, text, place):
        match = CONDITION.match(text.strip())
        if not match:
            raise place.error(f"'{text.strip()}' is no condition")
        if not match[2]:
            raise place.error(f"a{match[1]} says no width: a{match[1]}:int or a{match[1]}:long")
        self.place, self.argument, self.is_int = place, int(match[1]), match[2] == "int"
        self.launch, self.mask, self.ranges = False, None, []
        if match[3] is not None:
            parser = Parser(match[3], place)
            self.mask = parser.either()
            parser.end()
        if match[5].strip() == "$launch_secret":
            self.launch = True
        else:
            self.read_ranges(Parser(match[5], place), match[4] == "in")

    def read_ranges(self, parser, several):
        while not self.ranges or (several and parser.tokens):
            low = high = parser.either()
            if several and parser.peek() == "..":
                parser.next()
                high = parser.either()
            self.ranges.append((low, high))
        parser.end()

    def names(self):
        parts = [part for pair in self.ranges for part in pair]
        return set().union(*(p.names() for p in parts + [self.mask] * (self.mask is not None)))

    def atom(self, arch, constants):
        """(argument, width, mask, ranges, launch) with that architecture's
        values, the ranges a tuple of pairs, sorted and disjoint. An absent
        flag is no bit in a mask, an absent value no value. None: no value is
        left, so nothing satisfies it."""
        width = 32 if self.is_int else arch.bits
        full = (1 << width) - 1
        mask = full
        if self.mask is not None:
            mask = self.mask.value(arch, constants, self.place, 0)
            self.check_width(mask, width)
            mask &= full
        if self.launch:
            return (self.argument, width, mask, (), True)
        ranges = []
        for low, high in self.ranges:
            pair = [part.value(arch, constants, self.place, None) for part in (low, high)]
            if None not in pair:
                ranges += self.cut(*pair, width)
        for low, high in ranges:
            if low == high and low & ~mask:
                raise self.place.error(f"{low:#x} can never be: the mask is {mask:#x} on {arch.name}")
        return (self.argument, width, mask, merge(ranges), False) if ranges else None

    def text(self, arch, constants):
        """The condition in the notation of families/, without the width."""
        def show(part):
            text = part.text(arch, constants, self.place)
            return f"({text})" if text and text.startswith("~") is False and " | " in text else text

        left = f"a{self.argument}" + (f" & {show(self.mask)}" if self.mask is not None else "")
        if self.launch:
            return f"{left} == $launch_secret"
        pairs = [(show(low), show(high)) for low, high in self.ranges]
        values = [low if low == high else f"{low}..{high}" for low, high in pairs if low and high]
        is_one = len(values) == 1 and ".." not in values[0]
        return f"{left} {'==' if is_one else 'in'} {' '.join(values)}"

    def check_width(self, value, width):
        if not -(1 << (width - 1)) <= value < 1 << width:
            raise self.place.error(f"{value:#x} does not fit in {width} bits")

    def cut(self, low, high, width):
        """The unsigned ranges of low..high; negative values wrap."""
        full = (1 << width) - 1
        self.check_width(low, width)
        self.check_width(high, width)
        if low > high:
            raise self.place.error(f"{low}..{high} is empty")
        if low < 0 <= high:
            return [(low & full, full), (0, high)]
        return [(low & full, high & full)]


def merge(ranges):
    out = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


# Families --------------------------------------------------------------------


class Line:
    """One line of a family: calls, architectures, conditions."""

    HEAD = re.compile(r"(?:^|\s+)(?=a\d\S*\s*(?:&|==|in\b))")

    def __init__(self, family, place, text, archs):
        self.family, self.place = family, place
        words, *rest = self.HEAD.split(text.strip(), maxsplit=1)
        tail = rest[0].strip() if rest else ""
        self.calls, self.only, self.but, self.opaque = [], set(), set(), False
        if re.search(r"\bopaque$", tail):
            tail, self.opaque = tail[:-len("opaque")].rstrip(), True
        known = {a.name for a in archs}
        for word in words.split():
            self.read_word(word, known)
        if not self.calls:
            raise place.error("names no call")
        self.conditions = [Condition(part, place) for part in tail.split(",")] if tail else []
        if len(self.conditions) > CLAUSE_ATOMS:
            raise place.error(f"more than {CLAUSE_ATOMS} conditions")

    def read_word(self, word, known):
        match = re.fullmatch(r"(only:|!)?(\w+)", word)
        if not match:
            raise self.place.error(f"'{word}' is neither a call nor a condition")
        if match[1]:
            if match[2] not in known:
                raise self.place.error(f"no architecture {match[2]}")
            (self.only if match[1] == "only:" else self.but).add(match[2])
        elif word == "opaque":
            self.opaque = True
        elif self.only or self.but:
            raise self.place.error(f"call {word} stands behind an architecture")
        else:
            self.calls.append(word)

    def applies(self, arch):
        return arch.name not in self.but and (not self.only or arch.name in self.only)

    def clause(self, arch, constants):
        """A sorted tuple of atoms, or None if it can never hold here."""
        atoms = [condition.atom(arch, constants) for condition in self.conditions]
        return None if None in atoms else tuple(sorted(atoms))

    def text(self, arch, constants):
        return ", ".join(condition.text(arch, constants) for condition in self.conditions)


class Family:
    def __init__(self, name, words, place):
        self.name, self.words, self.place = name, words, place
        self.lines, self.sets = [], []

    def smallest_sets(self):
        """Without those that contain another one."""
        return [held for held in self.sets if not any(other < held for other in self.sets)]


def read_families(data, archs):
    """{name: Family}, files in the order of their names."""
    families = {}
    for path in sorted((data / "families").glob("*.txt")):
        family = None
        for place, text in lines_of(path):
            match = re.fullmatch(r'family ([a-z0-9-]+) "(.*)"', text)
            if match:
                if match[1] in families:
                    raise place.error(f"family {match[1]} is there already: "
                                      f"{families[match[1]].place}")
                family = families[match[1]] = Family(match[1], match[2], place)
            elif text.startswith("family"):
                raise place.error('not: family NAME "WORDS"')
            elif family is None:
                raise place.error("no family line above")
            else:
                family.lines.append(Line(family, place, text, archs))
    return families


# Promises, refusals, operations ----------------------------------------------


class Promise:
    def __init__(self, name, words, inert):
        self.name, self.words, self.inert = name, words, inert


def read_promises(data, families):
    """[Promise] in the order of the file; adds the promise sets to families."""
    promises, path = [], data / "promises.txt"
    for place, text in lines_of(path):
        match = re.fullmatch(r'(promise|inert) (\w+) "(.*)"', text)
        grant = re.fullmatch(r"grant ([\w ]*):(.*)", text)
        if match:
            if any(p.name == match[2] for p in promises):
                raise place.error(f"promise {match[2]} is listed twice")
            promises.append(Promise(match[2], match[3], match[1] == "inert"))
        elif grant:
            read_grant(place, grant[1].split(), grant[2].split(), promises, families)
        else:
            raise place.error("neither promise, inert nor grant")
    for family in families.values():
        if not family.sets and family.name not in UNGRANTED:
            raise family.place.error(f"no promise grants {family.name}")
    return promises


def read_grant(place, words, names, promises, families):
    known = {p.name: p for p in promises}
    for word in words:
        if word not in known:
            raise place.error(f"no promise {word} above")
        if known[word].inert:
            raise place.error(f"{word} is inert: it grants nothing")
    held = frozenset(words)
    for name in names:
        if name not in families:
            raise place.error(f"no family {name}")
        if name in UNGRANTED:
            raise place.error(f"family {name} is {UNGRANTED[name]}")
        if held in families[name].sets:
            raise place.error(f"{' '.join(words)} has {name} already")
        families[name].sets.append(held)


def read_refused(data, calls):
    for place, text in lines_of(data / "refused.txt"):
        errno = re.fullmatch(r"errno\s+(E\w+)((?:\s+\w+)+)", text)
        refuse = re.fullmatch(r'refuse\s+"(.*)":((?:\s+\w+)+)', text)
        if not errno and not refuse:
            raise place.error('neither: errno NAME CALL… nor: refuse "REASON": CALL…')
        for name in (errno or refuse)[2].split():
            if name not in calls:
                raise place.error(f"no architecture has the call {name}")
            if errno:
                calls[name].errno = errno[1]
            elif calls[name].reason:
                raise place.error(f"{name} is refused twice")
            else:
                calls[name].reason, calls[name].place = refuse[1], place


def operation_kinds(source):
    """The words of enum operation_kind, from policy/decide.h."""
    body = re.search(r"enum operation_kind \{(.*?)\};", source.read_text(), re.S)[1]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return [word.lower() for word in re.findall(r"OP_(\w+)", body) if word != "KIND_COUNT"]


def read_operations(data, calls, kinds):
    for place, row in rows_of(data / "operations.tsv"):
        if row["name"] not in calls:
            raise place.error(f"no architecture has the call {row['name']}")
        call = calls[row["name"]]
        if call.operation:
            raise place.error(f"{call.name} is listed twice")
        if row["kind"] not in kinds:
            raise place.error(f"no kind of operation {row['kind']}")
        cells = [row[column] for column in OPERATION_ARGUMENTS]
        for cell in cells:
            if not re.fullmatch(r"-|[0-5]", cell):
                raise place.error(f"'{cell}' is no argument (0 to 5, or -)")
        call.operation = (row["kind"], *(-1 if cell == "-" else int(cell) for cell in cells))


# Everything ------------------------------------------------------------------


class Facts:
    """All tables, read and checked against each other."""

    def __init__(self, data, decide_h):
        data = Path(data)
        self.archs = read_architectures(data)
        self.calls = read_calls(data, self.archs)
        self.constants = Constants(data)
        self.families = read_families(data, self.archs)
        self.promises = read_promises(data, self.families)
        read_refused(data, self.calls)
        self.kinds = operation_kinds(Path(decide_h))
        read_operations(data, self.calls, self.kinds)
        self.attach_lines()

    def attach_lines(self):
        """Every call gets its families' lines or has its reason: one of them."""
        for family in self.families.values():
            for line in family.lines:
                for name in line.calls:
                    if name not in self.calls:
                        raise line.place.error(f"no architecture has the call {name}")
                    if self.calls[name].reason:
                        raise line.place.error(f"{name} is in family {family.name}, "
                                               f"and refused: {self.calls[name].place}")
                    self.calls[name].lines.append(line)
        for call in self.calls.values():
            if not call.lines and not call.reason:
                raise call.place.error(f"{call.name} is in no family and not in refused.txt")

    def grants(self, call, arch):
        """[(family, clause, text)] of a call on an architecture, in the order
        of the families, each once; a clause that is always true swallows the
        family's others."""
        grants = {}
        for line in call.lines if arch.granted else ():
            clause = line.clause(arch, self.constants) if line.applies(arch) else None
            if clause is not None:
                grants.setdefault((line.family, clause), line.text(arch, self.constants))
        free = {family for family, clause in grants if not clause}
        return [(f, c, text) for (f, c), text in grants.items() if not c or f not in free]

    def opaque(self, call, arch):
        return any(line.opaque and line.applies(arch) for line in call.lines)

    def errno(self, name, arch, place):
        return self.constants.value(name, arch, place)
