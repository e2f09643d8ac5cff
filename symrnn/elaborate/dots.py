r"""Dots in matrices, filled in: ``(x_1, x_2, \dots, x_n)`` is ``Σ_i x_i e_i``, with e_i the i-th unit vector.

What goes on is read off the first entry, the last of its row and the last of its column: they must agree but for
indices that run from 1 to a size. Any other printed entry that breaks the pattern stands where it stands: the sum is
corrected there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import sums
from symrnn.elaborate.scope import Letter, to_index
from symrnn.expr import Add, Constant, Dim, Expr, Index, MatMul, Shape, Slice, Times, transpose
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

ROW, COLUMN = "ı", "ȷ"  # letters that nobody types
Cells = Sequence[Sequence[t.Tree]]


@dataclass
class _Side:
    """The entries along rows or columns: the places of those printed, from the front and from the back."""

    letter: str
    front: int  # how many are printed before the dots
    back: int  # how many after them; 0 where there are no dots
    last: Index | None = None
    bounds: set[tuple[Index, Index]] = field(default_factory=set)

    @property
    def dotted(self) -> bool:
        return self.back > 0

    def place(self, k: int) -> Index:
        """The index of the k-th entry printed, the dots not counted."""
        if k < self.front or self.last is None:
            return Index(None, k + 1)
        return self.last.shifted(k - self.front - self.back + 1)


def dotted(cells: Cells) -> bool:
    """Whether some entry is dots."""
    return any(isinstance(cell, t.Dots) for row in cells for cell in row)


def filled(elab: Elaborator, cells: Cells, span: Span) -> Expr:
    """A matrix with dots among its entries. Raises Problem where they do not say what goes on."""
    rows = _side(ROW, cells, span)
    columns = _side(COLUMN, list(zip(*cells, strict=True)), span)
    printed = [[_apart(elab, cell) for cell in row if not isinstance(cell, t.Dots)] for row in cells if not _gap(row)]
    if len({len(row) for row in printed}) != 1:
        raise Problem("SR190", "these dots do not fill a whole row or column", span)
    across = [0] if columns.dotted else range(len(printed[0]))
    down = [0] if rows.dotted else range(len(printed))
    patterns = {}
    for r in down:
        for c in across:
            r_last, c_last = len(printed) - 1 if rows.dotted else r, len(printed[0]) - 1 if columns.dotted else c
            corners = (printed[r][c], printed[r][c_last], printed[r_last][c])
            patterns[r, c] = _pattern(corners, rows, columns)
    for side in (rows, columns):
        side.last = _last(elab, side, span)
    shape = tuple(_dim(side, n) for side, n in ((rows, len(printed)), (columns, len(printed[0]))))
    parts = []
    for (r, c), pattern in patterns.items():
        parts.append(_part(elab, pattern, rows, columns, (r, c), (shape[0], shape[1]), span))
    for r, row in enumerate(printed):
        for c, cell in enumerate(row):
            pattern = patterns[0 if rows.dotted else r, 0 if columns.dotted else c]
            i, j = rows.place(r), columns.place(c)
            expected = _at(_at(pattern, ROW, i), COLUMN, j)
            if cell != expected:
                one, other = elab.expr(cell), elab.expr(expected)
                if not elab.same(one.shape, other.shape):
                    raise elab.clash("the entries of a matrix", (one, other), cell.span)
                off = Add(other.shape, ((1, one), (-1, other)))
                parts.append(placed(off, i, j, (shape[0], shape[1]), span))
    return parts[0] if len(parts) == 1 else Add(parts[0].shape, tuple((1, p) for p in parts))


def _gap(line: Sequence[t.Tree]) -> bool:
    """Whether a row or column is dots alone; between them, nothing may stand."""
    return dotted([line]) and all(isinstance(cell, (t.Dots, t.Empty)) for cell in line)


def _side(letter: str, lines: Cells, span: Span) -> _Side:
    """The rows, or the columns: those that are dots alone stand for what lies between the others."""
    dots = [k for k, line in enumerate(lines) if _gap(line)]
    if not dots:
        return _Side(letter, len(lines), 0)
    if len(dots) > 1 or dots[0] in (0, len(lines) - 1):
        raise Problem("SR190", "dots that stand for more than one gap are not yet understood", span)
    return _Side(letter, dots[0], len(lines) - 1 - dots[0])


def _apart(elab: Elaborator, cell: t.Tree) -> t.Tree:
    """``X_{12}`` of a matrix with its indices apart."""
    match cell:
        case t.Script(base, t.Num(text) as sub, sup, primes) if len(text) == 2:
            found = elab.context.names.match(cell)
            if found is not None and len(found.indices) == 2:
                below = t.Product(tuple(("", index) for index in found.indices), span=sub.span)
                return t.Script(base, below, sup, primes, span=cell.span)
    return t.rebuilt(cell, lambda part: _apart(elab, part))


def _pattern(corners: tuple[t.Tree, ...], rows: _Side, columns: _Side) -> t.Tree:
    """What the entries at three corners have in common, with letters where their indices run."""
    first, right, below = corners
    if first == right == below:
        return first
    a, b, c = (to_index(corner) for corner in corners)
    if a is not None and b is not None and c is not None:
        if rows.dotted and a == b:
            rows.bounds.add((a, c))
            return t.Name(ROW, span=first.span)
        if columns.dotted and a == c:
            columns.bounds.add((a, b))
            return t.Name(COLUMN, span=first.span)
    elif len({type(corner) for corner in corners}) == 1:
        fields = {}
        for name in first.__match_args__:
            fields[name] = _common(tuple(getattr(corner, name) for corner in corners), rows, columns, first)
        return type(first)(**fields, span=first.span)
    raise Problem("SR190", f"the dots do not show how '{short(first)}' goes on", first.span)


def _common(values: tuple[object, ...], rows: _Side, columns: _Side, first: t.Tree) -> object:
    if all(isinstance(v, t.Tree) for v in values):
        return _pattern(tuple(v for v in values if isinstance(v, t.Tree)), rows, columns)
    lists = [v for v in values if isinstance(v, tuple)]
    if len(lists) == len(values) and len({len(v) for v in lists}) == 1:
        return tuple(_common(parts, rows, columns, first) for parts in zip(*lists, strict=True))
    if len(set(values)) == 1:
        return values[0]
    raise Problem("SR190", f"the dots do not show how '{short(first)}' goes on", first.span)


def _last(elab: Elaborator, side: _Side, span: Span) -> Index | None:
    """The index at the end of what the dots stand for; the first is 1."""
    if not side.dotted:
        return None
    if len(side.bounds) != 1:
        raise Problem("SR190", "the dots do not show which index goes on", span)
    ((low, high),) = side.bounds
    if low != Index(None, 1) or (high.letter is not None and (high.offset or not elab.context.fixed(high.letter))):
        raise Problem("SR190", f"dots from index {low} to {high} are not yet understood", span)
    if high.letter is None and high.offset <= side.front:
        raise Problem("SR190", f"dots after entry {side.front} that end at entry {high} leave nothing out", span)
    return high


def _dim(side: _Side, printed: int) -> Dim:
    if side.last is None:
        return printed
    return side.last.offset if side.last.letter is None else side.last.letter


def _part(
    elab: Elaborator, pattern: t.Tree, rows: _Side, columns: _Side, at: tuple[int, int], shape: Shape, span: Span
) -> Expr:
    """The sum of a pattern over the letters in it, each value at its place."""
    sides = [(side, k) for side, k in ((rows, at[0]), (columns, at[1]))]
    running = [side for side, _ in sides if side.dotted]
    with elab.scope.binding([side.letter for side in running], span) as frame:
        body = elab.expr(pattern)
    i, j = (Index(side.letter) if side.dotted else Index(None, k + 1) for side, k in sides)
    value = placed(body, i, j, shape, span)
    for side in reversed(running):
        letter: Letter = frame[side.letter]
        if letter.timed:
            raise Problem("SR190", "dots over steps are not yet understood", span)
        limits = t.Big("\\sum", None, None, pattern, span=span)
        value = sums.reduce(elab, "sum", side.letter, Index(None, 1), side.last, (), letter, value, limits)
    return value


def placed(value: Expr, row: Index, col: Index, shape: Shape, span: Span) -> Expr:
    """A number at its place in a matrix of zeros; a row at its place in a column of rows, a column in a row of them."""
    rows, cols = shape
    down = Slice((rows, 1), Constant((rows, rows), "eye"), row) if rows != 1 else None
    along = transpose(Slice((cols, 1), Constant((cols, cols), "eye"), col)) if cols != 1 else None
    if not value.scalar:
        if value.shape[0] == 1 and cols == 1 and down is not None:
            return MatMul((rows, value.shape[1]), down, value)
        if value.shape[1] == 1 and rows == 1 and along is not None:
            return MatMul((value.shape[0], cols), value, along)
        raise Problem("SR190", "a matrix of blocks is not yet understood", span)
    if down is None or along is None:
        unit = down or along
        return value if unit is None else Times(shape, value, unit)
    return Times(shape, value, MatMul(shape, down, along))


def _at(tree: t.Tree, letter: str, index: Index) -> t.Tree:
    """A pattern at one index."""
    if tree == t.Name(letter):
        number = t.Num(str(abs(index.offset)))
        if index.letter is None:
            return number
        name = t.Name(index.letter)
        sign = "+" if index.offset > 0 else "-"
        return name if not index.offset else t.Additive((("", name), (sign, number)))
    return t.rebuilt(tree, lambda part: _at(part, letter, index))
