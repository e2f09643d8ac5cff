"""Index notation to products of matrices: Σ_k v_ki g_k becomes Vᵀ g.

A monomial is a network: its letters are nodes, a matrix is an edge between two letters, a vector is a weight on
one. Bound letters are taken out one by one:

    one edge      Σ_k M_xk w_k        → the vector M w on x; without a weight M 1, the sums of the rows
    two edges     Σ_k M_xk w_k N_ky   → the matrix M diag(w) N between x and y
    no edge       Σ_k v_k w_k         → the number vᵀ w

What is left are the weights u, v and the edge M of the free letters i, j: the vector u, the outer product u vᵀ, the
product diag(u) M diag(v), or diag(u) where a delta joins i and j. Letters with three edges or more have no such
expression: Abstain. Terms that begin or end with the same matrix are collected: Xᵀ q − Xᵀ y is Xᵀ (q − y). Every
result is translated back to index notation and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.derive.group import Group, axis_letters, letters_of, spread_out
from symrnn.derive.products import collected, flipped, ones, times
from symrnn.expr import (
    SCALAR,
    Add,
    Apply,
    Count,
    Diag,
    Dim,
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
    Times,
    Transpose,
    number,
    transpose,
)
from symrnn.general.axes import ONE, STEP, Shapes
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form, Mono, Size, Tally
from symrnn.general.ring import Ring
from symrnn.general.translate import Translator

UNIT_INDEX = Index(None, 1)


@dataclass
class Weight:
    """A vector on a letter. ``rank``: 0 a quantity, 1 a sum in brackets or a function, 2 with a gradient in it."""

    value: Expr
    rank: int = 0
    below: bool = False  # divides


@dataclass
class Edge:
    """A matrix between two letters: rows on ``row``, columns on ``col``."""

    row: str
    col: str
    value: Expr
    rank: int = 0

    def seen(self, row: str) -> Expr:
        """The matrix with its rows on the letter."""
        return self.value if self.row == row else flipped(self.value)

    def other(self, letter: str) -> str:
        """The letter at the other end."""
        return self.col if self.row == letter else self.row


@dataclass
class Net:
    """A monomial being contracted."""

    scalars: list[Expr] = field(default_factory=list)
    weights: dict[str, list[Weight]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)


class Matrices:
    """Makes matrix expressions. ``hadamard``: u ⊙ v where diag(u) v could stand."""

    def __init__(
        self, ring: Ring, shapes: Shapes, letters: frozenset[str], hadamard: bool = False, bound: str = "k"
    ) -> None:
        self.ring, self.shapes, self.letters, self.hadamard, self.bound = ring, shapes, letters, hadamard, bound

    def dim(self, axis: str) -> Dim:
        """The length of an axis as the document writes it: a letter if some declaration has one."""
        axis = self.shapes.find(axis)
        if axis == ONE:
            return 1
        for name in self.shapes.up:
            if name in self.letters and self.shapes.find(name) == axis:
                return name
        found = self.shapes.numbers.get(axis)
        if found is None:
            raise Abstain("an axis of unknown length")
        return found

    # -- whole forms ------------------------------------------------------------------------------

    def __call__(self, form: Form, free: dict[str, str]) -> Expr:
        """The expression of a form whose free letters (none, the row; or row and column) stand on these axes.

        Raises Abstain where there is none; the result is compared with the form.
        """
        found = self.expression(form, tuple(free), dict(free))
        scope = dict(free) | dict.fromkeys(_steps(form), STEP)
        tr = Translator(self.ring, Shapes(self.shapes.sizes, self.shapes), scope, _derive(self.ring))
        where = [Index(x) for x in free]
        row, col = (where + [UNIT_INDEX] * 2)[:2]
        back = tr.entry(found, row, col)
        if spread_out(self.ring, self.ring.sub(back, spread_out(self.ring, form))):
            raise Abstain("the matrix expression is not what the indices say")
        return found

    def expression(self, form: Form, out: tuple[str, ...], axes: dict[str, str]) -> Expr:
        """The sum of the monomials' expressions, as a scalar, a column or a matrix."""
        shape = self._shape(out, axes)
        if form.number is not None:
            if len(out) == 2 and form.number:
                raise Abstain("a matrix full of one number")
            return number(form.number)
        terms: list[tuple[int, Expr]] = []
        for mono, q in ordered(form):
            value = self.monomial(mono, abs(q), out, axes)
            if value.shape != shape and not (isinstance(value, Number) and len(out) < 2):
                raise Abstain("a number among vectors")
            terms.append((-1 if q < 0 else 1, value))
        terms = collected(collected(terms, True), False)
        if len(terms) == 1 and terms[0][0] == 1:
            return terms[0][1]
        return Add(shape, tuple(terms))

    def _shape(self, out: tuple[str, ...], axes: dict[str, str]) -> tuple[Dim, Dim]:
        dims = [self.dim(axes[x]) for x in out] + [1, 1]
        return dims[0], dims[1]

    # -- monomials --------------------------------------------------------------------------------

    def monomial(self, mono: Mono, q: Fraction, out: tuple[str, ...], axes: dict[str, str]) -> Expr:
        """One monomial with the number ``q`` in front."""
        if mono.steps or mono.guard:
            raise Abstain("a sum over steps inside")
        axes = axes | dict(mono.sums)
        net = Net()
        for atom, p in sorted(mono.atoms, key=lambda x: _order(x[0])):
            self._place(net, atom, p, axes)
        joined = False
        for a, b in mono.deltas:
            if {a.letter, b.letter} != set(out) or a.offset or b.offset:
                raise Abstain("a delta of a component")
            joined = True
        self._contract(net, [name for name, _ in mono.sums], axes)
        value = self._result(net, out, axes, joined)
        for s in reversed(net.scalars):
            pair = (value, s) if isinstance(s, MatMul) else (s, value)
            value = s if value == number(1) else Times(value.shape, *pair)
        if q != 1:
            value = number(q) if value == number(1) else Times(value.shape, number(q), value)
        return value

    def _place(self, net: Net, atom: Atom, p: int, axes: dict[str, str]) -> None:
        letters = axis_letters(atom)
        if isinstance(atom, Fn) and atom.name == "inv":
            value, below, p, rank = self._inner(atom.arg, axes), True, p, 1
        else:
            value, rank = self._value(atom, axes)
            below, p = p < 0, abs(p)
        if p != 1:
            if len(letters) > 1:
                raise Abstain("a power of the entries of a matrix")
            value = Power(value.shape, value, number(p))
        if len(letters) > 2:
            raise Abstain("something with three indices")
        if len(letters) == 2:
            if below:
                raise Abstain("a quotient by the entries of a matrix")
            row, col = self._ends(atom, letters)
            net.edges.append(Edge(row, col, value, rank))
        elif letters:
            (x,) = letters
            net.weights.setdefault(x, []).append(Weight(value, rank, below))
        else:
            net.scalars.append(Divide(SCALAR, number(1), value) if below else value)

    def _ends(self, atom: Atom, letters: frozenset[str]) -> tuple[str, str]:
        comp = atom.wrt if isinstance(atom, Adj) else atom
        if isinstance(comp, Comp):
            return str(comp.row.letter), str(comp.col.letter)
        one, two = sorted(letters)
        return one, two

    def _inner(self, form: Form, axes: dict[str, str]) -> Expr:
        return self.expression(form, tuple(sorted(letters_of(form))), axes)

    def _value(self, atom: Atom, axes: dict[str, str]) -> tuple[Expr, int]:
        match atom:
            case Comp():
                return self._component(Ref(atom.symbol.shape, atom.symbol, atom.time), atom), 0
            case Adj(of=of, wrt=wrt):
                base = Ref(wrt.symbol.shape, wrt.symbol, wrt.time)
                whole = Gradient(base.shape, Ref(of.symbol.shape, of.symbol, of.time), base)
                return self._component(whole, wrt), 2
            case Fn(name="sqrt"):
                inner = self._inner(atom.arg, axes)
                return Power(inner.shape, inner, number(Fraction(1, 2))), 1
            case Fn():
                inner = self._inner(atom.arg, axes)
                return Apply(inner.shape, atom.name, inner), 1
            case Group():
                inner = self._inner(atom.form, axes)
                return inner, 2 if any(isinstance(e, Gradient) for e in inner.walk()) else 1
            case Size():
                dim = self.dim(atom.key.strip("|"))
                return (number(dim) if isinstance(dim, int) else Count(SCALAR, Index(dim))), 0
            case Tally():
                return Count(SCALAR, Index(atom.letter)), 0
            case _:
                raise Abstain("something that has no matrix form")

    def _component(self, whole: Expr, at: Comp) -> Expr:
        """The part of a quantity that its letters run over: all of it, or one number."""
        rows, cols = whole.shape
        fixed = [d != 1 and i.letter is None for d, i in ((rows, at.row), (cols, at.col))]
        if at.row.offset * (at.row.letter is not None) or at.col.offset * (at.col.letter is not None):
            raise Abstain("a component next to a letter")
        if at.row.letter is not None and at.row.letter == at.col.letter:
            raise Abstain("the diagonal of a matrix")
        if any(fixed):
            if at.row.letter is not None or at.col.letter is not None:
                raise Abstain("a row or column of a matrix")
            return Entry(SCALAR, whole, at.row, at.col)
        return transpose(whole) if rows == 1 else whole

    # -- contraction ------------------------------------------------------------------------------

    def _contract(self, net: Net, bound: list[str], axes: dict[str, str]) -> None:
        self._merge(net)
        while bound:
            degree = {k: sum(k in (e.row, e.col) for e in net.edges) for k in bound}
            k = min(bound, key=lambda x: ({1: 0, 0: 1, 2: 2}.get(degree[x], 9), bound.index(x)))
            bound.remove(k)
            mine = [e for e in net.edges if k in (e.row, e.col)]
            weights = net.weights.pop(k, [])
            net.edges = [e for e in net.edges if e not in mine]
            if len(mine) > 2:
                raise Abstain("a sum over three matrices")
            if not mine:
                net.scalars.append(self._number(weights, k, axes))
            elif len(mine) == 1:
                x, m = mine[0].other(k), mine[0].seen(mine[0].other(k))
                v = self._vector(weights) if weights else Weight(ones(m.shape[1]))  # sums of rows: M 1
                rank = max(mine[0].rank, v.rank)
                net.weights.setdefault(x, []).append(Weight(MatMul((m.shape[0], 1), m, v.value), rank))
            else:
                one, two = sorted(mine, key=lambda e: e.rank)
                x, y = one.other(k), two.other(k)
                if x == y:
                    raise Abstain("the diagonal of a product")  # two edges between two letters are one
                left, right = one.seen(x), two.seen(k)
                if weights:
                    left = self._scaled(left, weights)
                value = MatMul((left.shape[0], right.shape[1]), left, right)
                net.edges.append(Edge(x, y, value, max(one.rank, two.rank)))
                self._merge(net)

    def _scaled(self, left: Expr, weights: list[Weight]) -> Expr:
        middle = self._diag(self._vector(weights).value)
        return MatMul((left.shape[0], middle.shape[1]), left, middle)

    @staticmethod
    def _diag(v: Expr) -> Expr:
        return Diag((v.shape[0], v.shape[0]), v)

    def _merge(self, net: Net) -> None:
        """Matrices between the same two letters are multiplied entry by entry."""
        out: list[Edge] = []
        for e in net.edges:
            twin = next((x for x in out if {x.row, x.col} == {e.row, e.col}), None)
            if twin is None:
                out.append(Edge(e.row, e.col, e.value, e.rank))
            else:
                twin.value = Times(twin.value.shape, twin.value, e.seen(twin.row))
                twin.rank = max(twin.rank, e.rank)
        net.edges = out

    def _number(self, weights: list[Weight], letter: str, axes: dict[str, str]) -> Expr:
        """Σ_k Π weights: an inner product, or a plain sum."""
        if len(weights) > 1 and not any(w.below for w in weights):
            last = max(weights, key=lambda w: w.rank)
            rest = self._vector([w for w in weights if w is not last]).value
            return MatMul(SCALAR, transpose(rest), last.value)
        value = self._vector(weights).value
        if not isinstance(value, Ref):
            return MatMul(SCALAR, transpose(ones(value.shape[0])), value)
        high = self.dim(axes[letter])
        name = self.bound
        entry = Entry(SCALAR, value, Index(name), UNIT_INDEX)
        return Reduce(
            SCALAR, "sum", name, UNIT_INDEX, Index(None, high) if isinstance(high, int) else Index(high), entry
        )

    def _vector(self, weights: list[Weight]) -> Weight:
        """The product of the weights of one letter, entry by entry; a gradient stands last."""
        above = sorted((w for w in weights if not w.below), key=lambda w: w.rank)
        below = [w.value for w in weights if w.below]
        rank = max(w.rank for w in weights)
        if not above:
            return Weight(self._divided(number(1), below), rank)
        last = above[-1]
        front = [w.value for w in above[:-1]]
        if self.hadamard or last.rank < 2 or (not front and not below):
            return Weight(self._divided(times([*front, last.value]), below), rank)
        slope = self._divided(times(front) if front else number(1), below)
        return Weight(MatMul(last.value.shape, self._diag(slope), last.value), rank)

    @staticmethod
    def _divided(value: Expr, below: list[Expr]) -> Expr:
        if not below:
            return value
        bottom = times(below)
        return Divide(bottom.shape, value, bottom)

    def _result(self, net: Net, out: tuple[str, ...], axes: dict[str, str], joined: bool) -> Expr:
        left = [e for e in net.edges if {e.row, e.col} != set(out)]
        if left:
            raise Abstain("an index that stands on one side alone")
        if not out:
            return number(1)
        if len(out) == 1:
            return self._vector(net.weights[out[0]]).value if net.weights.get(out[0]) else number(1)
        row, col = out
        if joined:
            weights = [*net.weights.get(row, []), *net.weights.get(col, [])]
            if net.edges or not weights:
                raise Abstain("a multiple of the identity")
            return self._diag(self._vector(weights).value)
        one, two = net.weights.get(row, []), net.weights.get(col, [])
        if not net.edges:
            if not one or not two:
                raise Abstain("a matrix of equal rows or columns")
            u, v = self._vector(one).value, self._vector(two).value
            return MatMul((u.shape[0], v.shape[0]), u, transpose(v))
        value = net.edges[0].seen(row)
        if one:
            value = MatMul(value.shape, self._diag(self._vector(one).value), value)
        if two:
            value = MatMul(value.shape, value, self._diag(self._vector(two).value))
        return value


def _order(atom: Atom) -> tuple[int, str]:
    """Quantities with steps after those without, brackets and functions next, gradients last."""
    match atom:
        case Comp():
            return (1 if atom.time is not None else 0), atom.key
        case Adj():
            return 4, atom.key
        case Group():
            return 2, atom.key
        case _:
            return 3, atom.key


def ordered(form: Form) -> list[tuple[Mono, Fraction]]:
    """Monomials as one writes them: a number first, what is positive before what is negative, later steps first."""

    def key(item: tuple[Mono, Fraction]) -> tuple[bool, bool, bool, int, str]:
        mono, q = item
        steps = [a.wrt.time.offset for a, _ in mono.atoms if isinstance(a, Adj) and a.wrt.time is not None]
        late = -max(steps, default=0)
        return bool(mono.key), q < 0, not steps, late, mono.key

    return sorted((_forward(mono, q) for mono, q in form.terms), key=key)


def _forward(mono: Mono, q: Fraction) -> tuple[Mono, Fraction]:
    """1/(q − 1) as −1/(1 − q): a number in a denominator is positive."""
    atoms = []
    for atom, p in mono.atoms:
        if isinstance(atom, Fn) and atom.name == "inv" and any(not m.key and c < 0 for m, c in atom.arg.terms):
            atom = Fn("inv", Form({m: -c for m, c in atom.arg.terms}))
            q = -q if p % 2 else q
        atoms.append((atom, p))
    return Mono(mono.sums, mono.steps, mono.guard, mono.deltas, tuple(atoms)), q


def _steps(form: Form) -> set[str]:
    """The letters in a form that count steps."""
    return {x for x in form.letters if x} - letters_of(form)


def _derive(ring: Ring):  # type: ignore[no-untyped-def]
    """Gradients of one component by another, left closed."""

    def derive(of: Form, wrt: Comp | str, copy: Index | None) -> Form:
        atom = of.atom
        if not isinstance(atom, Comp) or not isinstance(wrt, Comp):
            raise Abstain("a derivative of an expression")
        return ring.atom(Adj(atom, wrt))

    return derive


__all__ = ["Matrices", "Transpose", "ordered"]
