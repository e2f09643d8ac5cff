"""A second opinion on general proofs: the same claim at sizes and lengths that the proof never looked at, exactly.

The claim and the definitions are rebuilt with other numbers for their axes and handed to the concrete machinery: the
unrolled network, the evaluator, the decider over polynomials and balls. Nothing of index notation takes part but the
knowledge of which dimensions are one axis.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product as tuples
from typing import Any

from symrnn.algebra.terms import Term
from symrnn.claims import Definition, Typed
from symrnn.evaluate import Evaluator, Inadmissible
from symrnn.expr import SCALAR, Add, Dim, Entry, Expr, Index, Number, Reduce, Ref, Symbol, number
from symrnn.general.axes import ONE, Shapes
from symrnn.general.decide import Condition, GeneralDecider
from symrnn.network import Model, Network

_MEETS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "≠": operator.ne, "<": operator.lt, ">": operator.gt, "≤": operator.le, "≥": operator.ge,
}  # fmt: skip


@dataclass
class Resized:
    """Expressions whose dimensions are letters, one for each axis. ``numbers``: the size of each, by representative."""

    shapes: Shapes
    numbers: Mapping[str, int]

    def __post_init__(self) -> None:
        self.symbols: dict[Symbol, Symbol] = {}

    def dim(self, axis: str) -> Dim:
        """The dimension along an axis: its letter, which stays a letter where the size is 1."""
        axis = self.shapes.find(axis)
        return 1 if axis == ONE else axis

    def size(self, axis: str) -> int:
        """The number of an axis."""
        axis = self.shapes.find(axis)
        return 1 if axis == ONE else self.numbers[axis]

    def symbol(self, s: Symbol) -> Symbol:
        """The quantity at its new shape."""
        found = self.symbols.get(s)
        if found is None:
            rows, cols = self.shapes.of_symbol(s)
            found = self.symbols[s] = replace(s, shape=(self.dim(rows), self.dim(cols)))
        return found

    def expr(self, e: Expr) -> Expr:
        """The expression at its new shapes."""
        rows, cols = self.shapes.memo[id(e)]
        changes: dict[str, Any] = {"shape": (self.dim(rows), self.dim(cols))}
        for f in fields(e):
            value = getattr(e, f.name)
            if isinstance(value, Expr):
                changes[f.name] = self.expr(value)
            elif isinstance(value, Symbol):
                changes[f.name] = self.symbol(value)
            elif isinstance(value, tuple) and f.name in ("terms", "rows"):
                changes[f.name] = tuple(
                    tuple(self.expr(x) if isinstance(x, Expr) else x for x in part) for part in value
                )
        if isinstance(e, Reduce) and not e.timed and self.shapes.whole(e):
            changes["high"] = Index(None, self.size(self.shapes.bound[id(e)]))
        return replace(e, **changes)

    def definition(self, d: Definition) -> Definition:
        """A definition at its new shapes."""
        return replace(d, symbol=self.symbol(d.symbol), rhs=self.expr(d.rhs))

    def sums_to(self, d: Definition, total: Expr) -> Definition:
        """«The last component is ``total`` less all others» at the new size."""
        symbol = self.symbol(d.symbol)
        n = max(self.size(a) for a in self.shapes.of_symbol(d.symbol))
        one = Index(None, 1)

        def at(k: int) -> tuple[Index, Index]:
            return (Index(None, k), one) if symbol.shape[1] == 1 else (one, Index(None, k))

        ref = Ref(symbol.shape, symbol, d.time)
        rhs = Add(SCALAR, ((1, total), *((-1, Entry(SCALAR, ref, *at(k))) for k in range(1, n))))
        return Definition(symbol, d.time, *at(n), rhs, d.number)


def axes_of(general: GeneralDecider, typed: Typed, assumptions: tuple[Definition, ...]) -> dict[str, int | None]:
    """The axes of a document and a claim: their declared numbers where the claim needs these, else None."""
    shapes = general.axes(typed, assumptions)[0]
    general.axes_of_definitions(shapes)
    needed = {shapes.find(a) for a in (*shapes.fixed, *shapes.literals, *general.shapes.fixed)}
    roots = {shapes.find(a) for a in shapes.up}
    return {a: shapes.numbers.get(a) if a in needed else None for a in sorted(roots)}


def instances(
    general: GeneralDecider,
    typed: Typed,
    numbers: Mapping[str, int],
    steps: int,
    where: tuple[Condition, ...] = (),
    assumptions: tuple[Definition, ...] = (),
) -> Iterator[tuple[dict[str, int], list[tuple[Term, Term]]]]:
    """Both sides of a claim at every admissible value of its letters, with these sizes and this length."""
    shapes = general.axes(typed, assumptions)[0]
    general.axes_of_definitions(shapes)
    resized = Resized(shapes, numbers)
    given = []
    for a in assumptions:
        total = general.sums_to(a)
        given.append(resized.definition(a) if total is None else resized.sums_to(a, number(total)))
    sizes = {**numbers, **{a: numbers[shapes.find(a)] for a in general.shapes.sizes if a in shapes.up}}
    model = Model([resized.definition(d) for d in general.definitions], sizes, general.first, general.last)
    network = Network(model, steps, given)
    left, right = resized.expr(typed.lhs), resized.expr(typed.rhs)
    ranges = [
        range(general.first, steps + 1) if dim is None else range(1, resized.size(shapes.letters.get(x, ONE)) + 1)
        for x, dim in typed.letters.items()
    ]
    for values in tuples(*ranges):
        letters = dict(zip(typed.letters, values, strict=True))
        evaluator = Evaluator(network, {**network.values, **letters})
        known = {*evaluator.values, *sizes, None}
        meant = [w for w in where if {w[0].letter, w[2].letter} <= known]
        if not all(_MEETS[r](evaluator.index(a), evaluator.index(b)) for a, r, b in meant):
            continue
        try:
            one, two = evaluator(left), evaluator(right)
        except Inadmissible:
            continue
        if isinstance(right, Number):
            two = evaluator.fill(two, one.shape)
        yield letters, list(zip(one.column(), two.column(), strict=True))
