"""Scalar terms as a shared graph: equal terms are one object, and a node of the network is one vertex.

A term is built over rational numbers, symbols, ``+``, ``·``, rational powers, named functions of one
argument, and vertices. A *vertex* ``let(name, definition)`` stands for its definition; deciders may
leave it closed. An *opaque* vertex (an adjoint) is left closed until the proof needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from typing import Any, Final


class Term:
    """One vertex of the shared graph; compare with ``is``. ``rank``: how many opaque vertices lie below, in depth.

    ``total``: it certainly has a value wherever its symbols have one. ``sign``: 2 where it is certainly
    positive, 1 where it is certainly not negative, else 0 (wherever it has a value).
    """

    __slots__ = ("args", "id", "op", "rank", "sign", "total")

    def __init__(self, op: str, args: tuple[Any, ...], rank: int, number: int) -> None:
        self.op = op
        self.args = args
        self.rank = rank
        self.id = number
        self.total, self.sign = _domain(op, args)

    def __repr__(self) -> str:
        return show(self)


_POSITIVE: Final = frozenset({"exp", "sigmoid", "cosh", "softplus"})


def _domain(op: str, args: tuple[Any, ...]) -> tuple[bool, int]:
    """``total`` and ``sign`` of a term from those of its parts."""
    match op:
        case "num":
            return True, 2 if args[0] > 0 else int(args[0] == 0)
        case "add":
            signs = [a.sign for a in args]
            return all(a.total for a in args), max(signs) if min(signs) else 0
        case "mul":
            return all(a.total for a in args), min(a.sign for a in args)
        case "pow":
            base, exponent = args
            whole = exponent.denominator == 1
            needed = (0 if whole else 1) if exponent > 0 else 2
            least = 0 if whole and exponent.numerator % 2 else 1
            return base.total and base.sign >= needed, max(base.sign, least)
        case "fn":
            sign = 2 if args[0] in _POSITIVE else int(args[0] in ("relu", "step"))
            return args[1].total and (args[0] != "ln" or args[1].sign == 2), sign
        case "let":
            return args[1].total, args[1].sign
        case "any":
            return all(a.total for a in args[2:]), 0
        case _:
            return True, 0


_TABLE: dict[tuple[Any, ...], Term] = {}
_SMALL: dict[int, Term] = {}  # integers, without the cost of hashing a Fraction


def _make(op: str, args: tuple[Any, ...], key: tuple[Any, ...], rank: int) -> Term:
    found = _TABLE.get(key)
    if found is None:
        found = _TABLE[key] = Term(op, args, rank, len(_TABLE))
    return found


def rational(value: Fraction | int) -> Term:
    """The number ``value``."""
    found = _SMALL.get(value) if type(value) is int else None
    if found is None:
        exact = Fraction(value)
        found = _make("num", (exact,), ("num", exact), 0)
        if type(value) is int:
            _SMALL[value] = found
    return found


def symbol(name: Hashable) -> Term:
    """An independent variable; ``name`` is any hashable label."""
    return _make("sym", (name,), ("sym", name), 0)


ZERO, ONE = rational(0), rational(1)


def is_number(term: Term, value: int) -> bool:
    """Whether the term is literally this number."""
    return term.op == "num" and term.args[0] == value


def add(*terms: Term) -> Term:
    """The sum, with numbers gathered and zeros dropped."""
    constant: Fraction | int = 0
    rest: list[Term] = []
    for term in terms:
        if term.op == "num":
            constant = term.args[0] + constant if constant else term.args[0]
        elif term.op == "add":
            for part in term.args:
                if part.op == "num":
                    constant = part.args[0] + constant if constant else part.args[0]
                else:
                    rest.append(part)
        else:
            rest.append(term)
    if constant or not rest:
        rest.append(rational(constant))
    if len(rest) == 1:
        return rest[0]
    rest.sort(key=_order)
    args = tuple(rest)
    return _make("add", args, ("add", *(t.id for t in args)), max(t.rank for t in args))


def mul(*terms: Term) -> Term:
    """The product, with numbers gathered and ones dropped.

    A zero factor makes zero where the others certainly have a value; those that may have none stay beside it.
    """
    number: Term | None = None
    rest: list[Term] = []
    for term in terms:
        for part in term.args if term.op == "mul" else (term,):
            if part.op != "num":
                rest.append(part)
            elif part is ZERO:
                return _nothing(terms)
            elif part is not ONE:
                number = part if number is None else rational(number.args[0] * part.args[0])
    if number is not None and number is not ONE:
        rest.append(number)
    elif not rest:
        return ONE
    if len(rest) == 1:
        return rest[0]
    rest.sort(key=_order)
    args = tuple(rest)
    return _make("mul", args, ("mul", *(t.id for t in args)), max(t.rank for t in args))


def _nothing(factors: tuple[Term, ...]) -> Term:
    """Zero times factors: zero where they have a value, nothing elsewhere (``0·ln(b − b)`` is not 0)."""
    partial = {p.id: p for f in factors if not f.total for p in (f.args if f.op == "mul" else (f,)) if not p.total}
    if not partial:
        return ZERO
    args = (*sorted(partial.values(), key=_order), ZERO)
    return _make("mul", args, ("mul", *(t.id for t in args)), max(t.rank for t in args))


def _order(term: Term) -> int:
    return term.id


def power(base: Term, exponent: Fraction | int) -> Term:
    """``base`` to a rational power (roots are the positive ones)."""
    exponent = Fraction(exponent)
    if exponent == 0:
        return add(ONE, _nothing((base,)))
    if exponent == 1:
        return base
    if base.op == "num" and exponent.denominator == 1 and (base.args[0] != 0 or exponent > 0):
        return rational(base.args[0] ** exponent.numerator)
    if base.op == "pow" and exponent.denominator == 1:
        return power(base.args[0], base.args[1] * exponent)
    return _make("pow", (base, exponent), ("pow", base.id, exponent), base.rank)


def raised(base: Term, exponent: Term) -> Term:
    """``base`` to any power: a literal number outright, else exp(exponent · ln base)."""
    if exponent.op == "num":
        return power(base, exponent.args[0])
    return apply("exp", mul(exponent, apply("ln", base)))


def apply(name: str, arg: Term) -> Term:
    """A named function (a row of ``functions.TABLE``) of one argument."""
    return _make("fn", (name, arg), ("fn", name, arg.id), arg.rank)


def unknown(name: str, slot: int, arguments: Iterable[Term]) -> Term:
    """A function of which nothing is known but that it is smooth, or (``slot`` ≥ 0) its derivative by an argument."""
    args = tuple(arguments)
    return _make("any", (name, slot, *args), ("any", name, slot, *(a.id for a in args)), max(a.rank for a in args))


def let(name: Hashable, definition: Term, opaque: bool = False) -> Term:
    """A vertex with a name that stands for its definition."""
    rank = definition.rank + 1 if opaque else definition.rank
    return _make("let", (name, definition, opaque), ("let", name, definition.id, opaque), rank)


def neg(term: Term) -> Term:
    """The opposite."""
    return mul(rational(-1), term)


def sub(a: Term, b: Term) -> Term:
    """The difference."""
    return add(a, neg(b))


def div(a: Term, b: Term) -> Term:
    """The quotient."""
    return mul(a, power(b, -1))


def parts(term: Term) -> Iterable[Term]:
    """The terms directly below; a vertex has its definition below."""
    match term.op:
        case "add" | "mul":
            return term.args
        case "pow":
            return term.args[:1]
        case "fn" | "let":
            return term.args[1:2]
        case "any":
            return term.args[2:]
        case _:
            return ()


def postorder(roots: Iterable[Term], below: Callable[[Term], Iterable[Term]] = parts) -> list[Term]:
    """Every term reachable from the roots, each after all that stands below it; no recursion."""
    seen: set[int] = set()
    out: list[Term] = []
    stack: list[tuple[Term, bool]] = [(r, False) for r in roots]
    while stack:
        term, done = stack.pop()
        if done:
            out.append(term)
        elif term.id not in seen:
            seen.add(term.id)
            stack.append((term, True))
            stack.extend((p, False) for p in below(term) if p.id not in seen)
    return out


def rebuild(term: Term, leaf: Callable[[Term], Term], made: dict[int, Term] | None = None) -> Term:
    """The same term with every symbol replaced by ``leaf(symbol)``; vertices are opened.

    ``made``: what became of terms before, for the same ``leaf``; it is added to.
    """
    made = {} if made is None else made
    known = made
    for t in postorder([term], lambda x: () if x.id in known else parts(x)):
        if t.id not in made:
            made[t.id] = leaf(t) if t.op == "sym" else rebuilt(t, made)
    return made[term.id]


def rebuilt(t: Term, made: dict[int, Term]) -> Term:
    """A term with its parts replaced by what became of them."""
    match t.op:
        case "add":
            return add(*(made[a.id] for a in t.args))
        case "mul":
            return mul(*(made[a.id] for a in t.args))
        case "pow":
            return power(made[t.args[0].id], t.args[1])
        case "fn":
            return apply(t.args[0], made[t.args[1].id])
        case "let":
            return made[t.args[1].id]
        case "any":
            return unknown(t.args[0], t.args[1], [made[a.id] for a in t.args[2:]])
        case _:
            return t


def leaves(term: Term) -> list[Term]:
    """Symbols and vertices that the term mentions directly (vertices stay closed), in order of making."""
    found = [t for t in postorder([term], _shut) if t.op in ("sym", "let")]
    return sorted(found, key=_order)


def _shut(term: Term) -> Iterable[Term]:
    return () if term.op == "let" else parts(term)


_SHOW: Final = {"add": " + ", "mul": "*"}


def show(term: Term) -> str:
    """A plain one-line form, vertices by name; what certificates are written in."""
    match term.op:
        case "num":
            value = term.args[0]
            return str(value) if value >= 0 and value.denominator == 1 else f"({value})"
        case "sym" | "let":
            return label(term.args[0])
        case "add" | "mul":
            return "(" + _SHOW[term.op].join(map(show, term.args)) + ")"
        case "pow":
            return f"{show(term.args[0])}^({term.args[1]})"
        case "any":
            slot = "" if term.args[1] < 0 else f"_{term.args[1] + 1}"
            return f"{term.args[0]}{slot}({', '.join(map(show, term.args[2:]))})"
        case _:
            return f"{term.args[0]}({show(term.args[1])})"


def label(name: Hashable) -> str:
    """A symbol's name as text."""
    return name if isinstance(name, str) else str(name)
