#!/usr/bin/env python3
"""Turns the tables of data/ into C. Standard library alone.

usage: gen-tables.py DATA-DIR DECIDE-H OUT-DIR DEPFILE [ARCH...]

DECIDE-H is src/policy/decide.h, which names the kinds of operations. Writes
promise-ids.h, tables_archs.c, tables_shared.c (what all architectures share),
tables_ARCH.c and tables_words.c (the conditions in words); where architectures
are named, own_shared.c and own_ARCH.c with nothing but what these need. What
several calls have in common (ranges, atoms, clauses, grants, texts) is written
once; src/arch/tables.h says how it is stored.
"""
import re
import sys
from pathlib import Path

from facts import DataError, Facts

X32_BIT = 0x40000000


class Pool:
    """A list of C initialisers in which runs of them are shared."""

    def __init__(self, limit):
        self.items, self.found, self.limit = [], {}, limit

    def add(self, run):
        """The index at which `run` (a sequence) stands in the pool."""
        run = tuple(run)
        if run not in self.found:
            self.found[run] = self.search(run)
        return self.found[run]

    def search(self, run):
        size = len(run)
        for at in range(len(self.items) - size + 1):
            if tuple(self.items[at:at + size]) == run:
                return at
        self.items += run
        if len(self.items) > self.limit:
            sys.exit(f"a table has more than {self.limit} rows: widen its index in src/arch/")
        return len(self.items) - size


class Texts(Pool):
    """One run of bytes with every text, each ended by NUL. A text may be the
    end of another; the longest come first, so that this is found."""

    def __init__(self, texts):
        super().__init__(0xffff)
        self.blob = b""
        for text in sorted(set(texts), key=lambda t: (-len(t), t)):
            data = text.encode() + b"\0"
            if data not in self.blob:
                self.blob += data
        if len(self.blob) > 0xffff:
            sys.exit("the texts are more than 64 KiB: widen their offsets in src/arch/")

    def at(self, text):
        return self.blob.index(text.encode() + b"\0")

    def source(self, name):
        lines = [text.decode().replace("\\", "\\\\").replace('"', '\\"')
                 for text in self.blob[:-1].split(b"\0")]
        return f"const char {name}[] =\n" + "".join(f'    "{line}\\0"\n' for line in lines) + ";\n\n"


def symbol(name):
    return re.sub(r"\W", "_", name).upper()


def c_array(kind, name, rows, per_line=1):
    """A static const array; one dummy row where there is none."""
    rows = list(rows) or ["{0}" if kind.startswith("struct") else "0"]
    body = "".join("    " + ", ".join(rows[i:i + per_line]) + ",\n"
                   for i in range(0, len(rows), per_line))
    return f"{kind} {name}[] = {{\n{body}}};\n\n"


def braces(*values):
    return "{" + ", ".join(str(value) for value in values) + "}"


def promise_ids(facts):
    def enum(kind, names):
        ids = "".join(f"    {kind.upper()}_{symbol(name)},\n" for name in names)
        return f"enum {kind} {{\n{ids}    {kind.upper()}_COUNT,\n}};\n"
    return ("/* Generated from data/promises.txt and data/families/. */\n"
            "#ifndef VOW_PROMISE_IDS_H\n#define VOW_PROMISE_IDS_H\n\n"
            + enum("promise", [p.name for p in facts.promises]) + "\n"
            + enum("family", facts.families) + "\n#endif\n")


class Shared:
    """tables_shared.c: what the calls of these architectures refer to."""

    def __init__(self, facts, archs):
        self.facts = facts
        self.calls = [call for call in facts.calls.values() if any(a.name in call.numbers for a in archs)]
        self.operations = sorted({c.operation for c in self.calls if c.operation})
        self.sets = Pool(0xff)
        self.ranges, self.atoms, self.refs = Pool(0xffff), Pool(0xff), Pool(0xfff)
        self.clauses, self.grants, self.kinds = Pool(0xff), Pool(0xffff), Pool(0xffff)
        self.add_clause(())

    def promise_bits(self, held):
        order = [p.name for p in self.facts.promises]
        return f"{sum(1 << order.index(word) for word in held):#x}"

    def promises(self):
        rows = self.facts.promises
        names, words = Texts(row.name for row in rows), Texts(row.words for row in rows)
        return (names.source("table_promise_texts") + words.source("table_promise_words")
                + c_array("const struct promise_row", "table_promises",
                          [braces(names.at(row.name), int(row.inert)) for row in rows])
                + c_array("const uint16_t", "table_promise_words_at",
                          [str(words.at(row.words)) for row in rows], 12))

    def families(self):
        rows = self.facts.families.values()
        names, words = Texts(row.name for row in rows), Texts(row.words for row in rows)
        families = []
        for family in rows:
            sets = [self.promise_bits(held) for held in family.smallest_sets()]
            families.append(braces(words.at(family.words), self.sets.add(sets), len(sets)))
        return (names.source("table_family_texts") + words.source("table_family_words")
                + c_array("const struct family_row", "table_families", families)
                + c_array("const uint16_t", "table_family_names_at",
                          [str(names.at(row.name)) for row in rows], 12)
                + c_array("const promise_set", "table_promise_sets", self.sets.items))

    def words(self):
        """What is said of each call."""
        said = [(c.name, c.since, c.reason) for c in self.calls]
        texts = Texts(text for row in said for text in row if text)
        rows = [braces(*(texts.at(text) if text else "NO_TEXT" for text in row)) for row in said]
        return (texts.source("table_call_texts")
                + c_array("const struct call_words", "table_call_words", rows, 4))

    def source(self):
        """After the tables of the architectures have added what they need."""
        operations = [braces(f"OP_{row[0].upper()}", *row[1:]) for row in self.operations]
        return ('/* Generated from data/. */\n#include "arch/tables.h"\n#include "policy/decide.h"\n'
                '#include "policy/tables.h"\n\n'
                + self.words() + self.promises() + self.families()
                + c_array("const struct call_rules", "table_rules", self.kinds.items, 4)
                + f"const uint16_t table_rule_count = {len(self.kinds.items)};\n\n"
                + c_array("const struct operation", "table_operations", ["{0}"] + operations)
                + c_array("const struct range", "table_ranges", self.ranges.items, 4)
                + c_array("const struct stored_atom", "table_atoms", self.atoms.items)
                + c_array("const uint8_t", "table_refs", self.refs.items, 12)
                + c_array("const struct stored_clause", "table_clauses", self.clauses.items, 6)
                + c_array("const struct grant", "table_grants", self.grants.items, 6)).rstrip() + "\n"

    def add_clause(self, clause):
        """The index of the clause."""
        refs = []
        for argument, width, mask, ranges, launch in clause:
            rows = [braces(f"{low:#x}", f"{high:#x}") for low, high in ranges]
            above = mask >> 32
            if above not in (0, 0xffffffff):
                sys.exit(f"a mask of {mask:#x}: widen struct stored_atom in src/arch/tables.h")
            atom = braces(f"{mask & 0xffffffff:#x}", self.ranges.add(rows), len(rows), argument,
                          int(width == 64), int(above != 0), int(launch))
            refs.append(str(self.atoms.add([atom])))
        return self.clauses.add([braces(self.refs.add(refs), len(refs))])


class Table:
    """tables_ARCH.c: the calls of one architecture."""

    def __init__(self, facts, arch, shared):
        self.facts, self.arch, self.shared = facts, arch, shared
        self.texts = {}  # clause: what it asks
        self.order = {family: i for i, family in enumerate(facts.families.values())}
        calls = [call for call in facts.calls.values() if arch.name in call.numbers]
        self.rows = [self.call_row(call) for call in sorted(calls, key=lambda c: c.numbers[arch.name])]

    def grant_row(self, family, clause, text):
        at = self.shared.add_clause(clause)
        self.texts.setdefault(at, text)
        return braces(self.order[family], at)

    def call_row(self, call):
        grants = self.facts.grants(call, self.arch)
        if not grants and not call.reason and self.arch.granted:
            raise call.lines[0].place.error(
                f"no line of a family for {call.name} applies on {self.arch.name}")
        if len(grants) > 0xff:
            raise call.place.error(f"{call.name} has more than 255 clauses on {self.arch.name}")
        rows = [self.grant_row(*grant) for grant in sorted(grants, key=lambda g: self.order[g[0]])]
        kind = braces(self.shared.grants.add(rows), len(rows),
                      self.facts.errno(call.errno, self.arch, call.place),
                      self.shared.operations.index(call.operation) + 1 if call.operation else 0)
        number = call.numbers[self.arch.name] | (X32_BIT if self.arch.name == "x32" else 0)
        return braces(f"{number:#x}", int(self.facts.opaque(call, self.arch)),
                      self.shared.kinds.add([kind]), self.shared.calls.index(call))

    def source(self):
        name = self.arch.name
        return (f'/* Generated from data/: {name}. */\n#include "arch/tables.h"\n\n'
                + c_array("static const struct sys_call", "calls", self.rows)
                + f"const struct arch_table table_{name} = "
                + f"{{&archs[ARCH_{symbol(name)}], calls, {len(self.rows)}}};\n")


def words(tables):
    """tables_words.c: every architecture's clauses as a person reads them."""
    texts = Texts(text for table in tables for text in table.texts.values())
    arrays = []
    for table in tables:
        rows = [str(texts.at(table.texts[i])) if i in table.texts else "NO_TEXT"
                for i in range(max(table.texts, default=0) + 1)]
        arrays.append(c_array("static const uint16_t", f"words_{table.arch.name}", rows, 12))
    rows = [f"[ARCH_{symbol(t.arch.name)}] = words_{t.arch.name}" for t in tables]
    return ('/* Generated from data/families/. */\n#include "arch/tables.h"\n\n'
            + texts.source("table_word_texts")
            + "".join(arrays)
            + c_array("const uint16_t *const", "table_words", rows).rstrip() + "\n")


def architectures(facts):
    """tables_archs.c: archs[]."""
    rows = []
    for arch in facts.archs:
        enosys = facts.errno("ENOSYS", arch, facts.constants.path)
        fields = (f"ARCH_{symbol(arch.name)}", f'"{arch.name}"', f'"{arch.oci}"', f"{arch.audit:#x}",
                  arch.elf_machine, arch.bits, int(arch.elf64), int(arch.big_endian), enosys)
        rows.append(f"[ARCH_{symbol(arch.name)}] = {braces(*fields)}")
    return ('/* Generated from data/architectures.tsv. */\n#include "arch/arch.h"\n\n'
            + c_array("const struct arch", "archs", rows).rstrip() + "\n")


def dependencies(data, outputs):
    """What the outputs are made from, as make and ninja read it. The folder
    of the families is among them: it changes when a file is added."""
    inputs = [Path(__file__).parent / "facts.py", *data.glob("*.t*"), data / "families",
              *data.glob("families/*.txt")]
    return f"{' '.join(map(str, outputs))}: {' '.join(map(str, inputs))}\n"


def generate(data, decide_h, own=()):
    """{file name: C}; raises DataError."""
    facts = Facts(data, decide_h)
    archs = [arch for arch in facts.archs if not own or arch.name in own]
    shared = Shared(facts, archs)
    tables = [Table(facts, arch, shared) for arch in archs]
    prefix = "own" if own else "tables"
    sources = {f"{prefix}_{table.arch.name}.c": table.source() for table in tables}
    sources[f"{prefix}_shared.c"] = shared.source()
    if own:
        return sources
    return sources | {"promise-ids.h": promise_ids(facts), "tables_archs.c": architectures(facts),
                      "tables_words.c": words(tables)}


def main():
    data, decide_h, out, depfile = (Path(argument) for argument in sys.argv[1:5])
    try:
        sources = generate(data, decide_h, sys.argv[5:])
    except (DataError, OSError) as error:
        sys.exit(str(error))
    for name, text in sources.items():
        (out / name).write_text(text)
    depfile.write_text(dependencies(data, [out / name for name in sources]))


if __name__ == "__main__":
    main()
