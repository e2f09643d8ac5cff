"""Brackets: grouping, rows of entries, inner products and norms; explicit matrices."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import cases, dots
from symrnn.expr import SCALAR, Add, Expr, Index, Table, Total, number, power
from symrnn.latex import tree as t
from symrnn.latex.printer import latex, short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

NOT_YET = "SR190"


def fence(elab: Elaborator, tree: t.Fence) -> Expr:
    """Brackets: grouping, a row of entries, a norm."""
    if tree.open == "." or tree.close == ".":
        raise Problem(NOT_YET, "a bracket that is open on one side is not yet understood", tree.span)
    if isinstance(tree.body, t.Listing):
        if tree.open in ("(", "[") and set(tree.body.seps) <= {",", "\\quad"}:
            if dots.dotted([tree.body.items]):
                return dots.filled(elab, [tree.body.items], tree.span)
            cells = tuple(elab.scalar(i) for i in tree.body.items)
            return Table((1, len(cells)), (cells,))
        if tree.open == "\\langle" and tree.body.seps == (",",):
            left, right = (elab.expr(i) for i in tree.body.items)
            return elab.inner(left, right, tree.span)
        raise Problem(NOT_YET, f"'{short(tree)}' is not yet understood as a value", tree.span)
    if tree.open == "\\|":
        return norm(elab, tree, None)
    if tree.open in ("(", "[") or tree.open == "\\{":
        return elab.expr(tree.body)
    raise Problem(NOT_YET, f"'{short(tree)}' is not yet understood as a value", tree.span)


def norm(elab: Elaborator, tree: t.Fence, mark: t.Tree | None) -> Expr:
    """``‖v‖``, ``‖v‖_2``, ``‖A‖_F``: the root of the sum of squares. Of a matrix, the mark must say so."""
    value = elab.expr(tree.body)
    kind = latex(mark) if mark is not None else ""
    every = 1 in value.shape or elab.context.manifest.norm == "frobenius"
    if kind not in (("", "2", "F") if every else ("F",)):
        raise Problem(NOT_YET, f"which norm is '{short(tree)}'? Of a matrix, \\|·\\|_F is understood", tree.span)
    return power(Total(SCALAR, power(value, number(2))), number(Fraction(1, 2)))


def matrix(elab: Elaborator, tree: t.Matrix) -> Expr:
    """An explicit matrix; every row has as many entries, each a scalar."""
    if tree.env == "cases":
        return cases.distinction(elab, tree)
    if tree.env in ("vmatrix", "Vmatrix"):
        raise Problem(NOT_YET, "a determinant is not yet understood", tree.span)
    if not tree.rows:
        raise Problem("SR203", "an empty matrix", tree.span)
    if len({len(r) for r in tree.rows}) > 1:
        counts = ", ".join(str(len(r)) for r in tree.rows)
        raise Problem("SR303", f"the rows of this matrix have {counts} entries", tree.span)
    if dots.dotted(tree.rows):
        return dots.filled(elab, tree.rows, tree.span)
    rows = tuple(tuple(elab.expr(cell) for cell in row) for row in tree.rows)
    if all(cell.scalar for row in rows for cell in row):
        return Table((len(rows), len(rows[0])), rows)
    return stacked(elab, rows, tree)


def stacked(elab: Elaborator, rows: tuple[tuple[Expr, ...], ...], tree: t.Matrix) -> Expr:
    """A column of rows, or a row of columns, of one shape."""
    shape = (len(rows), len(rows[0]))
    cells = [cell for row in rows for cell in row]
    if 1 not in shape or not all(elab.same(cell.shape, cells[0].shape) for cell in cells):
        raise Problem(NOT_YET, "a matrix of blocks is not yet understood", tree.span)
    one = Index(None, 1)
    places = [(Index(None, k), one) if shape[1] == 1 else (one, Index(None, k)) for k in range(1, len(cells) + 1)]
    parts = [dots.placed(c, i, j, shape, tree.span) for c, (i, j) in zip(cells, places, strict=True)]
    return parts[0] if len(parts) == 1 else Add(parts[0].shape, tuple((1, p) for p in parts))
