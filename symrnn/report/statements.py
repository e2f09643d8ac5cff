"""The statements of a general derivation as text that ``recheck`` evaluates: forms over axes and steps, written out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symrnn.expr import Index, Ref
from symrnn.general.form import Adj, Atom, Comp, Fn, Form, Mono, Size, Tally, Var
from symrnn.general.times import Guard
from symrnn.general.write import Statement
from symrnn.report.text import Axes, Writer, word


class Forms(Writer):
    """Forms as text. Letters are those of indices and steps alone, so every one is bound."""

    def __init__(self, axes: Axes, first: int, last: str) -> None:
        super().__init__(axes, ())
        self.first, self.last = first, last

    def index(self, i: Index) -> str:
        offset = f"{i.offset:+d}" if i.offset else ""
        return word(i.letter) + offset if i.letter is not None else str(i.offset)

    def form(self, form: Form) -> str:
        """Σ of monomials."""
        terms = [self.mono(m, q) for m, q in form.ordered]
        return self.call("+", *terms) if len(terms) > 1 else terms[0] if terms else "0"

    def mono(self, m: Mono, q: Fraction) -> str:
        """Σ over axes and steps of a product, each sum over the factors alone that it concerns; inequalities between
        steps say where it is not zero.
        """
        factors = [(str(q), frozenset[str]())] if q != 1 else []
        for i, j in m.deltas:
            factors.append(
                (self.call("delta", self.index(i), self.index(j)), frozenset({i.letter or "", j.letter or ""}))
            )
        factors += [(self.atom(a) if p == 1 else self.call("^", self.atom(a), str(p)), a.letters) for a, p in m.atoms]
        left = dict(m.sums)
        while left:
            name = min(left, key=lambda x: (len(frozenset().union(*(near for _, near in factors if x in near))), x))
            inside = [f for f in factors if name in f[1]]
            body = self.call(
                "sum", word(name), "1", self.axes.axis(left.pop(name)), self.product([f for f, _ in inside])
            )
            factors = [f for f in factors if f not in inside]
            factors.append((body, frozenset().union(*(near for _, near in inside)) - {name}))
        body = self.product([f for f, _ in factors])
        if m.guard:
            body = self.call("where", body, *(x for c in self.guard(m.guard) for x in c))
        for name in m.steps:
            body = self.call("sum", word(name), *self.run(name, m), body)
        return body

    def product(self, factors: list[str]) -> str:
        """A product of any number of factors."""
        return self.call("*", *factors) if len(factors) > 1 else factors[0] if factors else "1"

    def run(self, step: str, m: Mono) -> tuple[str, str]:
        """An interval that holds a bound step: its limits by letters that no sum around it binds later."""
        low = next((b, c) for a, b, c in m.guard if a == step and b not in m.steps)
        high = next((a, c) for a, b, c in m.guard if b == step and a not in m.steps)
        return self.index(Index(low[0] or None, low[1])), self.index(Index(high[0] or None, -high[1]))

    @staticmethod
    def guard(guard: Guard) -> list[list[str]]:
        """Inequalities a ≥ b + c."""
        return [[word(a) or "0", "≥", (word(b) + f"{c:+d}" if b else str(c))] for a, b, c in guard]

    def atom(self, a: Atom) -> str:
        """A factor."""
        match a:
            case Comp():
                ref = self.ref(Ref(a.symbol.shape, a.symbol, a.time))
                return self.call("entry", ref, self.index(a.row), self.index(a.col))
            case Adj():
                return self.call("grad", self.atom(a.of), self.atom(a.wrt))
            case Fn():
                arg = self.form(a.arg)
                if a.name in ("inv", "sqrt"):
                    return self.call("^", arg, "-1" if a.name == "inv" else "1/2")
                return self.call(a.name, arg)
            case Size():
                return self.call("count", self.axes.axis(a.key.strip("|")))
            case Tally():
                return self.call("count", word(a.letter))
            case Var():
                return "?" + word(a.key[1:])
        raise TypeError(type(a).__name__)

    def statement(self, s: Statement, given: tuple[str, ...]) -> dict[str, Any]:
        """One step of a derivation: ``lhs`` = ``rhs`` where the steps meet ``where``, or words alone."""
        later = s.head is not None and s.head.of.time is None and not s.form  # after the last step: nowhere
        if s.head is None or s.form is None or later:
            return {"says": s.says}
        letters: dict[str, str | None] = {}
        shapes = self.axes.shapes
        assert shapes is not None
        for c in (s.head.of, s.head.wrt):
            for index, axis in zip((c.row, c.col), shapes.of_symbol(c.symbol), strict=True):
                if index.letter is not None:
                    letters[word(index.letter)] = self.axes.axis(axis)
            if c.time is not None and c.time.letter is not None:
                letters[word(c.time.letter)] = None
        fixed = sorted(self.axes.names[shapes.find(a)] for a in s.pins if shapes.find(a) in self.axes.names)
        found = {"lhs": self.atom(s.head), "rhs": self.form(s.form), "letters": letters}
        optional = {"where": self.guard(s.domain), "given": [*given], "fixed": fixed}
        return found | {k: v for k, v in optional.items() if v}
