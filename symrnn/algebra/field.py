"""Fractions of polynomials over generators that are found on the way: the field beneath the normal form.

An element is ``num / Π atom^k``: ``num`` a polynomial over Q (FLINT), the atoms irreducible polynomials
with leading coefficient 1. Sums take the least common denominator; nothing else is multiplied out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from fractions import Fraction
from typing import NamedTuple

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

Key = Hashable
Den = tuple[tuple[int, int], ...]  # (atom number, power), sorted


class Form(NamedTuple):
    """``num / Π atoms[k]^p``."""

    num: fmpq_mpoly
    den: Den


class TooLarge(Exception):
    """The form passed the bound on its number of terms: the decider abstains."""


_MOST_FACTORED = 10**6  # numbers whose roots are those of their primes


class Full(Exception):
    """More generators than there is room for: start again with a larger field."""


class Field:
    """Generators by key, irreducible atoms, and the operations on forms.

    ``size``: the room for generators (small rooms are fast). ``limit``: the largest number of monomials
    of a numerator. ``roots``: generators that are roots of atoms, with the order of the root.
    """

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        self.lookup: dict[Key, int] = {}
        self.roots: dict[int, tuple[int, int]] = {}
        self.atoms: list[fmpq_mpoly] = []
        self.atom_of: dict[Key, int] = {}
        self.context = fmpq_mpoly_ctx.get([f"g{k}" for k in range(size)], Ordering.lex)
        self.gens = self.context.gens()

    # -- generators ---------------------------------------------------------------------------

    def generator(self, key: Key) -> int:
        """The number of the generator with this key, made on first use."""
        found = self.lookup.get(key)
        if found is None:
            found = self.lookup[key] = len(self.lookup)
            if found >= self.size:
                raise Full
        return found

    def constant(self, value: Fraction | int) -> Form:
        """A rational number."""
        value = Fraction(value)
        return Form(self.context.constant(fmpq(value.numerator, value.denominator)), ())

    def gen(self, number: int, exponent: int = 1) -> Form:
        """A power of a generator, negative ones as a denominator."""
        if exponent >= 0:
            return Form(self.gens[number] ** exponent, ())
        return Form(self.context.constant(1), ((self.atom(self.gens[number]), -exponent),))

    def key(self, poly: fmpq_mpoly) -> Key:
        """A hashable image of a polynomial."""
        return str(poly)

    def atom(self, poly: fmpq_mpoly) -> int:
        """The number of an irreducible polynomial (normalised by its caller)."""
        key = self.key(poly)
        found = self.atom_of.get(key)
        if found is None:
            found = self.atom_of[key] = len(self.atoms)
            self.atoms.append(poly)
        return found

    # -- field operations ---------------------------------------------------------------------

    def add(self, forms: Iterable[Form]) -> Form:
        """The sum over the least common denominator."""
        group: dict[Den, fmpq_mpoly] = {}
        for form in forms:
            group[form.den] = group[form.den] + form.num if form.den in group else form.num
        if len(group) == 1:
            ((den, num),) = group.items()
            return self._checked(num, den)
        top: dict[int, int] = {}
        for den in group:
            for a, p in den:
                top[a] = max(top.get(a, 0), p)
        total = self.context.constant(0)
        for den, num in group.items():
            have = dict(den)
            for a, p in top.items():
                lack = p - have.get(a, 0)
                if lack:
                    num = num * self.atoms[a] ** lack
                    if len(num) > self.limit:
                        raise TooLarge
            total = total + num
        return self._checked(total, tuple(sorted(top.items())))

    def _checked(self, num: fmpq_mpoly, den: Den) -> Form:
        if not num:
            return Form(num, ())
        if len(num) > self.limit:
            raise TooLarge
        return Form(self._without_roots(num), den) if self.roots else Form(num, den)

    def mul(self, forms: Iterable[Form]) -> Form:
        """The product; what cancels against the denominator is cancelled."""
        num: fmpq_mpoly | None = None
        den: dict[int, int] = {}
        for form in forms:
            num = form.num if num is None else num * form.num
            for a, p in form.den:
                den[a] = den.get(a, 0) + p
        assert num is not None
        if not den:
            return self._checked(num, ())
        if num:
            num = self._cancel(num, den)
        return self._checked(num, tuple(sorted((a, p) for a, p in den.items() if p)))

    def _cancel(self, num: fmpq_mpoly, den: dict[int, int]) -> fmpq_mpoly:
        for a, p in list(den.items()):
            atom = self.atoms[a]
            while p:
                quotient, rest = divmod(num, atom)
                if rest:
                    break
                num, p = quotient, p - 1
            den[a] = p
        return num

    def factor(self, poly: fmpq_mpoly) -> tuple[Fraction, list[tuple[int, int]]]:
        """Content and irreducible atoms with their powers; atoms have leading coefficient 1."""
        if len(poly) == 1:
            found = [(k, int(e)) for k, e in enumerate(poly.monoms()[0]) if e]
            return fraction(poly.coeffs()[0]), [(self.atom(self.gens[k]), e) for k, e in found]
        if poly.total_degree() == 1:  # irreducible
            lead = fraction(poly.leading_coefficient())
            return lead, [(self.atom(poly / poly.leading_coefficient()), 1)]
        content, factors = self._small_factors(poly)
        out = []
        scale = fraction(content)
        for f, p in factors:
            lead = fraction(f.leading_coefficient())
            out.append((self.atom(f / fmpq(lead.numerator, lead.denominator)), int(p)))
            scale *= lead ** int(p)
        return scale, out

    def _small_factors(self, poly: fmpq_mpoly) -> tuple[fmpq, list[tuple[fmpq_mpoly, int]]]:
        """FLINT's factors, found in a ring of the generators that occur: room for others costs it dearly."""
        used = [k for k, e in enumerate(poly.degrees()) if e]
        ring = fmpq_mpoly_ctx.get([f"u{k}" for k in range(len(used))], Ordering.lex)
        small = ring.from_dict(
            {tuple(m[k] for k in used): c for m, c in zip(poly.monoms(), poly.coeffs(), strict=True)}
        )
        content, factors = small.factor()
        out = []
        for factor, power in factors:
            terms = {}
            for m, c in zip(factor.monoms(), factor.coeffs(), strict=True):
                exponents = [0] * self.size
                for k, e in zip(used, m, strict=True):
                    exponents[k] = e
                terms[tuple(exponents)] = c
            out.append((self.context.from_dict(terms), power))
        return content, out

    def inverse(self, form: Form) -> Form:
        """One over a form that is not zero."""
        if not form.num:
            raise ZeroDivisionError
        scale, factors = self.factor(form.num)
        num = self.constant(1 / scale).num
        for a, p in form.den:
            num = num * self.atoms[a] ** p
        return self._rational(num, dict(factors)) if self.roots else Form(num, tuple(sorted(factors)))

    def _rational(self, num: fmpq_mpoly, den: dict[int, int]) -> Form:
        """A fraction without roots below: 1/√A is √A/A."""
        for g, (atom, order) in reversed(self.roots.items()):  # roots of roots first
            power = den.pop(self.atom(self.gens[g]), 0)
            if power:
                whole = -(-power // order)
                num = num * self.gens[g] ** (whole * order - power)
                den[atom] = den.get(atom, 0) + whole
        return self._checked(self._cancel(num, den), tuple(sorted((a, p) for a, p in den.items() if p)))

    def reduced(self, form: Form) -> Form:
        """The same value in lowest terms: the canonical representative, fit for keys."""
        if not form.den:
            return form
        den = dict(form.den)
        num = self._cancel(form.num, den) if form.num else form.num
        return Form(num, tuple(sorted((a, p) for a, p in den.items() if p)) if num else ())

    def _without_roots(self, num: fmpq_mpoly) -> fmpq_mpoly:
        for g, (atom, order) in reversed(self.roots.items()):  # roots of roots first
            if num.degrees()[g] >= order:
                total = self.context.constant(0)
                for monomial, c in zip(num.monoms(), num.coeffs(), strict=True):
                    high, low = divmod(int(monomial[g]), order)
                    exponents = list(monomial)
                    exponents[g] = low
                    part = self.context.from_dict({tuple(exponents): c})
                    total = total + part * self.atoms[atom] ** high
                num = total
        return num


def fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def primes(value: Fraction) -> list[tuple[int, int]] | None:
    """The primes of a positive number with their powers; None for a large one."""
    found: list[tuple[int, int]] = []
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        if part > _MOST_FACTORED:
            return None
        k = 2
        while part > 1:
            k = part if k * k > part else k
            power = 0
            while part % k == 0:
                part, power = part // k, power + 1
            if power:
                found.append((k, sign * power))
            k += 1
    return found
