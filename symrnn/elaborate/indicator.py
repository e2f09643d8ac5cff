r"""Indicators and Kronecker deltas: ``\mathbb{1}_{i=j}``, ``\mathbb{1}_{i, y^{(t)}}``, ``\mathbf{1}[i=k]``, ``\delta_{ij}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.names import parts
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Delta, Expr, Ref
from symrnn.latex import tree as t

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator


def indicator(elab: Elaborator, tree: t.Script) -> Expr | None:
    """An indicator written with a subscript, or None when the tree is something else."""
    match tree.base:
        case t.Name("1", "bb" | "bold") | t.Name("I", "bb") if tree.sub is not None:
            condition = tree.sub
        case t.Name("\\delta", "") if tree.sub is not None and not any(elab.context.names.family("\\delta")):
            condition = tree.sub
        case _:
            return None
    return of_condition(elab, condition)


def of_condition(elab: Elaborator, condition: t.Tree) -> Expr | None:
    """1 where two indices agree; an index may be the class that a one-hot vector encodes."""
    match condition:
        case t.Fence(_, body, _):
            return of_condition(elab, body)
        case t.Chain((("", a), ("=", b))):
            sides = (a, b)
        case _:
            found = parts(condition)
            if len(found) != 2:
                return None
            sides = (found[0], found[1])
    indices = [to_index(s) for s in sides]
    if indices[0] is not None and indices[1] is not None:
        for index, side in zip(indices, sides, strict=True):
            assert index is not None
            if not elab.context.fixed(index.letter or ""):
                elab.scope.mention(index, side.span)
        _same_range(elab, *indices)  # type: ignore[arg-type]
        return Delta(SCALAR, indices[0], indices[1])
    for index, other in ((sides[0], sides[1]), (sides[1], sides[0])):
        if to_index(index) is not None:
            match_ = elab.context.names.match(other)
            if match_ is not None and match_.symbol.onehot:
                value = elab.expr(other)
                if isinstance(value, Ref) and not value.scalar:
                    return elab.component(value, (index,), index.span)
    raise Problem("SR190", "this condition is not yet understood", condition.span)


def _same_range(elab: Elaborator, one: object, two: object) -> None:
    """Two letters that are compared run over one range, when one of them is known to run over it."""
    letters = [elab.scope.find(i.letter) for i in (one, two) if getattr(i, "letter", None)]  # type: ignore[attr-defined]
    if len(letters) == 2 and letters[0] and letters[1]:
        a, b = letters
        a.dim = a.dim if a.dim is not None else b.dim
        b.dim = b.dim if b.dim is not None else a.dim
        a.timed = b.timed = a.timed or b.timed
