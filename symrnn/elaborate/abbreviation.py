r"""Quantities that a derivative defines, ``\delta_t = \frac{\partial L}{\partial h_t}``: it stands for them.

They are no nodes of the network: nothing is differentiated through them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symrnn.claims import Definition
from symrnn.diagnostic import Problem
from symrnn.expr import Entry, Expr, Gradient, Index, Ref, Slice, Symbol, Transpose, substituted, transpose
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

FIRST = Index(None, 1)


def derives(d: Definition) -> bool:
    """Whether a definition holds a derivative."""
    return any(isinstance(e, Gradient) for e in d.rhs.walk())


def mentions(d: Definition, symbol: Symbol) -> bool:
    """Whether a quantity stands in a definition."""
    return any(isinstance(e, Ref) and e.symbol is symbol for e in d.rhs.walk())


def expanded(elab: Elaborator, value: Expr, span: Span) -> Expr:
    """What stands for a quantity at its step, or for a component or row of it."""
    row: Index | None = None
    col: Index | None = None
    base = value
    match value:
        case Transpose():
            return transpose(expanded(elab, value.body, span))
        case Entry():
            base, row, col = value.body, value.row, value.col
        case Slice():
            base, row = value.body, value.index
    if isinstance(base, Transpose):
        return replace(value, body=transpose(expanded(elab, base.body, span)))  # type: ignore[call-arg]
    if not isinstance(base, Ref) or base.symbol not in elab.context.short:
        return value
    for d in elab.context.short[base.symbol]:
        found = _at(d, base.time, row, col)
        if found is None:
            continue
        first = row if d.row is None else FIRST
        match value:
            case Entry() if found.shape != value.shape and first is not None and col is not None:
                return Entry(value.shape, found, first, col)
            case Slice():
                return Slice(value.shape, found, row) if d.row is None and row is not None else transpose(found)
        return found
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
