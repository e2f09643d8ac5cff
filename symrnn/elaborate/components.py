"""Components, rows and columns: ``v_i``, ``A_{ij}``, ``A_i``, ``A_{i,:}``, ``A_{:,j}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.names import EVERYTHING
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Entry, Expr, Index, Number, Ref, Slice, show_shape, transpose
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

ONE_INDEX = Index(None, 1)


def component(elab: Elaborator, value: Expr, indices: tuple[t.Tree, ...], span: Span) -> Expr:
    """``value`` with one or two component indices; one index of a matrix takes its row, as a column."""
    if len(indices) == 2 and EVERYTHING in indices:
        return whole(elab, value, indices, span)
    found = [to_index(i) for i in indices]
    if any(i is None for i in found):
        raise Problem("SR204", f"'{short(indices[0])}' is no index", span)
    for i in found:
        elab.counts(i, span)
    first, *more = [i for i in found if i is not None]
    rows, cols = value.shape
    if more:
        if len(more) > 1:
            raise Problem("SR204", f"{len(found)} indices on a {show_shape(value.shape)} quantity", span)
        elab.scope.use_axis(first, rows, span)
        elab.scope.use_axis(more[0], cols, span)
        return Entry(SCALAR, value, first, more[0])
    if value.scalar:
        raise Problem("SR204", f"this is a scalar, it has no component {first}", span)
    if cols == 1:
        elab.scope.use_axis(first, rows, span)
        return Entry(SCALAR, value, first, ONE_INDEX)
    if rows == 1:
        elab.scope.use_axis(first, cols, span)
        return Entry(SCALAR, value, ONE_INDEX, first)
    elab.scope.use_axis(first, rows, span)
    return Slice((cols, 1), value, first)


def whole(elab: Elaborator, value: Expr, indices: tuple[t.Tree, ...], span: Span) -> Expr:
    """``A_{i,:}`` is a row, ``A_{:,j}`` a column, each with its shape."""
    k = 1 - indices.index(EVERYTHING)
    index = to_index(indices[k])
    if index is None:
        raise Problem("SR190", f"'{short(indices[k])}' beside a ':' is not yet understood", span)
    elab.counts(index, span)
    elab.scope.use_axis(index, value.shape[k], span)
    if k == 0:
        return transpose(Slice((value.shape[1], 1), value, index))
    return Slice((value.shape[0], 1), transpose(value), index)


def in_hand(elab: Elaborator, tree: t.Additive, values: list[Expr]) -> list[Expr]:
    """Under the reading «component», a shorthand's vector among scalars is the component in hand."""
    if not elab.reading.component or not any(v.scalar and not isinstance(v, Number) for v in values):
        return values
    stands = {k for k, (_, term) in enumerate(tree.terms) if isinstance(t.strip_fence(term), t.Stand)}
    vectors = [k for k in stands if values[k].shape[1] == 1 and values[k].shape[0] != 1]
    if not vectors:
        return values
    out = list(values)
    for k in vectors:
        dim = values[k].shape[0]
        letters = {
            e.row
            for j, v in enumerate(values)
            if j not in stands
            for e in v.walk()
            if isinstance(e, Entry) and isinstance(e.body, Ref) and elab.scope.same(e.body.shape[0], dim)
            if e.row.letter is None or elab.scope.find(e.row.letter)
        }
        if len(letters) != 1:
            continue
        (row,) = letters
        elab.scope.use_axis(row, dim, tree.terms[k][1].span)
        out[k] = Entry(SCALAR, values[k], row, ONE_INDEX)
        stand = t.strip_fence(tree.terms[k][1])
        elab.condition("component", f"{getattr(stand, 'name', 'the shorthand')} read as its component {row}")
    return out
