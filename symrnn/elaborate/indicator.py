r"""Indicators and Kronecker deltas.

``\mathbb{1}_{i=j}``, ``\mathbb{1}_{i, y^{(t)}}``, ``\mathbf{1}[i=k]``, ``\delta_{ij}``. And vectors
of n ones, ``\mathbf{1}_n``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import identity
from symrnn.elaborate.names import parts
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Constant, Delta, Dim, Expr, Index, Ref, Symbol
from symrnn.latex import tree as t
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator


def indicator(elab: Elaborator, tree: t.Script) -> Expr | None:
    """An indicator written with a subscript, or None when the tree is something else, as what is declared so."""
    if _declared(elab, tree):
        return None
    if isinstance(tree.base, t.Name) and (tree.base.text, tree.base.style) == ("1", "bold"):
        if (dim := _size(elab, tree.sub)) is not None:
            ones = Constant((dim, 1), "ones")
            return ones if tree.sup is None else elab.raised(ones, (tree.sup,), tree.span)
    if identity.named(elab, tree.base) and tree.sup is None and (dim := _size(elab, tree.sub)) is not None:
        return identity.sized(dim)
    match tree.base:
        case t.Name("1", "bb" | "bold") | t.Name("I", "bb") if tree.sub is not None:
            condition = tree.sub
        case t.Name("\\delta", "") if tree.sub is not None and all(map(_above, elab.context.names.family("\\delta"))):
            declared = any(elab.context.names.family("\\delta"))
            if declared and (elab.context.names.match(tree) is not None or len(parts(tree.sub)) != 2):
                return None
            condition = tree.sub
        case _:
            return None
    return of_condition(elab, condition)


def _above(symbol: Symbol) -> bool:
    r"""Whether a letter's own scripts stand above it, δ^{(2)}: then ``\delta_{ij}`` is Kronecker's."""
    return symbol.label.startswith("^")


def _declared(elab: Elaborator, tree: t.Script) -> bool:
    """Whether the document has a quantity of this very name: a declared \\mathbf{1} with components, a defined one."""
    match = elab.context.names.match(tree)
    return match is not None and (bool(match.indices) or match.symbol in elab.context.nodes)


def _size(elab: Elaborator, sub: t.Tree | None) -> Dim | None:
    """A size of the document's quantities: below a bold 1 it makes a vector of ones."""
    dim: Dim | None = None
    match sub:
        case t.Name(text, ""):
            dim = text
        case t.Num(text) if text.isdigit():
            dim = int(text)
    known = {d for s in elab.context.names.everything() for d in s.shape} - {1}
    if dim in known and elab.scope.bound(str(dim)):
        raise Problem(
            "SR190", f"'{dim}' is a size, and bound here: is this a vector of ones?", sub.span if sub else None
        )
    return dim if dim in known else None


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
    for component, other in (sides, sides[::-1]):
        if to_index(component) is not None:
            match_ = elab.context.names.match(other)
            if match_ is not None and match_.symbol.onehot:
                value = elab.expr(other)
                if isinstance(value, Ref) and not value.scalar:
                    return elab.component(value, (component,), component.span)
    first, second = (to_index(side) for side in sides)
    if first is not None and second is not None:
        for index, side in ((first, sides[0]), (second, sides[1])):
            elab.counts(index, side.span)
            if not elab.context.fixed(index.letter or ""):
                elab.scope.mention(index, side.span)
        same_range(elab, first, second)
        return Delta(SCALAR, first, second)
    raise Problem("SR190", f"the condition '{short(condition)}' is not yet understood", condition.span)


def same_range(elab: Elaborator, one: Index, two: Index) -> None:
    """Two letters that are compared run over one range, when one of them is known to run over it."""
    a = elab.scope.find(one.letter) if one.letter else None
    b = elab.scope.find(two.letter) if two.letter else None
    if a is not None and b is not None:
        a.dim = a.dim if a.dim is not None else b.dim
        b.dim = b.dim if b.dim is not None else a.dim
        a.timed = b.timed = a.timed or b.timed
