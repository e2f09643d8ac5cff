"""Powers: of numbers, of vectors entry by entry, of square matrices by products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.scope import difference, to_index
from symrnn.expr import Expr, Index, MatPower, power, show_shape
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator


def raised(elab: Elaborator, value: Expr, sup: t.Tree, span: Span) -> Expr:
    """A value to a power."""
    if not value.scalar and 1 not in value.shape:
        return _of_matrix(elab, value, sup, span)
    if isinstance(sup, t.Fence) and (index := to_index(sup)) is not None:
        raise Problem("SR204", f"'({index})' is neither a step of this nor a power", span)
    return power(value, elab.scalar(sup))


def _of_matrix(elab: Elaborator, value: Expr, sup: t.Tree, span: Span) -> Expr:
    """``W^2``, ``W^{T-t}``."""
    if isinstance(sup, t.Additive) and sup.terms[0][0] == "-":
        raise Problem("SR190", "the inverse of a matrix is not yet understood", span)
    index, less = to_index(sup), Index(None, 0)
    if index is None and (found := difference(sup)) is not None:
        index, less = found
        for letter in found:
            elab.counts(letter, span)
            if letter.letter is not None and not elab.context.fixed(letter.letter):
                elab.scope.mention(letter, span)
    if index is None:
        message = f"'{short(sup)}' above a matrix is neither a whole power nor a transpose (^T, ^\\top)"
        raise Problem("SR306", message, span)
    if not elab.scope.same(*value.shape):
        raise Problem("SR301", f"a {show_shape(value.shape)} matrix is not square, it has no powers", span)
    return MatPower(value.shape, value, index, less)
