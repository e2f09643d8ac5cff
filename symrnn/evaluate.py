"""Typed expressions to matrices of scalar terms, at given sizes, letters and number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from symrnn import smooth
from symrnn.algebra import terms
from symrnn.algebra.terms import Term
from symrnn.expr import (
    MEETS,
    Add,
    Apply,
    Cases,
    Constant,
    Count,
    Delta,
    Diag,
    Dim,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Local,
    MatMul,
    MatPower,
    Number,
    Power,
    Reduce,
    Ref,
    Slice,
    Smooth,
    Softmax,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
    variable,
)
from symrnn.world import Inadmissible, Leaf, Mat, Unsupported, World

__all__ = ["Evaluator", "Inadmissible", "Leaf", "Mat", "Unsupported", "World", "product"]


@dataclass
class Evaluator:
    """Evaluates expressions in a world, with values for the letters.

    ``ring``: the scalars: terms by default, floating-point numbers where a search only wants a hint.
    """

    world: World
    values: dict[str, int]
    ring: Any = terms

    def index(self, index: Index) -> int:
        """The number of an index; sizes and the last step have their own."""
        if index.letter is not None and index.letter not in self.values:
            size = self.world.sizes.get(index.letter)
            if size is None:
                raise Unsupported(
                    f"the letter {index.letter} has no value: name its size under [sizes] in the manifest"
                )
            return size + index.offset
        return index.at(self.values)

    def size(self, dim: Dim) -> int:
        """The number of a size."""
        if isinstance(dim, int):
            return dim
        found = self.world.sizes.get(dim)
        if found is None:
            raise Unsupported(f"the size {dim} has no value: name it under [sizes] in the manifest")
        return found

    def __call__(self, e: Expr) -> Mat:
        """The matrix of terms of an expression."""
        return _CASES[type(e)](self, e)

    @contextmanager
    def bound(self, letter: str) -> Iterator[None]:
        """A letter may change its value, and has its own again."""
        shadowed = self.values.get(letter)
        try:
            yield
        finally:
            self.values.pop(letter, None)
            if shadowed is not None:
                self.values[letter] = shadowed

    def scalar(self, e: Expr) -> Term:
        """The term of a scalar expression."""
        return self(e).rows[0][0]

    def pick(self, m: Mat, row: int, col: int) -> Term:
        """One entry. Raises Inadmissible outside the matrix."""
        rows, cols = m.shape
        if not (1 <= row <= rows and 1 <= col <= cols):
            raise Inadmissible
        return m.rows[row - 1][col - 1]

    def fill(self, m: Mat, shape: tuple[int, int]) -> Mat:
        """A scalar, row or column repeated to a shape."""
        if m.shape == shape:
            return m
        r, c = m.shape
        return Mat(
            tuple(tuple(m.rows[i if r > 1 else 0][j if c > 1 else 0] for j in range(shape[1])) for i in range(shape[0]))
        )


def _one(x: Term) -> Mat:
    return Mat(((x,),))


def _number(ev: Evaluator, e: Number) -> Mat:
    return _one(ev.ring.rational(e.value))


def _count(ev: Evaluator, e: Count) -> Mat:
    return _one(ev.ring.rational(ev.index(e.index)))


def _ref(ev: Evaluator, e: Ref) -> Mat:
    rows, cols = (ev.size(d) for d in e.symbol.shape)
    time = None if e.time is None else ev.index(e.time)
    _admit_copy(ev, e)
    leaves = [[Leaf(e.symbol, i, j, time) for j in range(1, cols + 1)] for i in range(1, rows + 1)]
    return Mat(tuple(tuple(_leaf(ev, x, e) for x in row) for row in leaves))


def _leaf(ev: Evaluator, leaf: Leaf, e: Ref) -> Term:
    try:
        return ev.world.leaf(leaf)
    except Inadmissible as outside:
        outside.letter = e.time.letter if e.time is not None else None
        raise


def _admit_copy(ev: Evaluator, e: Ref) -> None:
    """A parameter is used at the steps of the sequence alone."""
    if e.copy is not None:
        try:
            ev.world.admit(ev.index(e.copy))
        except Inadmissible as outside:
            outside.letter = e.copy.letter
            raise


def _local(ev: Evaluator, e: Local) -> Mat:
    return _one(ev.ring.symbol(e.name))


def _entry(ev: Evaluator, e: Entry) -> Mat:
    row, col = ev.index(e.row), ev.index(e.col)
    if isinstance(e.body, Ref):
        rows, cols = (ev.size(d) for d in e.body.symbol.shape)
        if not (1 <= row <= rows and 1 <= col <= cols):
            raise Inadmissible
        time = None if e.body.time is None else ev.index(e.body.time)
        _admit_copy(ev, e.body)
        return _one(_leaf(ev, Leaf(e.body.symbol, row, col, time), e.body))
    return _one(ev.pick(ev(e.body), row, col))


def _slice(ev: Evaluator, e: Slice) -> Mat:
    m, k = ev(e.body), ev.index(e.index)
    if not 1 <= k <= m.shape[0]:
        raise Inadmissible
    return Mat(tuple((x,) for x in m.rows[k - 1]))


def _table(ev: Evaluator, e: Table) -> Mat:
    return Mat(tuple(tuple(ev.scalar(x) for x in row) for row in e.rows))


def _shape(ev: Evaluator, e: Expr) -> tuple[int, int]:
    return ev.size(e.shape[0]), ev.size(e.shape[1])


def _add(ev: Evaluator, e: Add) -> Mat:
    shape = _shape(ev, e)
    parts = [ev.fill(ev(x), shape) for _, x in e.terms]
    signs = [sign for sign, _ in e.terms]
    add, neg = ev.ring.add, ev.ring.neg
    return Mat(
        tuple(
            tuple(
                add(*(p.rows[i][j] if s > 0 else neg(p.rows[i][j]) for s, p in zip(signs, parts, strict=True)))
                for j in range(shape[1])
            )
            for i in range(shape[0])
        )
    )


def _matmul(ev: Evaluator, e: MatMul) -> Mat:
    return product(ev.ring, ev(e.left), ev(e.right))


def product(ring: Any, a: Mat, b: Mat) -> Mat:
    """The matrix product."""
    add, mul = ring.add, ring.mul
    columns = list(zip(*b.rows, strict=True))
    return Mat(
        tuple(tuple(add(*(mul(x, y) for x, y in zip(row, col, strict=True))) for col in columns) for row in a.rows)
    )


def _pairwise(ev: Evaluator, e: Times | Divide, f: Callable[[Term, Term], Term]) -> Mat:
    shape = _shape(ev, e)
    a, b = ev.fill(ev(e.left), shape), ev.fill(ev(e.right), shape)
    return Mat(tuple(tuple(f(x, y) for x, y in zip(p, q, strict=True)) for p, q in zip(a.rows, b.rows, strict=True)))


def _power(ev: Evaluator, e: Power) -> Mat:
    exponent = ev.scalar(e.exponent)
    return ev(e.base).map(lambda x: ev.ring.raised(x, exponent))


def _matpower(ev: Evaluator, e: MatPower) -> Mat:
    count = ev.index(e.exponent) - ev.index(e.less)
    if count < 0:
        raise Unsupported("the inverse of a matrix")
    base = ev(e.base)
    n = base.shape[0]
    out = Mat(tuple(tuple(ev.ring.rational(int(i == j)) for j in range(n)) for i in range(n)))
    for _ in range(count):
        out = product(ev.ring, out, base)
    return out


def _transpose(ev: Evaluator, e: Transpose) -> Mat:
    return Mat(tuple(zip(*ev(e.body).rows, strict=True)))


def _diag(ev: Evaluator, e: Diag) -> Mat:
    entries = ev(e.body).column()
    zero = ev.ring.rational(0)
    return Mat(tuple(tuple(x if i == j else zero for j in range(len(entries))) for i, x in enumerate(entries)))


def _apply(ev: Evaluator, e: Apply) -> Mat:
    return ev(e.body).map(lambda x: ev.ring.apply(e.function, x))


def _softmax(ev: Evaluator, e: Softmax) -> Mat:
    m = ev(e.body)
    ring = ev.ring
    column = e.shape[1] == 1
    rows = [tuple(m.column())] if column else list(m.rows)
    out = []
    for row in rows:
        exps = [ring.apply("exp", x) for x in row]
        total = ring.power(ring.add(*exps), -1)
        out.append(tuple(ring.mul(x, total) for x in exps))
    return Mat(tuple((x,) for x in out[0])) if column else Mat(tuple(out))


def _total(ev: Evaluator, e: Total) -> Mat:
    return _one(ev.ring.add(*ev(e.body).column()))


def _trace(ev: Evaluator, e: Trace) -> Mat:
    m = ev(e.body)
    return _one(ev.ring.add(*(m.rows[i][i] for i in range(m.shape[0]))))


def _reduce(ev: Evaluator, e: Reduce) -> Mat:
    low, high = ev.index(e.low), ev.index(e.high)
    if high - low > 10_000:
        raise Unsupported("a sum over more than ten thousand terms")
    skip = {ev.index(i) for i in e.without}
    parts = []
    try:
        with ev.bound(e.letter):
            for k in range(low, high + 1):
                if k not in skip:
                    ev.values[e.letter] = k
                    parts.append(ev(e.body))
    except Inadmissible as outside:
        outside.missing = outside.missing or outside.letter == e.letter
        raise
    shape = _shape(ev, e)
    if e.op == "product" and not e.scalar:
        eye = _constant(ev, Constant(e.shape, "eye"))
        return reduce(lambda a, b: product(ev.ring, a, b), reversed(parts) if e.down else parts, eye)
    if e.op == "product":
        return _one(ev.ring.mul(ev.ring.rational(1), *(p.rows[0][0] for p in parts)))
    add, zero = ev.ring.add, ev.ring.rational(0)
    return Mat(
        tuple(tuple(add(zero, *(p.rows[i][j] for p in parts)) for j in range(shape[1])) for i in range(shape[0]))
    )


def _delta(ev: Evaluator, e: Delta) -> Mat:
    return _one(ev.ring.rational(int(ev.index(e.one) == ev.index(e.two))))


def _constant(ev: Evaluator, e: Constant) -> Mat:
    rows, cols = _shape(ev, e)
    eye = e.kind == "eye"
    return Mat(
        tuple(tuple(ev.ring.rational(Fraction(int(not eye or i == j))) for j in range(cols)) for i in range(rows))
    )


def _cases(ev: Evaluator, e: Cases) -> Mat:
    met = [body for body, some in e.branches if all(MEETS[r](ev.index(a), ev.index(b)) for a, r, b in some)]
    if len(met) != 1:
        raise Unsupported("a distinction where " + ("two cases meet" if met else "no case is met"))
    return ev.fill(ev(met[0]), _shape(ev, e))


def _gradient(ev: Evaluator, e: Gradient) -> Mat:
    of = ev(e.of)
    wrt = _variables(ev, e.wrt)
    base = variable(e.wrt)
    copy = ev.index(base.copy) if isinstance(base, Ref) and base.copy is not None else None

    def d(term: Term, v: Leaf | str, copy: int | None) -> Term:
        """The derivative, which has a value only where the term has one."""
        slope = ev.world.direct(term, v) if e.direct else ev.world.derivative(term, v, copy)
        if getattr(term, "total", True):
            return slope
        return ev.ring.add(slope, ev.ring.mul(ev.ring.rational(0), term))  # type: ignore[no-any-return]

    if e.of.scalar:
        return Mat(tuple(tuple(d(of.rows[0][0], v, copy) for v in row) for row in wrt))
    if e.wrt.scalar:
        return of.map(lambda x: d(x, wrt[0][0], copy))
    above, below = of.column(), [v for row in wrt for v in row]
    jacobian = Mat(tuple(tuple(d(x, v, copy) for v in below) for x in above))
    return Mat(tuple(zip(*jacobian.rows, strict=True))) if e.denominator else jacobian


def _variables(ev: Evaluator, e: Expr) -> list[list[Leaf | str]]:
    """The scalars that a derivative is taken by, in the shape of the variable."""
    match e:
        case Local():
            return [[e.name]]
        case Transpose():
            return [list(row) for row in zip(*_variables(ev, e.body), strict=True)]
        case Slice():
            rows, k = _variables(ev, e.body), ev.index(e.index)
            if not 1 <= k <= len(rows):
                raise Inadmissible
            return [[x] for x in rows[k - 1]]
    ref = variable(e)
    assert isinstance(ref, Ref)
    time = None if ref.time is None else ev.index(ref.time)
    height, width = (ev.size(d) for d in ref.symbol.shape)
    if isinstance(e, Entry):
        row, col = ev.index(e.row), ev.index(e.col)
        if not (1 <= row <= height and 1 <= col <= width):
            raise Inadmissible
        _leaf(ev, Leaf(ref.symbol, row, col, time), ref)  # is it in the sequence at all?
        return [[Leaf(ref.symbol, row, col, time)]]
    ev(ref)
    return [[Leaf(ref.symbol, i, j, time) for j in range(1, width + 1)] for i in range(1, height + 1)]


_CASES: dict[type[Expr], Callable[[Evaluator, Any], Mat]] = {
    Number: _number,
    Count: _count,
    Ref: _ref,
    Local: _local,
    Entry: _entry,
    Slice: _slice,
    Table: _table,
    Add: _add,
    MatMul: _matmul,
    Times: lambda ev, e: _pairwise(ev, e, ev.ring.mul),
    Divide: lambda ev, e: _pairwise(ev, e, ev.ring.div),
    Power: _power,
    MatPower: _matpower,
    Transpose: _transpose,
    Diag: _diag,
    Apply: _apply,
    Smooth: lambda ev, e: Mat(smooth.value(ev, e)),
    Softmax: _softmax,
    Total: _total,
    Trace: _trace,
    Reduce: _reduce,
    Delta: _delta,
    Constant: _constant,
    Cases: _cases,
    Gradient: _gradient,
}
