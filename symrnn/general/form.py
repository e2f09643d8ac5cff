"""Forms: sums of products in index notation, for every size of every axis and every length.

A *form* is Σ q · Σ_{k ∈ axis, …} Σ_{s : guard} Π atomᵖ: rational numbers q, letters k bound over whole axes
(sizes are letters, at least 1), letters s bound over steps (a conjunction of inequalities between steps),
Kronecker deltas between letters that stay free, and atoms to integer powers. An *atom* is a component
``V[i,j]`` or ``h[i]@t-1``, a function of a form, one over a sum, a derivative ``∂A/∂v`` left closed, a size,
or a letter used as a number. Two forms are the same when their keys are.

Guarantee: every operation keeps the value at all sizes ≥ 1, all steps and all values of the atoms for which
both sides are defined. So equal keys prove equality. Unequal keys disprove nothing: the key is canonical up
to the names of bound letters, the order of products and sums, contraction of deltas, exp and ln of products, and
Σ_k e_k · 1/(Σ_k e_k) = 1; identities beyond these (between different denominators, say) are not seen.

Bound letters are named by the height of what they bind, so that no substitution ever captures one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from symrnn.expr import Index, Symbol
from symrnn.general.times import ZERO, Guard

if TYPE_CHECKING:
    from symrnn.general.ring import Ring

Renaming = Mapping[str, Index]


class Abstain(Exception):
    """The general decider has no answer, and why."""


class Atom:
    """What forms are polynomials in; equal keys are equal atoms."""

    __slots__ = ("height", "key", "letters")
    key: str
    letters: frozenset[str]
    height: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key

    def renamed(self, ring: Ring, to: Renaming) -> Atom | Form:
        """The atom with letters replaced."""
        raise NotImplementedError


def _letters(*indices: Index | None) -> frozenset[str]:
    return frozenset(i.letter for i in indices if i is not None and i.letter is not None)


def moved(index: Index, to: Renaming) -> Index:
    """An index with its letter replaced."""
    new = to.get(index.letter) if index.letter is not None else None
    return index if new is None else new.shifted(index.offset)


class Comp(Atom):
    """A component of a declared quantity, at a step if it has one."""

    __slots__ = ("col", "row", "symbol", "time")

    def __init__(self, symbol: Symbol, row: Index, col: Index, time: Index | None) -> None:
        self.symbol, self.row, self.col, self.time = symbol, row, col, time
        at = "" if time is None else f"@{time}"
        self.key = f"{symbol.name.removesuffix('(t)')}[{row},{col}]{at}"
        self.letters = _letters(row, col, time)
        self.height = 0

    def renamed(self, ring: Ring, to: Renaming) -> Comp:
        time = None if self.time is None else moved(self.time, to)
        return Comp(self.symbol, moved(self.row, to), moved(self.col, to), time)


class Adj(Atom):
    """∂of/∂wrt along all paths, left closed."""

    __slots__ = ("of", "wrt")

    def __init__(self, of: Comp, wrt: Comp) -> None:
        self.of, self.wrt = of, wrt
        self.key = f"d({of.key})/d({wrt.key})"
        self.letters = of.letters | wrt.letters
        self.height = 0

    def renamed(self, ring: Ring, to: Renaming) -> Adj:
        return Adj(self.of.renamed(ring, to), self.wrt.renamed(ring, to))


class Var(Atom):
    """A variable of the formula's own."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        self.key, self.letters, self.height = f"'{name}", frozenset(), 0

    def renamed(self, ring: Ring, to: Renaming) -> Var:
        return self


class Size(Atom):
    """The number of components along an axis."""

    __slots__ = ()

    def __init__(self, axis: str) -> None:
        self.key, self.letters, self.height = f"|{axis}|", frozenset(), 0

    def renamed(self, ring: Ring, to: Renaming) -> Size:
        return self


class Tally(Atom):
    """A letter used as a number."""

    __slots__ = ("letter",)

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.key, self.letters, self.height = f"#{letter}", frozenset((letter,)), 0

    def renamed(self, ring: Ring, to: Renaming) -> Form:
        return ring.tally(moved(Index(self.letter), to))


class Fn(Atom):
    """A function of one argument; ``inv`` is one over it."""

    __slots__ = ("arg", "name")

    def __init__(self, name: str, arg: Form) -> None:
        self.name, self.arg = name, arg
        self.key = f"{name}({arg.key})"
        self.letters = arg.letters
        self.height = arg.height + 1

    def renamed(self, ring: Ring, to: Renaming) -> Atom | Form:
        new = ring.rename(self.arg, to)
        if self.name in ("exp", "inv", "ln") and len(new.terms) == len(self.arg.terms) and new.even == self.arg.even:
            return Fn(self.name, new)  # the laws of these depend on the numbers alone, and these are as before
        return ring.fn(self.name, new)


class Mono:
    """Σ over ``sums`` (letter, axis) and ``steps`` (under ``guard``) of Π atomᵖ · Π δ: no number."""

    __slots__ = ("atoms", "deltas", "guard", "height", "key", "letters", "skeleton", "steps", "sums")

    def __init__(
        self,
        sums: tuple[tuple[str, str], ...],
        steps: tuple[str, ...],
        guard: Guard,
        deltas: tuple[tuple[Index, Index], ...],
        atoms: tuple[tuple[Atom, int], ...],
    ) -> None:
        self.sums, self.steps, self.guard, self.deltas, self.atoms = sums, steps, guard, deltas, atoms
        self.height = max((a.height for a, _ in atoms), default=0)
        bound = {name for name, _ in sums} | set(steps)
        inner = set().union(*(a.letters for a, _ in atoms))
        for a, b in deltas:
            inner |= _letters(a, b)
        for one, two, _ in guard:
            inner |= {one, two}
        inner -= bound
        inner.discard(ZERO)
        self.letters = frozenset(inner)
        heads = [f"Σ{name}∈{axis} " for name, axis in sums] + [f"Σ{name} " for name in steps]
        ends = [f"δ({a},{b})" for a, b in deltas] + [a.key if p == 1 else f"{a.key}^{p}" for a, p in atoms]
        self.skeleton = "".join(heads) + "·".join(ends)
        marks = ",".join(f"{a or 0}-{b or 0}≥{c}" for a, b, c in guard)
        self.key = self.skeleton + (f"[{marks}]" if marks else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mono) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class Form:
    """A sum of monomials with their numbers; ``ordered`` lists them by their keys."""

    __slots__ = ("_height", "_key", "_letters", "_ordered", "terms")

    def __init__(self, terms: Mapping[Mono, Fraction]) -> None:
        self.terms = tuple((m, q) for m, q in terms.items() if q)
        self._key: str | None = None
        self._letters: frozenset[str] | None = None
        self._height: int | None = None
        self._ordered: tuple[tuple[Mono, Fraction], ...] | None = None

    @property
    def ordered(self) -> tuple[tuple[Mono, Fraction], ...]:
        """The monomials in the order of their keys."""
        if self._ordered is None:
            self._ordered = tuple(sorted(self.terms, key=lambda t: t[0].key)) if len(self.terms) > 1 else self.terms
        return self._ordered

    @property
    def key(self) -> str:
        """The form as text; equal forms have equal keys."""
        if self._key is None:
            parts = (f"{q}·{m.key}" if q != 1 or not m.key else m.key for m, q in self.ordered)
            self._key = " + ".join(parts) or "0"
        return self._key

    @property
    def letters(self) -> frozenset[str]:
        """The letters that no sum in it binds."""
        if self._letters is None:
            self._letters = frozenset().union(*(m.letters for m, _ in self.terms))
        return self._letters

    @property
    def height(self) -> int:
        """How deeply functions of forms are nested in it."""
        if self._height is None:
            self._height = max((m.height for m, _ in self.terms), default=0)
        return self._height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __repr__(self) -> str:
        return self.key

    @property
    def even(self) -> Fraction | None:
        """The number that stands before all its monomials, if it is one."""
        numbers = {q for _, q in self.terms}
        return numbers.pop() if len(numbers) == 1 else None

    @property
    def number(self) -> Fraction | None:
        """Its value when it is a plain number."""
        if not self.terms:
            return Fraction(0)
        (mono, q), *more = self.terms
        return q if not more and not mono.key else None

    @property
    def atom(self) -> Atom | None:
        """The atom that it is, if it is nothing but one."""
        if len(self.terms) != 1 or self.terms[0][1] != 1:
            return None
        m = self.terms[0][0]
        if m.sums or m.steps or m.guard or m.deltas or len(m.atoms) != 1 or m.atoms[0][1] != 1:
            return None
        return m.atoms[0][0]


def first_offset(step: str, atoms: Iterable[tuple[Atom, int]]) -> int:
    """The earliest place, counted from a step, at which something stands; 0 where that step is used as a number."""
    found = [o for a, _ in atoms if step in a.letters for o in _offsets(a, step)]
    known = [o for o in found if o is not None]
    return min(known) if known and len(known) == len(found) else 0


def _offsets(atom: Atom, step: str) -> Iterable[int | None]:
    match atom:
        case Comp():
            if atom.time is not None and atom.time.letter == step:
                yield atom.time.offset
        case Adj():
            yield from _offsets(atom.of, step)
            yield from _offsets(atom.wrt, step)
        case Fn():
            for mono, _ in atom.arg.terms:
                if any(step in c[:2] for c in mono.guard):
                    yield None
                for inner, _ in mono.atoms:
                    if step in inner.letters:
                        yield from _offsets(inner, step)
        case _:
            yield None


UNIT = Mono((), (), (), (), ())
