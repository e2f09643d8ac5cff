r"""Einstein's convention: an index that stands twice in a product is summed over.

``x_i a_{ij} x_j`` is Σ_ij x_i a_ij x_j.
A product is a run of factors, a derivative and its variable among them; the argument of a function is a term of its
own. An index that stands three times, or at two places of which one is a power, a quotient or shifted, has no
meaning that everybody shares, and is left open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from symrnn.diagnostic import Problem
from symrnn.expr import (
    Add,
    Apply,
    Count,
    Delta,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Local,
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
)
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

Free = frozenset[str]


def summed(elab: Elaborator, e: Expr, span: Span) -> tuple[Expr, Free]:
    """The expression with the sums that the convention leaves out, and the indices that are free in it."""
    return _Reader(elab, span).term(e, frozenset())


class _Reader:
    def __init__(self, elab: Elaborator, span: Span) -> None:
        self.elab = elab
        self.span = span

    def open(self, what: str) -> Problem:
        """What the convention does not settle."""
        return Problem("SR190", f"{what}: what does the summation convention mean here?", self.span)

    def index(self, index: Index, bound: Free) -> Free:
        """The letter of an index of components that no sum binds."""
        letter = index.letter
        found = self.elab.scope.free.get(letter or "")
        if letter is None or letter in bound or found is None or found.timed or found.given:
            return frozenset()
        if index.offset:
            raise self.open(f"the index {index} is shifted")
        return frozenset({letter})

    def term(self, e: Expr, bound: Free) -> tuple[Expr, Free]:
        """A term: its own repeated indices are summed over."""
        value, counts = self.factors(e, bound)
        for letter, count in sorted(counts.items()):
            if count > 2:
                raise self.open(f"the index {letter} stands {count} times in one product")
            if count == 2:
                dim = self.elab.scope.free[letter].dim
                assert dim is not None
                high = Index(None, dim) if isinstance(dim, int) else Index(dim)
                value = Reduce(value.shape, "sum", letter, Index(None, 1), high, value)
        return value, frozenset(x for x, count in counts.items() if count == 1)

    def factors(self, e: Expr, bound: Free) -> tuple[Expr, Counter[str]]:
        """A product as it stands, and how often each index stands in its factors."""
        match e:
            case Number() | Ref() | Local():
                return e, Counter()
            case Count(_, index):
                if self.index(index, bound):
                    raise self.open(f"the index {index} is a number here")
                return e, Counter()
            case Entry(shape, body, row, col):
                inner, counts = self.factors(body, bound)
                return Entry(shape, inner, row, col), counts + self.each(self.index(i, bound) for i in (row, col))
            case Slice(shape, body, index):
                inner, counts = self.factors(body, bound)
                return Slice(shape, inner, index), counts + self.each([self.index(index, bound)])
            case Delta():
                return e, self.each(self.index(i, bound) for i in (e.one, e.two))
            case Times() | MatMul():
                (left, a), (right, b) = self.factors(e.left, bound), self.factors(e.right, bound)
                return replace(e, left=left, right=right), a + b
            case Transpose():
                inner, counts = self.factors(e.body, bound)
                return replace(e, body=inner), counts
            case Gradient():  # what is derived is a term of its own; its variable is a factor beside it
                of, own = self.term(e.of, bound)
                wrt, b = self.factors(e.wrt, bound)
                return replace(e, of=of, wrt=wrt), Counter(own) + b
            case Divide():
                (left, a), (right, free) = self.factors(e.left, bound), self.term(e.right, bound)
                if free:
                    raise self.open(f"the index {min(free)} stands below a fraction")
                return replace(e, left=left, right=right), a
            case Power():
                (base, one), (exponent, two) = self.term(e.base, bound), self.term(e.exponent, bound)
                if one | two:
                    raise self.open(f"the index {min(one | two)} stands in a power")
                return replace(e, base=base, exponent=exponent), Counter()
            case Add():
                parts = [self.term(x, bound) for _, x in e.terms]
                signs = [sign for sign, _ in e.terms]
                terms = tuple(zip(signs, (x for x, _ in parts), strict=True))
                return replace(e, terms=terms), Counter(frozenset[str]().union(*(free for _, free in parts)))
            case Reduce():
                inner, free = self.term(e.body, bound | {e.letter})
                return replace(e, body=inner), Counter(free)
            case Apply() | Softmax() | Total() | Trace() | Table():
                return self.apart(e, bound)
            case _:
                raise self.open("an expression of this kind")

    def apart(self, e: Expr, bound: Free) -> tuple[Expr, Counter[str]]:
        """An expression whose parts are terms of their own."""
        free: Free = frozenset()
        changes: dict[str, Any] = {}
        for f in fields(e):
            value = getattr(e, f.name)
            if isinstance(value, Expr):
                changes[f.name], more = self.term(value, bound)
                free |= more
            elif isinstance(value, tuple) and value and isinstance(value[0], tuple):
                if any(self.term(x, bound)[1] for row in value for x in row):
                    raise self.open("an index in an explicit matrix")
                changes[f.name] = tuple(tuple(self.term(x, bound)[0] for x in row) for row in value)
        return replace(e, **changes), Counter(free)

    def each(self, found: Iterator[Free] | list[Free]) -> Counter[str]:
        """How often letters stand in several places."""
        return Counter(x for some in found for x in some)
