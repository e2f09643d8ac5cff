"""Functions of forms, and the laws that the normal form uses of them.

exp(a + b) = exp(a)·exp(b), monomial by monomial, so that exps are independent; ln of a product is the sum
of the lns where all factors but one are positive, ln(exp a) = a; odd and even functions take the sign out;
1/(a·F) = 1/a · 1/F. A sum over one over itself is 1: of Σ_k e_k · 1/(Σ_k e_k) the sum goes, of m · 1/(m + r)
becomes 1 − r/(m + r) for the greatest monomial m.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import TYPE_CHECKING

from symrnn.expr import Index
from symrnn.general.form import Abstain, Atom, Comp, Fn, Form, Mono, Size

if TYPE_CHECKING:
    from symrnn.general.ring import Loose, Ring

_POSITIVE = frozenset({"exp", "sigmoid", "cosh", "softplus"})
_AT_ZERO = {"tanh": 0, "sinh": 0, "sin": 0, "arctan": 0, "cosh": 1, "cos": 1}


def positive(atom: Atom) -> bool:
    """Whether an atom is certainly above zero."""
    if isinstance(atom, Fn):
        return atom.name in _POSITIVE or (atom.name == "inv" and positive_form(atom.arg))
    return isinstance(atom, Size)


def positive_form(form: Form) -> bool:
    """Whether a form is certainly above zero: a sum of positive things, over axes alone (these are never empty)."""
    return bool(form) and all(
        q > 0 and not m.steps and not m.guard and not m.deltas and all(positive(a) for a, _ in m.atoms)
        for m, q in form.terms
    )


def function(ring: Ring, name: str, arg: Form) -> Form:
    """``name`` of a form."""
    from symrnn.algebra.functions import TABLE

    match name:
        case "inv":
            return inverse(ring, arg)
        case "exp":
            return ring.mul(*(_exp(ring, m, q) for m, q in arg.terms))
        case "ln":
            return _ln(ring, arg)
        case "sqrt":
            return ring.atom(Fn("sqrt", arg))
    if not arg and name in _AT_ZERO:
        return ring.constant(_AT_ZERO[name])
    if arg.terms and arg.ordered[-1][1] < 0:
        flipped = ring.scale(arg, -1)
        if parity := TABLE[name].parity:
            return ring.scale(ring.atom(Fn(name, flipped)), parity)
        if name == "sigmoid":
            return ring.sub(ring.one, ring.atom(Fn(name, flipped)))
    return ring.atom(Fn(name, arg))


def _exp(ring: Ring, mono: Mono, q: Fraction) -> Form:
    if len(mono.atoms) == 1 and not mono.sums and not mono.steps and not mono.guard and not mono.deltas:
        ((atom, power),) = mono.atoms
        if isinstance(atom, Fn) and atom.name == "ln" and power == 1 and q.denominator == 1:
            return ring.power(atom.arg, q.numerator)
    return ring.atom(Fn("exp", Form({mono: Fraction(1, q.denominator)})), q.numerator)


def common(ring: Ring, form: Form) -> tuple[Fraction, list[tuple[Atom, int]], Form]:
    """A form as number · Π atomᵖ · rest, the atoms free of bound letters and common to all its monomials."""
    shared: dict[Atom, int] | None = None
    for m, _ in form.terms:
        bound = {s for s, _ in m.sums} | set(m.steps)
        plain = {a: p for a, p in m.atoms if a.letters.isdisjoint(bound)}
        if m.guard or m.deltas:
            plain = {}
        shared = plain if shared is None else {a: min(p, plain[a]) for a, p in shared.items() if a in plain}
    atoms = sorted((shared or {}).items(), key=lambda x: x[0].key)
    if len(form.terms) > 1:
        atoms = [(a, p) for a, p in atoms if p]
    q = form.ordered[-1][1]
    parts = []
    for m, r in form.terms:
        loose = ring.opened(m)
        loose.atoms += [(a, -p) for a, p in atoms]
        parts.append(ring.mono(r / q, loose))
    return q, atoms, ring.add(*parts)


def _over(ring: Ring, form: Form) -> tuple[Form, Form] | None:
    """A sum as a fraction a/b, where that makes it shorter: 1 − r/(m + r) is m/(m + r)."""
    if len(form.terms) < 2:
        return None
    seen = {a for m, _ in form.terms for a, _ in m.atoms if isinstance(a, Fn) and a.name == "inv"}
    for atom in sorted(seen, key=lambda a: a.key):
        assert isinstance(atom, Fn)
        if len((whole := ring.mul(form, atom.arg)).terms) < len(form.terms):
            return whole, atom.arg
    return None


def inverse(ring: Ring, form: Form) -> Form:
    """One over a form. Raises Abstain where it is zero."""
    if not form:
        raise Abstain("a division by zero")
    if (split := _over(ring, form)) is not None:
        return ring.mul(inverse(ring, split[0]), split[1])
    q, atoms, rest = common(ring, form)
    parts = [ring.constant(1 / q)]
    for a, p in atoms:
        if isinstance(a, Fn) and a.name == "inv":
            parts.append(ring.power(a.arg, p))
        else:
            parts.append(ring.atom(a, -p))
    if rest.number is None:
        parts.append(ring.atom(Fn("inv", rest)))
    elif rest.number != 1:
        parts.append(ring.constant(1 / rest.number))
    return ring.mul(*parts)


def _ln(ring: Ring, form: Form) -> Form:
    if not form:
        raise Abstain("the logarithm of zero")
    if (split := _over(ring, form)) is not None and positive_form(split[1]):
        return ring.sub(_ln(ring, split[0]), _ln(ring, split[1]))
    q, atoms, rest = common(ring, form)
    unknown = [(a, p) for a, p in atoms if not positive(a)]
    odd = rest.number is None and not positive_form(rest)
    if q <= 0 or len(unknown) + odd > 1 or any(p % 2 == 0 for _, p in unknown):
        return ring.atom(Fn("ln", form))
    parts = []
    if q != 1:
        parts.append(ring.atom(Fn("ln", ring.constant(q))))
    for a, p in atoms:
        parts.append(ring.scale(_ln_atom(ring, a), p))
    if rest.number is None:
        parts.append(ring.atom(Fn("ln", rest)))
    return ring.add(*parts)


def _ln_atom(ring: Ring, atom: Atom) -> Form:
    if isinstance(atom, Fn) and atom.name == "exp":
        return atom.arg
    if isinstance(atom, Fn) and atom.name == "inv":
        return ring.scale(_ln(ring, atom.arg), -1)
    return ring.atom(Fn("ln", ring.atom(atom)))


# -- cancellation -------------------------------------------------------------------------------


def cancelled(ring: Ring, q: Fraction, loose: Loose) -> Form | None:
    """The monomial (each atom once) rewritten by one law, or None where none applies."""
    for atom, p in loose.atoms:
        if not isinstance(atom, Fn):
            continue
        if atom.name == "sqrt" and not -1 < p < 2:
            rest = [(a, r) for a, r in loose.atoms if a != atom] + [(atom, p % 2)]
            return ring.spread(q, replace(loose, atoms=rest), [ring.power(atom.arg, p // 2)])
        if atom.name == "inv":
            if p < 0:
                rest = [(a, r) for a, r in loose.atoms if a != atom]
                return ring.spread(q, replace(loose, atoms=rest), [ring.power(atom.arg, -p)])
            lead, c = _lead(atom.arg)
            if (less := _without(ring, lead, loose)) is not None:
                less.atoms = [*less.atoms, (atom, -1)]
                rest_form = ring.sub(atom.arg, Form({lead: c}))
                if not rest_form:
                    return ring.mono(q / c, less)
                return ring.spread(q / c, less, [ring.sub(ring.one, ring.mul(rest_form, ring.atom(atom)))])
    return _normalised(ring, q, loose) if ring.ones else None


def _lead(form: Form) -> tuple[Mono, Fraction]:
    return max(form.terms, key=lambda t: (len(t[0].atoms), sum(abs(p) for _, p in t[0].atoms), t[0].key))


def _without(ring: Ring, lead: Mono, loose: Loose) -> Loose | None:
    """The monomial without the lead, when it holds all of it; the lead's bound letters must stand nowhere else."""
    if lead.steps or lead.guard or lead.deltas or not lead.atoms:
        return None
    powers = dict(loose.atoms)
    for chosen in permutations(loose.sums, len(lead.sums)):
        if [axis for _, axis in chosen] != [axis for _, axis in lead.sums]:
            continue
        to = {a: Index(b) for (a, _), (b, _) in zip(lead.sums, chosen, strict=True)}
        left = dict(powers)
        for atom, p in lead.atoms:
            new = atom if atom.letters.isdisjoint(to) else atom.renamed(ring, to)
            key = new.atom if isinstance(new, Form) else new
            if key is None or left.get(key, 0) * p <= 0 or abs(left[key]) < abs(p):
                break
            left[key] -= p
        else:
            gone = {b for b, _ in chosen}
            atoms = [(a, p) for a, p in left.items() if p]
            if all(a.letters.isdisjoint(gone) for a, _ in atoms):
                return replace(loose, sums=[s for s in loose.sums if s[0] not in gone], atoms=atoms)
    return None


def _normalised(ring: Ring, q: Fraction, loose: Loose) -> Form | None:
    """Σ_k y_k = 1 where this is assumed of y."""
    bound = dict(loose.sums)
    for atom, p in loose.atoms:
        if isinstance(atom, Comp) and p == 1 and atom.symbol.name in ring.ones:
            letter = (atom.row if atom.symbol.shape[1] == 1 else atom.col).letter
            if letter in bound and not any(letter in a.letters for a, _ in loose.atoms if a != atom):
                rest = [(a, r) for a, r in loose.atoms if a != atom]
                left = [s for s in loose.sums if s[0] != letter]
                return ring.mono(q * ring.ones[atom.symbol.name], replace(loose, sums=left, atoms=rest))
    return None
