"""The elaborated form: typed expressions over named index ranges and times. No text, no algebra.

Every value is a matrix: a scalar is 1×1, a column n×1, a row 1×n. Sizes are numbers or letters. An
``Index`` is a letter, a number, or a letter plus a number; times are indices too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

Dim = int | str
Shape = tuple[Dim, Dim]
SCALAR: Shape = (1, 1)


def show_shape(shape: Shape) -> str:
    """``5×4``."""
    return f"{shape[0]}×{shape[1]}"


@dataclass(frozen=True, slots=True)
class Index:
    """``letter + offset``; without a letter, the number ``offset``."""

    letter: str | None
    offset: int = 0

    def shifted(self, by: int) -> Index:
        """The index ``by`` further on."""
        return Index(self.letter, self.offset + by)

    def at(self, values: dict[str, int]) -> int:
        """Its number, when its letter has one (KeyError otherwise)."""
        return self.offset if self.letter is None else values[self.letter] + self.offset

    def __str__(self) -> str:
        if self.letter is None:
            return str(self.offset)
        return self.letter + (f"{self.offset:+d}" if self.offset else "")


@dataclass(frozen=True, eq=False)
class Symbol:
    """A declared name; every declaration makes one object, and symbols are compared as objects.

    ``key``: its letter with accents; ``style``, ``label``: what else is part of the name.

    ``timed``: where its time stands ("sub", "sup" or "" for none). ``onehot``: a vector that encodes a class.
    ``family``: the rows of the table are vectors that are printed one by one, with their number there; ``across``:
    printed as rows.
    """

    key: str
    style: str
    label: str
    shape: Shape
    timed: str = ""
    onehot: bool = False
    mark: str = ""  # tells apart two names that differ in style alone
    family: str = ""
    across: bool = False
    values: tuple[int, ...] | str = ""  # whole numbers, the only values that it has: (0, 1), or 1 to a size

    @property
    def name(self) -> str:
        """A plain name for people and for certificates, unique in a document."""
        bare = self.key.replace("\\", "").replace(" ", "_")
        marked = bare + (f".{self.mark}" if self.mark else "")
        return marked + (f"_{self.label}" if self.label else "") + ("(t)" if self.timed else "")


@dataclass(frozen=True)
class Expr:
    """The closed family of typed expressions below."""

    __match_args__: ClassVar[tuple[str, ...]]
    shape: Shape

    def children(self) -> list[Expr]:
        """The direct subexpressions."""
        found: list[Expr] = []
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, Expr):
                found.append(value)
            elif isinstance(value, tuple):
                for part in value:
                    if isinstance(part, Expr):
                        found.append(part)
                    elif isinstance(part, tuple):
                        found += [p for p in part if isinstance(p, Expr)]
        return found

    def walk(self) -> Iterator[Expr]:
        """This expression and all below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children())

    @property
    def scalar(self) -> bool:
        """Whether it is one number."""
        return self.shape == SCALAR


@dataclass(frozen=True)
class Number(Expr):
    """A rational constant."""

    value: Fraction


@dataclass(frozen=True)
class Count(Expr):
    """An index, a time or a size used as a number."""

    index: Index


@dataclass(frozen=True)
class Ref(Expr):
    """A declared quantity, at a time if it has one; ``copy``: a shared parameter as used at that step."""

    symbol: Symbol
    time: Index | None = None
    copy: Index | None = None


@dataclass(frozen=True)
class Local(Expr):
    """A scalar variable of the formula's own, as ``x`` in ``d/dx tanh x``."""

    name: str


@dataclass(frozen=True)
class Entry(Expr):
    """``body[row, col]``."""

    body: Expr
    row: Index
    col: Index


@dataclass(frozen=True)
class Slice(Expr):
    """Row ``index`` of a matrix, as a row vector."""

    body: Expr
    index: Index


@dataclass(frozen=True)
class Table(Expr):
    """An explicit matrix of scalars."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True)
class Add(Expr):
    """Σ sign·term; scalars that are literal numbers fill the shape."""

    terms: tuple[tuple[int, Expr], ...]


@dataclass(frozen=True)
class MatMul(Expr):
    """The matrix product."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Times(Expr):
    """The elementwise product; a scalar multiplies every entry, a row or column is repeated where allowed."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Divide(Expr):
    """The elementwise quotient; a scalar divides every entry."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Power(Expr):
    """The elementwise power with a scalar exponent."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True)
class MatPower(Expr):
    """A square matrix to the integer power ``exponent − less``, which may depend on times."""

    base: Expr
    exponent: Index
    less: Index = Index(None, 0)


@dataclass(frozen=True)
class Transpose(Expr):
    """Rows and columns exchanged."""

    body: Expr


@dataclass(frozen=True)
class Diag(Expr):
    """The diagonal matrix of a vector."""

    body: Expr


@dataclass(frozen=True)
class Apply(Expr):
    """A function of one argument, entry by entry."""

    function: str
    body: Expr


@dataclass(frozen=True)
class Smooth(Expr):
    """A smooth function of which nothing else is known, at its arguments.

    ``entrywise``: of one argument, entry by entry; ``primed``: its derivative. Two are one function if their names are.
    """

    name: str
    arguments: tuple[Expr, ...]
    entrywise: bool = False
    primed: bool = False


@dataclass(frozen=True)
class Softmax(Expr):
    """exp over the sum of exps: of a vector, or of each row of a matrix."""

    body: Expr


@dataclass(frozen=True)
class Total(Expr):
    """The sum of all entries."""

    body: Expr


@dataclass(frozen=True)
class Trace(Expr):
    """The sum of the diagonal entries."""

    body: Expr


@dataclass(frozen=True)
class Reduce(Expr):
    """Σ or Π of ``body`` over ``letter`` from ``low`` to ``high``, leaving out the values in ``without``.

    Of matrices, the factors of Π stand in the order of the letter, or (``down``) in the other one.
    """

    op: str
    letter: str
    low: Index
    high: Index
    body: Expr
    without: tuple[Index, ...] = ()
    timed: bool = False
    down: bool = False


@dataclass(frozen=True)
class Delta(Expr):
    """1 where the two indices are equal, else 0."""

    one: Index
    two: Index


@dataclass(frozen=True)
class Constant(Expr):
    """``ones`` or the identity (``eye``) of the shape."""

    kind: str


MEETS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "≠": operator.ne, "<": operator.lt, ">": operator.gt, "≤": operator.le, "≥": operator.ge,
}  # fmt: skip
Condition = tuple[Index, str, Index]  # two indices compared by one of these


@dataclass(frozen=True)
class Cases(Expr):
    """The one branch whose conditions on indices are met."""

    branches: tuple[tuple[Expr, tuple[Condition, ...]], ...]

    @property
    def conditions(self) -> Iterator[Condition]:
        """The conditions of all branches."""
        return (condition for _, some in self.branches for condition in some)


@dataclass(frozen=True)
class Gradient(Expr):
    """The derivative of ``of`` by ``wrt`` (a Ref, or an entry, a row or a column of one).

    A scalar's has the shape of ``wrt``; a vector's by a vector is the Jacobian [i, j] = ∂of_i/∂wrt_j
    (transposed in denominator layout); by a scalar it has the shape of ``of``.
    ``direct``: by what ``of`` (a quantity: its definition) itself mentions of ``wrt``, all else held fixed.
    """

    of: Expr
    wrt: Expr
    denominator: bool = False
    direct: bool = False


def variable(wrt: Expr) -> Expr:
    """The quantity of which a derivative's variable is the whole or a part."""
    while isinstance(wrt, (Entry, Slice, Transpose)):
        wrt = wrt.body
    return wrt


def part_of(wrt: Expr, base: Ref) -> Expr:
    """The same part of another quantity."""
    return replace(wrt, body=part_of(wrt.body, base)) if isinstance(wrt, (Entry, Slice, Transpose)) else base


def number(value: Fraction | int) -> Number:
    """A rational constant."""
    return Number(SCALAR, Fraction(value))


def power(value: Expr, exponent: Expr) -> Expr:
    """The elementwise power; a literal square root of a square is left as it stands."""
    return Power(value.shape, value, exponent)


def transpose(value: Expr) -> Expr:
    """Rows and columns exchanged."""
    if value.scalar:
        return value
    return Transpose((value.shape[1], value.shape[0]), value)


def rebuilt(e: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with each of its direct subexpressions changed; itself where none is."""
    changes: dict[str, Any] = {}
    for name in e.__match_args__:
        value = getattr(e, name)
        new = _changed(value, change)
        if new is not value:
            changes[name] = new
    return replace(e, **changes) if changes else e


def _changed(value: object, change: Callable[[Expr], Expr]) -> object:
    if isinstance(value, Expr):
        return change(value)
    if isinstance(value, tuple):
        new = tuple(_changed(v, change) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def substituted(e: Expr, letter: str, index: Index) -> Expr:
    """``e`` with ``index`` for a free letter; bound letters that it would meet are renamed."""
    changes: dict[str, Any] = {}
    shadowed = False
    if isinstance(e, Reduce):
        shadowed = e.letter == letter
        if e.letter == index.letter and not shadowed:
            fresh = e.letter + "'"
            e = replace(e, letter=fresh, body=substituted(e.body, e.letter, Index(fresh)))
    for name in e.__match_args__:
        value = getattr(e, name)
        if not (shadowed and name == "body"):
            new = _substituted(value, letter, index)
            if new is not value:
                changes[name] = new
    return replace(e, **changes) if changes else e


def _substituted(value: object, letter: str, index: Index) -> object:
    if isinstance(value, Expr):
        return substituted(value, letter, index)
    if isinstance(value, Index):
        return index.shifted(value.offset) if value.letter == letter else value
    if isinstance(value, tuple):
        new = tuple(_substituted(v, letter, index) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def reach(e: Expr) -> int:
    """The largest step or shift that an expression names by number; more where it counts with steps, so that
    no polynomial that vanishes at the lengths of the manifest passes for zero.
    """
    if isinstance(e, Count):
        return 7
    if isinstance(e, Cases):
        return max((abs(i.offset) for a, _, b in e.conditions for i in (a, b)), default=0)
    if isinstance(e, Ref):
        indices = [e.time, e.copy]
    elif isinstance(e, Reduce) and e.timed:
        indices = [e.low, e.high, *e.without]
    else:
        return 0
    return max((abs(i.offset) for i in indices if i is not None), default=0)
