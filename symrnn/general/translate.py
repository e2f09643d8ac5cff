"""Typed expressions to forms: the component (i, j) of a matrix in index notation, sizes staying letters.

``(A B)[i,j] = Σ_k A[i,k]·B[k,j]``, ``diag(v)[i,j] = δ_ij v[i]``, ``softmax(v)[i] = exp(v_i)/Σ_k exp(v_k)``; sums
over the whole of an axis are bound letters, sums over steps carry their limits. Nothing is opened: quantities stay the
atoms that are printed. A derivative is handed to ``derive`` (see ``differentiate``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symrnn.expr import (
    Add,
    Apply,
    Constant,
    Count,
    Delta,
    Diag,
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
    Softmax,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
)
from symrnn.general.axes import ONE, STEP, Shapes
from symrnn.general.form import Abstain, Comp, Fn, Form, Tally, Var
from symrnn.general.ring import Ring
from symrnn.general.times import at_least, equal

FIRST = Index(None, 1)
Derive = Callable[[Form, "Comp | str", "Index | None"], Form]


def no_derivative(of: Form, wrt: Comp | str, copy: Index | None) -> Form:
    """Definitions may not hold derivatives."""
    raise Abstain("a definition by a derivative")


class Translator:
    """Components of expressions as forms of a ring; ``scope``: the axes of the free letters (steps on ``STEP``)."""

    def __init__(self, ring: Ring, shapes: Shapes, scope: dict[str, str], derive: Derive = no_derivative) -> None:
        self.ring = ring
        self.shapes = shapes
        self.scope = scope
        self.derive = derive
        self.memo: dict[tuple[int, Index, Index], Form] = {}

    def axes(self, e: Expr) -> tuple[str, str]:
        """The axes of an expression."""
        return self.shapes.of(e, self.scope)

    def __call__(self, e: Expr, i: Index = FIRST, j: Index = FIRST) -> Form:
        """The component (i, j), counted from 1."""
        key = (id(e), i, j)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = _CASES[type(e)](self, e, i, j)
        return found

    def entry(self, e: Expr, i: Index, j: Index) -> Form:
        """The component of an expression that may be a scalar, row or column to be repeated."""
        rows, cols = self.axes(e)
        return self(e, FIRST if rows == ONE else i, FIRST if cols == ONE else j)

    def summed(self, axis: str, body: Callable[[Index], Form]) -> Form:
        """The sum of ``body`` along an axis."""
        axis = self.shapes.find(axis)
        if axis == ONE:
            return body(FIRST)
        if axis in self.ring.pins:
            return self.ring.add(*(body(Index(None, k)) for k in range(1, self.ring.pins[axis] + 1)))
        letter = self.ring.fresh()
        return self.ring.bind(body(Index(letter)), letter, axis)

    def component(self, e: Ref, i: Index, j: Index) -> Comp:
        """A declared quantity's component."""
        return Comp(e.symbol, i, j, e.time)


def _count(tr: Translator, e: Count, i: Index, j: Index) -> Form:
    letter = e.index.letter
    if letter is not None and letter not in tr.scope and letter in tr.shapes.up:
        return tr.ring.add(tr.ring.size(tr.shapes.find(letter)), tr.ring.constant(e.index.offset))
    if letter is not None and letter not in tr.scope and letter in tr.shapes.sizes:
        raise Abstain(f"the size {letter}, which is no axis")
    return tr.ring.tally(e.index)


def _table(tr: Translator, e: Table, i: Index, j: Index) -> Form:
    if i.letter is None and j.letter is None:
        return tr(e.rows[i.offset - 1][j.offset - 1])
    parts = []
    for r, row in enumerate(e.rows, 1):
        for c, cell in enumerate(row, 1):
            here = tr.ring.mul(tr.ring.delta(i, Index(None, r)), tr.ring.delta(j, Index(None, c)))
            parts.append(tr.ring.mul(here, tr(cell)))
    return tr.ring.add(*parts)


def _power(tr: Translator, e: Power, i: Index, j: Index) -> Form:
    base, exponent = tr(e.base, i, j), tr(e.exponent)
    q = exponent.number
    if q is None:
        if any(isinstance(a, Tally) for m, _ in exponent.terms for a, _ in m.atoms):
            raise Abstain("a power that depends on a letter")
        return tr.ring.fn("exp", tr.ring.mul(exponent, tr.ring.fn("ln", base)))
    if q.denominator == 1:
        return tr.ring.power(base, q.numerator)
    if q.denominator == 2:
        return tr.ring.power(tr.ring.fn("sqrt", base), q.numerator)
    raise Abstain("a root other than the square root")


def _matpower(tr: Translator, e: MatPower, i: Index, j: Index) -> Form:
    n = e.exponent
    if n.letter is not None or e.less != Index(None, 0) or not 0 <= n.offset <= 6:
        raise Abstain("a power of a matrix that is no small number")
    if n.offset == 0:
        return tr.ring.delta(i, j)
    if n.offset == 1:
        return tr(e.base, i, j)
    less = MatPower(e.shape, e.base, n.shifted(-1))
    tr.shapes.memo[id(less)] = tr.axes(e)
    tr.shapes.kept.append(less)
    axis = tr.axes(e)[0]
    return tr.summed(axis, lambda k: tr.ring.mul(_matpower(tr, less, i, k), tr(e.base, k, j)))


def _diag(tr: Translator, e: Diag, i: Index, j: Index) -> Form:
    column = e.body.shape[1] == 1
    return tr.ring.mul(tr.ring.delta(i, j), tr(e.body, i, FIRST) if column else tr(e.body, FIRST, i))


def _softmax(tr: Translator, e: Softmax, i: Index, j: Index) -> Form:
    rows, cols = tr.axes(e)
    exp = tr.ring.fn
    if e.shape[1] == 1:
        total = tr.summed(rows, lambda k: exp("exp", tr(e.body, k, j)))
    else:
        total = tr.summed(cols, lambda k: exp("exp", tr(e.body, i, k)))
    return tr.ring.mul(exp("exp", tr(e.body, i, j)), tr.ring.inverse(total))


def _total(tr: Translator, e: Total, i: Index, j: Index) -> Form:
    rows, cols = tr.axes(e.body)
    return tr.summed(rows, lambda k: tr.summed(cols, lambda m: tr(e.body, k, m)))


def _reduce(tr: Translator, e: Reduce, i: Index, j: Index) -> Form:
    """The bound letter gets a name of its own: the component asked for, and the limits, may use the printed one."""
    outer = tr.scope.get(e.letter)
    tr.scope[e.letter] = STEP if e.timed else tr.shapes.find(tr.shapes.bound[id(e)])
    row, col = (Index(tr.ring.fresh()) if x.letter == e.letter else x for x in (i, j))
    letter = tr.ring.fresh()
    try:
        body = tr.ring.rename(tr(e.body, row, col), {e.letter: Index(letter)})
    finally:
        if outer is None:
            del tr.scope[e.letter]
        else:
            tr.scope[e.letter] = outer
    body = tr.ring.rename(body, {str(x.letter): y for x, y in ((row, i), (col, j)) if x is not y})
    if e.op == "product":
        return tr.ring.fn("exp", _reduced(tr, e, letter, _logarithm(tr, body)))
    return _reduced(tr, e, letter, body)


def _reduced(tr: Translator, e: Reduce, letter: str, body: Form) -> Form:
    ring = tr.ring
    if len(e.without) > 1:
        raise Abstain("a sum that leaves out several values")
    if e.timed:
        whole = ring.bind_step(body, letter, e.low, e.high)
        for left_out in e.without:
            inside = ring.where([at_least(left_out, e.low), at_least(e.high, left_out)])
            whole = ring.sub(whole, ring.mul(inside, ring.rename(body, {letter: left_out})))
        return whole
    axis = tr.shapes.find(tr.shapes.bound[id(e)])
    if tr.shapes.whole(e):
        whole = ring.bind(body, letter, axis)
    elif e.low.letter is None and e.high.letter is None and not e.without:
        numbers = range(e.low.offset, e.high.offset + 1)
        whole = ring.add(*(ring.rename(body, {letter: Index(None, k)}) for k in numbers))
    else:
        raise Abstain("a sum over a part of an axis")
    for left_out in e.without:
        whole = ring.sub(whole, ring.rename(body, {letter: left_out}))
    return whole


def _logarithm(tr: Translator, body: Form) -> Form:
    """ln of a product of exps, which is defined and exact; other products are not understood."""
    parts = []
    if len(body.terms) != 1 or body.terms[0][1] != 1:
        raise Abstain("a product of anything but exponentials")
    ((mono, _),) = body.terms
    if mono.sums or mono.steps or mono.guard or mono.deltas:
        raise Abstain("a product of anything but exponentials")
    for atom, p in mono.atoms:
        if not isinstance(atom, Fn) or atom.name != "exp":
            raise Abstain("a product of anything but exponentials")
        parts.append(tr.ring.scale(atom.arg, p))
    return tr.ring.add(*parts)


def _delta(tr: Translator, e: Delta, i: Index, j: Index) -> Form:
    if STEP in (tr.scope.get(e.one.letter or ""), tr.scope.get(e.two.letter or "")):
        return tr.ring.where(equal(e.one, e.two))
    for index in (e.one, e.two):
        if index.letter is not None and (index.offset or index.letter not in tr.scope):
            raise Abstain(f"the component {index}")
    return tr.ring.delta(e.one, e.two)


def _constant(tr: Translator, e: Constant, i: Index, j: Index) -> Form:
    return tr.ring.delta(i, j) if e.kind == "eye" else tr.ring.one


def _gradient(tr: Translator, e: Gradient, i: Index, j: Index) -> Form:
    wrt = e.wrt
    if e.of.scalar:
        return _derivative(tr, tr(e.of), wrt, i, j)
    if wrt.scalar:
        return _derivative(tr, tr(e.of, i, j), wrt, FIRST, FIRST)
    k, m = (j, i) if e.denominator else (i, j)
    of = tr(e.of, k, FIRST) if e.of.shape[1] == 1 else tr(e.of, FIRST, k)
    return _derivative(tr, of, wrt, *((m, FIRST) if wrt.shape[1] == 1 else (FIRST, m)))


def _derivative(tr: Translator, of: Form, wrt: Expr, i: Index, j: Index) -> Form:
    if isinstance(wrt, Local):
        return tr.derive(of, wrt.name, None)
    base = wrt
    while isinstance(base, (Entry, Slice, Transpose)):
        match base:
            case Entry():
                i, j = base.row, base.col
            case Slice():
                i, j = base.index, i
            case Transpose():
                i, j = j, i
        base = base.body
    if not isinstance(base, Ref):
        raise Abstain("a derivative by an expression")
    return tr.derive(of, tr.component(base, i, j), base.copy)


def _pair(f: Callable[[Ring, Form, Form], Form]) -> Callable[[Translator, Any, Index, Index], Form]:
    return lambda tr, e, i, j: f(tr.ring, tr.entry(e.left, i, j), tr.entry(e.right, i, j))


_CASES: dict[type[Expr], Callable[[Translator, Any, Index, Index], Form]] = {
    Number: lambda tr, e, i, j: tr.ring.constant(e.value),
    Count: _count,
    Ref: lambda tr, e, i, j: tr.ring.atom(tr.component(e, i, j)),
    Local: lambda tr, e, i, j: tr.ring.atom(Var(e.name)),
    Entry: lambda tr, e, i, j: tr(e.body, e.row, e.col),
    Slice: lambda tr, e, i, j: tr(e.body, e.index, i),
    Table: _table,
    Add: lambda tr, e, i, j: tr.ring.add(*(tr.ring.scale(tr.entry(x, i, j), s) for s, x in e.terms)),
    MatMul: lambda tr, e, i, j: tr.summed(
        tr.axes(e.left)[1], lambda k: tr.ring.mul(tr(e.left, i, k), tr(e.right, k, j))
    ),
    Times: _pair(lambda ring, a, b: ring.mul(a, b)),
    Divide: _pair(lambda ring, a, b: ring.mul(a, ring.inverse(b))),
    Power: _power,
    MatPower: _matpower,
    Transpose: lambda tr, e, i, j: tr(e.body, j, i),
    Diag: _diag,
    Apply: lambda tr, e, i, j: tr.ring.fn(e.function, tr(e.body, i, j)),
    Softmax: _softmax,
    Total: _total,
    Trace: lambda tr, e, i, j: tr.summed(tr.axes(e.body)[0], lambda k: tr(e.body, k, k)),
    Reduce: _reduce,
    Delta: _delta,
    Constant: _constant,
    Gradient: _gradient,
}
