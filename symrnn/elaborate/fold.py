"""Intermediate values: a quantity whose definition stands inside other definitions, spelled out, is what they use.

``a = W x`` and ``h = tanh(W x)`` say that h is tanh(a), and ∂h/∂a what it is there. Only a quantity that no definition
names is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symrnn.claims import Definition
from symrnn.expr import Count, Entry, Expr, Index, Local, Number, Reduce, Ref, rebuilt, substituted


def folded(definitions: Sequence[Definition], last: str) -> list[Definition]:
    """The definitions, with intermediate values in the place of what they are; ``last``: the last step's letter."""
    out = list(definitions)
    for k, d in enumerate(out):
        if d.row is not None or d.col is not None or isinstance(d.rhs, (Ref, Entry, Number, Count, Local)):
            continue
        used = any(isinstance(e, Ref) and e.symbol is d.symbol for other in out for e in other.rhs.walk())
        alone = sum(other.symbol is d.symbol for other in out) == 1
        if not used and alone:
            out = [other if j == k else _within(other, d, last) for j, other in enumerate(out)]
    return out


def _within(other: Definition, d: Definition, last: str) -> Definition:
    """A definition with ``d`` in the place of what it is; one that is the same as a whole stays."""
    letters = frozenset({last} if other.time is None or other.time.letter is None else {last, other.time.letter})
    if any(other.rhs == what for what, _ in _spelled(d, letters)):
        return other
    new = _replaced(other.rhs, d, letters)
    return other if new is other.rhs else replace(other, rhs=new)


def _spelled(d: Definition, letters: frozenset[str]) -> list[tuple[Expr, Expr]]:
    """The right side of a definition at each step that has a letter, and the quantity there."""
    shape, symbol, step = d.symbol.shape, d.symbol, d.time
    if step is None or step.letter is None:
        return [(d.rhs, Ref(shape, symbol, step))]
    return [
        (substituted(d.rhs, step.letter, Index(x)), Ref(shape, symbol, Index(x, step.offset))) for x in sorted(letters)
    ]


def _replaced(e: Expr, d: Definition, letters: frozenset[str]) -> Expr:
    for what, quantity in _spelled(d, letters):
        if e == what:
            return quantity
    inside = letters | {e.letter} if isinstance(e, Reduce) and e.timed else letters
    return rebuilt(e, lambda part: _replaced(part, d, inside))
