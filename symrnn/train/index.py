"""Index notation: scalars over named indices, the form in which every notation of a document is the same.

``diag(1 − h²) g`` and ``Σ_k δ_ik (1 − h_i²) g_k`` both become ``(1 − h_i²) g_i``: a matrix product is a sum over a
fresh index, a diagonal is a Kronecker delta, and the constructors below do away with deltas. What is left is sums
of products, which a backend turns into matrix products or into loops.

Steps are counted from the step ``t`` at hand, from the last or absolutely; there is one ``t`` at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

Ix = str | int  # a named index, or a component counted from 0


class When(NamedTuple):
    """A step: ``t + shift``, ``last + shift``, or step ``shift`` itself (``base`` is "t", "last" or "at")."""

    base: str
    shift: int = 0


@dataclass(frozen=True)
class Node:
    """The closed family of scalar expressions below."""

    __match_args__: ClassVar[tuple[str, ...]]  # the names of its fields, as dataclasses say them

    def children(self) -> Iterator[Node]:
        """The direct subexpressions."""
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (v for v in value if isinstance(v, Node))

    def walk(self) -> Iterator[Node]:
        """This expression and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True)
class Num(Node):
    """A rational number."""

    value: Fraction


@dataclass(frozen=True)
class Get(Node):
    """A component of a quantity (named by any hashable key), at a step if it has steps."""

    key: Any
    index: tuple[Ix, ...] = ()
    time: When | None = None


@dataclass(frozen=True)
class Plus(Node):
    """The sum of the arguments."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Prod(Node):
    """The product of the arguments; a number comes first."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Pow(Node):
    """``base ** exponent``."""

    base: Node
    exponent: Fraction


@dataclass(frozen=True)
class Fn(Node):
    """A function of one argument, by its name in ``algebra.functions``."""

    name: str
    body: Node


@dataclass(frozen=True)
class Sum(Node):
    """Σ over the whole range of an index."""

    ix: str
    body: Node


@dataclass(frozen=True)
class Max(Node):
    """The greatest value over the whole range of an index."""

    ix: str
    body: Node


@dataclass(frozen=True)
class Steps(Node):
    """Σ over the steps t = first + ``low`` … last − ``high``."""

    low: int
    high: int
    body: Node


@dataclass(frozen=True)
class Delta(Node):
    """1 where the two indices are equal, else 0."""

    one: Ix
    two: Ix


@dataclass(frozen=True)
class Pick(Node):
    """The case that the index selects."""

    ix: str
    cases: tuple[Node, ...]


ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))


def num(value: int | Fraction) -> Num:
    """A rational number."""
    return Num(Fraction(value))


def plus(*args: Node) -> Node:
    """The sum, flat, its numbers added, equal terms collected."""
    flat: list[Node] = []
    for a in args:
        flat += a.args if isinstance(a, Plus) else (a,)
    coefficients: dict[Node, Fraction] = {}
    for a in flat:
        factor, rest = split(a)
        coefficients[rest] = coefficients.get(rest, Fraction(0)) + factor
    terms = [times(Num(c), a) if a != ONE else Num(c) for a, c in coefficients.items() if c != 0]
    return ZERO if not terms else terms[0] if len(terms) == 1 else Plus(tuple(terms))


def split(a: Node) -> tuple[Fraction, Node]:
    """The number in front of a product, and the rest."""
    if isinstance(a, Num):
        return a.value, ONE
    if isinstance(a, Prod) and isinstance(a.args[0], Num):
        rest = a.args[1:]
        return a.args[0].value, rest[0] if len(rest) == 1 else Prod(rest)
    return Fraction(1), a


def times(*args: Node) -> Node:
    """The product, flat, its numbers multiplied, powers of one base and exponentials joined."""
    flat: list[Node] = []
    for a in args:
        flat += a.args if isinstance(a, Prod) else (a,)
    value = Fraction(1)
    exponents: list[Node] = []
    powers: dict[Node, Fraction] = {}
    for a in flat:
        if isinstance(a, Num):
            value *= a.value
        elif isinstance(a, Fn) and a.name == "exp":
            exponents.append(a.body)
        else:
            base, k = (a.base, a.exponent) if isinstance(a, Pow) else (a, Fraction(1))
            powers[base] = powers.get(base, Fraction(0)) + k
    if value == 0:
        return ZERO
    out = [power(b, k) for b, k in powers.items() if k != 0]
    if exponents:
        out.append(fn("exp", plus(*exponents)))
    out = [a for a in out if a != ONE]
    if value != 1 or not out:
        if len(out) == 1 and isinstance(out[0], Plus):
            return plus(*(times(Num(value), a) for a in out[0].args))
        out.insert(0, Num(value))
    return out[0] if len(out) == 1 else Prod(tuple(out))


def positive(a: Node) -> bool:
    """Whether an expression is positive whatever its letters are."""
    match a:
        case Num(value):
            return value > 0
        case Fn(name, _):
            return name in ("exp", "sigmoid", "softplus", "cosh")
        case Pow(base, _) | Sum(_, base):
            return positive(base)
        case Plus(args) | Prod(args):
            return all(map(positive, args))
    return False


def power(base: Node, exponent: Fraction) -> Node:
    """A power; of a product of positive factors and for integers, the product of the powers."""
    if exponent == 1:
        return base
    if exponent == 0:
        return ONE
    if isinstance(base, Num) and exponent.denominator == 1 and base.value != 0:
        return Num(base.value**exponent.numerator)
    if isinstance(base, Pow) and exponent.denominator == 1:
        return power(base.base, base.exponent * exponent)
    if isinstance(base, Fn) and base.name == "exp":
        return fn("exp", times(Num(exponent), base.body))
    if isinstance(base, Prod) and (exponent.denominator == 1 or all(map(positive, base.args))):
        return times(*(power(a, exponent) for a in base.args))
    return Pow(base, exponent)


def fn(name: str, body: Node) -> Node:
    """A function's value. The logarithm of a product of positive factors is the sum of their logarithms."""
    if name == "exp" and body == ZERO:
        return ONE
    if name == "ln":
        return _ln(body)
    return Fn(name, body)


def _ln(body: Node) -> Node:
    match body:
        case Num(value) if value == 1:
            return ZERO
        case Fn("exp", inner):
            return inner
        case Fn("sigmoid", inner):
            return times(num(-1), fn("softplus", times(num(-1), inner)))
        case Pow(base, exponent) if positive(base):
            return times(Num(exponent), _ln(base))
        case Prod(args) if all(map(positive, args)):
            return plus(*map(_ln, args))
        case Plus((Num(value), Prod((Num(sign), Fn("sigmoid", inner))))) if value == 1 and sign == -1:
            return _ln(Fn("sigmoid", times(num(-1), inner)))  # 1 − σ(z) = σ(−z)
        case Plus((Prod((Num(sign), Fn("sigmoid", inner))), Num(value))) if value == 1 and sign == -1:
            return _ln(Fn("sigmoid", times(num(-1), inner)))
    return Fn("ln", body)


def delta(one: Ix, two: Ix) -> Node:
    """Kronecker's delta."""
    if one == two:
        return ONE
    if isinstance(one, int) and isinstance(two, int):
        return ZERO
    return Delta(one, two)


def total(ix: str, body: Node) -> Node:
    """Σ over an index: term by term, constants outside, a delta replaces the index."""
    if isinstance(body, Plus):
        return plus(*(total(ix, a) for a in body.args))
    factors = list(body.args) if isinstance(body, Prod) else [body]
    for k, a in enumerate(factors):
        if isinstance(a, Delta) and ix in (a.one, a.two):
            other = a.two if a.one == ix else a.one
            return replace_index(times(*factors[:k], *factors[k + 1 :]), {ix: other})
    outside = [a for a in factors if ix not in free(a)]
    inside = [a for a in factors if ix in free(a)]
    return times(*outside, Sum(ix, times(*inside)))


def steady(ix: str, body: Node) -> Node:
    """``total``, where a sum of exponentials is counted from its greatest one.

    ``Σ_k exp(a_k) = exp(m) Σ_k exp(a_k − m)`` with ``m = max_k a_k``: the same number for every m, and the factor
    exp(m) is cancelled by what the sum divides (softmax) or taken out by a logarithm (log-sum-exp), so that neither
    overflows: the greatest exponent left is 0.
    """
    found = total(ix, body)
    factors = list(found.args) if isinstance(found, Prod) else [found]
    for k, a in enumerate(factors):
        if isinstance(a, Sum) and isinstance(a.body, Fn) and a.body.name == "exp":
            inner = a.body.body
            top = Max(a.ix, inner)
            shifted = Sum(a.ix, Fn("exp", plus(inner, times(num(-1), top))))
            return times(*factors[:k], fn("exp", top), shifted, *factors[k + 1 :])
    return found


def free(a: Node) -> frozenset[str]:
    """The indices that no sum inside binds."""
    found: frozenset[str] = getattr(a, "_free", None) or frozenset()
    if found:
        return found
    match a:
        case Get(_, index, _):
            found = frozenset(i for i in index if isinstance(i, str))
        case Delta(one, two):
            found = frozenset(i for i in (one, two) if isinstance(i, str))
        case Sum(ix, body) | Max(ix, body):
            found = free(body) - {ix}
        case Pick(ix, cases):
            found = frozenset({ix}).union(*map(free, cases))
        case _:
            found = frozenset().union(*map(free, a.children()))
    object.__setattr__(a, "_free", found)
    return found


def rebuild(a: Node, leaf: Callable[[Node], Node | None]) -> Node:
    """The expression made anew by the constructors, with the nodes that ``leaf`` answers replaced."""
    found = leaf(a)
    if found is not None:
        return found
    match a:
        case Plus(args):
            return plus(*(rebuild(x, leaf) for x in args))
        case Prod(args):
            return times(*(rebuild(x, leaf) for x in args))
        case Pow(base, exponent):
            return power(rebuild(base, leaf), exponent)
        case Fn(name, body):
            return fn(name, rebuild(body, leaf))
        case Sum(ix, body):
            return total(ix, rebuild(body, leaf))
        case Max(ix, body):
            return Max(ix, rebuild(body, leaf))
        case Steps(low, high, body):
            return Steps(low, high, rebuild(body, leaf))
        case Pick(ix, cases):
            return Pick(ix, tuple(rebuild(x, leaf) for x in cases))
    return a


def replace_index(a: Node, table: dict[str, Ix]) -> Node:
    """The expression with free indices replaced; bound ones are told apart by their names."""

    def leaf(x: Node) -> Node | None:
        if not free(x) & table.keys():
            return x
        match x:
            case Get(key, index, time):
                return Get(key, tuple(table.get(i, i) if isinstance(i, str) else i for i in index), time)
            case Delta(one, two):
                return delta(*(table.get(i, i) if isinstance(i, str) else i for i in (one, two)))
            case Pick(ix, cases):
                inner = tuple(replace_index(c, table) for c in cases)
                new = table.get(ix, ix)
                return inner[new] if isinstance(new, int) else Pick(new, inner)
        return None

    return rebuild(a, leaf)


def shift(a: Node, by: int) -> Node:
    """The expression ``by`` steps later."""

    def leaf(x: Node) -> Node | None:
        if isinstance(x, Get) and x.time is not None and x.time.base == "t":
            return Get(x.key, x.index, When("t", x.time.shift + by))
        return x if isinstance(x, Steps) else None

    return rebuild(a, leaf) if by else a


def at(a: Node, when: When) -> Node:
    """The expression with the step at hand replaced by a fixed one."""

    def leaf(x: Node) -> Node | None:
        if isinstance(x, Get) and x.time is not None and x.time.base == "t":
            return Get(x.key, x.index, When(when.base, when.shift + x.time.shift))
        return x if isinstance(x, Steps) else None

    return rebuild(a, leaf)


def canonical(a: Node) -> Node:
    """The same expression whatever its bound indices were called."""

    def go(x: Node, names: dict[str, Ix], depth: int) -> Node:
        match x:
            case Sum(ix, body) | Max(ix, body):
                new = f"~{depth}"
                return type(x)(new, go(body, {**names, ix: new}, depth + 1))
            case Get(key, index, time):
                return Get(key, tuple(names.get(i, i) if isinstance(i, str) else i for i in index), time)
            case Delta(one, two):
                return Delta(*(names.get(i, i) if isinstance(i, str) else i for i in (one, two)))
            case Pick(ix, cases):
                return Pick(str(names.get(ix, ix)), tuple(go(c, names, depth) for c in cases))
            case Plus(args):
                return Plus(tuple(go(c, names, depth) for c in args))
            case Prod(args):
                return Prod(tuple(go(c, names, depth) for c in args))
            case Pow(base, exponent):
                return Pow(go(base, names, depth), exponent)
            case Fn(name, body):
                return Fn(name, go(body, names, depth))
            case Steps(low, high, body):
                return Steps(low, high, go(body, names, depth))
        return x

    return go(a, {}, 0)
