r"""Distinctions of cases by indices, steps and declared whole numbers.

``\begin{cases} a & i = j \\ b & i \neq j \end{cases}``, ``y = 0``, ``\text{if } t < T``, ``\text{otherwise}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import indicator
from symrnn.elaborate.conditions import RELATIONS
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Cases, Condition, Expr, Index, Number
from symrnn.latex import tree as t
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

_IF = frozenset({"if", "when", "for", "where", "and", "in", "case", "all", "\\land", "\\wedge"})
_ELSE = frozenset({"otherwise", "else"})
_OPPOSITE = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}


def distinction(elab: Elaborator, tree: t.Matrix) -> Expr:
    """The branches of a ``cases`` environment, each with its conditions; exactly one must be met."""
    branches: list[tuple[Expr, tuple[Condition, ...]]] = []
    for row in tree.rows:
        value, *said = (part for cell in row for part in _parts(cell))
        if not said:
            raise Problem("SR190", f"the case '{short(value)}' has no condition", value.span)
        body = elab.expr(value)
        branches.append((body, _conditions(elab, said, [some for _, some in branches])))
    if not branches:
        raise Problem("SR203", "a distinction without cases", tree.span)
    bodies = [body for body, _ in branches]
    shape = next((b.shape for b in bodies if not isinstance(b, Number)), SCALAR)
    for body in bodies:
        if not isinstance(body, Number) and not elab.same(body.shape, shape):
            raise elab.clash("the cases", tuple(bodies), tree.span)
    return Cases(shape, tuple(branches))


def _parts(cell: t.Tree) -> tuple[t.Tree, ...]:
    if isinstance(cell, t.Statements):
        return cell.items
    return () if isinstance(cell, t.Empty) else (cell,)


def _conditions(elab: Elaborator, said: list[t.Tree], before: list[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for part in said:
        if isinstance(part, (t.Prose, t.Word)):
            words = {w.strip(".,;:()") for w in part.text.lower().split()} - {""}
            if words & _ELSE and len(said) == 1 and words <= _ELSE | _IF:
                return _otherwise(before, part)
            if not words <= _IF:
                raise Problem("SR190", f"the condition '{part.text}' is not yet understood", part.span)
        else:
            found += _compared(elab, part)
    if not found:
        raise Problem("SR190", "a case without a condition that is understood", said[0].span)
    return tuple(found)


def _otherwise(before: list[tuple[Condition, ...]], at: t.Tree) -> tuple[Condition, ...]:
    """None of the cases before; each of them must be one comparison."""
    if not before or any(len(some) != 1 for some in before):
        raise Problem("SR190", "this 'otherwise' is not yet understood", at.span)
    return tuple((a, _OPPOSITE[r], b) for ((a, r, b),) in before)


def _compared(elab: Elaborator, tree: t.Tree) -> list[Condition]:
    """A chain of comparisons between indices, steps, declared whole numbers and literal ones."""
    if isinstance(tree, t.Fence) and tree.open == "(":
        return _compared(elab, tree.body)
    if not isinstance(tree, t.Chain) or tree.links[0][0]:
        raise Problem("SR190", f"the condition '{short(tree)}' is not yet understood", tree.span)
    sides = [_index(elab, side) for _, side in tree.links]
    out = []
    for (relation, _), one, two in zip(tree.links[1:], sides, sides[1:], strict=False):
        if relation not in RELATIONS:
            raise Problem("SR190", f"the condition '{short(tree)}' is not yet understood", tree.span)
        indicator.same_range(elab, one, two)
        out.append((one, RELATIONS[relation], two))
    return out


def _index(elab: Elaborator, side: t.Tree) -> Index:
    index = to_index(side)
    if index is None:
        raise Problem("SR190", f"a condition on '{short(side)}' is not yet understood", side.span)
    elab.counts(index, side.span)
    if index.letter is not None and not elab.context.fixed(index.letter):
        elab.scope.mention(index, side.span)
    return index
