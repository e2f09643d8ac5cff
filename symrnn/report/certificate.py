"""Certificates: what ``recheck`` needs in order to repeat a proof or a refutation by itself, as plain data.

A document's *model* holds its definitions and the statements of general derivations, a claim's certificate the two
sides as they were understood, in index notation (``report.text``). Nothing is unrolled and no derivative is taken:
sizes, letters, steps and slopes are left to the one who checks.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from symrnn.checker import Checker
from symrnn.claims import Definition, Typed
from symrnn.expr import (
    Ref,
)
from symrnn.general.decide import General, Silent
from symrnn.general.form import Abstain
from symrnn.general.write import Statement
from symrnn.report.statements import Forms
from symrnn.report.text import Axes, Writer, word
from symrnn.verdict import ClaimReport, Kind

METHOD = "normal form over kernels"


class Certificates:
    """The model of one document and the certificates of its claims."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.general = checker.general
        self.last = checker.manifest.steps.last
        shapes = self.general.shapes if self.general.problem is None else None
        self.axes = Axes(shapes, None, checker.manifest.sizes)
        self.definitions = [self._definition(d) for d in checker.paper.definitions]
        self.assumptions: dict[str, list[Any]] = {}
        self.forms = Forms(self.axes, checker.manifest.steps.first, self.last)
        self.statements: dict[str, int] = {}  # as JSON text, with their numbers
        self.known: dict[Any, int] = {}

    def model(self) -> dict[str, Any]:
        """The definitions, sizes and assumptions; to be asked for after the claims, which may add to it."""
        return {
            "first": self.checker.manifest.steps.first,
            "last": word(self.last),
            "sizes": self.axes.sizes,
            "named": sorted(self.checker.manifest.sizes),
            "quantities": self.axes.quantities,
            "definitions": self.definitions,
            "assumptions": self.assumptions,
            **({"chosen": [*map(word, self.checker.context.given)]} if self.checker.context.given else {}),
            "statements": [msgspec.json.decode(s) for s in self.statements],
        }

    def _definition(self, d: Definition) -> list[str]:
        lags = self.checker.model.lags
        for e in d.rhs.walk():
            if isinstance(e, Ref):
                self.axes.declare(e.symbol, lags.get(e.symbol, 0))
        name = self.axes.declare(d.symbol, lags.get(d.symbol, 0))
        own = [i.letter for i in (d.time, d.row, d.col) if i is not None and i.letter is not None]
        writer = Writer(self.axes, [*own, self.last, *self.checker.context.given])
        row, col, time = ("*" if i is None else writer.index(i) for i in (d.row, d.col, d.time))
        return [name, row, col, time, writer(d.rhs)]

    def _assume(self, name: str) -> None:
        if name not in self.assumptions:
            d = self.checker.assumptions[name]
            self.assumptions[name] = self._definition(d)
            try:
                total = self.general.sums_to(d) if self.axes.shapes is not None else None
            except (Abstain, RecursionError):
                total = None
            if total is not None:
                self.assumptions[name].append(str(total))

    def claim(self, c: ClaimReport) -> dict[str, Any]:
        """Both sides as they were understood, and where they were decided."""
        if c.typed is None or c.verdict not in (Kind.PROVED, Kind.CONDITIONAL, Kind.REFUTED):
            return {}
        for name in c.given:
            self._assume(name)
        axes, letters = self._axes(c.typed, c)
        writer = Writer(axes, [*c.typed.letters, *c.typed.values, self.last])
        found: dict[str, Any] = {"lhs": writer(c.typed.lhs), "rhs": writer(c.typed.rhs), "letters": letters}
        known = {*c.typed.letters, *c.typed.values, self.last, None, *self.checker.model.sizes}
        where = [[writer.index(a), r, writer.index(b)] for a, r, b in c.where if {a.letter, b.letter} <= known]
        optional = {"where": where, "given": [*c.given], "sizes": axes.sizes, "quantities": axes.quantities}
        found |= {k: v for k, v in optional.items() if v}
        if c.verdict is Kind.REFUTED:
            return found
        counts = Counter(i.steps for i in c.instances)
        found |= {"method": METHOD, "instances": {str(n): counts[n] for n in sorted(counts)}}
        if isinstance(c.general, General):
            said = {axes.names[a]: axes.shapes.say(a) for a in axes.names} if axes.shapes else {}
            fixed = sorted(name for name, say in said.items() if say in c.general.sizes)
            found["general"] = {
                "fixed": fixed,
                "derivation": [self._statement(s, c.given) for s in c.general.explain()],
            }
        elif isinstance(c.general, Silent):
            found["general"] = {"abstains": c.general.reason}
        return found

    def _statement(self, s: Statement, given: tuple[str, ...]) -> int:
        """The number of a statement of a derivation, the same for equal ones."""
        pins = tuple(sorted(s.pins.items()))
        key = (s.says, given, pins)
        if key not in self.known:
            text = msgspec.json.encode(self.forms.statement(s, given)).decode()
            self.known[key] = self.statements.setdefault(text, len(self.statements))
        return self.known[key]

    def _axes(self, typed: Typed, c: ClaimReport) -> tuple[Axes, dict[str, str | list[int] | None]]:
        """The axes of a claim and those of its letters; letters where it is proved in general, else numbers."""
        shapes = None
        if isinstance(c.general, General) and self.axes.shapes is not None:
            given = tuple(self.checker.assumptions[a] for a in c.given)
            shapes, _ = self.general.axes(typed, given)
        axes = Axes(shapes, self.axes, self.checker.manifest.sizes)
        letters: dict[str, str | list[int] | None] = {}
        for name, dim in typed.letters.items():
            if dim is None:
                letters[word(name)] = None
            elif shapes is None or name not in shapes.letters or shapes.find(shapes.letters[name]) not in axes.names:
                letters[word(name)] = axes.dim(dim)
            else:
                letters[word(name)] = axes.axis(shapes.letters[name])
        letters |= {word(name): [*values] for name, values in typed.values.items()}
        return axes, letters
