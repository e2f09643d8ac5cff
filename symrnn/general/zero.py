"""Is a form zero at every step of a domain? Sums over steps are compared piece by piece.

The domain is cut along every inequality between steps that is not decided on it (t < τ against t = τ); on each
piece the monomials are gathered by what stands under the sums, and the ranges of equal ones are laid over each other:
Σ_{s=t}^τ f(s) − f(t) − Σ_{s=t+1}^τ f(s) leaves nothing. A piece of a range that is a single step loses its
sum. The form is zero if nothing is left; if something is left, we abstain.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symrnn.expr import Index
from symrnn.general.form import Abstain, Form, Mono
from symrnn.general.ring import Ring
from symrnn.general.times import ZERO, Guard, at_least, both, cells, closed, implies, opposite, pinned

MOST_CASES = 64


def vanishes(ring: Ring, form: Form, domain: Guard, last: str, prove: Callable[[Form, Guard], bool]) -> bool:
    """Whether the form is zero on the domain; ``prove`` is asked for each piece once its cases are known."""
    pieces = [(form, domain)]
    count = 0
    while pieces:
        form, domain = pieces.pop()
        count += 1
        if count > MOST_CASES:
            raise Abstain("too many cases of steps")
        form = trimmed(ring, form, domain)
        if not form:
            continue
        cut = undecided(form, domain)
        if cut is not None:
            for side in (cut, opposite(cut)):
                part = both(domain, (side,))
                if part is not None:
                    pieces.append((form, part))
            continue
        form, domain = anchored(ring, form, domain, last)
        if not prove(form, domain):
            return False
    return True


def trimmed(ring: Ring, form: Form, domain: Guard) -> Form:
    """The form without the monomials that are nowhere in the domain, and without sums over one step."""
    out = []
    for mono, q in form.terms:
        if not mono.guard:
            out.append(Form({mono: q}))
            continue
        here = both(domain, mono.guard)
        if here is not None:
            out.append(_contracted(ring, mono, q, here))
    return ring.add(*out)


def _contracted(ring: Ring, mono: Mono, q: Fraction, here: Guard) -> Form:
    """Bound steps that the ranges leave one value are that value."""
    names = [x for x in _names(here) if x not in mono.steps]
    for s in mono.steps:
        index = pinned(here, s, [*names, *(x for x in mono.steps if x < s)])
        if index is not None:
            loose = ring.opened(mono)
            to = dict(zip(mono.steps, loose.steps, strict=True))
            target = Index(to.get(index.letter or "", index.letter), index.offset)
            return ring.replaced(q, loose, {to[s]: target})
    return Form({mono: q})


def _names(guard: Guard) -> list[str]:
    return sorted({x for a, b, _ in guard for x in (a, b)} | {ZERO})


def undecided(form: Form, domain: Guard) -> tuple[str, str, int] | None:
    """An inequality between free steps that some monomial depends on and the domain does not decide."""
    for mono, _ in form.terms:
        here = both(domain, mono.guard)
        known = closed(here) if here is not None else None
        for (a, b), c in sorted((known or {}).items()):
            if a not in mono.steps and b not in mono.steps and not implies(domain, (a, b, c)):
                return (a, b, c)
    return None


def anchored(ring: Ring, form: Form, domain: Guard, last: str) -> tuple[Form, Guard]:
    """Free steps that the domain leaves one value, counted from zero or from the last step."""
    to = {}
    for name in _names(domain):
        if name not in (ZERO, last):
            index = pinned(domain, name, (ZERO, last))
            if index is not None:
                to[name] = index
    fixed = pinned(domain, last, (ZERO,))
    if fixed is not None:
        to = {name: Index(None, i.offset + (fixed.offset if i.letter == last else 0)) for name, i in to.items()}
        to[last] = fixed
    return ring.rename(form, to), domain


def laid_out(ring: Ring, form: Form, domain: Guard) -> Form:
    """The form with the ranges of equal summands laid over each other; it is zero if nothing is left."""
    for _ in range(8):
        form = trimmed(ring, form, domain)
        groups: dict[str, list[tuple[Mono, Fraction]]] = {}
        for mono, q in form.terms:
            groups.setdefault(mono.skeleton, []).append((mono, q))
        out: list[Form] = []
        moved = False
        for members in groups.values():
            if len(members) == 1 and not moved:
                out.append(Form({members[0][0]: members[0][1]}))
                continue
            for cell, present in cells(domain, [(k, m.guard) for k, (m, _) in enumerate(members)]):
                q = sum((members[k][1] for k in present), Fraction(0))
                if q:
                    first = members[0][0]
                    mono = Mono(first.sums, first.steps, cell, first.deltas, first.atoms)
                    piece = _contracted(ring, mono, q, cell)
                    moved = moved or any(m.skeleton != first.skeleton for m, _ in piece.terms)
                    out.append(piece)
        new = ring.add(*out)
        if not new or not moved:
            return new
        form = new
    return form


def at_least_one(last: str) -> Guard:
    """Every sequence has a step."""
    return (at_least(Index(last), Index(None, 1)),)
