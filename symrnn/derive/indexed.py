"""Index notation as it is printed: Σ_k a_ik g_kj with letters of the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from symrnn.derive.group import Group
from symrnn.derive.matrices import _order, ordered
from symrnn.expr import (
    SCALAR,
    Add,
    Apply,
    Count,
    Delta,
    Dim,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Power,
    Reduce,
    Ref,
    Times,
    number,
)
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form, Mono, Size, Tally
from symrnn.general.ring import Ring


class Indexed:
    """Scalar expressions of forms; a sum inside of ``n`` others is over the n-th of ``letters``."""

    def __init__(self, ring: Ring, dim: Callable[[str], Dim], letters: Sequence[str]) -> None:
        self.ring, self.dim, self.letters = ring, dim, letters
        self.depth = 0

    def __call__(self, form: Form) -> Expr:
        """The sum of the monomials."""
        if form.number is not None:
            return number(form.number)
        terms = tuple((-1 if q < 0 else 1, self.monomial(mono, abs(q))) for mono, q in ordered(form))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Add(SCALAR, terms)

    def monomial(self, mono: Mono, q: Fraction) -> Expr:
        """A product; what does not depend on a sum's letter stands in front of the sum."""
        if mono.steps or mono.guard:
            raise Abstain("a sum over steps inside")
        names = {k: self.letters[self.depth + n] for n, (k, _) in enumerate(mono.sums)}
        self.depth += len(names)
        try:
            return self._product_of(mono, q, names)
        finally:
            self.depth -= len(names)

    def _product_of(self, mono: Mono, q: Fraction, names: dict[str, str]) -> Expr:
        inner: list[Expr] = []
        outer: list[Expr] = [number(q)] if q != 1 else []
        below: list[Expr] = []
        to = {k: Index(x) for k, x in names.items()}
        outer += [Delta(SCALAR, a, b) for a, b in mono.deltas]
        for atom, p in sorted(mono.atoms, key=lambda x: _order(x[0])):
            inside = bool(atom.letters & set(names))
            fresh = atom.renamed(self.ring, to) if inside else atom
            if isinstance(fresh, Form):
                raise Abstain("a bracket that opens")
            if isinstance(fresh, Fn) and fresh.name == "inv":
                value, p = self(fresh.arg), -p
            else:
                value = self.atom(fresh)
            value = value if abs(p) == 1 else Power(SCALAR, value, number(abs(p)))
            if p < 0 and inside:
                value = Divide(SCALAR, number(1), value)
            (below if p < 0 and not inside else inner if inside else outer).append(value)
        if names:
            body = _product(inner)
            for k, axis in reversed(mono.sums):
                dim = self.dim(axis)
                high = Index(None, dim) if isinstance(dim, int) else Index(dim)
                body = Reduce(SCALAR, "sum", names[k], Index(None, 1), high, body)
            outer.append(body)
        value = _product(outer)
        return Divide(SCALAR, value, _product(below)) if below else value

    def atom(self, atom: Atom) -> Expr:
        """One factor."""
        match atom:
            case Comp():
                return _entry(Ref(atom.symbol.shape, atom.symbol, atom.time), atom)
            case Adj(of=of, wrt=wrt):
                base = _entry(Ref(wrt.symbol.shape, wrt.symbol, wrt.time), wrt)
                return Gradient(SCALAR, Ref(of.symbol.shape, of.symbol, of.time), base)
            case Fn(name="sqrt"):
                return Power(SCALAR, self(atom.arg), number(Fraction(1, 2)))
            case Fn():
                return Apply(SCALAR, atom.name, self(atom.arg))
            case Group():
                return self(atom.form)
            case Size():
                dim = self.dim(atom.key.strip("|"))
                return number(dim) if isinstance(dim, int) else Count(SCALAR, Index(dim))
            case Tally():
                return Count(SCALAR, Index(atom.letter))
            case _:
                raise Abstain("something that is not printed")


def _entry(ref: Ref, at: Comp) -> Expr:
    return ref if ref.scalar else Entry(SCALAR, ref, at.row, at.col)


def _product(values: list[Expr]) -> Expr:
    if not values:
        return number(1)
    out = values[0]
    for v in values[1:]:
        out = Times(SCALAR, out, v)
    return out
