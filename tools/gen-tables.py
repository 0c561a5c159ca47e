#!/usr/bin/env python3
"""Turns the tables of data/ into C. Standard library alone.

usage: gen-tables.py DATA-DIR DECIDE-H OUT-DIR DEPFILE

DECIDE-H is src/policy/decide.h, which names the kinds of operations. Writes
promise-ids.h, tables_archs.c, tables_shared.c (what all architectures share),
tables_ARCH.c and tables_words.c (the conditions in words). What several calls
have in common (ranges, atoms, clauses, grants, texts) is written once;
src/arch/tables.h says how it is stored.
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
    """tables_shared.c: what the calls of all architectures refer to."""

    def __init__(self, facts):
        self.facts = facts
        calls = facts.calls.values()
        self.since = sorted({c.since for c in calls if c.since})
        self.operations = sorted({c.operation for c in calls if c.operation})
        self.sets = Pool(0xff)
        self.ranges, self.atoms, self.refs = Pool(0xffff), Pool(0xffff), Pool(0xffff)
        self.clauses, self.grants = Pool(0xffff), Pool(0xffff)
        self.add_clause(())
        rows = (*facts.promises, *facts.families.values())
        self.call_names = Texts([*facts.calls, *self.since])
        self.names = Texts([row.name for row in rows])
        self.sentences = Texts([*(c.reason for c in calls if c.reason), *(row.words for row in rows)])

    def promise_bits(self, held):
        order = [p.name for p in self.facts.promises]
        return f"{sum(1 << order.index(word) for word in held):#x}"

    def source(self):
        """After the tables of all architectures have added what they need."""
        name, words = self.names.at, self.sentences.at
        promises = [braces(name(p.name), words(p.words), int(p.inert)) for p in self.facts.promises]
        families = []
        for family in self.facts.families.values():
            sets = [self.promise_bits(held) for held in family.smallest_sets()]
            families.append(braces(name(family.name), words(family.words), self.sets.add(sets),
                                   len(sets)))
        operations = [braces(f"OP_{row[0].upper()}", *row[1:]) for row in self.operations]
        return ('/* Generated from data/. */\n#include "arch/tables.h"\n#include "policy/decide.h"\n'
                '#include "policy/tables.h"\n\n'
                + self.call_names.source("table_call_names")
                + self.names.source("table_names") + self.sentences.source("table_sentences")
                + c_array("const uint16_t", "table_since",
                          ["0"] + [str(self.call_names.at(s)) for s in self.since], 12)
                + c_array("const struct operation", "table_operations", ["{0}"] + operations)
                + c_array("const struct range", "table_ranges", self.ranges.items, 4)
                + c_array("const struct stored_atom", "table_atoms", self.atoms.items)
                + c_array("const uint16_t", "table_refs", self.refs.items, 12)
                + c_array("const struct stored_clause", "table_clauses", self.clauses.items, 6)
                + c_array("const struct grant", "table_grants", self.grants.items, 6)
                + c_array("const struct promise_row", "table_promises", promises)
                + c_array("const struct family_row", "table_families", families)
                + c_array("const promise_set", "table_promise_sets", self.sets.items)).rstrip() + "\n"

    def add_clause(self, clause):
        """The index of the clause."""
        refs = []
        for argument, width, mask, ranges, launch in clause:
            rows = [braces(f"{low:#x}", f"{high:#x}") for low, high in ranges]
            atom = braces(f"{mask:#x}", self.ranges.add(rows), len(rows), argument, width, int(launch))
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
        reason = self.shared.sentences.at(call.reason) if call.reason else "NO_TEXT"
        number = call.numbers[self.arch.name] | (X32_BIT if self.arch.name == "x32" else 0)
        return braces(f"{number:#x}", int(self.facts.opaque(call, self.arch)),
                      self.shared.call_names.at(call.name),
                      self.shared.grants.add(rows) if rows else reason, len(rows),
                      self.facts.errno(call.errno, self.arch, call.place),
                      self.shared.since.index(call.since) + 1 if call.since else 0,
                      self.shared.operations.index(call.operation) + 1 if call.operation else 0)

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


def generate(data, decide_h):
    """{file name: C}; raises DataError."""
    facts = Facts(data, decide_h)
    shared = Shared(facts)
    tables = [Table(facts, arch, shared) for arch in facts.archs]
    sources = {f"tables_{table.arch.name}.c": table.source() for table in tables}
    return sources | {"promise-ids.h": promise_ids(facts), "tables_archs.c": architectures(facts),
                      "tables_shared.c": shared.source(), "tables_words.c": words(tables)}


def main():
    data, decide_h, out, depfile = (Path(argument) for argument in sys.argv[1:5])
    try:
        sources = generate(data, decide_h)
    except (DataError, OSError) as error:
        sys.exit(str(error))
    for name, text in sources.items():
        (out / name).write_text(text)
    depfile.write_text(dependencies(data, [out / name for name in sources]))


if __name__ == "__main__":
    main()
