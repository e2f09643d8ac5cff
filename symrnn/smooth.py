"""Unknown smooth functions at given sizes, letters and lengths: their arguments, scalar by scalar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from symrnn.algebra.terms import Term
from symrnn.expr import Each, Expr, Smooth

if TYPE_CHECKING:
    from symrnn.evaluate import Evaluator

Rows = tuple[tuple[Term, ...], ...]


def value(ev: Evaluator, e: Smooth) -> Rows:
    """The rows of a function's value: each component is a function of its own of all arguments."""
    slot = 0 if e.primed else -1
    if e.entrywise:
        return tuple(tuple(ev.ring.unknown(e.name, slot, [x]) for x in row) for row in ev(e.arguments[0]).rows)
    arguments = [x for a in e.arguments for x in scalars(ev, a)]
    rows, cols = (ev.size(d) for d in e.shape)
    names = [[e.name if e.scalar else f"{e.name}[{i},{j}]" for j in range(1, cols + 1)] for i in range(1, rows + 1)]
    return tuple(tuple(ev.ring.unknown(name, slot, arguments) for name in row) for row in names)


def scalars(ev: Evaluator, e: Expr) -> Iterator[Term]:
    """The scalars of an argument, in order."""
    if not isinstance(e, Each):
        yield from ev(e).column()
        return
    shadowed = ev.values.get(e.letter)
    for k in range(ev.index(e.low), ev.index(e.high) + 1):
        ev.values[e.letter] = k
        yield from ev(e.body).column()
    ev.values.pop(e.letter, None)
    if shadowed is not None:
        ev.values[e.letter] = shadowed
