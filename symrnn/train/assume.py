"""Assumptions of a proof as conditions on data: checked before a step is taken.

``y_3 = 1 − y_1 − y_2`` (the entries sum to one) holds for every one-hot vector and becomes a check of the targets;
``y = (1, 0, 0)`` holds for one class only, and an equation proved under it does not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from symrnn.claims import Definition
from symrnn.expr import Symbol
from symrnn.train.index import Delta, Get, Node, Num, Pick, Plus, Pow, Prod, Sum
from symrnn.train.lower import Lowering, NotRunnable


@dataclass(frozen=True)
class Premise:
    """An assumption about one vector of data. ``general``: every one-hot vector meets it.

    ``total``: it says that the entries sum to this number, at any size; None: it says something else.
    """

    name: str
    symbol: Symbol
    general: bool
    total: Fraction | None = None


def premise(name: str, d: Definition, first: int, last: str, sizes: Mapping[str, int]) -> Premise:
    """What an assumption of the manifest asks of data; not ``general`` when it is not understood."""
    unknown = Premise(name, d.symbol, False)
    dim = d.symbol.shape[0]
    size = dim if isinstance(dim, int) else sizes.get(dim)
    if d.symbol.shape[1] != 1 or size is None or d.symbol.shape[0] == 1:
        return unknown
    row = d.row.offset - 1 if d.row is not None and d.row.letter is None else None
    rows = range(size) if d.row is None else [row] if row is not None else None
    if rows is None:
        return unknown
    step = d.time.letter if d.time is not None else None
    try:
        sides = []
        for r in rows:
            lower = Lowering({}, step, last, first, sizes)
            assert r is not None
            sides.append((r, lower(d.rhs, r if d.row is None else 0, 0)))
        points = [[Fraction(int(i == k)) for i in range(size)] for k in range(size)]
        general = all(_value(side, d.symbol, p, size) == p[r] for r, side in sides for p in points)
        total = _total(sides, d.symbol, size) if len(sides) == 1 else None
    except NotRunnable:
        return unknown
    return Premise(name, d.symbol, general and total is not None, total)


def _total(sides: list[tuple[int, Node]], symbol: Symbol, size: int) -> Fraction | None:
    """The number that the entries sum to, when an affine ``y_r = …`` says just that."""
    row, side = sides[0]
    others = [k for k in range(size) if k != row]
    zero = [Fraction(0)] * size
    base = _value(side, symbol, zero, size)
    tests = [[Fraction(int(i == k)) for i in range(size)] for k in others]
    tests.append([Fraction(3 * i * i + 2, 7) for i in range(size)])
    for point in tests:
        if _value(side, symbol, point, size) != base - sum(point[k] for k in others):
            return None
    return base


def _value(x: Node, symbol: Symbol, point: list[Fraction], size: int, at: Mapping[str, int] | None = None) -> Fraction:
    """The rational value of an expression in the entries of one vector. Raises NotRunnable for anything else."""
    at = at or {}

    def go(y: Node) -> Fraction:
        return _value(y, symbol, point, size, at)

    match x:
        case Num(value):
            return value
        case Get(key, (ix,), _) if key is symbol:
            return point[at[ix] if isinstance(ix, str) else ix]
        case Plus(args):
            return sum(map(go, args), Fraction(0))
        case Prod(args):
            out = Fraction(1)
            for a in args:
                out *= go(a)
            return out
        case Pow(base, exponent) if exponent.denominator == 1 and exponent > 0:
            return Fraction(go(base) ** exponent.numerator)
        case Sum(ix, body):
            return sum((_value(body, symbol, point, size, {**at, ix: k}) for k in range(size)), Fraction(0))
        case Pick(ix, cases):
            return go(cases[at[ix]])
        case Delta(one, two):
            first, second = (at[i] if isinstance(i, str) else i for i in (one, two))
            return Fraction(int(first == second))
    raise NotRunnable("an assumption beyond sums and products")
