r"""Quantities that a derivative defines, ``\delta_t = \frac{\partial L}{\partial h_t}``: it stands for them.

They are no nodes of the network: nothing is differentiated through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.claims import Definition
from symrnn.diagnostic import Problem
from symrnn.expr import Entry, Expr, Gradient, Index, Ref, Symbol, substituted
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator


def derives(d: Definition) -> bool:
    """Whether a definition holds a derivative."""
    return any(isinstance(e, Gradient) for e in d.rhs.walk())


def mentions(d: Definition, symbol: Symbol) -> bool:
    """Whether a quantity stands in a definition."""
    return any(isinstance(e, Ref) and e.symbol is symbol for e in d.rhs.walk())


def expanded(elab: Elaborator, value: Expr, span: Span) -> Expr:
    """What stands for a quantity at its step, or for a component of it."""
    row: Index | None = None
    col: Index | None = None
    base = value
    if isinstance(value, Entry):
        base, row, col = value.body, value.row, value.col
    if not isinstance(base, Ref) or base.symbol not in elab.context.short:
        return value
    for d in elab.context.short[base.symbol]:
        found = _at(d, base.time, row, col)
        if found is not None:
            whole = d.row is None and d.col is None
            return Entry(value.shape, found, row, col) if whole and row is not None and col is not None else found
    name = base.symbol.name.removesuffix("(t)")
    raise Problem("SR190", f"no line says what all of '{name}' is here", span)


def _at(d: Definition, time: Index | None, row: Index | None, col: Index | None) -> Expr | None:
    """The right side of a definition at a step and component; None where it speaks of others."""
    rhs = d.rhs
    for n, (own, here) in enumerate(((d.time, time), (d.row, row), (d.col, col))):
        if own is None or own == here:
            continue
        if here is None or own.letter is None:
            return None
        fresh = f"{own.letter}'{n}"  # all letters are exchanged at once
        rhs = substituted(rhs, own.letter, Index(fresh))
        rhs = substituted(rhs, fresh, here.shifted(-own.offset))
    return rhs
