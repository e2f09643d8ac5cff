"""The identity matrix that no declaration gives: ``I`` in a sum with a square matrix, and ``I_n``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.expr import Constant, Dim, Expr
from symrnn.latex import tree as t

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

_JOINED = ("", "\\cdot")


def terms(elab: Elaborator, tree: t.Additive) -> list[Expr]:
    """The values of a sum's terms; an ``I`` among them, or a multiple, is as large as the square matrices beside it."""
    scales = [_scale(elab, term) for _, term in tree.terms]
    found = {k: elab.expr(term) for k, (_, term) in enumerate(tree.terms) if scales[k] is None}
    sizes = {v.shape[0] for v in found.values() if not v.scalar and elab.same(v.shape, v.shape[::-1])}
    for k, (_, term) in enumerate(tree.terms):
        scale = scales[k]
        if scale is not None:
            found[k] = _times(elab, scale, min(sizes, key=str), term) if len(sizes) == 1 else elab.expr(term)
    return [found[k] for k in range(len(tree.terms))]


def named(elab: Elaborator, tree: t.Tree) -> bool:
    """Whether this is an ``I`` that is nothing declared."""
    match tree:
        case t.Name("I", "" | "bold" | "rm") | t.Word("I"):
            return not any(elab.context.names.family("I")) and "I" not in elab.locals and not elab.scope.find("I")
        case _:
            return False


def sized(dim: Dim) -> Expr:
    """``I_n``."""
    return Constant((dim, dim), "eye")


def _scale(elab: Elaborator, term: t.Tree) -> tuple[t.Tree, ...] | None:
    """What stands before an ``I``, None where there is none."""
    if named(elab, term):
        return ()
    if isinstance(term, t.Product) and all(op in _JOINED for op, _ in term.factors):
        *before, (_, last) = term.factors
        if named(elab, last):
            return tuple(factor for _, factor in before)
    return None


def _times(elab: Elaborator, scale: tuple[t.Tree, ...], dim: Dim, term: t.Tree) -> Expr:
    eye = sized(dim)
    if not scale:
        return eye
    factor = elab.expr(scale[0] if len(scale) == 1 else t.Product(tuple(("", x) for x in scale), span=term.span))
    return elab.times("", factor, eye, (factor, eye), term)
