"""Brackets in index notation: ``g · (1 − h²)`` kept as a product of two things instead of two monomials.

A ``Group`` is an atom whose value is a form. ``factored`` puts what monomials have in common outside a bracket,
``spread_out`` takes all brackets away; both keep the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from symrnn.expr import Index
from symrnn.general.form import Adj, Atom, Comp, Fn, Form, Mono, Renaming
from symrnn.general.ring import Loose, Ring


class Group(Atom):
    """A sum in brackets."""

    __slots__ = ("form",)

    def __init__(self, form: Form) -> None:
        self.form = form
        self.key = f"({form.key})"
        self.letters = form.letters
        self.height = form.height + 1

    def renamed(self, ring: Ring, to: Renaming) -> Atom | Form:
        return grouped(ring, ring.rename(self.form, to))


def grouped(ring: Ring, form: Form) -> Atom | Form:
    """A form as one factor: in brackets if it is a sum."""
    return Group(form) if len(form.terms) > 1 else form


def axis_letters(atom: Atom) -> frozenset[str]:
    """The free letters that count components in an atom, those of steps left out."""
    match atom:
        case Comp():
            return frozenset(i.letter for i in (atom.row, atom.col) if i.letter is not None)
        case Adj():
            return axis_letters(atom.of) | axis_letters(atom.wrt)
        case Fn():
            return letters_of(atom.arg)
        case Group():
            return letters_of(atom.form)
        case _:
            return frozenset()


def letters_of(form: Form) -> frozenset[str]:
    """The free letters that count components in a form."""
    out: set[str] = set()
    for mono, _ in form.terms:
        inner = {x for atom, _ in mono.atoms for x in axis_letters(atom)}
        inner |= {i.letter for pair in mono.deltas for i in pair if i.letter is not None}
        out |= inner - {name for name, _ in mono.sums}
    return frozenset(out)


def atoms_of(form: Form) -> Iterable[Atom]:
    """Every atom of a form, in functions and brackets too."""
    for mono, _ in form.terms:
        for atom, _ in mono.atoms:
            yield atom
            if isinstance(atom, Fn):
                yield from atoms_of(atom.arg)
            elif isinstance(atom, Group):
                yield from atoms_of(atom.form)


def size(form: Form) -> int:
    """How long a form is: its atoms, with their powers, and its sums."""
    total = 0
    for mono, _ in form.terms:
        total += len(mono.sums) + max(len(mono.deltas), 0)
        for atom, p in mono.atoms:
            inner = size(atom.arg) if isinstance(atom, Fn) else size(atom.form) if isinstance(atom, Group) else 0
            total += abs(p) + inner
    return total


def spread_out(ring: Ring, form: Form) -> Form:
    """The same form without brackets."""
    parts = []
    for mono, q in form.terms:
        if not any(isinstance(a, Group) for a, _ in mono.atoms):
            parts.append(Form({mono: q}))
            continue
        loose = ring.opened(mono)
        inside = [ring.power(spread_out(ring, a.form), p) for a, p in loose.atoms if isinstance(a, Group)]
        rest = [(a, p) for a, p in loose.atoms if not isinstance(a, Group)]
        parts.append(ring.spread(q, replace(loose, atoms=rest), inside))
    return ring.add(*parts)


def factored(ring: Ring, form: Form, least: int = 2) -> Form:
    """The form with what its monomials share put outside of brackets.

    Only monomials with the same deltas, inequalities, matrices and denominators are put together, and only where
    what stays in the brackets has one index at most: a bracket is then a vector, and the line reads as products of
    matrices.
    """
    heaps: dict[tuple[object, ...], list[tuple[Mono, Fraction]]] = {}
    for mono, q in form.ordered:
        wide = tuple((a.key, p) for a, p in mono.atoms if len(axis_letters(a)) > 1)
        alone = mono.key if mono.sums or mono.steps else ""
        below = tuple((a.key, p) for a, p in mono.atoms if p < 0 or (isinstance(a, Fn) and a.name == "inv"))
        heaps.setdefault((mono.guard, mono.deltas, wide, below, alone), []).append((mono, q))
    return ring.add(*(_heap(ring, some, least) for some in heaps.values()))


def _heap(ring: Ring, some: list[tuple[Mono, Fraction]], least: int) -> Form:
    plain = Form(dict(some))
    if len(some) < least or len(some) < 2:
        return plain
    shared = dict(some[0][0].atoms)
    for mono, _ in some[1:]:
        here = dict(mono.atoms)
        shared = {a: min(p, here[a]) for a, p in shared.items() if a in here and p > 0 and here[a] > 0}
    first = some[0][0]
    rest = []
    for mono, q in some:
        atoms = [(a, p - shared.get(a, 0)) for a, p in mono.atoms if p != shared.get(a, 0)]
        rest.append(ring.mono(q, Loose(atoms=atoms)))
    number, inner = _even(ring.add(*rest))
    if len(letters_of(inner)) > 1:
        return plain
    inside = grouped(ring, inner)
    outer = Loose(guard=list(first.guard), deltas=list(first.deltas), atoms=list(shared.items()))
    if isinstance(inside, Atom):
        outer.atoms.append((inside, 1))
        return ring.mono(number, outer)
    return ring.spread(number, outer, [inside])


def collected(ring: Ring, form: Form) -> Form:
    """The form with what all its monomials share outside of one bracket, whatever stays inside."""
    if len(form.terms) < 2:
        return form
    some = []
    for mono, _ in form.terms:
        bound = {name for name, _ in mono.sums} | set(mono.steps)
        some.append({a: p for a, p in mono.atoms if p > 0 and a.letters.isdisjoint(bound)})
    shared = {a: min(here.get(a, 0) for here in some) for a in some[0]}
    shared = {a: p for a, p in shared.items() if p}
    if not shared or any(mono.deltas or mono.guard for mono, _ in form.terms):
        return form
    rest = []
    for mono, q in form.terms:
        loose = ring.opened(mono)
        loose.atoms = [(a, p - shared.get(a, 0)) for a, p in loose.atoms if p != shared.get(a, 0)]
        rest.append(ring.mono(q, loose))
    inner = ring.add(*rest)
    return ring.mono(Fraction(1), Loose(atoms=[*shared.items(), (Group(inner), 1)])) if len(inner.terms) > 1 else form


def _even(form: Form) -> tuple[Fraction, Form]:
    """A number common to all monomials taken out; the number 1, or else a term, stays positive in front."""
    sizes = {abs(q) for _, q in form.terms}
    if len(sizes) != 1:
        return Fraction(1), form
    q = sizes.pop()
    units = [c for m, c in form.terms if not m.key]
    if (units and units[0] < 0) or (not units and all(c < 0 for _, c in form.terms)):
        q = -q
    return q, Form({m: c / q for m, c in form.terms})


def index(letter: str | None) -> Index:
    """A letter as an index; none is the number 1, on an axis of length 1."""
    return Index(letter) if letter is not None else Index(None, 1)
