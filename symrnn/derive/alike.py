"""Whether two expressions are the same as printed, up to the order of terms and factors and the names of bound letters.

``key`` gives equal keys to Σ_i a_i (b + c) and (c + b) Σ_k a_k, and different ones to that and Σ a_i b + Σ a_i c: a
factor that does not depend on the letter of a sum may stand before the sum or inside of it, sums may change places,
a component of a product of matrices is the sum that it means; nothing is expanded, opened or evaluated.
"""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from itertools import count, permutations
from typing import Any

from symrnn.derive.entries import Entries, renamed
from symrnn.expr import (
    Add,
    Delta,
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
    Symbol,
    Table,
    Times,
    Transpose,
)

MOST_SUMS = 4  # beyond it sums in a product stay in the order of print


class Fresh:
    """Names for bound letters that no expression has: one more for every look."""

    def __init__(self, mark: str = "~") -> None:
        self.mark, self.numbers = mark, count()

    def __getitem__(self, _: int) -> str:
        return f"{self.mark}{next(self.numbers)}"

    def __len__(self) -> int:
        return 1_000_000


def key(e: Expr) -> str:
    """The key of an expression as it stands in a formula."""
    return _key(e, {}, Fresh("&"))


def _key(e: Expr, bound: dict[str, str], fresh: Fresh) -> str:
    match e:
        case Add():
            return "(" + " ".join(sorted(_terms(e, 1, bound, fresh))) + ")"
        case Times(left=left, right=MatMul() as inner) if inner.scalar and left.shape[1] == 1 and not left.scalar:
            return f"{_chain(left, bound, fresh)}·{_chain(inner, bound, fresh)}"  # a column by an inner product
        case Times() | Divide() | Reduce(op="sum") | Number():
            return _product(e, bound, fresh)
        case MatMul():
            return _product(e, bound, fresh) if _scalars(e) else _chain(e, bound, fresh)
        case Entry(body=body) if not isinstance(body, (Ref, Gradient)):
            return _key(Entries(fresh)(body, e.row, e.col), bound, fresh)  # type: ignore[arg-type]
        case Entry(body=Gradient(of=of, wrt=wrt)) if of.scalar:
            return _key(Gradient(e.shape, of, Entry(e.shape, wrt, e.row, e.col)), bound, fresh)
        case Delta():
            return "delta" + ",".join(sorted((_at(e.one, bound), _at(e.two, bound))))
        case Gradient():
            return f"d[{_key(e.of, bound, fresh)}/{_by(e.wrt, bound, fresh)}{'~' if e.denominator else ''}]"
        case Transpose(body=Table() as table):
            return _key(Table(e.shape, tuple(zip(*table.rows, strict=True))), bound, fresh)
        case Ref():
            return f"{e.symbol.name}{_at(e.time, bound)}"
        case _:
            return f"{type(e).__name__}<{','.join(_part(getattr(e, f.name), bound, fresh) for f in fields(e)[1:])}>"


def _part(x: Any, bound: dict[str, str], fresh: Fresh) -> str:
    if isinstance(x, Expr):
        return _key(x, bound, fresh)
    if isinstance(x, tuple):
        return "[" + ",".join(_part(y, bound, fresh) for y in x) + "]"
    return _at(x, bound) if isinstance(x, Index) else x.name if isinstance(x, Symbol) else str(x)


def _by(wrt: Expr, bound: dict[str, str], fresh: Fresh) -> str:
    """The variable of a derivative, where a copy of a parameter is not the parameter."""
    base = wrt.body if isinstance(wrt, Entry) else wrt
    copy = f"^{_at(base.copy, bound)}" if isinstance(base, Ref) and base.copy is not None else ""
    return _key(wrt, bound, fresh) + copy


def _at(index: Index | None, bound: dict[str, str]) -> str:
    if index is None:
        return ""
    letter = bound.get(index.letter, index.letter) if index.letter is not None else ""
    return f"@{letter}{index.offset:+d}"


def _terms(e: Expr, sign: int, bound: dict[str, str], fresh: Fresh) -> list[str]:
    if isinstance(e, Add):
        return [t for s, x in e.terms for t in _terms(x, s * sign, bound, fresh)]
    if isinstance(e, Entry) and not isinstance(e.body, (Ref, Gradient)):
        return _terms(Entries(fresh)(e.body, e.row, e.col), sign, bound, fresh)  # type: ignore[arg-type]
    text = _key(e, bound, fresh)
    if text.startswith("-"):
        sign, text = -sign, text[1:]
    return [f"{'+' if sign > 0 else '-'}{text}"]


def _scalars(e: Expr) -> bool:
    return isinstance(e, MatMul) and any(
        isinstance(x, Times) and (x.left.scalar or x.right.scalar) for x in (e.left, e.right)
    )


def _chain(e: Expr, bound: dict[str, str], fresh: Fresh) -> str:
    """A product of matrices, whatever its brackets."""
    if isinstance(e, MatMul):
        return f"{_chain(e.left, bound, fresh)}·{_chain(e.right, bound, fresh)}"
    return _key(e, bound, fresh)


def _product(e: Expr, bound: dict[str, str], fresh: Fresh) -> str:
    """A product as its number, its sums and its factors; of the orders of sums the one with the least key."""
    number, sums, factors, names = Fraction(1), list[Reduce](), list[tuple[Expr, bool]](), dict[str, int]()
    stack = [(e, False)]
    while stack:
        x, below = stack.pop()
        match x:
            case Number(value=q) if q or not below:
                number = number / q if below else number * q
            case Times(left=a, right=b):
                stack += [(a, below), (b, below)]
            case MatMul(left=a, right=b) if _scalars(x):
                for side, other in ((a, b), (b, a)):
                    if isinstance(side, Times) and (side.left.scalar or side.right.scalar):
                        number_, rest = (side.left, side.right) if side.left.scalar else (side.right, side.left)
                        inner = (rest, other) if side is a else (other, rest)
                        stack += [(number_, below), (MatMul(x.shape, *inner), below)]
                        break
            case Divide(left=a, right=b):
                stack += [(a, below), (b, not below)]
            case Add(terms=((sign, only),)):
                number *= sign
                stack.append((only, below))
            case Reduce(op="sum") if not below and len(sums) < MOST_SUMS and not x.without:
                names[name := fresh[0]] = len(sums)
                sums.append(x)
                stack.append((renamed(x.body, {x.letter: Index(name)}), below))
            case _:
                factors.append((x, below))
    if not factors and not sums:
        return str(number)
    best = min(_ordered(order, sums, factors, names, bound, fresh) for order in permutations(range(len(sums))))
    if abs(number) != 1:
        best = f"{abs(number)}*{best}"
    return f"-{best}" if number < 0 else best


def _ordered(
    order: tuple[int, ...],
    sums: list[Reduce],
    factors: list[tuple[Expr, bool]],
    names: dict[str, int],
    bound: dict[str, str],
    fresh: Fresh,
) -> str:
    place = {which: k for k, which in enumerate(order)}
    inner = bound | {name: f"#{len(bound)}.{place[which]}" for name, which in names.items()}
    head = "".join(f"S{_at(sums[k].low, inner)}..{_at(sums[k].high, inner)}" for k in order)
    keys = sorted(f"{'/' if below else ''}{_key(x, inner, fresh)}" for x, below in factors)
    text = "*".join(keys) or "1"
    return f"{head}:{text}" if head else text


def same(a: Expr, b: Expr) -> bool:
    """Whether two expressions are alike."""
    return key(a) == key(b)


__all__ = ["Fresh", "Power", "key", "same"]
