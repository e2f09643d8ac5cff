"""Axes: which dimensions are one and the same, so that declared numbers can be letters again.

Every dimension of every declared quantity that is not 1 is an axis; dimensions written with one letter are
one axis, and what the definitions multiply, add or index together is one axis too. The number of a
declaration is then only a name: a line depends on it where the number itself stands on the line (an
explicit matrix, a component counted by number, a sum that stops elsewhere than at the axis's end).
"""

from __future__ import annotations

from collections.abc import Mapping

from symrnn.expr import (
    Add,
    Apply,
    Cases,
    Constant,
    Delta,
    Diag,
    Dim,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    MatMul,
    MatPower,
    Power,
    Reduce,
    Ref,
    Slice,
    Smooth,
    Softmax,
    Symbol,
    Table,
    Times,
    Trace,
    Transpose,
)
from symrnn.general.form import Abstain

ONE = "1"
STEP = "@"  # what a letter of steps stands on
Axes = tuple[str, str]


class Shapes:
    """Axes by union-find; ``numbers``: the declared length of each; ``fixed``: those that a line needs as numbers."""

    def __init__(self, sizes: Mapping[str, int], parent: Shapes | None = None) -> None:
        self.sizes = sizes
        self.up: dict[str, str] = dict(parent.up) if parent else {}
        self.numbers: dict[str, int] = dict(parent.numbers) if parent else {}
        self.defined: frozenset[str] = parent.roots() if parent else frozenset()
        self.fixed: set[str] = set()
        self.literals: set[str] = set()  # axes on which a component is counted by number
        self.counted: set[str] = set()  # of these, axes that have to have more than one component
        self.letters: dict[str, str] = {}  # the axis of each free letter
        self.bound: dict[int, str] = {}  # the axis of each Reduce's letter, by identity
        self.memo: dict[int, Axes] = {}
        self.kept: list[Expr] = []
        self.count: int = parent.count if parent else 0

    def roots(self) -> frozenset[str]:
        """The axes there are."""
        return frozenset(self.find(a) for a in self.up)

    def find(self, axis: str) -> str:
        """The representative of an axis."""
        while (above := self.up.get(axis, axis)) != axis:
            axis = above
        return axis

    def new(self, name: str, number: int | None = None) -> str:
        """An axis of its own."""
        if name not in self.up:
            self.up[name] = name
            if number is not None:
                self.numbers[name] = number
        return self.find(name)

    def spare(self) -> str:
        """An axis that nothing is known of."""
        self.count += 1
        return self.new(f"?{self.count}")

    def unify(self, a: str, b: str) -> str:
        """Two axes are one. Raises Abstain where their declared lengths differ, or one is no axis at all."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return a
        if ONE in (a, b):
            other = b if a == ONE else a
            if other.startswith("?") or self.numbers.get(other) != 1:
                raise Abstain("a dimension of length 1 stands for an axis")
            self.fixed.add(other)
            return other
        if a in self.defined and b in self.defined:
            raise Abstain(f"this line has a meaning only where the sizes {self.say(a)} and {self.say(b)} agree")
        if b in self.defined or (a.startswith("?") and not b.startswith("?")):
            a, b = b, a
        one, two = self.numbers.get(a), self.numbers.get(b)
        if one is not None and two is not None and one != two:
            raise Abstain("two axes of different lengths")
        self.up[b] = a
        if one is None and two is not None:
            self.numbers[a] = two
        return a

    def say(self, axis: str) -> str:
        """An axis for people: the manifest's name of its size where that is plain."""
        number = self.numbers.get(axis)
        names = [n for n, k in self.sizes.items() if k == number]
        if axis in self.sizes:
            return axis
        here = [n for n in names if any(x.split(".")[0] == n for x in self.up if self.find(x) == axis)]
        return here[0] if here else names[0] if names else str(number)

    def of_dim(self, dim: Dim, name: str) -> str:
        """The axis of a declared dimension."""
        if dim == 1:
            return ONE
        if isinstance(dim, str):
            return self.new(dim, self.sizes.get(dim))
        return self.new(name, dim)

    def of_symbol(self, symbol: Symbol) -> Axes:
        """The axes of a declared quantity."""
        rows, cols = symbol.shape
        return self.of_dim(rows, f"{symbol.name}.0"), self.of_dim(cols, f"{symbol.name}.1")

    def literal(self, number: int) -> str:
        """The axis of an explicit matrix: a number that stands on the line."""
        if number == 1:
            return ONE
        self.count += 1
        axis = self.new(f"?{self.count}", number)
        self.fixed.add(axis)
        return axis

    # -- expressions ----------------------------------------------------------------------------

    def of(self, e: Expr, scope: dict[str, str]) -> Axes:
        """The axes of an expression; ``scope``: the axes of the letters around it, free ones are added."""
        found = self.memo.get(id(e))
        if found is None:
            found = self._of(e, scope)
            self.memo[id(e)] = found
            self.kept.append(e)
        return self.find(found[0]), self.find(found[1])

    def _of(self, e: Expr, scope: dict[str, str]) -> Axes:
        match e:
            case Ref():
                return self.of_symbol(e.symbol)
            case Entry():
                rows, cols = self.of(e.body, scope)
                self.index(e.row, rows, scope)
                self.index(e.col, cols, scope)
                return ONE, ONE
            case Slice():
                rows, cols = self.of(e.body, scope)
                self.index(e.index, rows, scope)
                return cols, ONE
            case Table():
                for row in e.rows:
                    for cell in row:
                        self.of(cell, scope)
                return self.literal(len(e.rows)), self.literal(len(e.rows[0]))
            case Add():
                return self.joined([self.of(x, scope) for _, x in e.terms])
            case Times() | Divide():
                return self.joined([self.of(e.left, scope), self.of(e.right, scope)])
            case MatMul():
                left, right = self.of(e.left, scope), self.of(e.right, scope)
                if self.find(left[1]) != self.find(right[0]):
                    self.unify(left[1], right[0])
                return left[0], right[1]
            case Power():
                self.of(e.exponent, scope)
                return self.of(e.base, scope)
            case MatPower():
                rows, cols = self.of(e.base, scope)
                return self.unify(rows, cols), cols
            case Transpose():
                rows, cols = self.of(e.body, scope)
                return cols, rows
            case Diag():
                rows, cols = self.of(e.body, scope)
                axis = rows if cols == ONE else cols
                return axis, axis
            case Apply() | Softmax():
                return self.of(e.body, scope)
            case Trace():
                self.unify(*self.of(e.body, scope))
                return ONE, ONE
            case Constant():
                rows, cols = (self._constant(d) for d in e.shape)
                if e.kind == "eye":
                    rows = cols = self.unify(rows, cols)
                return rows, cols
            case Delta():
                self._delta(e, scope)
                return ONE, ONE
            case Reduce():
                return self._reduce(e, scope)
            case Smooth():
                raise Abstain("a function of which nothing is known")
            case Gradient():
                if e.direct:
                    raise Abstain("a derivative that holds what is computed fixed")
                return self._gradient(e, scope)
            case Cases():
                raise Abstain("a distinction of cases")
            case _:
                for child in e.children():
                    self.of(child, scope)
                return ONE, ONE

    def _constant(self, dim: Dim) -> str:
        if isinstance(dim, str) or dim == 1:
            return self.of_dim(dim, "")
        axis = self.spare()
        self.numbers[axis] = dim
        return axis

    def joined(self, parts: list[Axes]) -> Axes:
        """Elementwise: scalars, rows and columns are repeated."""
        out = [ONE, ONE]
        for part in parts:
            for k in (0, 1):
                if part[k] != ONE:
                    out[k] = part[k] if out[k] == ONE else self.unify(out[k], part[k])
        return out[0], out[1]

    def index(self, index: Index, axis: str, scope: dict[str, str]) -> None:
        """A letter or number stands on an axis."""
        if axis == ONE:
            if index != Index(None, 1):
                raise Abstain("a letter on an axis of length 1")
            return
        if index.letter is None:
            self._counts(index, axis)
            return
        if index.offset or (index.letter in self.sizes and index.letter not in scope):
            raise Abstain(f"the component {index}")
        if index.letter not in scope:
            scope[index.letter] = self.letters[index.letter] = self.spare()
        if scope[index.letter] == STEP:
            raise Abstain("a step on an axis")
        self.unify(scope[index.letter], axis)

    def _counts(self, index: Index, axis: str) -> None:
        self.literals.add(axis)
        if index.offset > 1:
            self.counted.add(axis)

    def _delta(self, e: Delta, scope: dict[str, str]) -> None:
        if STEP in (scope.get(e.one.letter or ""), scope.get(e.two.letter or "")):
            return
        for a, b in ((e.one, e.two), (e.two, e.one)):
            if a.letter in scope:
                assert a.letter is not None
                if b.letter is None:
                    self._counts(b, scope[a.letter])
                elif b.letter in scope:
                    self.unify(scope[a.letter], scope[b.letter])
                else:
                    scope[b.letter] = self.letters[b.letter] = scope[a.letter]
                return
        if e.one.letter is not None and e.two.letter is not None:
            axis = self.spare()
            for x in (e.one.letter, e.two.letter):
                scope[x] = self.letters[x] = axis

    def _reduce(self, e: Reduce, scope: dict[str, str]) -> Axes:
        if e.op == "product" and not e.scalar:
            raise Abstain("a product of matrices over a letter")
        inner = dict(scope)
        if e.timed:
            inner[e.letter] = STEP
            for child in e.children():
                out = self.of(child, inner)
        else:
            inner[e.letter] = self.bound[id(e)] = self.spare()
            out = self.of(e.body, inner)
            self._limits(e)
        for x, axis in inner.items():
            if x not in scope and x != e.letter:
                scope[x] = axis
        return out

    def _limits(self, e: Reduce) -> None:
        """A sum that stops elsewhere than at the ends of its axis needs the number."""
        axis = self.find(self.bound[id(e)])
        if axis.startswith("?") and axis not in self.numbers and e.high.letter is not None:
            self.unify(axis, self.of_dim(e.high.letter, ""))  # a letter that only counts
            return
        if not self.whole(e):
            if axis.startswith("?"):
                raise Abstain(f"the letter {e.letter} indexes nothing")
            self.fixed.add(axis)

    def whole(self, e: Reduce) -> bool:
        """Whether a sum runs over all of its letter's axis."""
        axis = self.find(self.bound[id(e)])
        if e.low != Index(None, 1) or e.high.offset * (e.high.letter is not None):
            return False
        if e.high.letter is not None:
            return e.high.letter in self.up and self.find(e.high.letter) == axis
        return e.high.offset == self.numbers.get(axis)

    def _gradient(self, e: Gradient, scope: dict[str, str]) -> Axes:
        if any(isinstance(x, Gradient) for x in e.of.walk()):
            raise Abstain("a second derivative")
        of, wrt = self.of(e.of, scope), self.of(e.wrt, scope)
        if e.of.scalar:
            return wrt
        if e.wrt.scalar:
            return of
        above = of[0] if of[1] == ONE else of[1]
        below = wrt[0] if wrt[1] == ONE else wrt[1]
        return (below, above) if e.denominator else (above, below)
