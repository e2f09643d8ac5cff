"""Typed expressions to index notation, with what they say about sizes.

Every axis of every quantity and every index belongs to a class of equal sizes (``Links``). An axis that a formula
enters by number (``y_1``, an explicit matrix) is fixed at its declared size; all others may have any size, since
the formula says the same at each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from symrnn import expr as e
from symrnn.expr import Dim, Index, Symbol
from symrnn.train.index import (
    ONE,
    ZERO,
    Get,
    Ix,
    Node,
    Num,
    Pick,
    Steps,
    When,
    delta,
    fn,
    free,
    num,
    plus,
    power,
    steady,
    times,
    total,
)


class Slope(NamedTuple):
    """The name of a derivative: of a quantity by a quantity ``lag`` steps before it (None: one has no step).

    ``copy``: by a shared parameter as used at that step.
    """

    of: Symbol
    wrt: Symbol
    copy: bool = False
    lag: int | None = None

    def __str__(self) -> str:
        return f"∂{self.of.name}/∂{self.wrt.name}" + ("@t" if self.copy else "")


Axis = tuple[Symbol, int] | str  # of a quantity, or an index


class NotRunnable(Exception):
    """An expression that has no numeric form here, and why."""


@dataclass
class Links:
    """Equalities between sizes, and the sizes that formulas fix."""

    pairs: list[tuple[Axis, Axis]] = field(default_factory=list)
    sizes: list[tuple[Axis, Dim]] = field(default_factory=list)
    fixed: list[Axis] = field(default_factory=list)

    def extend(self, other: Links) -> None:
        """Take over what another expression says."""
        self.pairs += other.pairs
        self.sizes += other.sizes
        self.fixed += other.fixed


_fresh = count()


def fresh(stem: str = "k") -> str:
    """An index that no one else uses."""
    return f"{stem}{next(_fresh)}"


class Lowering:
    """Lowers the sides of one claim or definition. ``letters``: indices and steps that stand for themselves.

    ``step`` is the letter of the step at hand (None where there is none), ``last`` the letter of the last step,
    ``first`` the number of the first.
    """

    def __init__(
        self, letters: Mapping[str, Ix], step: str | None, last: str, first: int, sizes: Mapping[str, int]
    ) -> None:
        self.letters: dict[str, Ix] = dict(letters)
        self.step = step
        self.last = last
        self.first = first
        self.sizes = sizes
        self.links = Links()
        self.summing = False

    def __call__(self, x: e.Expr, row: Ix = 0, col: Ix = 0) -> Node:
        """Entry (row, col) of an expression. Raises NotRunnable."""
        case = _CASES.get(type(x))
        if case is None:
            raise NotRunnable(f"{type(x).__name__.lower()} has no numeric form")
        return case(self, x, row, col)

    def when(self, index: Index | None) -> When | None:
        """The step that an index names."""
        if index is None:
            return None
        if index.letter is None:
            return When("at", index.offset)
        if index.letter == self.step:
            return When("t", index.offset)
        if index.letter == self.last:
            return When("last", index.offset)
        raise NotRunnable(f"two steps, {self.step} and {index.letter}, in one formula")

    def component(self, index: Index) -> Ix:
        """The index, or the number of a component."""
        if index.letter is None:
            return index.offset - 1
        if index.letter not in self.letters or index.offset:
            raise NotRunnable(f"the index {index} has no numeric form")
        return self.letters[index.letter]

    def enter(self, symbol: Symbol, row: Ix, col: Ix) -> tuple[Ix, ...]:
        """The indices of a quantity's entry; axes of length one need none."""
        out = []
        for axis, (ix, dim) in enumerate(zip((row, col), symbol.shape, strict=True)):
            if dim == 1:
                continue
            out.append(ix)
            if isinstance(ix, str):
                self.links.pairs.append((ix, (symbol, axis)))
            else:
                self.links.fixed.append((symbol, axis))
        return tuple(out)

    def bound(self, size: Dim, body: Callable[[str], Node]) -> Node:
        """Σ over a fresh index of that size."""
        ix = fresh()
        self.links.sizes.append((ix, size))
        return steady(ix, body(ix))


def _fit(ix: Ix, dim: Dim) -> Ix:
    """A scalar, row or column is repeated: its axes of length one have the one component 0."""
    return 0 if dim == 1 else ix


def _inner(lower: Lowering, x: e.Expr, row: Ix, col: Ix) -> Node:
    return lower(x, _fit(row, x.shape[0]), _fit(col, x.shape[1]))


def _count(lower: Lowering, x: e.Count, row: Ix, col: Ix) -> Node:
    if x.index.letter is None:
        return num(x.index.offset)
    if x.index.letter in lower.sizes and x.index.letter != lower.last:
        ix = fresh()
        lower.links.sizes.append((ix, x.index.letter))
        return plus(total(ix, ONE), num(x.index.offset))
    raise NotRunnable("a step used as a number")


def _ref(lower: Lowering, x: e.Ref, row: Ix, col: Ix) -> Node:
    return Get(x.symbol, lower.enter(x.symbol, row, col), lower.when(x.time))


def _entry(lower: Lowering, x: e.Entry, row: Ix, col: Ix) -> Node:
    return lower(
        x.body, *(lower.component(i) if d != 1 else 0 for i, d in zip((x.row, x.col), x.body.shape, strict=True))
    )


def _slice(lower: Lowering, x: e.Slice, row: Ix, col: Ix) -> Node:
    return lower(x.body, lower.component(x.index), row if x.shape[1] == 1 else col)


def _table(lower: Lowering, x: e.Table, row: Ix, col: Ix) -> Node:
    for ix, size in ((row, len(x.rows)), (col, len(x.rows[0]))):
        if isinstance(ix, str):
            lower.links.fixed.append(ix)
            lower.links.sizes.append((ix, size))
    rows = x.rows if isinstance(row, str) else (x.rows[row],)
    made = []
    for line in rows:
        cells = tuple(lower(c) for c in line) if isinstance(col, str) else (lower(line[col]),)
        made.append(Pick(col, cells) if isinstance(col, str) else cells[0])
    return Pick(row, tuple(made)) if isinstance(row, str) else made[0]


def _add(lower: Lowering, x: e.Add, row: Ix, col: Ix) -> Node:
    return plus(*(times(num(sign), _inner(lower, term, row, col)) for sign, term in x.terms))


def _matmul(lower: Lowering, x: e.MatMul, row: Ix, col: Ix) -> Node:
    size = x.left.shape[1]
    if size == 1 and x.right.shape[0] == 1:
        return times(lower(x.left, row, 0), lower(x.right, 0, col))
    return lower.bound(size, lambda k: times(lower(x.left, row, k), lower(x.right, k, col)))


def _times(lower: Lowering, x: e.Times, row: Ix, col: Ix) -> Node:
    return times(_inner(lower, x.left, row, col), _inner(lower, x.right, row, col))


def _divide(lower: Lowering, x: e.Divide, row: Ix, col: Ix) -> Node:
    return times(_inner(lower, x.left, row, col), power(_inner(lower, x.right, row, col), num(-1).value))


def _power(lower: Lowering, x: e.Power, row: Ix, col: Ix) -> Node:
    exponent = lower(x.exponent)
    base = _inner(lower, x.base, row, col)
    if isinstance(exponent, Num):
        return power(base, exponent.value)
    return fn("exp", times(exponent, fn("ln", base)))


def _transpose(lower: Lowering, x: e.Transpose, row: Ix, col: Ix) -> Node:
    return lower(x.body, col, row)


def _diag(lower: Lowering, x: e.Diag, row: Ix, col: Ix) -> Node:
    value = lower(x.body, row, 0) if x.body.shape[1] == 1 else lower(x.body, 0, row)
    for one in (row, col):
        if isinstance(one, str) and isinstance(row, str):
            lower.links.pairs.append((one, row))
    return times(delta(row, col), value)


def _apply(lower: Lowering, x: e.Apply, row: Ix, col: Ix) -> Node:
    return fn(x.function, lower(x.body, row, col))


def _softmax(lower: Lowering, x: e.Softmax, row: Ix, col: Ix) -> Node:
    column = x.shape[1] == 1
    top = fn("exp", lower(x.body, row, col))
    size = x.shape[0] if column else x.shape[1]
    under = lower.bound(size, lambda k: fn("exp", lower(x.body, k, col) if column else lower(x.body, row, k)))
    return times(top, power(under, num(-1).value))


def _all(lower: Lowering, x: e.Total, row: Ix, col: Ix) -> Node:
    rows, cols = x.body.shape

    def line(i: Ix) -> Node:
        return lower(x.body, i, 0) if cols == 1 else lower.bound(cols, lambda j: lower(x.body, i, j))

    return line(0) if rows == 1 else lower.bound(rows, line)


def _trace(lower: Lowering, x: e.Trace, row: Ix, col: Ix) -> Node:
    return lower.bound(x.body.shape[0], lambda k: lower(x.body, k, k))


def _reduce(lower: Lowering, x: e.Reduce, row: Ix, col: Ix) -> Node:
    if x.op != "sum" or x.without:
        raise NotRunnable("a product, or a sum that leaves out a term, has no numeric form")
    if x.timed:
        return _steps(lower, x, row, col)
    if x.low != Index(None, 1):
        raise NotRunnable("a sum that does not begin at the first component")
    if x.high.letter is None:
        size: Dim = x.high.offset
    elif x.high.offset == 0:
        size = x.high.letter
    else:
        raise NotRunnable("a sum that does not end at the last component")
    outer = lower.letters.get(x.letter)
    ix = lower.letters[x.letter] = fresh()
    assert isinstance(ix, str)
    lower.links.sizes.append((ix, size))
    try:
        return steady(ix, lower(x.body, row, col))
    finally:
        lower.letters.pop(x.letter)
        if outer is not None:
            lower.letters[x.letter] = outer


def _steps(lower: Lowering, x: e.Reduce, row: Ix, col: Ix) -> Node:
    if lower.step is not None or lower.summing:
        raise NotRunnable("a sum over steps at a step, or inside another")
    if x.low.letter is not None or x.high.letter != lower.last or x.high.offset > 0 or x.low.offset < lower.first:
        raise NotRunnable("a sum over steps that does not run from a fixed step to the last")
    lower.step, lower.summing = x.letter, True
    try:
        body = lower(x.body, row, col)
    finally:
        lower.step, lower.summing = None, False
    if not isinstance(body, Num):
        return Steps(x.low.offset - lower.first, -x.high.offset, body)
    raise NotRunnable("a sum over steps of a number")


def _delta(lower: Lowering, x: e.Delta, row: Ix, col: Ix) -> Node:
    one, two = lower.component(x.one), lower.component(x.two)
    if isinstance(one, str) and isinstance(two, str):
        lower.links.pairs.append((one, two))
    else:
        lower.links.fixed += [i for i in (one, two) if isinstance(i, str)]
    return delta(one, two)


def _constant(lower: Lowering, x: e.Constant, row: Ix, col: Ix) -> Node:
    if x.kind == "eye" and isinstance(row, str) and isinstance(col, str):
        lower.links.pairs.append((row, col))
    return delta(row, col) if x.kind == "eye" else ONE


def _gradient(lower: Lowering, x: e.Gradient, row: Ix, col: Ix) -> Node:
    """A derivative is looked up by name; its entries are those of what is derived, then of the variable."""
    of, of_ix = _named(
        lower, x.of, None if x.of.scalar else (row, col), vector=not x.wrt.scalar, first=not x.denominator
    )
    wrt, wrt_ix = _named(
        lower, x.wrt, None if x.wrt.scalar else (row, col), vector=not x.of.scalar, first=x.denominator
    )
    above = lower.when(of.time)
    below = lower.when(wrt.copy if wrt.copy is not None else wrt.time)
    lag = None
    if above is not None and below is not None:
        if above.base != below.base:
            raise NotRunnable("a derivative between two unrelated steps")
        lag = above.shift - below.shift
    if of.symbol is wrt.symbol and lag in (0, None) and wrt.copy is None:
        return times(*(delta(a, b) for a, b in zip(of_ix, wrt_ix, strict=True)))
    key = Slope(of.symbol, wrt.symbol, wrt.copy is not None, lag)
    return Get(key, of_ix + wrt_ix, below or above)


def _named(
    lower: Lowering, x: e.Expr, at: tuple[Ix, Ix] | None, vector: bool, first: bool
) -> tuple[e.Ref, tuple[Ix, ...]]:
    """The quantity on one side of a derivative and its indices.

    ``at``: the entry of the whole derivative; of a Jacobian (``vector``) its row or its column is ours.
    """
    ref = x.body if isinstance(x, e.Entry) else x
    if not isinstance(ref, e.Ref):
        raise NotRunnable("a derivative of or by an expression")
    if isinstance(x, e.Entry):
        pairs = zip((x.row, x.col), ref.shape, strict=True)
        row, col = (lower.component(i) if d != 1 else 0 for i, d in pairs)
        return ref, lower.enter(ref.symbol, row, col)
    if at is None:
        return ref, ()
    if not vector:
        return ref, lower.enter(ref.symbol, *at)
    ix = at[0] if first else at[1]
    rows = ref.shape[1] == 1
    return ref, lower.enter(ref.symbol, ix if rows else 0, 0 if rows else ix)


_CASES: dict[type[e.Expr], Callable[[Lowering, Any, Ix, Ix], Node]] = {
    e.Number: lambda lower, x, row, col: Num(x.value),
    e.Count: _count,
    e.Ref: _ref,
    e.Entry: _entry,
    e.Slice: _slice,
    e.Table: _table,
    e.Add: _add,
    e.MatMul: _matmul,
    e.Times: _times,
    e.Divide: _divide,
    e.Power: _power,
    e.Transpose: _transpose,
    e.Diag: _diag,
    e.Apply: _apply,
    e.Softmax: _softmax,
    e.Total: _all,
    e.Trace: _trace,
    e.Reduce: _reduce,
    e.Delta: _delta,
    e.Constant: _constant,
    e.Gradient: _gradient,
}

__all__ = ["ZERO", "Axis", "Links", "Lowering", "NotRunnable", "Slope", "free", "fresh"]
