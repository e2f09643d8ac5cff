"""Enclosures of a term's value at a rational point, by ball arithmetic (Arb through python-flint).

``value(term)`` is a ball that certainly holds the exact real value; if the difference of two sides has
a ball that excludes zero, the sides differ at that point. Undefined values give a ball that excludes nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from fractions import Fraction
from hashlib import blake2b

from flint import arb, fmpq
from flint import ctx as flint_context

from symrnn.algebra import functions, unknown
from symrnn.algebra.terms import Term, label, postorder

PRECISION = 160


class Point:
    """A rational value for every symbol, drawn from its name and a seed: the same in every run.

    Values are k/16 with 1 ≤ |k| ≤ 15, so that no squashing function saturates and no value is 0 or ±1;
    ``scale`` times that, where only a place within the domain is looked for. ``uneven``: some are 16 and some 256
    times smaller, so that one quantity may be small beside another, as ``ε`` is in ``sqrt{σ² − ε}``.
    """

    def __init__(self, seed: int = 0, positive: bool = False, scale: int = 1, uneven: bool = False) -> None:
        self.seed = seed
        self.positive = positive
        self.scale = scale
        self.uneven = uneven
        self.balls: dict[int, arb] = {}
        self.used: dict[Hashable, Fraction] = {}

    def rational(self, name: Hashable) -> Fraction:
        """The value of a symbol."""
        found = self.used.get(name)
        if found is None:
            digest = blake2b(f"{self.seed}:{label(name)}".encode(), digest_size=4).digest()
            number = int.from_bytes(digest, "big")
            sign = 1 if self.positive or number & 1 else -1
            found = self.used[name] = Fraction(sign * self.scale * (1 + (number >> 1) % 15), 16)
            if self.uneven:
                found = self.used[name] = found / 16 ** ((number >> 8) % 3)
        return found

    def value(self, term: Term) -> arb:
        """A ball around the exact value of the term at this point."""
        balls = self.balls
        found = balls.get(term.id)
        if found is not None:
            return found
        before = flint_context.prec
        flint_context.prec = PRECISION
        try:
            for t in postorder([term], self._missing):
                if t.id not in balls:
                    balls[t.id] = self._ball(t)
        finally:
            flint_context.prec = before
        return balls[term.id]

    def _missing(self, term: Term) -> Iterable[Term]:
        from symrnn.algebra.terms import parts

        return () if term.id in self.balls else parts(term)

    def _ball(self, term: Term) -> arb:
        balls = self.balls
        match term.op:
            case "num":
                q = term.args[0]
                return arb(fmpq(q.numerator, q.denominator))
            case "sym":
                q = self.rational(term.args[0])
                return arb(fmpq(q.numerator, q.denominator))
            case "add":
                total = balls[term.args[0].id]
                for a in term.args[1:]:
                    total = total + balls[a.id]
                return total
            case "mul":
                total = balls[term.args[0].id]
                for a in term.args[1:]:
                    total = total * balls[a.id]
                return total
            case "pow":
                exponent = term.args[1]
                if exponent.denominator == 1:
                    return balls[term.args[0].id] ** int(exponent)
                return balls[term.args[0].id] ** arb(fmpq(exponent.numerator, exponent.denominator))
            case "any":
                name, slot, *arguments = term.args
                found = [balls[a.id] for a in arguments]
                return unknown.value(name, slot, found, self._coefficient, arb.sin, arb.cos)  # type: ignore[no-any-return]
            case "fn":
                return functions.TABLE[term.args[0]].ball(balls[term.args[1].id])  # type: ignore[no-any-return]
            case _:
                return balls[term.args[1].id]

    def _coefficient(self, name: str) -> arb:
        q = self.rational(name)
        return arb(fmpq(q.numerator, q.denominator))

    def differ(self, a: Term, b: Term) -> bool:
        """Whether the two values certainly differ here."""
        gap = self.value(a) - self.value(b)
        return bool(gap.is_finite() and not gap.contains(0))


def digits(ball: arb, count: int = 12) -> str:
    """A ball as a decimal with its radius."""
    return str(ball.str(count))
