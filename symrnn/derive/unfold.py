"""Scalar expressions with quantities opened into what they are computed from, and their derivatives term by term.

An ``Opened`` keeps both: ``tanh(b_i + Σ_l w_il h_l)`` and that it is ``h_i``. So one derivative can be shown as it
comes, Σ_i v_1i w_i1 (1 − tanh²(…)), and by the names of quantities, Σ_i v_1i w_i1 (1 − h_i²). The slopes of
functions are SymPy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

from symrnn.algebra.terms import Term
from symrnn.derive.alike import Fresh
from symrnn.derive.entries import mapped, renamed
from symrnn.derive.tables import Braced
from symrnn.expr import (
    SCALAR,
    Add,
    Apply,
    Count,
    Delta,
    Divide,
    Entry,
    Expr,
    Index,
    Number,
    Power,
    Reduce,
    Ref,
    Times,
    number,
)
from symrnn.general.differentiate import slope
from symrnn.general.form import Abstain

ZERO, UNIT = number(0), number(1)


@dataclass(frozen=True)
class Opened(Expr):
    """A component ``name`` of a quantity with what it is computed from; ``slope``: in the slope of a function."""

    name: Expr
    body: Expr
    slope: bool = False


# -- sums and products ------------------------------------------------------------------------------


def plus(terms: Iterable[tuple[int, Expr]]) -> Expr:
    """A sum without zeros, its inner sums opened."""
    flat: list[tuple[int, Expr]] = []
    for sign, x in terms:
        if isinstance(x, Add):
            flat += [(sign * s, y) for s, y in x.terms]
        elif isinstance(first := factors(x)[0], Number) and first.value < 0:
            flat.append((-sign, times(number(-1), x)))
        elif not (isinstance(x, Number) and not x.value):
            flat.append((sign, x))
    if not flat:
        return ZERO
    if len(flat) == 1 and flat[0][0] == 1:
        return flat[0][1]
    return Add(SCALAR, tuple(flat))


def times(*parts: Expr) -> Expr:
    """A product: its number first, plain quantities before brackets and functions, sums last."""
    q, rest = Fraction(1), list[Expr]()
    for x in parts:
        for y in factors(x):
            if isinstance(y, Number):
                q *= y.value
            elif isinstance(y, Add) and len(y.terms) == 1:
                q *= y.terms[0][0]
                rest += factors(y.terms[0][1])
            else:
                rest.append(y)
    if not q:
        return ZERO
    rest.sort(key=_rank)
    whole = [number(q), *rest] if q != 1 or not rest else rest
    return reduce(lambda a, b: Times(SCALAR, a, b), whole)


def factors(e: Expr) -> list[Expr]:
    """The factors of a product."""
    return [*factors(e.left), *factors(e.right)] if isinstance(e, Times) and e.scalar else [e]


def over(a: Expr, b: Expr) -> Expr:
    """A quotient."""
    if isinstance(a, Number) and not a.value:
        return ZERO
    if isinstance(a, Number) and isinstance(b, Number) and b.value:
        return number(a.value / b.value)
    return a if b == UNIT else Divide(SCALAR, a, b)


def _rank(e: Expr) -> int:
    match e:
        case Number():
            return 0
        case Delta():
            return 1
        case Entry() | Ref() | Count():
            return 2
        case Add() | Power():
            return 3
        case Reduce():
            return 5
        case _:
            return 4


def summed(sign: Reduce, body: Expr, spread: bool = False) -> Expr:
    """Σ body, where a Kronecker delta with the letter of the sum picks one term; ``spread``: out of brackets too."""
    if isinstance(body, Number) and not body.value:
        return ZERO
    parts = factors(body)
    for k, x in enumerate(parts):
        if isinstance(x, Delta) and sign.letter in (x.one.letter, x.two.letter):
            other = x.two if x.one.letter == sign.letter else x.one
            return renamed(times(UNIT, *parts[:k], *parts[k + 1 :]), {sign.letter: other})
        if (
            spread
            and isinstance(x, Add)
            and any(
                isinstance(d, Delta) and sign.letter in (d.one.letter, d.two.letter)
                for _, t in x.terms
                for d in factors(t)
            )
        ):
            rest = [*parts[:k], *parts[k + 1 :]]
            return plus((s, summed(sign, times(*rest, t), True)) for s, t in x.terms)
    front = [x for x in parts if isinstance(x, (Number, Delta))]
    if front:
        rest = [x for x in parts if not isinstance(x, (Number, Delta))]
        return times(*front, replace(sign, body=times(*rest)))
    return replace(sign, body=body)


def delta(a: Index, b: Index) -> Expr:
    """1 where two indices agree; decided where both are numbers."""
    if a.letter is None and b.letter is None:
        return UNIT if a.offset == b.offset else ZERO
    return UNIT if a == b else Delta(SCALAR, a, b)


# -- derivatives ------------------------------------------------------------------------------------


class Differential:
    """Derivatives by one component ``wrt`` of a quantity; what is not opened on the way to it is held fixed."""

    def __init__(self, wrt: Expr) -> None:
        self.wrt = wrt
        body = wrt.body if isinstance(wrt, Entry) else wrt
        assert isinstance(body, Ref)
        self.ref = body

    def __call__(self, e: Expr, owner: Opened | None = None) -> Expr:
        """∂e/∂wrt; Abstain where the expression has no plain one (quotients)."""
        match e:
            case Number() | Count() | Delta():
                return ZERO
            case Ref() | Entry():
                return self.leaf(e)
            case Opened():
                return self(e.body, e)
            case Add():
                return plus((s, self(x)) for s, x in e.terms)
            case Times():
                parts = factors(e)
                return plus(
                    (1, times(self(x), *parts[:k], *parts[k + 1 :])) for k, x in enumerate(parts) if self(x) != ZERO
                )
            case Divide() if self(e.right) == ZERO:
                return over(self(e.left), e.right)
            case Power(base=base, exponent=Number(value=q)):
                inner = self(base)
                rest = base if q == 2 else Power(SCALAR, base, number(q - 1))
                return times(number(q), inner, rest) if inner != ZERO else ZERO
            case Apply():
                return self.applied(e, owner)
            case Reduce(op="sum") if not e.without:
                return summed(e, self(e.body), True)
            case _:
                raise Abstain(f"the derivative of {type(e).__name__} in one line")

    def leaf(self, e: Expr) -> Expr:
        """1 where a component is the variable."""
        ref = e.body if isinstance(e, Entry) else e
        if not isinstance(ref, Ref):
            raise Abstain("a component of an expression")
        if ref.symbol is not self.ref.symbol or ref.time != self.ref.time:
            return ZERO
        if not isinstance(e, Entry) or not isinstance(self.wrt, Entry):
            return UNIT
        return times(delta(e.row, self.wrt.row), delta(e.col, self.wrt.col))

    def applied(self, e: Apply, owner: Opened | None) -> Expr:
        """f(x)' = f'(x) x'; where f(x) is a quantity, its slope is said by that quantity's name."""
        inner = self(e.body)
        if inner == ZERO:
            return ZERO
        if e.function == "ln":
            return over(inner, e.body)
        value = Opened(SCALAR, owner.name, e, True) if owner is not None and owner.body is e else e
        return times(inner, sloped(slope(e.function, 1), e, value))


def sloped(term: Term, e: Apply, value: Expr) -> Expr:
    """The slope of a function, a term in x, at the argument of ``e``; ``value`` stands for ``e`` itself."""
    x = e.body

    def made(t: Term) -> Expr:
        match t.op:
            case "num":
                return number(t.args[0])
            case "sym":
                return x
            case "add":
                return shared(sorted(((1, made(a)) for a in t.args), key=lambda p: not isinstance(p[1], Number)), value)
            case "mul":
                return times(*map(made, t.args))
            case "pow":
                base, q = made(t.args[0]), t.args[1]
                if q < 0:
                    return over(UNIT, base if q == -1 else Power(SCALAR, base, number(-q)))
                return Power(SCALAR, base, number(q))
            case _:
                inner = made(t.args[1])
                return value if t.args[0] == e.function and inner == x else Apply(SCALAR, t.args[0], inner)

    return made(term)


def shared(terms: list[tuple[int, Expr]], value: Expr) -> Expr:
    """A sum, with the value that all its terms have as a factor before a bracket: s − s² as s (1 − s)."""
    rest = []
    for sign, x in terms:
        parts = factors(x)
        for k, y in enumerate(parts):
            if y == value or (isinstance(y, Power) and y.base == value and y.exponent == number(2)):
                left = [] if y == value else [value]
                rest.append((sign, times(UNIT, *parts[:k], *left, *parts[k + 1 :])))
                break
        else:
            return plus(terms)
    return Times(SCALAR, value, plus(sorted(rest, key=lambda p: not isinstance(p[1], Number))))


# -- what is shown ----------------------------------------------------------------------------------


def shown(e: Expr, names: bool | None) -> Expr:
    """The expression without marks: all names (True), the names in slopes alone (None), no names (False)."""
    if isinstance(e, Opened):
        return e.name if names or (names is None and e.slope) else shown(e.body, names)
    return mapped(e, lambda x: shown(x, names))


def braced(e: Expr) -> Expr:
    """The expression without names, and below each slope of a function what it is by name."""
    match e:
        case Add():
            return replace(e, terms=tuple((s, braced(x)) for s, x in e.terms))
        case Times() if e.scalar:
            return reduce(lambda a, b: Times(SCALAR, a, b), [_braced(x) for x in factors(e)])
        case Reduce() | Divide():
            return mapped(e, braced)
    return shown(e, False)


def _braced(e: Expr) -> Expr:
    if isinstance(e, (Reduce, Divide)) or not any(isinstance(x, Opened) and x.slope for x in e.walk()):
        return braced(e)
    return Braced(SCALAR, shown(e, False), shown(e, None))


def logarithms(e: Expr) -> Expr:
    """ln(exp(x)/y) as x − ln y, where a logarithm stands before a quantity that is a quotient."""
    if isinstance(e, Apply) and e.function == "ln":
        inside = e.body.body if isinstance(e.body, Opened) else e.body
        if isinstance(inside, Divide):
            return plus(((1, _log(inside.left)), (-1, _log(inside.right))))
    new = mapped(e, logarithms)
    if isinstance(new, Add):
        return plus(new.terms)
    return times(new) if isinstance(new, Times) and new.scalar else new


def _log(e: Expr) -> Expr:
    return logarithms(e.body) if isinstance(e, Apply) and e.function == "exp" else Apply(SCALAR, "ln", logarithms(e))


def lettered(e: Expr, pool: Iterable[str]) -> Expr:
    """Bound letters of the document: the first for the sums that stand in no other, and so on."""
    letters, fresh = list(pool), Fresh("=")

    def apart(x: Expr) -> Expr:
        if isinstance(x, Reduce) and not x.timed:
            name = fresh[0]
            return replace(x, letter=name, body=apart(renamed(x.body, {x.letter: Index(name)})))
        return mapped(x, apart)

    def new(x: Expr, depth: int) -> Expr:
        if isinstance(x, Reduce) and not x.timed:
            if depth == len(letters):
                raise Abstain("not enough letters")
            inner = new(renamed(x.body, {x.letter: Index(letters[depth])}), depth + 1)
            return replace(x, letter=letters[depth], body=inner)
        return mapped(x, lambda y: new(y, depth))

    return new(apart(e), 0)


__all__ = ["Differential", "Opened", "lettered", "logarithms", "over", "plus", "shown", "summed", "times"]
