"""Components of matrix expressions: (Wᵀ g)_i = Σ_j w_ji g_j, with letters, or with numbers at the declared sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import chain as joined
from typing import Any

from symrnn.expr import (
    SCALAR,
    Add,
    Apply,
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
    MatMul,
    Number,
    Power,
    Reduce,
    Ref,
    Slice,
    Softmax,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
    number,
)
from symrnn.general.form import Abstain

ONE = Index(None, 1)


class Entries:
    """Components of expressions; a sum inside of ``n`` others is over the n-th of ``letters``."""

    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = letters
        self.depth = 0

    def __call__(self, e: Expr, i: Index, j: Index) -> Expr:
        """The component (i, j) as a scalar expression without matrices."""
        if e.scalar and type(e) in (Ref, Entry, Count, Delta, Number, Gradient):
            return e
        case = _CASES.get(type(e))
        if case is None:
            raise Abstain(f"the components of {type(e).__name__}")
        return case(self, e, i, j)

    def part(self, e: Expr, i: Index, j: Index) -> Expr:
        """The component of an operand that may be a scalar, row or column."""
        return self(e, ONE if e.shape[0] == 1 else i, ONE if e.shape[1] == 1 else j)

    def summed(self, dim: Dim, body: Callable[[Index], Expr]) -> Expr:
        """Σ over an axis; nothing to sum over where it has one component."""
        if dim == 1:
            return body(ONE)
        letter = self.letters[self.depth]
        high = Index(None, dim) if isinstance(dim, int) else Index(dim)
        self.depth += 1
        try:
            return Reduce(SCALAR, "sum", letter, ONE, high, body(Index(letter)))
        finally:
            self.depth -= 1


def _matmul(en: Entries, e: MatMul, i: Index, j: Index) -> Expr:
    if isinstance(e.left, Diag):
        return product(en.part(e.left.body, i, i), en(e.right, i, j))
    if isinstance(e.left, MatMul) and isinstance(e.left.right, Diag):  # (A diag v) B is A (diag v B)
        inner = MatMul((e.left.right.shape[0], e.right.shape[1]), e.left.right, e.right)
        return en(MatMul(e.shape, e.left.left, inner), i, j)
    if isinstance(e.right, Diag):
        return product(en(e.left, i, j), en.part(e.right.body, j, j))
    return en.summed(e.left.shape[1], lambda k: product(en(e.left, i, k), en(e.right, k, j)))


def product(a: Expr, b: Expr) -> Expr:
    """a·b of scalars; a sum stands last where it can."""
    if number(1) in (a, b):
        return b if a == number(1) else a
    if isinstance(a, Reduce) and not isinstance(b, Reduce):
        a, b = b, a
    return Times(SCALAR, a, b)


def _reduce(en: Entries, e: Reduce, i: Index, j: Index) -> Expr:
    return replace(e, shape=SCALAR, body=en(e.body, i, j))


def _gradient(en: Entries, e: Gradient, i: Index, j: Index) -> Expr:
    if not e.of.scalar or not isinstance(e.wrt, Ref):
        raise Abstain("the components of a Jacobian")
    wrt: Expr = e.wrt if e.wrt.scalar else Entry(SCALAR, e.wrt, i, j)
    return Gradient(SCALAR, e.of, wrt)


def _softmax(en: Entries, e: Softmax, i: Index, j: Index) -> Expr:
    def exp(k: Index, m: Index) -> Expr:
        return Apply(SCALAR, "exp", en(e.body, k, m))

    if e.shape[1] == 1:
        return Divide(SCALAR, exp(i, j), en.summed(e.shape[0], lambda k: exp(k, j)))
    return Divide(SCALAR, exp(i, j), en.summed(e.shape[1], lambda k: exp(i, k)))


def _constant(en: Entries, e: Constant, i: Index, j: Index) -> Expr:
    return Delta(SCALAR, i, j) if e.kind == "eye" else number(1)


def _table(en: Entries, e: Table, i: Index, j: Index) -> Expr:
    if i.letter is not None or j.letter is not None:
        raise Abstain("a letter on an explicit matrix")
    return e.rows[i.offset - 1][j.offset - 1]


_CASES: dict[type[Expr], Callable[[Entries, Any, Index, Index], Expr]] = {
    Number: lambda en, e, i, j: e,
    Ref: lambda en, e, i, j: Entry(SCALAR, e, i, j),
    Slice: lambda en, e, i, j: en(e.body, e.index, i),
    Table: _table,
    Add: lambda en, e, i, j: Add(SCALAR, tuple((s, en.part(x, i, j)) for s, x in e.terms)),
    MatMul: _matmul,
    Times: lambda en, e, i, j: product(en.part(e.left, i, j), en.part(e.right, i, j)),
    Divide: lambda en, e, i, j: Divide(SCALAR, en.part(e.left, i, j), en.part(e.right, i, j)),
    Power: lambda en, e, i, j: Power(SCALAR, en(e.base, i, j), e.exponent),
    Transpose: lambda en, e, i, j: en(e.body, j, i),
    Diag: lambda en, e, i, j: product(Delta(SCALAR, i, j), en.part(e.body, i, i)),
    Apply: lambda en, e, i, j: Apply(SCALAR, e.function, en(e.body, i, j)),
    Softmax: _softmax,
    Total: lambda en, e, i, j: en.summed(
        e.body.shape[0], lambda k: en.summed(e.body.shape[1], lambda m: en(e.body, k, m))
    ),
    Trace: lambda en, e, i, j: en.summed(e.body.shape[0], lambda k: en(e.body, k, k)),
    Reduce: _reduce,
    Constant: _constant,
    Gradient: _gradient,
}


def renamed(e: Expr, to: dict[str, Index]) -> Expr:
    """The expression with letters of indices and steps replaced."""

    def new(value: Any) -> Any:
        if isinstance(value, Index):
            found = to.get(value.letter) if value.letter is not None else None
            return value if found is None else found.shifted(value.offset)
        if isinstance(value, Expr):
            return renamed(value, to)
        if isinstance(value, tuple):
            return tuple(map(new, value))
        return value

    if isinstance(e, Reduce) and e.letter in to:
        to = {a: b for a, b in to.items() if a != e.letter}
    return replace(e, **{f.name: new(getattr(e, f.name)) for f in fields(e) if f.name not in ("shape", "symbol")})


def mapped(e: Expr, to: Callable[[Expr], Expr]) -> Expr:
    """The expression with its direct parts replaced."""

    def new(x: Any) -> Any:
        if isinstance(x, Expr):
            return to(x)
        return tuple(map(new, x)) if isinstance(x, tuple) else x

    return replace(e, **{f.name: new(getattr(e, f.name)) for f in fields(e) if f.name not in ("shape", "symbol")})


def written_out(e: Expr, most: int, value: Callable[[Index], int | None]) -> Expr:
    """Sums over at most ``most`` terms spelled out; ``value`` gives the numbers of limits that have one."""
    e = mapped(e, lambda x: written_out(x, most, value))
    if not isinstance(e, Reduce) or e.op != "sum" or e.without:
        return e
    low, high = value(e.low), value(e.high)
    if low is None or high is None or high - low + 1 > most:
        return e
    terms = [renamed(e.body, {e.letter: Index(None, k)}) for k in range(low, high + 1)]
    flat = joined.from_iterable(x.terms if isinstance(x, Add) else ((1, x),) for x in terms)
    return Add(e.shape, tuple(flat))


def substituted(e: Expr, to: Mapping[Expr, Expr]) -> Expr:
    """The expression with parts replaced by others of the same shape."""
    if not to:
        return e
    found = to.get(e)
    if found is not None:
        return found
    return mapped(e, lambda x: substituted(x, to))
