"""The operations on forms: sums, products, bound letters, renaming; every result is in canonical form.

``Ring.mono`` makes the canonical form of one monomial: deltas are contracted, steps that the guard makes equal are
one, sums over one another's inverses cancel (``kernels``), a letter that nothing uses becomes the size of its axis, and
the bound letters get names by what they look like from outside, ties being broken by trying all orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from itertools import count, permutations, product
from math import factorial, prod

from symrnn.expr import Index
from symrnn.general.form import (
    UNIT,
    Abstain,
    Atom,
    Fn,
    Form,
    Mono,
    Renaming,
    Size,
    Tally,
    first_offset,
    moved,
)
from symrnn.general.times import ZERO, Constraint, Guard, at_least, tidy

MOST_ORDERS = 720
MOST_TERMS = 4_000
MOST_WORK = 8_000


@dataclass(slots=True)
class Loose:
    """A monomial in pieces: sums over axes, sums over steps, inequalities of steps, deltas, atoms with powers."""

    sums: list[tuple[str, str]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    guard: list[Constraint] = field(default_factory=list)
    deltas: list[tuple[Index, Index]] = field(default_factory=list)
    atoms: list[tuple[Atom, int]] = field(default_factory=list)

    def times(self, other: Loose) -> Loose:
        """The product of two monomials that share no bound letter."""
        return Loose(
            self.sums + other.sums,
            self.steps + other.steps,
            self.guard + other.guard,
            self.deltas + other.deltas,
            self.atoms + other.atoms,
        )


class Ring:
    """The operations on forms. ``pins``: axes whose size is a number; sums over these are written out.

    ``ones``: names of quantities whose components along their only axis are assumed to sum to a number.
    """

    def __init__(self, pins: Mapping[str, int], ones: Mapping[str, Fraction] | None = None) -> None:
        self.pins = pins
        self.ones = dict(ones or {})
        self.work = 0  # monomials made since the claim began
        self._fresh = count()
        self._renamed: dict[tuple[str, tuple[tuple[str, Index], ...]], Form] = {}
        self.zero = Form({})
        self.one = Form({UNIT: Fraction(1)})

    # -- building -------------------------------------------------------------------------------

    def constant(self, q: Fraction | int) -> Form:
        """A number."""
        return Form({UNIT: Fraction(q)})

    def atom(self, atom: Atom, power: int = 1) -> Form:
        """An atom to a power."""
        if isinstance(atom, Fn) and (power != 1 or atom.name == "inv"):
            return self.mono(Fraction(1), Loose(atoms=[(atom, power)]))
        return Form({Mono((), (), (), (), ((atom, power),)): Fraction(1)})

    def tally(self, index: Index) -> Form:
        """A letter used as a number."""
        shift = self.constant(index.offset)
        return shift if index.letter is None else self.add(self.atom(Tally(index.letter)), shift)

    def size(self, axis: str) -> Form:
        """The number of components of an axis."""
        return self.constant(self.pins[axis]) if axis in self.pins else self.atom(Size(axis))

    def delta(self, a: Index, b: Index) -> Form:
        """1 where two components are the same, else 0."""
        return self.mono(Fraction(1), Loose(deltas=[(a, b)]))

    def where(self, guard: Iterable[Constraint]) -> Form:
        """1 where the inequalities hold, else 0."""
        return self.mono(Fraction(1), Loose(guard=list(guard)))

    def fresh(self) -> str:
        """A letter that nothing uses."""
        return f"~{next(self._fresh)}"

    def add(self, *forms: Form) -> Form:
        """The sum."""
        some = [f for f in forms if f.terms]
        if len(some) < 2:
            return some[0] if some else self.zero
        out: dict[Mono, Fraction] = {}
        for form in some:
            for mono, q in form.terms:
                out[mono] = out[mono] + q if mono in out else q
        if len(out) > MOST_TERMS:
            raise Abstain("too many terms")
        return Form(out)

    def scale(self, form: Form, q: Fraction | int) -> Form:
        """A form times a number."""
        return form if q == 1 else Form({m: c * q for m, c in form.terms})

    def sub(self, a: Form, b: Form) -> Form:
        """The difference."""
        return self.add(a, self.scale(b, -1))

    def mul(self, *forms: Form) -> Form:
        """The product."""
        scale, factors = Fraction(1), []
        for form in forms:
            if (q := form.number) is None:
                factors.append(form)
            else:
                scale *= q
        if not scale:
            return self.zero
        return self.scale(reduce(self._times, factors) if factors else self.one, scale)

    def _times(self, a: Form, b: Form) -> Form:
        return self.add(
            self.zero,
            *(self.mono(q * r, self.opened(m).times(self.opened(n))) for (m, q), (n, r) in product(a.terms, b.terms)),
        )

    def power(self, form: Form, exponent: int) -> Form:
        """An integer power; one over a sum is a kernel of its own."""
        if exponent < 0:
            form, exponent = self.inverse(form), -exponent
        if len(form.terms) == 1 and not form.terms[0][0].sums and not form.terms[0][0].steps:
            ((m, q),) = form.terms
            loose = self.opened(m)
            return self.mono(q**exponent, replace(loose, atoms=[(a, p * exponent) for a, p in loose.atoms]))
        if exponent > 12:
            raise Abstain("a power above the twelfth")
        return self.mul(*([form] * exponent))

    def bind(self, form: Form, letter: str, axis: str) -> Form:
        """The sum over a letter along a whole axis."""
        if axis in self.pins:
            return self.add(*(self.rename(form, {letter: Index(None, k)}) for k in range(1, self.pins[axis] + 1)))
        return self._bound(form, letter, axis)

    def bind_step(self, form: Form, letter: str, low: Index, high: Index) -> Form:
        """The sum over a letter of steps from ``low`` to ``high`` (nothing where high < low)."""
        inside = self.where([at_least(Index(letter), low), at_least(high, Index(letter))])
        return self._bound(self.mul(form, inside), letter, None)

    def _bound(self, form: Form, letter: str, axis: str | None) -> Form:
        parts = []
        for mono, q in form.terms:
            name = self.fresh()
            loose, extra = self._moved(self.opened(mono), {letter: Index(name)})
            if axis is None:
                loose.steps = [*loose.steps, name]
            else:
                loose.sums = [*loose.sums, (name, axis)]
            parts.append(self.spread(q, loose, extra))
        return self.add(*parts)

    # -- monomials ------------------------------------------------------------------------------

    def opened(self, m: Mono) -> Loose:
        """A monomial in pieces, its bound letters renamed to letters that nothing else uses."""
        loose = Loose(list(m.sums), list(m.steps), list(m.guard), list(m.deltas), list(m.atoms))
        if not m.sums and not m.steps:
            return loose
        names = {name: self.fresh() for name in (*(s for s, _ in m.sums), *m.steps)}
        out, extra = self._moved(loose, {a: Index(b) for a, b in names.items()})
        assert not extra
        out.sums = [(names[s], a) for s, a in m.sums]
        out.steps = [names[s] for s in m.steps]
        return out

    def _moved(self, loose: Loose, to: Renaming) -> tuple[Loose, list[Form]]:
        """The pieces with letters replaced (not those of the sums); atoms that change their kind come as forms."""
        guard: list[Constraint] = []
        for a, b, c in loose.guard:
            if a in to or b in to:
                x, y = (moved(Index(z), to) if z else Index(None) for z in (a, b))
                guard.append((x.letter or ZERO, y.letter or ZERO, c - x.offset + y.offset))
            else:
                guard.append((a, b, c))
        atoms: list[tuple[Atom, int]] = []
        extra: list[Form] = []
        for atom, p in loose.atoms:
            if atom.letters.isdisjoint(to):
                atoms.append((atom, p))
                continue
            new = atom.renamed(self, to)
            if isinstance(new, Form) and (plain := new.atom) is not None:
                new = plain
            if isinstance(new, Form):
                extra.append(self.power(new, p))
            else:
                atoms.append((new, p))
        deltas = [(moved(a, to), moved(b, to)) for a, b in loose.deltas]
        return Loose(loose.sums, loose.steps, guard, deltas, atoms), extra

    def spread(self, q: Fraction, loose: Loose, inside: Iterable[Form]) -> Form:
        """A monomial times forms that stand inside its sums."""
        forms = list(inside)
        if not forms:
            return self.mono(q, loose)
        parts = [self.mono(q * r, loose.times(self.opened(m))) for m, r in self.mul(*forms).terms]
        return self.add(*parts)

    def mono(self, q: Fraction, loose: Loose) -> Form:
        """The canonical form of q · Σ Σ Π atomᵖ · Π δ. The bound letters must be used nowhere else."""
        self.work += 1
        if self.work > MOST_WORK:
            raise Abstain("the normal form grows too large")
        if loose.deltas:
            found = self._contracted(q, loose)
            if found is not None:
                return found
        tight = tidy(loose.guard)
        if tight is None or not q:
            return self.zero
        loose.guard = list(tight)
        if loose.steps and (joined := self._joined(q, loose)) is not None:
            return joined
        powers: dict[Atom, int] = {}
        for a, p in loose.atoms:
            powers[a] = powers.get(a, 0) + p
        loose.atoms = [(a, p) for a, p in powers.items() if p]
        from symrnn.general.kernels import cancelled

        if (reduced := cancelled(self, q, loose)) is not None:
            return reduced
        if loose.sums:
            used = {x for a, _ in loose.atoms for x in a.letters}
            idle: list[tuple[Atom, int]] = [(Size(axis), 1) for name, axis in loose.sums if name not in used]
            if idle:
                sums = [s for s in loose.sums if s[0] in used]
                return self.mono(q, replace(loose, sums=sums, atoms=loose.atoms + idle))
        return Form({self._named(loose, tight): q})

    def _contracted(self, q: Fraction, loose: Loose) -> Form | None:
        """Deltas of bound letters substituted; None where only deltas between free letters are left, in order."""
        bound = {name for name, _ in loose.sums}
        rest: list[tuple[Index, Index]] = []
        for k, (a, b) in enumerate(loose.deltas):
            others = [*rest, *loose.deltas[k + 1 :]]
            if a == b:
                return self.mono(q, replace(loose, deltas=others))
            if a.letter is None and b.letter is None:
                return self.zero
            if b.letter in bound or (a.letter not in bound and _yields(b, a)):
                a, b = b, a
            if a.letter in bound or any(a.letter in x.letters for x, _ in loose.atoms):
                assert a.letter is not None
                to = {a.letter: b.shifted(-a.offset)}
                new, extra = self._moved(replace(loose, deltas=others), to)
                if a.letter in bound:
                    new.sums = [s for s in new.sums if s[0] != a.letter]
                else:
                    new.deltas = [*new.deltas, (a, b)]
                return self.spread(q, new, extra)
            rest.append((a, b))
        loose.deltas = sorted(set(rest), key=lambda d: (str(d[0]), str(d[1])))
        return None

    def _joined(self, q: Fraction, loose: Loose) -> Form | None:
        """A bound step that the guard says is another one goes; None where there is none."""
        bounds = {(a, b): c for a, b, c in loose.guard}
        for (a, b), c in bounds.items():
            if bounds.get((b, a)) == -c and (a in loose.steps or b in loose.steps):
                if a not in loose.steps:
                    a, b, c = b, a, -c
                return self.replaced(q, loose, {a: Index(b or None, c)})
        return None

    def replaced(self, q: Fraction, loose: Loose, to: Renaming) -> Form:
        """The monomial with letters of steps replaced; those that were bound are so no more."""
        new, extra = self._moved(loose, to)
        new.steps = [s for s in new.steps if s not in to]
        return self.spread(q, new, extra)

    # -- names of bound letters -----------------------------------------------------------------

    def _named(self, loose: Loose, guard: Guard) -> Mono:
        """The monomial under canonical names of its bound letters."""
        deltas = tuple(loose.deltas)
        if not loose.sums and not loose.steps:
            return Mono((), (), guard, deltas, _ordered(loose.atoms))
        shifts = {s: Index(s, -n) for s in loose.steps if (n := first_offset(s, loose.atoms))}
        if shifts:
            loose = self._moved(loose, shifts)[0]
        height = max((a.height for a, _ in loose.atoms), default=0)
        axes = dict(loose.sums)
        classes = self._classes(loose, axes)
        if prod(factorial(len(c)) for c in classes) > MOST_ORDERS:
            raise Abstain("too many bound letters that look alike")
        best: Mono | None = None
        for choice in product(*(list(permutations(c)) for c in classes)):
            letters = [x for group in choice for x in group]
            along, during = [x for x in letters if x in axes], [x for x in letters if x not in axes]
            names = {x: f"k{height}.{n}" for n, x in enumerate(along)}
            names |= {x: f"s{height}.{n}" for n, x in enumerate(during)}
            new, _ = self._moved(loose, {x: Index(y) for x, y in names.items()})
            sums = tuple((names[x], axes[x]) for x in along)
            mono = Mono(sums, tuple(names[x] for x in during), tidy(new.guard) or (), deltas, _ordered(new.atoms))
            if best is None or mono.skeleton < best.skeleton:
                best = mono
        assert best is not None
        return best

    def _classes(self, loose: Loose, axes: dict[str, str]) -> list[list[str]]:
        """Bound letters by what they look like from outside, in an order that does not depend on their names."""
        bound = [*axes, *loose.steps]
        if len(bound) == 1:
            return [bound]
        colour = {x: axes.get(x, "") for x in bound}
        for _ in range(3):
            looks = {}
            for x in bound:
                seen = []
                for atom, p in loose.atoms:
                    if x in atom.letters:
                        to = {y: Index(f"?{colour[y]}") for y in bound if y in atom.letters} | {x: Index("!")}
                        seen.append(f"{atom.renamed(self, to).key}^{p}")
                looks[x] = axes.get(x, "") + "|" + "|".join(sorted(seen))
            ranks = {look: str(k) for k, look in enumerate(sorted(set(looks.values())))}
            done = len(ranks) in (len(bound), len(set(colour.values())))
            colour = {x: ranks[looks[x]] for x in bound}
            if done:
                break
        groups: dict[str, list[str]] = {}
        for x in sorted(bound, key=lambda x: int(colour[x])):
            groups.setdefault(colour[x], []).append(x)
        return list(groups.values())

    # -- letters --------------------------------------------------------------------------------

    def rename(self, form: Form, to: Renaming) -> Form:
        """The form with free letters replaced."""
        to = {a: i for a, i in to.items() if a in form.letters and i != Index(a)}
        if not to:
            return form
        key = (form.key, tuple(sorted(to.items(), key=lambda x: x[0])))
        found = self._renamed.get(key)
        if found is None:
            targets = {i.letter for i in to.values()}
            parts = []
            for mono, q in form.terms:
                if mono.letters.isdisjoint(to):
                    parts.append(Form({mono: q}))
                    continue
                loose = self.opened(mono)
                if targets.isdisjoint(loose_names := {s for s, _ in loose.sums} | set(loose.steps)):
                    new, extra = self._moved(loose, to)
                    parts.append(self.spread(q, new, extra))
                else:
                    raise AssertionError(f"a letter was captured: {loose_names}")
            found = self._renamed[key] = self.add(*parts)
        return found

    # -- kernels --------------------------------------------------------------------------------

    def fn(self, name: str, arg: Form) -> Form:
        """A function of one argument."""
        from symrnn.general.kernels import function

        return function(self, name, arg)

    def inverse(self, form: Form) -> Form:
        """One over a form."""
        from symrnn.general.kernels import inverse

        return inverse(self, form)


def _ordered(atoms: list[tuple[Atom, int]]) -> tuple[tuple[Atom, int], ...]:
    return tuple(sorted(atoms, key=lambda x: x[0].key))


def _yields(a: Index, b: Index) -> bool:
    """Of two free indices, whether the first gives way: to a number, or to the letter before it."""
    return a.letter is not None and (b.letter is None or str(b) < str(a))
