"""Smooth functions of which nothing is known, at given sizes, letters and lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.algebra.terms import Term
from symrnn.expr import Smooth

if TYPE_CHECKING:
    from symrnn.evaluate import Evaluator

Rows = tuple[tuple[Term, ...], ...]


def value(ev: Evaluator, e: Smooth) -> Rows:
    """The rows of a function's value: each component is a function of its own of all arguments."""
    if e.entrywise:
        slot = 0 if e.primed else -1
        return tuple(tuple(ev.ring.unknown(e.name, slot, [x]) for x in row) for row in ev(e.arguments[0]).rows)
    arguments = [x for a in e.arguments for x in ev(a).column()]
    rows, cols = (ev.size(d) for d in e.shape)
    names = [[e.name if e.scalar else f"{e.name}[{i},{j}]" for j in range(1, cols + 1)] for i in range(1, rows + 1)]
    return tuple(tuple(ev.ring.unknown(name, -1, arguments) for name in row) for row in names)
